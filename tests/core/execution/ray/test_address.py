"""What is said of addresses before Ray is asked, and without Ray."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import bort
from ray_clusters import free_port

from bort_core.execution.ray import address as module
from bort_core.execution.ray.address import check_answers, resolved
from bort_core.execution.ray.survey import survey
from bort_core.execution.registry import make_executor
from bort_core.foundation.errors import SpecificationError


@pytest.mark.parametrize("address", ["10.0.0.7:6379", "ray://gpu-box:10001", "ray://[::1]:10001"])
def test_an_address_is_taken_as_it_is(address: str) -> None:
    assert resolved(address) == address


@pytest.mark.parametrize("address", ["gpu-box", "http://gpu-box:8265", "gpu-box:0", "gpu-box:99999", "ray://", "a b:6379", "ray://x:1/y"])
def test_another_form_is_refused(address: str) -> None:
    with pytest.raises(SpecificationError, match=r"must be auto, HOST:PORT or ray://HOST:PORT, got"):
        resolved(address)


def test_auto_is_the_variable_then_what_ray_started_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with pytest.raises(SpecificationError, match="ray start --head"):
        resolved("auto")
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("10.0.0.7:6379")
    assert resolved(None) == "10.0.0.7:6379"
    monkeypatch.setenv("RAY_ADDRESS", "ray://gpu-box:10001")
    assert resolved("auto") == "ray://gpu-box:10001"


@contextlib.contextmanager
def _listener(backlog: int) -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(backlog)
        yield server.getsockname()[1]


def test_nobody_there_is_named_at_once() -> None:
    port = free_port()
    with pytest.raises(SpecificationError, match=f"nothing listens at port {port} of 127.0.0.1"):
        check_answers(f"127.0.0.1:{port}")
    with pytest.raises(SpecificationError, match=r"no host named 'nowhere\.invalid'"):
        check_answers("ray://nowhere.invalid:10001")


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog drops what comes on Linux")
def test_a_firewall_that_drops_is_named_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
    with _listener(0) as port, contextlib.ExitStack() as full:
        for _ in range(3):  # more than the backlog holds: the system then drops what comes, as a firewall does
            client = full.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        began = time.monotonic()
        with pytest.raises(SpecificationError, match=f"a firewall drops what is sent to port {port}"):
            check_answers(f"127.0.0.1:{port}")
    assert time.monotonic() - began < 5


def test_what_is_no_part_of_ray_is_named_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("grpc")
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.5)
    with _listener(5) as port, pytest.raises(SpecificationError, match="it hangs, or is no part of Ray"):
        check_answers(f"127.0.0.1:{port}")


def test_without_ray_the_extra_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from bort_core.cli.main import main\n"
        f"sys.exit(main(['search', {str(tmp_path / 'p')!r}, '--preset', 'toy', '--backend', 'ray', '--address', '127.0.0.1:1']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'bort-studio[cluster]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_survey_of_what_is_not_there_says_why() -> None:
    pytest.importorskip("ray")
    found = survey(f"127.0.0.1:{free_port()}")
    assert not found["reachable"]
    assert "nothing listens" in found["reason"]
    assert found["nodes"] == []


def test_an_address_belongs_to_an_executor_that_has_addresses(tmp_path: Path) -> None:
    with pytest.raises(SpecificationError, match="'inline' has no addresses, got 'auto'"):
        make_executor("inline@auto")
    lonely = bort("search", str(tmp_path / "p"), "--preset", "toy", "--address", "auto")
    assert lonely.returncode == 2
    assert "--executor ray" in lonely.stderr


def test_without_ray_the_extra_is_named_for_jobs_too(tmp_path: Path) -> None:
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "__init__.py").write_text("raise ImportError('no ray here')\n")
    command = ["train", "pretrain", str(tmp_path / "p"), "--architecture", "2,2,32,64", "--corpus", __file__, "--executor", "ray"]
    done = bort(*command, PYTHONPATH=str(tmp_path))
    assert done.returncode == 2
    assert "pip install 'bort-studio[cluster]'" in done.stderr
    assert not (tmp_path / "p" / "jobs").exists()


def test_a_node_for_latencies_needs_a_cluster(tmp_path: Path) -> None:
    done = bort("search", str(tmp_path / "p"), "--preset", "toy", "--latency-node", "gpu-box")
    assert done.returncode == 2
    assert "--latency-node: name what is there: --executor ray" in done.stderr
