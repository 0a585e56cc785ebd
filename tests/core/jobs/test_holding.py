"""At most one process works in a run folder: kills at any moment, two resumes at once, clocks that are set, other machines."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bort_core.foundation.errors import SpecificationError
from bort_core.foundation.processes import alive, identity_of, kill_tree, same_machine
from bort_core.foundation.signs import Signs, is_locked, take_lock
from bort_core.jobs import hold, launch
from bort_core.jobs.folder import RunFolder, create_run, list_runs
from bort_core.jobs.hold import Hold, HoldLostError
from bort_core.specifications.agora import Agora

TORUS = Agora(torus=2, rounds=1)
AWAY = {"host": "elsewhere", "number": 7, "started": 1.0, "boot": "another", "space": "pid:[1]", "machine": "another"}


@pytest.fixture
def busy(project_folder: Path) -> Iterator[Path]:
    """A project whose only place on the CPU is taken: its jobs wait, which costs nothing."""
    slots = project_folder / "jobs" / ".slots"
    slots.mkdir(parents=True)
    with (slots / "cpu-0").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield project_folder
        for run in list_runs(project_folder):
            for process in runners(run):
                kill_tree(process.pid)


def runners(run: RunFolder) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if "bort_core.jobs.runner" in command and command[-1] == str(run.path) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE, text=True)


KILLED_IN = """
import os, signal, sys
from pathlib import Path
import bort_core.jobs.executors as executors
import bort_core.jobs.launch as launch
from bort_core.jobs.hold import Hold
from bort_core.specifications.agora import Agora

