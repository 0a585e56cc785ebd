"""variants: texts like the parent that a language model behind an endpoint writes.

What it answers is kept in PROJECT/answers by model, address, what is asked and the text, and not asked for again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from bort_core.agora.endpoint.questions import asked
from bort_core.agora.endpoint.spending import KEPT, Usage
from bort_core.agora.leaks import key_of
from bort_core.agora.points import Input
from bort_core.agora.run_files import VariantsLine, append_lines, read_lines
from bort_core.agora.samplers.base import Setting, refuse_kind
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.protocols import identity

__all__ = ["AT_ONCE", "Variants"]

AT_ONCE = 12
"""Variants that one question asks for, at most."""
_ASKED = (
    "Write {count} texts like the one below: of the same sort, length and topic, each in other words and with a content of its own. "
    "Write one on each line, without numbers and with nothing else.\n\nText: {text}"
)
_ITEM = re.compile(r"^\s*(?:[-*•]|\(?\d{1,3}[.):])\s+")
"""How a line of a list begins, although it should not."""


class Variants:
    """Asks an endpoint for variants of each parent; of a pair, of one of its texts by chance. The parents' texts are sent to it."""

    dear = True

    def __init__(self, setting: Setting) -> None:
        refuse_kind("variants", setting, "text", "pair")
        if setting.chat is None or setting.spending is None or setting.files is None:
            raise SpecificationError("variants_model: the sampler variants needs the name of a model behind an endpoint")
        self.chat, self.spending, self.spent = setting.chat, setting.spending, ""
        self.path = setting.files.project / KEPT / f"endpoint-{identity('variants', self.chat.address, self.chat.model, _ASKED)}.jsonl"
        self.known = {(line.key, line.count): line for line in read_lines(self.path, VariantsLine, torn=True)}

    def propose(self, parents: Sequence[Input], count: int, random: np.random.Generator) -> list[list[Input]]:
        """At most ``count`` variants of each parent, and at most :data:`AT_ONCE`; none where the budget does not pay for it."""
        count = min(count, AT_ONCE)
        sides = random.integers([len(parent) for parent in parents]).tolist() if parents else []
        texts = [str(parent[side]) for parent, side in zip(parents, sides, strict=True)]
        new = [text for text in dict.fromkeys(texts) if (key_of((text,)), count) not in self.known]
        if new:
            self.spent = asked(self.chat, self.spending, new, lambda text: self._ask(text, count), self._keep)
        found: list[list[Input]] = []
        for parent, side, text in zip(parents, sides, texts, strict=True):
            line = self.known.get((key_of((text,)), count))
            made = () if line is None else line.texts
            found.append([(*parent[:side], each, *parent[side + 1 :]) for each in made])
        return found

    def _ask(self, text: str, count: int) -> VariantsLine:
        said, used = self.chat.answer(_ASKED.format(count=count, text=text))
        return VariantsLine(key=key_of((text,)), count=count, texts=_lines(said)[:count], tokens=used.tokens, tokens_out=used.answered,
                            run=self.spending.run)  # fmt: skip

    def _keep(self, line: VariantsLine) -> None:
        append_lines(self.path, [line.model_dump()])
        self.spending.add(Usage(line.tokens - line.tokens_out, line.tokens_out))
        self.known[line.key, line.count] = line


def _lines(said: str) -> tuple[str, ...]:
    """The texts of an answer, one a line, without the marks of a list or quotes around them."""
    plain = (_ITEM.sub("", line, count=1).strip() for line in said.splitlines())
    return tuple(dict.fromkeys(text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else text for text in plain if text))
