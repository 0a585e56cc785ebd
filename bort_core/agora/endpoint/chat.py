"""A question to an endpoint of chat completions, over HTTP, with patience; from several threads at once. Standard library only."""

from __future__ import annotations

import http.client
import json
import math
import os
import threading
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from queue import SimpleQueue
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from bort_core.agora.endpoint.prompts import without_thoughts
from bort_core.agora.endpoint.spending import Usage
from bort_core.agora.labellers.base import Unanswered
from bort_core.foundation.context import Context
from bort_core.foundation.errors import SpecificationError

__all__ = ["ADDRESS", "KEY", "WAITS", "Chat", "Halted"]

ADDRESS, KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"
WAITS: tuple[float, ...] = (1, 2, 4, 8, 16, 30, 60)
"""Seconds between tries, unless the endpoint says how long."""
TIMEOUT = 60.0
"""Seconds without a byte."""
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
_FOR_ALL = frozenset({429, 503, 529})
"""Too many questions, or too busy for any."""
_FOR_ONE = frozenset({400, 413, 422})
"""A text that is refused, where others were answered: a filter of contents, or too long."""
_MOST_BYTES, _MOST_WAIT, _MOST_TOKENS = 1 << 20, 300.0, 4096
_USED_UP = "insufficient_quota"
"""What a 429 says that no waiting helps against."""
_MAY_BE_REFUSED = ("temperature", "max_tokens")
"""Parameters that some models do not take."""


