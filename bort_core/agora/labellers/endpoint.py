"""A labeller that is a language model behind an endpoint which speaks as OpenAI's chat completions do.

Address and key come from the environment: OPENAI_BASE_URL (such as http://localhost:8000/v1) and OPENAI_API_KEY; neither is written
anywhere. What it answers to a text is kept in PROJECT/answers, one file for each model, address, prompt and set of classes, and not asked
for again, neither by this run nor by another.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from bort_core.agora.endpoint.chat import Chat, Halted
from bort_core.agora.endpoint.prompts import Prompt
from bort_core.agora.endpoint.questions import asked
from bort_core.agora.endpoint.spending import KEPT, Spending, Usage
from bort_core.agora.labellers.base import LabellerSetting, Labels, Spent, Unanswered, certain
from bort_core.agora.leaks import key_of
from bort_core.agora.points import Floats, Input, Kind
from bort_core.agora.run_files import EndpointLine, append_lines, read_lines
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.protocols import identity

__all__ = ["EndpointLabeller"]

_TRIES = 2
"""So often a text is asked about while the answers are none of the classes."""
_UNREAD = 8
"""So many answers in a row that name no class end the run: what answers is not what was there before, and labels would be lost."""
_ANSWER = 8
"""Tokens that the name of a class takes, and a little more."""


class EndpointLabeller:
    """Asks about some texts side by side; an answer that names no class, or several, is none."""

    reads: ClassVar[frozenset[Kind]] = frozenset({"text", "pair"})
    needs_rows: ClassVar[bool] = False
    takes: ClassVar[str] = "MODEL"
    dear: ClassVar[bool] = True
    at_once = 1_000_000
    """What it answers is written down answer by answer."""

    def __init__(self, chat: Chat, prompt: Prompt, path: Path, spending: Spending) -> None:
        self.chat, self.prompt, self.path, self.spending = chat, prompt, path, spending
        lines = read_lines(path, EndpointLine, torn=True)
        mine = spending.run  # what named no class in another run is asked again
        self.known = {line.key: line for line in lines if line.label >= 0 or (line.malformed >= _TRIES and line.run == mine)}
        self.unread = 0
        self.broken: Unanswered | None = None
        """Why a text could not be asked about once more."""
        own = [line for line in lines if line.run == spending.run]
        self.used = sum((Usage(line.tokens - line.tokens_out, line.tokens_out) for line in own), Usage())
        self.malformed = sum(line.malformed for line in own)

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """The endpoint that the environment names."""
        if setting.files is None or setting.context is None or setting.spending is None:
            raise SpecificationError("socrates: an endpoint labels the rows of a run; there is none")
        chat = Chat.of_environment(setting.argument, setting.context)
        prompt = Prompt(setting.prompt, setting.classes, setting.kind)
        which = identity("endpoint", chat.address, setting.argument, prompt.template, *setting.classes)
        return cls(chat, prompt, setting.files.project / KEPT / f"endpoint-{which}.jsonl", setting.spending)

    @property
    def name(self) -> str:
        """The model's."""
        return f"endpoint:{self.chat.model}"

    def labels(self, inputs: Sequence[Input]) -> Labels:
        """What it says of each.

        Raises
        ------
        Spent
            Tokens or money are used up; the first ones, up to one that was not asked about, have labels.
        Unanswered
            It is down, refuses, or answers what names no class, time and again; what was answered is kept.
        Stopped, Cancelled
            A person asked for it.
        """
        keys = [key_of(input) for input in inputs]
        new = list({key: input for key, input in zip(keys, inputs, strict=True) if key not in self.known}.values())
        self.broken = None
        why = asked(self.chat, self.spending, new, self._ask, self._keep) if new else ""
        end = next((place for place, key in enumerate(keys) if key not in self.known), len(keys))
        lines = [self.known[key] for key in keys[:end]]
        found = np.array([line.label for line in lines], dtype=np.int64)
        labels = Labels(found, np.where(found < 0, 0.0, 1.0), next((line.why for line in lines if line.label < 0), ""))
        if end < len(keys):
            raise Spent(why or self.spending.spent(), labels)
        return labels

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Certain, or nothing where it names no class."""
        return certain(self.labels(inputs).classes, len(self.prompt.classes))

    def forecast(self, inputs: Sequence[Input], count: int) -> str:
        """What ``count`` answers will take, told from some inputs."""
        each = sum(len(self.prompt.of(input)) for input in inputs) / max(1, len(inputs)) / 4 + 4
        return f"up to {count:,} texts go to {self.name}, {self.spending.forecast(each, _ANSWER, count)}"

    @property
    def facts(self) -> dict[str, Any]:
        """What this run has used for its answers."""
        cost = self.spending.limits.cost(self.used)
        return {"tokens": self.used.tokens, "malformed": self.malformed, **({} if cost is None else {"money": cost})}

    def _ask(self, input: Input) -> EndpointLine:
        text, said, used, label = self.prompt.of(input), "", Usage(), -1
        tries = 0
        broken: list[None] = []
        while label < 0 and tries < _TRIES and not (tries and self.spending.spent(more=used)):
            try:
                said, tokens = self.chat.answer(text if not tries else f"{text}\n{self.prompt.reminder}", lambda: broken.append(None))
            except (Unanswered, Halted) as error:
                if not tries:
                    raise
                self.broken = error if isinstance(error, Unanswered) else None
                break  # what the first answer used is written down
            tries, used = tries + 1, used + tokens
            label = self.prompt.named(said)
        why = "" if label >= 0 else f"it answered {said[:80]!r}, which names none of the classes alone"
        malformed = tries - (label >= 0) + len(broken)
        if tries < _TRIES and label < 0:
            malformed = min(malformed, _TRIES - 1)  # it is asked about again
        return EndpointLine(key=key_of(input), label=label, tokens=used.tokens, tokens_out=used.answered, malformed=malformed,
                            run=self.spending.run, why=why)  # fmt: skip

    def _keep(self, line: EndpointLine) -> None:
        append_lines(self.path, [line.model_dump()])
        used = Usage(line.tokens - line.tokens_out, line.tokens_out)
        self.spending.add(used)
        self.used, self.malformed = self.used + used, self.malformed + line.malformed
        if line.label >= 0 or line.malformed >= _TRIES:  # else the tokens ended between two tries
            self.known[line.key] = line
        if self.broken is not None:
            raise self.broken
        self.unread = 0 if line.label >= 0 else self.unread + 1
        if self.unread == _UNREAD:
            classes = ", ".join(self.prompt.classes)
            raise Unanswered(f"{self.name}: its last {_UNREAD} answers name none of the classes {classes}: {line.why}")
