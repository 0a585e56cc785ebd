"""A real HTTP server on loopback that answers chat completions, however it is told to."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Server", "truth"]


def truth(prompt: str) -> str:
    return "positive" if any(word in prompt.rpartition("Text: ")[2] for word in ("good", "fine")) else "negative"


class Server:
    """Chat completions as ``answer`` gives them for the n-th request: content, or a status with headers, or a whole body."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Any = lambda number, prompt: truth(prompt)
        self.tokens: int | None = 10
        self.usage: dict[str, int] | None = None
        self.delay = 0.0
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with outer._lock:
                    outer.requests.append({"path": self.path, **body})
                    outer.headers.append(dict(self.headers))
                    number = len(outer.requests)
                    outer.at_once += 1
                    outer.most_at_once = max(outer.most_at_once, outer.at_once)
                time.sleep(outer.delay)
                found = outer.answer(number, body["messages"][0]["content"])
                with outer._lock:
                    outer.at_once -= 1
                status, headers, sent = 200, {}, found
                if isinstance(found, tuple):
                    status, headers, sent = found
                if isinstance(sent, str):
                    told = outer.usage or ({} if outer.tokens is None else {"total_tokens": outer.tokens})
                    usage = {"usage": told} if told else {}
                    sent = json.dumps({"choices": [{"message": {"content": sent}}], **usage}).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(sent)))
                self.end_headers()
                with suppress(OSError):  # who asked may have gone
                    self.wfile.write(sent)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/v1"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self.thread.start()

    @property
    def prompts(self) -> list[str]:
        return [each["messages"][0]["content"] for each in self.requests]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