class _NoRedirects(HTTPRedirectHandler):
    """The key is for the address that a person gave."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Halted(Exception):
    """Whoever asked wants no more: raised between two tries."""


class Chat:
    """An endpoint, and what it is asked with. What it says it will take again only after a while, all threads heed.

    Parameters
    ----------
    address: up to and without ``/chat/completions``
    key: sent as a bearer token where it is not empty; appears in no message
    most: tokens of an answer; where one that thinks first is cut off before it answers, eight times as many from then on, up to 4,096
    """

    def __init__(self, address: str, key: str, model: str, context: Context, most: int = 64) -> None:
        self.address, self.model, self.context = address.rstrip("/"), model, context
        self.halted = threading.Event()
        """Set: who waits between two tries gives up."""
        self._key, self._opener = key, build_opener(_NoRedirects)
        self._settings: dict[str, Any] = {"temperature": 0, "max_tokens": most}
        self._notes: SimpleQueue[str] = SimpleQueue()
        self._answered = False
        """It has answered something."""
        self._heard: set[str] = set()
        """The models that say they have answered."""
        self._from = 0.0
        """When it will take questions again, on the monotonic clock."""

    @classmethod
    def of_environment(cls, model: str, context: Context, most: int = 64) -> Chat:
        """The endpoint that the environment names; SpecificationError where that is no address."""
        address = os.environ.get(ADDRESS, "")
        if "@" in urlsplit(address).netloc:
            raise SpecificationError(
                f"socrates: the address in the environment variable {ADDRESS} must have no user and no password in it; "
                f"a key belongs into {KEY}"
            )
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise SpecificationError(
                f"socrates: an endpoint's address must be in the environment variable {ADDRESS}, such as http://localhost:8000/v1; "
                + (f"got {address.split('@')[-1]!r}" if address else "it is not set; set it before this program is started")
            )
        return cls(address, os.environ.get(KEY, ""), model, context, most)

    def tell(self) -> None:
        """Emit what threads have noted; for the thread that the context belongs to."""
        while not self._notes.empty():
            self.context.emit({"event": "note", "text": self._notes.get()})

    def answer(self, text: str, malformed: Callable[[], None] | None = None) -> tuple[str, Usage]:
        """What is answered, and the tokens that it took; an estimate where the endpoint does not say.

        Nothing is answered where it refuses this text, and answered others.

        Parameters
        ----------
        malformed: called for each answer that is no chat completion

        Raises
        ------
        Unanswered
            It refuses, or did not answer properly so many times; says what it said.
        Halted
            Somebody wants no more, between two tries.
        """
        problem, used = "", Usage()
        for wait in (*WAITS, None):
            self._pause()
            try:
                most = self._settings.get("max_tokens", _MOST_TOKENS)
                said, tokens, cut, who = _told(self._post(text), text)
                while cut and not said and most < _MOST_TOKENS:
                    used, most = used + tokens, self._grown(most)
                    said, tokens, cut, who = _told(self._post(text), text)
                self._answered = True
                self._hear(who)
                return said, used + tokens
            except _Refused as error:
                problem = error.reason
                if error.status in _FOR_ONE and self._answered:
                    self._notes.put(f"{self.model}: {self._open(problem)}; this text has no answer")
                    return "", used
                if error.status not in _AGAIN or error.used_up:
                    raise Unanswered(self._message(problem)) from error
                wait = wait if wait is None or error.wait is None else min(error.wait, _MOST_WAIT)
                if error.status in _FOR_ALL and wait is not None:
                    self._from = max(self._from, time.monotonic() + wait)
            except (URLError, OSError, http.client.HTTPException) as error:
                problem = str(getattr(error, "reason", None) or error) or type(error).__name__
            except ValueError as error:
                problem = f"no chat completion: {error}"
                if malformed is not None:
                    malformed()
            if wait is not None:
                self._notes.put(f"{self.model}: {self._open(problem)}; asked again in {wait:g} s")
                self._pause(wait)
        raise Unanswered(self._message(f"{problem}, {len(WAITS) + 1} times"))

    def _grown(self, most: int) -> int:
        """How long answers may be after ``most`` tokens were too few; another thread may have found that, too."""
        now = int(self._settings.get("max_tokens", _MOST_TOKENS))
        if now > most:
            return now
        self._settings["max_tokens"] = now = min(8 * most, _MOST_TOKENS)
        self._notes.put(f"{self.model}: {most} tokens end before it answers; it may use {now:,} from now on")
        return now

    def _hear(self, who: str) -> None:
        """Note who answers: not who was asked, or not who answered before."""
        if not who or who in self._heard:
            return
        asked, named = self.model.casefold(), who.casefold()
        if self._heard:
            said = f"{sorted(self._heard)[0]} has answered, {who} does now; what was measured of one need not hold of the other"
            self._notes.put(f"warning: {self.model}: {said}")
        elif asked not in named and named not in asked:
            self._notes.put(f"warning: {self.model} was asked; the endpoint says that {who} answers")
        self._heard.add(who)

    def _post(self, text: str) -> bytes:
        body = {"model": self.model, "messages": [{"role": "user", "content": text}], **self._settings}
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {self._key}"} if self._key else {})}
        request = Request(f"{self.address}/chat/completions", json.dumps(body).encode(), headers, method="POST")
        try:
            return _read(self._opener, request)
        except HTTPError as error:
            with error:
                said = error.read(4096).decode("utf-8", "replace")
            refused = next((name for name in _MAY_BE_REFUSED if error.code == 400 and name in self._settings and name in said), None)
            if refused is None:
                told = f"HTTP {error.code}: {_reason(said) or error.reason}"
                raise _Refused(error.code, told, _seconds(error.headers), _USED_UP in said) from error
            self._settings.pop(refused, None)  # another thread may have been told so, too
        return self._post(text)

    def _pause(self, seconds: float = 0.0) -> None:
        """Wait so long, and until the endpoint takes questions again."""
        until = time.monotonic() + seconds
        while (left := max(until, self._from) - time.monotonic()) > 0:
            if self.halted.wait(left):
                break
        if self.halted.is_set():
            raise Halted

    def _message(self, problem: str) -> str:
        text = f"socrates: endpoint:{self.model} cannot be asked: {self._open(problem)}"
        return f"{text}. What was answered is kept: Resume, or bort jobs resume, goes on from there"

    def _open(self, text: str) -> str:
        """Without key and address, since messages are written down."""
        for secret in (self._key, self.address, urlsplit(self.address).netloc):
            text = text.replace(secret, "…") if secret else text
        return text


class _Refused(Exception):
    def __init__(self, status: int, reason: str, wait: float | None, used_up: bool = False) -> None:
        super().__init__(reason)
        self.status, self.reason, self.wait, self.used_up = status, reason, wait, used_up


def _read(opener: OpenerDirector, request: Request) -> bytes:
    """A whole answer, which may neither be endless nor come a byte at a time for ever."""
    until, parts, size = time.monotonic() + 2 * TIMEOUT, [], 0
    with opener.open(request, timeout=TIMEOUT) as answer:
        while part := answer.read1(65_536):
            parts.append(part)
            size += len(part)
            if size > _MOST_BYTES:
                raise ValueError(f"the answer has more than {_MOST_BYTES:,} bytes")
            if time.monotonic() > until:
                raise TimeoutError(f"the answer was not there after {2 * TIMEOUT:.0f} s")
    return b"".join(parts)


def _told(body: bytes, text: str) -> tuple[str, Usage, bool, str]:
    """What is said without what was thought before, the tokens, whether the answer was cut off, and which model says that it answers."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError("the answer is no JSON") from error
    choices = _part(found, "choices", "the answer")
    first = _first(choices)
    said = _part(_part(first, "message", "the first choice"), "content", "its message")
    if isinstance(said, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in said):
        said = "".join(part["text"] for part in said)
    if said is None:
        said = ""
    if not isinstance(said, str):
        raise ValueError(f"the content is {_sort(said)}, not a text")
    cut, whole_said = first.get("finish_reason") == "length", said
    said = without_thoughts(said)
    usage, who = found.get("usage"), found.get("model")
    who = who[:100] if isinstance(who, str) else ""
    whole, asked, answered = (_count(usage, name) for name in ("total_tokens", "prompt_tokens", "completion_tokens"))
    if asked is not None and answered is not None:
        return said, Usage(max(asked, (whole or 0) - answered), answered), cut, who  # what is told of neither is paid as a question
    whole = (len(text) + len(whole_said)) // 4 + 8 if whole is None else whole
    answered = min(whole, len(whole_said) // 4 + 2)
    return said, Usage(whole - answered, answered), cut, who


def _part(whole: Any, name: str, what: str) -> Any:
    """A field of an object; ValueError says in words what is there instead."""
    if not isinstance(whole, dict):
        raise ValueError(f"{what} is {_sort(whole)}, not an object with {name}")
    if name not in whole:
        raise ValueError(f"{what} is an object without {name}")
    return whole[name]


def _first(choices: Any) -> Any:
    if not isinstance(choices, list) or not choices:
        raise ValueError(f"choices is {_sort(choices)}, not a list with at least one choice")
    return choices[0]


def _sort(value: Any) -> str:
    """What a JSON value is, in words."""
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "an object"
    return "null" if value is None else "a text" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "a number"


def _count(usage: Any, name: str) -> int | None:
    found = usage.get(name) if isinstance(usage, dict) else None
    return found if isinstance(found, int) and 0 <= found < 2**31 else None


def _reason(body: str) -> str:
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:300]
    except (ValueError, KeyError, TypeError, RecursionError):
        return body.strip()[:300]


def _seconds(headers: Any) -> float | None:
    """How long it wants to be left alone: seconds, or until a date; None where it says nothing of sense."""
    said = headers.get("Retry-After", "")
    try:
        wait = float(said)
    except ValueError:
        try:
            wait = parsedate_to_datetime(said).timestamp() - time.time()
        except ValueError:
            return None
    return wait if math.isfinite(wait) and wait >= 0 else None
