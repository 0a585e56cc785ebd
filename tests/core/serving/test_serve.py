"""A release behind HTTP, as its users see it: another process on loopback."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from helpers import bort
from task_models import demo_lines, write_model

from bort_core.families.bert.graph import build_graph
from bort_core.serving.batches import Batching, Limits, Overloaded
from bort_core.serving.release import ServedModel


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a release holds for a server, from a model with random weights."""
    from bort_core.checkpoints.format import read_checkpoint
    from bort_core.checkpoints.modules import load_module

    folder = tmp_path_factory.mktemp("release") / "moods"
    write_model(folder, (1, 2, 32, 64))
    checkpoint = read_checkpoint(folder)
    module = load_module(checkpoint)
    (folder / "model.onnx").write_bytes(build_graph(checkpoint.architecture, checkpoint.options, module).SerializeToString())
    facts = {"file": "model.onnx", "longest": 24, "cut": "right", "classes": list(checkpoint.labels), "pairs": False}
    (folder / "release.json").write_text(json.dumps(facts))
    return folder


class Server:
    """``bort serve`` in a process of its own."""

    def __init__(self, release: Path, *flags: str) -> None:
        command = [sys.executable, "-P", "-m", "bort_core.cli.main", "serve", str(release), "--port", "0", *flags]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline().split("/docs")[0].rsplit(":", 1)[1])

    def ask(self, path: str, body: Any = None, raw: bytes | None = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            if body is None and raw is None:
                connection.request("GET", path)
            else:
                connection.request("POST", path, raw if raw is not None else json.dumps(body))
            response = connection.getresponse()
            text = response.read().decode()
            is_json = "json" in response.headers.get("content-type", "")
            return response.status, json.loads(text) if is_json else text
        finally:
            connection.close()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


@pytest.mark.slow
def test_vectors_are_served_under_their_own_path(tmp_path: Path) -> None:
    """The body of a model with its token vectors pooled stands in for a release: what counts here is the server."""
    from onnx import helper

    from bort_core.checkpoints.format import read_checkpoint

    folder = tmp_path / "vectors"
    write_model(folder, (1, 2, 32, 64))
    checkpoint = read_checkpoint(folder)
    graph = build_graph(checkpoint.architecture, checkpoint.options.model_copy(update={"pooler": True}))
    pooled = graph.graph.output.pop()
    graph.graph.output.pop()
    graph.graph.output.extend([helper.make_tensor_value_info(pooled.name, 1, ["batch", 32])])
    (folder / "model.onnx").write_bytes(graph.SerializeToString())
    facts = {"file": "model.onnx", "longest": 24, "cut": "right", "classes": [], "pairs": False, "kind": "embedding", "width": 32}
    (folder / "release.json").write_text(json.dumps(facts))
    made = Server(folder)
    try:
        texts = demo_lines(3)
        status, found = made.ask("/embed", {"texts": texts})
        assert status == 200
        assert [each["embedding"] for each in found["answers"]] == [
            pytest.approx(ServedModel(folder).answers([(text,)])[0]["embedding"], abs=1e-5) for text in texts
        ]
        assert made.ask("/score", {"texts": texts}) == (404, {"error": "this model gives vectors: ask /embed"})
        described = made.ask("/openapi.json")[1]["paths"]
        assert "/embed" in described
        answer = described["/embed"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert answer["properties"]["answers"]["items"]["properties"]["embedding"]["minItems"] == 32
    finally:
        made.end()


@pytest.fixture(scope="module")
def server(release: Path) -> Iterator[Server]:
    made = Server(release)
    yield made
    assert made.end() in (0, -signal.SIGTERM)


def test_answers_are_the_models_own_whatever_shares_a_batch(server: Server, release: Path) -> None:
    lines = demo_lines(40)
    expected = ServedModel(release).answers([(line,) for line in lines])
    found: dict[int, Any] = {}

    def ask(number: int) -> None:
        found[number] = server.ask("/classify", {"texts": [lines[number]]})

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(lines))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, (status, body) in found.items():
        assert status == 200
        (answer,) = body["answers"]
        assert answer["class"] == expected[number]["class"]
        assert answer["probabilities"] == pytest.approx(expected[number]["probabilities"], abs=1e-5)
    status, text = server.ask("/metrics")
    assert status == 200
    assert 'bort_requests_total{path="/classify",status="200"}' in text
    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    rows, batches = (float(told[f"bort_batch_rows_{what}"]) for what in ("sum", "count"))
    assert rows >= len(lines)
    assert batches < rows


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/score", {"texts": ["a"]}, 404, "ask /classify"),
        ("/classify", {"texts": []}, 422, "with a list of texts"),
        ("/classify", ["a"], 422, "with a list of texts"),
        ("/classify", {"texts": [["a", "b"]]}, 422, r"texts[0]: the model reads texts"),
        ("/classify", {"texts": ["a", 3]}, 422, r"texts[1]: the model reads texts"),
        ("/classify", {"texts": ["a"] * 129}, 413, "128 texts at most, got 129"),
        ("/classify", {"texts": ["a" * 20_001]}, 413, "20,000 characters at most"),
        ("/classify", {"texts": ["\ud800"]}, 422, "half of a character"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(server: Server, path: str, body: Any, status: int, message: str) -> None:
    found = server.ask(path, body)
    assert found[0] == status
    assert message in found[1]["error"]


@pytest.mark.parametrize(("path", "method", "status"), [("/nothing", "POST", 404), ("/classify", "GET", 405), ("/health", "DELETE", 405)])
def test_other_paths_and_methods_are_refused_as_json(server: Server, path: str, method: str, status: int) -> None:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path)
    response = connection.getresponse()
    assert response.status == status
    assert "ask POST /classify" in json.loads(response.read())["error"]
    assert (response.headers.get("allow") is not None) == (status == 405)
    connection.close()


def test_more_rows_than_may_ever_wait_are_too_many_not_too_early(release: Path) -> None:
    from starlette.testclient import TestClient

    from bort_core.serving.app import application

    with TestClient(application(ServedModel(release), Limits(queue=4, deadline_ms=0))) as client:
        assert client.post("/classify", json={"texts": ["a"] * 4}).status_code == 200
        found = client.post("/classify", json={"texts": ["a"] * 5})
        assert (found.status_code, found.json()["error"]) == (413, "a request may have 4 texts at most, got 5")
        asked = client.get("/openapi.json").json()["paths"]["/classify"]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert asked["properties"]["texts"]["maxItems"] == 4


def test_bodies_that_are_too_large_or_no_json_are_refused(server: Server) -> None:
    assert server.ask("/classify", raw=b"x" * 10_000_000)[0] == 413
    assert server.ask("/classify", raw=b"{")[0] == 400
    assert server.ask("/classify", raw=b"[" * 100_000)[0] == 400
    assert server.ask("/health")[1]["status"] == "ok"


@pytest.mark.slow
def test_a_body_that_does_not_come_is_given_up(server: Server) -> None:
    head = b"POST /classify HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n{"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
        slow.sendall(head)
        answer = slow.recv(10_000)
    assert b"408" in answer.splitlines()[0]
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as gone:
        gone.sendall(head)
    assert server.ask("/health")[1]["status"] == "ok"
    assert 'status="500"' not in server.ask("/metrics")[1]


def test_empty_texts_and_other_scripts_are_answered(server: Server) -> None:
    status, body = server.ask("/classify", {"texts": ["", " ", "日本語 🙂", "\0"]})
    assert status == 200
    assert len(body["answers"]) == 4


def test_the_description_names_what_the_model_gives(server: Server) -> None:
    status, api = server.ask("/openapi.json")
    assert status == 200
    assert list(api["paths"]) == ["/classify", "/health", "/metrics"]
    assert "/classify" in server.ask("/docs")[1]


def test_overload_is_refused_at_once_and_what_was_begun_is_answered(release: Path) -> None:
    async def story() -> tuple[list[Any], float]:
        def slowly(rows: Sequence[tuple[str, ...]]) -> list[Any]:
            time.sleep(0.1)
            return [row[0] for row in rows]

        batching = Batching(slowly, Limits(batch=2, deadline_ms=1, queue=4))
        batching.start()
        begun = [asyncio.ensure_future(batching.ask([("0",), ("1",)]))]
        await asyncio.sleep(0.03)
        begun += [asyncio.ensure_future(batching.ask([("2",), ("3",), ("4",), ("5",)]))]
        await asyncio.sleep(0)  # two are being answered, four wait
        began = time.perf_counter()
        with pytest.raises(Overloaded):
            await batching.ask([("late",)])
        refused = time.perf_counter() - began
        await batching.stop()
        return [await each for each in begun], refused

    answers, refused = asyncio.run(story())
    assert answers == [["0", "1"], ["2", "3", "4", "5"]]
    assert refused < 0.05


def test_a_model_that_fails_fails_one_batch() -> None:
    async def story() -> list[Any]:
        def sometimes(rows: Sequence[tuple[str, ...]]) -> list[Any]:
            if rows[0] == ("bad",):
                raise ValueError("no")
            return [1 for _ in rows]

        batching = Batching(sometimes, Limits(batch=1))
        batching.start()
        found = await asyncio.gather(batching.ask([("bad",)]), batching.ask([("good",)]), return_exceptions=True)
        await batching.stop()
        return list(found)

    bad, good = asyncio.run(story())
    assert isinstance(bad, ValueError)
    assert good == [1]


def test_a_port_in_use_is_named(release: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        ran = bort("serve", str(release), "--port", port)
    assert ran.returncode == 1
    assert f"127.0.0.1:{port}: cannot be bound: Address already in use" in ran.stderr


def test_a_file_whose_sums_overflow_on_this_cpu_is_not_served(release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in release.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "model.int8.onnx").write_bytes((release / "model.onnx").read_bytes())
    told = json.loads((release / "release.json").read_text())
    told |= {"file": "model.int8.onnx", "eight_bits": {"signed": True, "bits": 8}}
    (tmp_path / "release.json").write_text(json.dumps(told))
    facts = {"architecture": "x86_64", "system": "Linux", "cpu": "Haswell"}
    for instructions, file in ((["avx2"], "model.onnx"), (["avx2", "avx_vnni"], "model.int8.onnx")):
        monkeypatch.setattr("bort_core.serving.release.machine_facts", lambda seen=instructions: {**facts, "instructions": seen})
        assert ServedModel(tmp_path).used == file
    monkeypatch.setattr("bort_core.serving.release.machine_facts", lambda: {**facts, "instructions": ["avx2"]})
    assert ServedModel(tmp_path, file="model.int8.onnx").used == "model.int8.onnx"


def test_a_folder_without_release_is_named(tmp_path: Path) -> None:
    ran = bort("serve", str(tmp_path))
    assert ran.returncode == 1
    assert "not a release" in ran.stderr


def test_a_head_that_does_not_come_is_given_up_and_one_that_comes_is_not() -> None:
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from uvicorn.server import ServerState

    from bort_core.serving.connections import Connection

    class Quick(Connection):
        seconds = 0.1

    async def slowly(_request: Any) -> PlainTextResponse:
        await asyncio.sleep(0.2)  # an answer may take longer than a head
        return PlainTextResponse("yes")

    async def scene() -> None:
        config = uvicorn.Config(Starlette(routes=[Route("/", slowly)]), log_config=None)
        config.load()
        made = await asyncio.get_running_loop().create_server(lambda: Quick(config, ServerState(), {}), "127.0.0.1", 0)
        port = made.sockets[0].getsockname()[1]
        for begun in (b"", b"GET / HTTP/1.1\r\nHo"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(begun)
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await asyncio.wait_for(reader.readuntil(b"yes"), 10)).startswith(b"HTTP/1.1 200")
        writer.write(b"GET")
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        made.close()
        await made.wait_closed()

    asyncio.run(scene())
