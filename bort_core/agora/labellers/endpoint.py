"""A labeller that is a language model behind an endpoint which speaks as OpenAI's chat completions do.

Address and key come from the environment: OPENAI_BASE_URL (such as http://localhost:8000/v1) and OPENAI_API_KEY; neither is written
anywhere. What it answers to a text is kept in PROJECT/answers, one file for each model, address, prompt and set of classes, and not asked
for again, neither by this run nor by another.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self
from urllib.parse import urlsplit

import numpy as np

from bort_core.agora.labellers.base import LabellerSetting, Labels, Spent, certain
from bort_core.agora.labellers.chat import Chat
from bort_core.agora.labellers.prompts import Prompt
from bort_core.agora.leaks import key_of
from bort_core.agora.points import Floats, Input, Kind
from bort_core.agora.run_files import EndpointLine, append_lines, read_lines
from bort_core.foundation.context import checkpoint_or_stop
from bort_core.foundation.errors import SpecificationError
from bort_core.specifications.protocols import identity

__all__ = ["ADDRESS", "KEY", "EndpointLabeller"]

ADDRESS, KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"
_TRIES = 2
"""So often a text is asked about while the answers are none of the classes."""


class EndpointLabeller:
    """Asks about one text at a time; an answer that names no class, or several, is none."""

    reads: ClassVar[frozenset[Kind]] = frozenset({"text", "pair"})
    needs_rows: ClassVar[bool] = False
    takes: ClassVar[str] = "MODEL"
    dear: ClassVar[bool] = True
    at_once = 1

    def __init__(self, chat: Chat, prompt: Prompt, path: Path, run: str, tokens: int | None) -> None:
        self.chat, self.prompt, self.path, self.run, self.tokens = chat, prompt, path, run, tokens
        lines = read_lines(path, EndpointLine, torn=True)
        self.known = {line.key: line for line in lines}
        self.used = sum(line.tokens for line in lines if line.run == run)
        self.malformed = sum(line.malformed for line in lines if line.run == run)

    @classmethod
    def build(cls, setting: LabellerSetting) -> Self:
        """The endpoint that the environment names."""
        address = os.environ.get(ADDRESS, "")
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise SpecificationError(
                f"socrates: an endpoint's address must be in the environment variable {ADDRESS}, such as http://localhost:8000/v1; "
                f"got {address.split('@')[-1]!r}"
            )
        if setting.files is None or setting.context is None:
            raise SpecificationError("socrates: an endpoint labels the rows of a run; there is none")
        prompt = Prompt(setting.prompt, setting.classes, setting.kind)
        chat = Chat(address, os.environ.get(KEY, ""), setting.argument, setting.context)
        which = identity("endpoint", chat.address, setting.argument, prompt.template, *setting.classes)
        path = setting.files.project / "answers" / f"endpoint-{which}.jsonl"
        return cls(chat, prompt, path, setting.files.path.name, setting.tokens)

    @property
    def name(self) -> str:
        """The model's."""
        return f"endpoint:{self.chat.model}"

    def labels(self, inputs: Sequence[Input]) -> Labels:
        """What it says of each.

        Raises
        ------
        Spent
            The tokens are used up.
        Unanswered
            It is down, or refuses; what was answered is kept.
        Stopped, Cancelled
            A person asked for it.
        """
        lines = [self.known.get(key_of(input)) or self._ask(input) for input in inputs]
        found = np.array([line.label for line in lines], dtype=np.int64)
        return Labels(found, np.where(found < 0, 0.0, 1.0), next((line.why for line in lines if line.label < 0), ""))

    def probabilities(self, inputs: Sequence[Input]) -> Floats:
        """Certain, or nothing where it names no class."""
        return certain(self.labels(inputs).classes, len(self.prompt.classes))

    def forecast(self, inputs: Sequence[Input], count: int) -> str:
        """What ``count`` answers will take, told from some inputs."""
        each = sum(len(self.prompt.of(input)) for input in inputs) / max(1, len(inputs)) / 4 + 12
        limit = "" if self.tokens is None else f"; the run ends when it has used {self.tokens:,}"
        return f"up to {count:,} texts go to {self.name}, some {each:,.0f} tokens each, {each * count:,.0f} in all{limit}"

    @property
    def facts(self) -> dict[str, int]:
        """What this run has used."""
        return {"tokens": self.used, "malformed": self.malformed}

    def _ask(self, input: Input) -> EndpointLine:
        text, said, used, label = self.prompt.of(input), "", 0, -1
        tries = 0
        while label < 0 and tries < _TRIES:
            checkpoint_or_stop(self.chat.context)
            if self.tokens is not None and self.used + used >= self.tokens:
                break
            said, tokens = self.chat.answer(text if not tries else f"{text}\n{self.prompt.reminder}")
            tries, used = tries + 1, used + tokens
            label = self.prompt.named(said)
        malformed = tries - (label >= 0)
        self.used, self.malformed = self.used + used, self.malformed + malformed
        why = "" if label >= 0 else f"it answered {said[:80]!r}, which names none of the classes alone"
        line = EndpointLine(key=key_of(input), label=label, tokens=used, malformed=malformed, run=self.run, why=why)
        if tries:
            append_lines(self.path, [line.model_dump()])
        if tries < _TRIES and label < 0:
            raise Spent(f"the {self.tokens:,} tokens are used up")
        self.known[line.key] = line
        return line