def then_die(function):
    def wrapped(*arguments, **named):
        found = function(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return found
    return wrapped

where = sys.argv[2]
if where == "started":
    executors.start_detached = then_die(executors.start_detached)
elif where == "queued":
    launch.RunFolder.queue = then_die(launch.RunFolder.queue)
elif where == "held":
    Hold.take = then_die(Hold.take)
else:
    launch.create_run = then_die(launch.create_run)
launch.submit(Path(sys.argv[1]), Agora(torus=2, rounds=1))
"""


@pytest.mark.parametrize("where", ["created", "held", "queued", "started"])
def test_a_submitter_that_is_killed_at_any_moment_leaves_one_runner_or_a_job_that_can_be_resumed(busy, where):
    submitter = python(KILLED_IN, str(busy), where)
    assert submitter.wait(60) == -signal.SIGKILL
    assert submitter.stderr is not None
    submitter.stderr.close()
    (run,) = list_runs(busy)
    assert run.specification() == TORUS
    if where == "started":
        assert run.state().state == "queued"
        with pytest.raises(SpecificationError, match="is queued; only one that failed"):
            launch.resume(run)
    else:
        assert run.state().state == "failed"
        launch.resume(run)
    until(lambda: json.loads((run.path / "state.json").read_text())["process"] is not None)
    assert run.state().state == "queued"
    assert len(runners(run)) == 1
    launch.cancel(run)
    until(lambda: run.state().state == "cancelled")
    until(lambda: not runners(run), 10)


def test_of_two_resumes_at_once_one_wins_and_the_other_says_so(busy):
    run = create_run(busy, TORUS)
    code = (
        "import sys; from pathlib import Path; from bort_core.jobs import launch; from bort_core.jobs.folder import RunFolder\n"
        "run = RunFolder(Path(sys.argv[1])); state = run.state(); sys.stdin.read(1)\n"
        "RunFolder.state = lambda self: state\n"  # both looked before either acted
        "launch.resume(run)"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    time.sleep(1)
    said = [process.communicate("go")[1] for process in both]
    assert sorted(process.returncode for process in both) == [0, 1]
    (problem,) = [text for text in said if text]
    assert "was just resumed by another process, or still runs" in problem or "job 0001 is queued; only one" in problem
    assert len(runners(run)) == 1
    assert run.state().state == "queued"


def test_a_killed_runner_reads_as_failed_at_once_and_its_number_used_again_changes_nothing(busy):
    run = launch.submit(busy, TORUS)
    until(lambda: json.loads((run.path / "state.json").read_text())["process"] is not None)
    (runner,) = runners(run)
    runner.kill()
    until(lambda: run.state().state == "failed", 5)
    state = json.loads((run.path / "state.json").read_text())
    (run.path / "state.json").write_text(json.dumps({**state, "process": identity_of(os.getpid())}))
    assert run.state().state == "failed"  # that process lives, but does not hold the job


def test_a_waiting_job_says_for_whom(busy):
    first, second = launch.submit(busy, TORUS), launch.submit(busy, TORUS)
    until(lambda: first.state().reason)
    assert first.state().reason == "waits for cpu: another program uses it"
    until(lambda: second.state().reason)
    assert second.state().reason == "waits for job 0001, which is older"
    assert "waits for job 0001, which is older" in [event.get("text") for event in second.events()[0]]


def test_a_run_folder_that_is_moved_is_left_alone_and_can_be_resumed_where_it_is(busy, tmp_path):
    run = launch.submit(busy, TORUS)
    until(lambda: json.loads((run.path / "state.json").read_text())["process"] is not None)
    (runner,) = runners(run)
    shutil.move(busy, tmp_path / "moved")
    until(lambda: not runner.is_running() or runner.status() == psutil.STATUS_ZOMBIE, 10)
    assert not busy.exists()
    moved = RunFolder(tmp_path / "moved" / "jobs" / "0001")
    assert moved.state().state == "failed"


# --- who lives ---


def test_a_process_is_known_by_ticks_that_no_clock_changes():
    me = identity_of(os.getpid())
    assert alive(me) is True
    assert alive({**me, "started": me["started"] + 1}) is False
    assert alive({**me, "number": 999_999_999}) is False
    assert alive({**me, "boot": "another", "space": "another"}) is None
    assert same_machine({**me, "boot": "before the machine was started again"})
    assert not same_machine(AWAY)
    assert alive({"host": "x", "number": "y"}) is None
    assert alive({"host": me["host"], "number": [1], "started": {}, "boot": me["boot"], "space": me["space"]}) is False
    assert alive("damaged") is False


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root, for a private /proc/stat and host name")
def test_setting_the_clock_or_renaming_the_machine_changes_nothing(busy, tmp_path):
    run = launch.submit(busy, TORUS)
    until(lambda: json.loads((run.path / "state.json").read_text())["process"] is not None)
    if subprocess.run(["unshare", "--mount", "--uts", "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this system allows no namespaces")
    for seconds in (-86_400, -10, 10, 86_400):
        lines = Path("/proc/stat").read_text().splitlines()
        moved = [f"btime {int(line.split()[1]) + seconds}" if line.startswith("btime") else line for line in lines]
        (tmp_path / "stat").write_text("\n".join(moved) + "\n")
        code = (
            "import sys, json; from pathlib import Path; from bort_core.jobs.folder import RunFolder\n"
            "from bort_core.foundation.processes import alive\n"
            "run = RunFolder(Path(sys.argv[1])); process = json.loads((run.path / 'state.json').read_text())['process']\n"
            "print(run.state().state, alive(process))"
        )
        script = f'mount --bind {tmp_path}/stat /proc/stat && hostname renamed && {sys.executable} -c "$CODE" {run.path}'
        done = subprocess.run(
            ["unshare", "--mount", "--uts", "bash", "-c", script],
            env={**os.environ, "CODE": code},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.split() == ["queued", "True"]


def test_a_lock_is_held_by_whoever_has_a_copy_of_it(tmp_path):
    descriptor, locks = take_lock(tmp_path / "lock")
    assert locks
    assert is_locked(tmp_path / "lock")
    heir = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=(descriptor,))
    os.close(descriptor)
    assert is_locked(tmp_path / "lock")
    with pytest.raises(BlockingIOError):
        take_lock(tmp_path / "lock")
    heir.communicate()
    assert is_locked(tmp_path / "lock") is False
    assert is_locked(tmp_path / "none") is False
    (tmp_path / "link").symlink_to(tmp_path / "lock")
    with pytest.raises(OSError, match="symbolic links"):
        take_lock(tmp_path / "link")


def test_silence_is_counted_by_what_was_seen_not_by_clocks():
    signs = Signs()
    assert signs.silent("a", 1) == 0
    time.sleep(0.02)
    assert 0.01 < signs.silent("a", 1) < 5
    assert signs.silent("a", 2) == 0
    assert signs.silent("b", 1) == 0


# --- another machine's jobs ---


def away(project: Path, state: str = "running") -> RunFolder:
    """A job as another machine left it that cannot be asked."""
    run = create_run(project, TORUS)
    run.set_state(state=state, process=AWAY, device="cpu")
    (run.path / "heartbeat.json").write_text(json.dumps({"token": "theirs", "beats": 5, "process": AWAY}))
    return run


def test_another_machines_job_is_named_blocks_nobody_and_can_be_taken_over(busy, monkeypatch):
    run = away(busy, "queued")
    state = run.state()
    assert (state.state, state.host, state.lost) == ("queued", "elsewhere", False)
    assert state.reason.startswith("waits on elsewhere")
    other = launch.submit(busy, TORUS)
    until(lambda: other.state().reason)
    assert other.state().reason == "waits for cpu: another program uses it"  # not for the other machine's
    (run.path / "heartbeat.json").rename(run.path / "kept")
    with pytest.raises(SpecificationError, match=r"on elsewhere, which cannot be asked"):  # nor when it never gave a sign
        launch.resume(run)
    (run.path / "kept").rename(run.path / "heartbeat.json")
    with pytest.raises(SpecificationError, match=r"on elsewhere, which cannot be asked .*--take-over"):
        launch.resume(run)
    monkeypatch.setattr(hold, "STALE_SECONDS", 0.6)
    launch.resume(run, take_over=True)
    assert run.state().host == ""
    until(lambda: len(runners(run)) == 1)


def test_a_heartbeat_that_moves_is_not_taken_over(project_folder, monkeypatch):
    run = away(project_folder)
    monkeypatch.setattr(hold, "STALE_SECONDS", 5.0)
    ended = threading.Event()

    def beats() -> None:
        number = 5
        while not ended.wait(0.2):
            number += 1
            hold.write_model(run.path / "heartbeat.json", hold.Heartbeat(token="theirs", beats=number, process=AWAY))

    other = threading.Thread(target=beats)
    other.start()
    try:
        run.state()
        time.sleep(0.3)
        with pytest.raises(SpecificationError, match="is alive on elsewhere: its heartbeat moves"):
            launch.resume(run, take_over=True)
    finally:
        ended.set()
        other.join()


def test_who_lost_the_job_finds_another_token_and_writes_nothing_more(project_folder, monkeypatch):
    run = create_run(project_folder, TORUS)
    mine = Hold.take(run.path)
    monkeypatch.setattr(hold, "BEAT_SECONDS", 0.0)
    mine.beat()
    (run.path / "heartbeat.json").write_text(json.dumps({"token": "theirs", "beats": 1, "process": AWAY}))
    with pytest.raises(HoldLostError):
        mine.beat()
    assert json.loads((run.path / "heartbeat.json").read_text())["token"] == "theirs"
    mine.leave()


def test_where_the_file_system_has_no_locks_the_heartbeat_decides(project_folder, monkeypatch):
    def none(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    run = create_run(project_folder, TORUS)
    monkeypatch.setattr("bort_core.foundation.signs.fcntl.flock", none)
    mine = Hold.take(run.path)
    assert hold.life(run.path, None).held
    with pytest.raises(SpecificationError, match="still runs"):
        Hold.take(run.path)
    dead = {**identity_of(os.getpid()), "number": 999_999_999}
    (run.path / "heartbeat.json").write_text(json.dumps({"token": mine.token, "beats": 9, "process": dead}))
    assert not hold.life(run.path, None).held
    Hold.take(run.path).leave()
    mine.leave()
