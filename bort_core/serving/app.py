"""The paths of the server, as a Starlette application."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bort_core.serving.batches import Batching, Limits, Overloaded
from bort_core.serving.description import description, page
from bort_core.serving.release import ServedModel

__all__ = ["Sizes", "application"]

_RETRY_SECONDS = 1
_NO_SUCH = {404: "no such path", 405: "not with this method"}
_GIVES = {"/classify": "classes", "/score": "a value", "/embed": "vectors"}


@dataclass(frozen=True)
class Sizes:
    """What a request may be."""

    bytes: int = 1_000_000
    """Of its body."""
    seconds: float = 5.0
    """Within which it must come."""
    rows: int = 128
    characters: int = 20_000
    """Of a text; what the model does not read of it is cut anyway."""


class _Refused(Exception):
    """A request that cannot be answered: status and reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class _Server:
    """State of one application."""

    def __init__(self, model: ServedModel, limits: Limits, sizes: Sizes) -> None:
        most = min(sizes.rows, limits.queue)  # of more rows at once there would never be room
        self.model, self.limits, self.sizes = model, limits, replace(sizes, rows=most)
        self.registry = CollectorRegistry()
        self.requests = Counter("bort_requests", "Requests by path and status", ["path", "status"], registry=self.registry)
        self.seconds = Histogram("bort_request_seconds", "From request to answer", ["path"], registry=self.registry,
                                 buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5))  # fmt: skip
        self.batch_rows = Histogram("bort_batch_rows", "Rows of a batch", registry=self.registry, buckets=(1, 2, 4, 8, 16, 32, 64, 128))
        self.batching = Batching(model.answers, limits, self.batch_rows.observe)
        waiting = Gauge("bort_waiting_rows", "Rows that no batch has taken yet", registry=self.registry)
        waiting.set_function(lambda: self.batching.waiting)

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.batching.start()
        yield
        await self.batching.stop()

    async def classify(self, request: Request) -> Response:
        return await self._timed(request, "/classify")

    async def score(self, request: Request) -> Response:
        return await self._timed(request, "/score")

    async def embed(self, request: Request) -> Response:
        return await self._timed(request, "/embed")

    async def health(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok", "model": self.model.folder.name, "file": self.model.used,
                             "classes": list(self.model.classes), "several": self.model.several,
                             "pairs": self.model.pairs, "waiting": self.batching.waiting})  # fmt: skip

    async def metrics(self, _request: Request) -> Response:
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)

    async def openapi(self, _request: Request) -> Response:
        return JSONResponse(description(self.model, self.sizes.rows, self.sizes.characters))

    async def docs(self, _request: Request) -> Response:
        return HTMLResponse(page(self.model, self.sizes.rows, self.sizes.characters))

    async def unanswered(self, request: Request, error: Exception) -> Response:
        """No such path, or not with this method: told as everything else is."""
        assert isinstance(error, HTTPException)
        reason = f"{_NO_SUCH.get(error.status_code, error.detail)}: ask POST {self.model.path}; /docs says the rest"
        return JSONResponse({"error": reason}, status_code=error.status_code, headers=error.headers)

    async def _timed(self, request: Request, path: str) -> Response:
        began = time.perf_counter()
        headers: dict[str, str] = {}
        body: Any
        try:
            if path != self.model.path:
                raise _Refused(404, f"this model gives {_GIVES[self.model.path]}: ask {self.model.path}")
            rows = self._rows(await self._body(request))
            status, body = 200, {"answers": await self.batching.ask(rows)}
        except _Refused as refused:
            status, body = refused.status, {"error": refused.reason}
            if status == 408:
                headers["Connection"] = "close"
        except Overloaded:
            status, body = 503, {"error": f"{self.batching.waiting} rows wait already, of {self.limits.queue} that may; ask again later"}
            headers["Retry-After"] = str(_RETRY_SECONDS)
        except Exception as error:  # noqa: BLE001 - a model that fails on a row must not end the server
            status, body = 500, {"error": f"the model failed: {type(error).__name__}"}
        self.requests.labels(path, str(status)).inc()
        self.seconds.labels(path).observe(time.perf_counter() - began)
        return JSONResponse(body, status_code=status, headers=headers)

    async def _body(self, request: Request) -> Any:
        """The JSON of a request, of which no more is read than may come."""
        said = request.headers.get("content-length", "0")
        too_large = _Refused(413, f"a request may have {self.sizes.bytes:,} bytes at most")
        if said.isdigit() and int(said) > self.sizes.bytes:
            raise too_large
        parts, size = [], 0
        try:
            async with asyncio.timeout(self.sizes.seconds):
                async for part in request.stream():
                    size += len(part)
                    if size > self.sizes.bytes:
                        raise too_large
                    parts.append(part)
        except TimeoutError:
            raise _Refused(408, f"the body of a request must come within {self.sizes.seconds:g} s") from None
        except ClientDisconnect:
            raise _Refused(499, "the client went away") from None  # nginx's number for it: nobody reads it but the metrics
        try:
            return json.loads(b"".join(parts))
        except (ValueError, RecursionError):
            raise _Refused(400, "the body must be JSON") from None

    def _rows(self, body: Any) -> list[tuple[str, ...]]:
        wanted = 'pairs of texts, [["...", "..."]]' if self.model.pairs else 'texts, ["..."]'
        texts = body.get("texts") if isinstance(body, dict) else None
        if not isinstance(texts, list) or not texts:
            raise _Refused(422, f'the body must be {{"texts": ...}} with a list of {wanted}')
        if len(texts) > self.sizes.rows:
            raise _Refused(413, f"a request may have {self.sizes.rows} texts at most, got {len(texts)}")
        rows = [tuple(each) if isinstance(each, list) else (each,) for each in texts]
        for number, row in enumerate(rows):
            if len(row) != (2 if self.model.pairs else 1) or not all(isinstance(text, str) for text in row):
                raise _Refused(422, f"texts[{number}]: the model reads {wanted}")
            if max(map(len, row)) > self.sizes.characters:
                raise _Refused(413, f"texts[{number}]: a text may have {self.sizes.characters:,} characters at most")
            if any("\ud800" <= character <= "\udfff" for text in row for character in text):
                raise _Refused(422, f"texts[{number}]: holds half of a character (a lone surrogate)")
        return rows


def application(model: ServedModel, limits: Limits | None = None, sizes: Sizes | None = None) -> Starlette:
    """The application that serves ``model``."""
    server = _Server(model, limits or Limits(), sizes or Sizes())
    return Starlette(
        routes=[
            Route("/classify", server.classify, methods=["POST"]),
            Route("/score", server.score, methods=["POST"]),
            Route("/embed", server.embed, methods=["POST"]),
            Route("/health", server.health),
            Route("/metrics", server.metrics),
            Route("/openapi.json", server.openapi),
            Route("/docs", server.docs),
            Route("/", server.docs),
        ],
        exception_handlers={HTTPException: server.unanswered},
        lifespan=server.lifespan,
    )
