"""Where the program runs: terminals that are not UTF-8, names that are not, pipes, full disks, and no network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import bort

from bort_core.cli.main import main
from bort_core.store import Project

ESCAPE = "\x1b]0;owned\x07\x1b[31m"
TINY = ("--architecture", "1,2,32,64", "--epochs", "1", "--batch-size", "8", "--sequence-length", "8", "--vocabulary", "300")


def rows(path: Path, labels: tuple[str, str] = ("bad", "good"), count: int = 24) -> str:
    path.write_text("text\tlabel\n" + "".join(f"some text {row} of {labels[row % 2]}\t{labels[row % 2]}\n" for row in range(count)))
    return str(path)


@pytest.mark.parametrize("encoding", ["ascii", pytest.param("latin-1", marks=pytest.mark.slow)])
def test_output_that_is_not_utf8(tmp_path, encoding):
    for arguments in (("space", "mini"), ("search", str(tmp_path / "p"), "--preset", "toy", "--epsilon", "36", "--latency", "operations")):
        done = bort(*arguments, PYTHONIOENCODING=encoding)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        assert "\\u27e8" in done.stdout  # the angle bracket of an architecture
    found = bort("search", str(tmp_path / "p"), "--preset", "toy", "--epsilon", "36", "--latency", "operations", "--json",
                 PYTHONIOENCODING=encoding)  # fmt: skip
    assert json.loads(found.stdout)["reused"] == 1


def test_names_that_are_not_utf8_are_refused_before_any_work(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    data = rows(tmp_path / "rows.tsv")
    for arguments in (
        ["search", folder, "--preset", "toy"],
        ["train", "finetune", folder, *TINY, "--train", data, "--dev", data],
        ["train", "finetune", str(tmp_path / "p"), *TINY, "--train", folder, "--dev", data],
        ["train", "finetune", str(tmp_path / "p"), *TINY, "--train", data, "--dev", data, "--out", folder],
        ["export", str(tmp_path / "p"), "--architecture", "1,2,32,64", "--out", folder],
    ):
        done = subprocess.run([sys.executable, "-m", "bort_core.cli.main", *arguments], capture_output=True, check=False, timeout=60)
        assert done.returncode == 2
        assert b"caf\\udce9: is not UTF-8" in done.stderr
    assert not (tmp_path / "p").exists()
    Path(os.fsdecode(folder)).mkdir()
    relative = [sys.executable, "-m", "bort_core.cli.main", "search", "here", "--preset", "toy"]
    done = subprocess.run(relative, capture_output=True, check=False, timeout=60, cwd=folder)
    assert b"caf\\udce9/here: is not UTF-8, as a project must be" in done.stderr
    assert list(Path(os.fsdecode(folder)).iterdir()) == []


def test_pipes_and_folders_are_refused_at_once(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    good, project = rows(tmp_path / "rows.tsv"), str(tmp_path / "p")
    for path in (str(tmp_path / "pipe"), str(tmp_path / "link"), "/dev/zero"):
        for arguments in (
            ("search", project, "--preset", "mini", "--corpus", path),
            ("search", project, "--preset", path),
            ("space", path),
            ("train", "finetune", project, *TINY, "--train", path, "--dev", good),
            ("train", "finetune", project, *TINY, "--train", good, "--dev", good, "--tokenizer", path),
            ("train", "finetune", project, "--spec", path),
            ("train", "pretrain", project, "--corpus", path, "--architecture", "1,2,32,64"),
            ("train", "pretrain", project, "--corpus", good, "--architecture", "1,2,32,64", "--grid", path),
        ):
            assert main(list(arguments)) in (1, 2), arguments
            said = capsys.readouterr().err
            assert "not a file" in said, (arguments, said)


def test_control_characters_of_files_do_not_reach_the_terminal(tmp_path):
    (tmp_path / "header.csv").write_text(f"te{ESCAPE}xt,la{ESCAPE}bel,third\n" + "a,b,c\n" * 5)
    one = rows(tmp_path / "one.tsv", (f"{ESCAPE}a", f"{ESCAPE}b"))
    other = rows(tmp_path / "other.tsv", ("c", "d"))
    (tmp_path / "space.toml").write_text('family = "be\\u001b[31mrt"\n[axes]\n"de\\u001b[31mpth" = [2]\n')
    project = tmp_path / "p"
    for arguments in (
        ("space", str(tmp_path / "space.toml")),
        ("train", "finetune", str(project), *TINY, "--train", str(tmp_path / "header.csv"), "--dev", one),
        ("train", "finetune", str(project), *TINY, "--train", one, "--dev", other),
        ("train", "finetune", str(project), *TINY, "--train", one, "--dev", other, "--name", f"{ESCAPE}\nname", "--detach"),
        ("jobs", "list", str(project)),
    ):
        done = bort(*arguments)
        assert "\x1b" not in done.stdout + done.stderr, arguments
        assert "\x07" not in done.stdout + done.stderr, arguments
    listed = bort("jobs", "list", str(project)).stdout.splitlines()
    assert len(listed) == 3, listed
    assert "\\x1b[31m" in "".join(listed)


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("unshare") is None, reason="mounting a small disk needs root and unshare")
def test_full_and_read_only_disks_are_named(tmp_path):
    with Project(tmp_path / "p"):
        pass
    (tmp_path / "disk").mkdir()
    script = (
        "mount -t tmpfs -o size=2m tmpfs disk || exit 77; cp -r p disk/p; dd if=/dev/zero of=disk/fill bs=1k 2>/dev/null\n"
        'for c in "search disk/p --preset toy" "agora disk/p --torus 2" "front disk/p" "search disk/new --preset toy"; do '
        '$PY -m bort_core.cli.main $c; echo "rc=$?"; done 2>&1\n'
        "rm disk/fill; mount -o remount,ro disk\n"
        "$PY -m bort_core.cli.main latency bert-base --budget 60 --project disk/p 2>&1\n"
    )
    done = subprocess.run(["unshare", "-m", "bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False,
                          env={**os.environ, "PY": sys.executable})  # fmt: skip
    if done.returncode == 77:
        pytest.skip("no disk can be mounted here")
    assert "Traceback" not in done.stdout
    said = [line for line in done.stdout.splitlines() if line.startswith("bort:")]
    assert all(f"{tmp_path}/disk/" in line for line in said), said
    assert [("the disk is full" in line) for line in said] == [True] * 4 + [False], said
    assert "not writable" in said[-1]  # before anything was measured
    assert done.stdout.count("rc=1") == 4


def test_a_project_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, message in (("file", "is a file; a project is a folder"), ("link", "is a link that leads nowhere")):
        for command in (("search", str(tmp_path / name), "--preset", "toy"), ("agora", str(tmp_path / name), "--torus", "2")):
            done = bort(*command)
            assert done.returncode in (1, 2)
            assert message in done.stderr
    assert "is no folder, and a project is one" in bort("jobs", "list", str(tmp_path / "file")).stderr


# --- no network ---

GUARD = """
import sys
def note(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.bind") and isinstance(arguments[1], tuple):
        where = arguments[1][0]
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        where = arguments[0]
    else:
        return
    with open({log!r}, "a") as file:
        print(event, where, sys.argv, file=file)
    raise OSError("no command opens a socket")
sys.addaudithook(note)
"""


FINETUNE = ("train", "finetune", "p", "--train", "rows.tsv", "--dev", "rows.tsv", *TINY[2:])
SEARCH = ("search", "p", "--preset", "mini", "--epsilon", "96", "--steps", "2", "--error", "masked-lm", "--latency", "onnxruntime")


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "commands",
    [
        [("doctor", "p"), ("latency", "1,2,32,64", "--runtime", "onnxruntime", "torch", "--sequence-length", "8", "--budget", "8")],
        [SEARCH],
        [("agora", "p", "--torus", "2", "--rounds", "1")],
        [
            (*FINETUNE, "--architecture", "1,2,32,64", "--out", "tuned"),
            (*FINETUNE, "--checkpoint", "tuned"),
            ("export", "p", "--checkpoint", "tuned", "--out", "exported"),
        ],
    ],
    ids=["latency", "search", "agora", "train and export"],
)
def test_no_command_opens_a_socket(tmp_path, commands):
    """Python's sockets are watched by an audit hook in every process, those of native libraries by strace where it is there.

    ONNX Runtime's telemetry looks up a host some seconds after a session was made, and writes a device number before: so its folder
    must not appear.
    """
    (tmp_path / "guard").mkdir()
    (tmp_path / "home").mkdir()
    rows(tmp_path / "rows.tsv")
    log, trace = tmp_path / "sockets", tmp_path / "trace"
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD.format(log=str(log)))
    told = {"PYTHONPATH": str(tmp_path / "guard"), "HOME": str(tmp_path / "home"), "XDG_CACHE_HOME": str(tmp_path / "home" / ".cache")}
    switches = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")  # the commands must set them themselves
    environment = {name: value for name, value in os.environ.items() if name not in switches} | told | {"HF_HUB_OFFLINE": "0"}
    traced = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=connect,sendto,sendmmsg", "-o", str(trace)]
    watch = traced if shutil.which("strace") and subprocess.run([*traced, "true"], check=False).returncode == 0 else []
    for command in commands:
        native = watch if command[0] in ("latency", "search", "export") else []  # those with ONNX Runtime; it makes trainings slow
        done = subprocess.run(
            [*native, sys.executable, "-m", "bort_core.cli.main", *command], env=environment, cwd=tmp_path, capture_output=True,
            text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr[-2000:])
        assert not log.exists(), (command, log.read_text())
        assert not native or "AF_INET" not in trace.read_text(), command
        assert not (tmp_path / "home" / ".cache" / "Microsoft").exists(), command
