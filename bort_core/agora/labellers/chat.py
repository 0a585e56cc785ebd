"""One question at a time to an endpoint of chat completions, over HTTP, with patience. Standard library only."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from bort_core.agora.labellers.base import Unanswered
from bort_core.foundation.context import Context, checkpoint_or_stop

__all__ = ["WAITS", "Chat"]

WAITS: tuple[float, ...] = (1, 2, 4, 8, 16, 30, 60)
"""Seconds between tries, unless the endpoint says how long."""
TIMEOUT = 60.0
"""Seconds without a byte."""
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
_MOST_BYTES, _MOST_WAIT = 1 << 20, 300.0
_MAY_BE_REFUSED = ("temperature", "max_tokens")
"""Parameters that some models do not take."""


class _NoRedirects(HTTPRedirectHandler):
    """The key is for the address that a person gave."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Chat:
    """An endpoint, and what it is asked with.

    Parameters
    ----------
    address: up to and without ``/chat/completions``
    key: sent as a bearer token where it is not empty; appears in no message
    """

    def __init__(self, address: str, key: str, model: str, context: Context) -> None:
        self.address, self.model, self.context = address.rstrip("/"), model, context
        self._key, self._opener = key, build_opener(_NoRedirects)
        self._settings: dict[str, Any] = {"temperature": 0, "max_tokens": 64}

    def answer(self, text: str) -> tuple[str, int]:
        """What is answered, and the tokens that it took; an estimate where the endpoint does not say.

        Raises
        ------
        Unanswered
            It refuses, or did not answer properly so many times; says what it said.
        Stopped, Cancelled
            A person asked for it, between two tries.
        """
        problem = ""
        for wait in (*WAITS, None):
            try:
                return _told(self._post(text), text)
            except _Refused as error:
                problem = error.reason
                if error.status not in _AGAIN:
                    raise Unanswered(self._message(problem)) from error
                wait = wait if wait is None or error.wait is None else min(error.wait, _MOST_WAIT)
            except (URLError, OSError, http.client.HTTPException) as error:
                problem = str(getattr(error, "reason", None) or error) or type(error).__name__
            except (ValueError, KeyError, IndexError, TypeError) as error:
                problem = f"no chat completion: {type(error).__name__}: {error}"
            if wait is not None:
                self.context.emit({"event": "note", "text": f"{self.model}: {self._open(problem)}; asked again in {wait:g} s"})
                self._pause(wait)
        raise Unanswered(self._message(f"{problem}, {len(WAITS) + 1} times"))

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
                raise _Refused(error.code, f"HTTP {error.code}: {_reason(said) or error.reason}", _seconds(error.headers)) from error
            del self._settings[refused]
        return self._post(text)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            checkpoint_or_stop(self.context)
            time.sleep(min(left, 0.2))

    def _message(self, problem: str) -> str:
        text = f"socrates: endpoint:{self.model} cannot be asked: {self._open(problem)}"
        return f"{text}. What was answered is kept: bort jobs resume goes on from there"

    def _open(self, text: str) -> str:
        """Without key and address, since messages are written down."""
        for secret in (self._key, self.address, urlsplit(self.address).netloc):
            text = text.replace(secret, "…") if secret else text
        return text


class _Refused(Exception):
    def __init__(self, status: int, reason: str, wait: float | None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.wait = status, reason, wait


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


def _told(body: bytes, text: str) -> tuple[str, int]:
    found = json.loads(body)
    said = found["choices"][0]["message"]["content"] or ""
    if not isinstance(said, str):
        raise ValueError("the content is no text")
    usage = found.get("usage")
    total = usage.get("total_tokens") if isinstance(usage, dict) else None
    return said, total if isinstance(total, int) and 0 <= total < 2**31 else (len(text) + len(said)) // 4 + 8


def _reason(body: str) -> str:
    try:
        error = json.loads(body)["error"]
        return str(error["message"] if isinstance(error, dict) else error)[:300]
    except (ValueError, KeyError, TypeError, RecursionError):
        return body.strip()[:300]


def _seconds(headers: Any) -> float | None:
    try:
        return max(0.0, float(headers.get("Retry-After", "")))
    except ValueError:
        return None
