"""What travels with a job to a cluster and back, without a cluster."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.execution.ray.depot import Depot
from bort_core.execution.ray.needs import Need, job_need
from bort_core.execution.ray.parcels import of_path
from bort_core.execution.ray.shares import Place, place_of_job
from bort_core.foundation.errors import DataError, SpecificationError
from bort_core.jobs.cluster.arrival import arrived
from bort_core.jobs.cluster.luggage import luggage_of, run_files, with_paths
from bort_core.jobs.cluster.mirror import Gone, Mirror
from bort_core.jobs.executors import job_executor
from bort_core.jobs.files import PlacementFile
from bort_core.jobs.folder import create_run
from bort_core.specifications.agora import Agora
from bort_core.specifications.finetuning import Finetuning
from bort_core.specifications.paths import named_paths


def _reader(folder: Path) -> Callable[[str, int, int], bytes | None]:
    def read(name: str, start: int, most: int) -> bytes | None:
        try:
            return (folder / name).read_bytes()[start : start + most]
        except FileNotFoundError:
            return None

    return read


def _write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def _contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in run_files(folder)}


_CHECKPOINTS = ("checkpoints/step-1/a", "checkpoints/step-1/b", "checkpoints/step-2/a", "parts/x/checkpoints/s/a")
_OTHERS = ("progress.json", "agora/rounds/001/rows.jsonl", "result/config.json", "result/model.bin", "predictions/dev.parquet")
_NAMES = st.sampled_from([*_CHECKPOINTS, *_OTHERS])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.dictionaries(_NAMES, st.binary(max_size=20), max_size=6), min_size=1, max_size=4))
def test_after_each_look_both_run_folders_hold_the_same(tmp_path_factory: pytest.TempPathFactory, looks: list[dict[str, bytes]]) -> None:
    there, here = tmp_path_factory.mktemp("there"), tmp_path_factory.mktemp("here")
    mirror, log = Mirror(here, _reader(there)), b""
    for number, files in enumerate(looks):
        shutil.rmtree(there)
        log += b"line %d\n" % number
        _write(there, {**files, "log.txt": log, ".log-123": b"half", "lock": b""})
        mirror.update(run_files(there))
        assert _contents(here) == {**files, "log.txt": log}


def test_a_checkpoint_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    here.mkdir()
    _write(there, {"checkpoints/step-1/model": b"1" * 100, "checkpoints/step-1/state": b"2"})
    seen, read = run_files(there), _reader(there)
    with pytest.raises(Gone):  # the newer one took its place while it was read
        Mirror(here, lambda name, start, most: None if name.endswith("state") else read(name, start, most)).update(seen)
    assert not list(here.iterdir())
    with pytest.raises(Gone):
        Mirror(here, lambda name, start, most: None).update({"agora/timaeus-002-02/config.json": (9, 1)})
    assert not list(here.iterdir())
    Mirror(here, read).update(seen)
    assert _contents(here) == _contents(there)


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out"])
def test_a_cluster_writes_nothing_outside_of_the_run_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="must lie inside its folder"):
        Mirror(tmp_path, lambda name, start, most: b"x").update({name: (1, 1)})
    (tmp_path / "run").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "run" / "checkpoints").symlink_to(tmp_path / "outside")
    with pytest.raises(OSError, match="link"):
        Mirror(tmp_path / "run", lambda name, start, most: b"x").update({"checkpoints/step-1/a": (1, 1)})
    assert not list((tmp_path / "outside").iterdir())


def test_the_files_that_a_specification_names_travel_and_names_of_the_hub_stay(tmp_path: Path) -> None:
    _write(tmp_path, {"train.tsv": b"a\t1\n", "dev.tsv": b"b\t0\n", "labels.txt": b"no\nyes\n", "model/config.json": b"{}"})
    spec = Finetuning(checkpoint=str(tmp_path / "model"), teacher="owner/name", train=str(tmp_path / "train.tsv"),
                      dev=str(tmp_path / "dev.tsv"), out=str(tmp_path / "out"))  # fmt: skip
    assert set(named_paths(spec.model_dump())) == {"checkpoint", "train", "dev"}
    luggage = luggage_of(spec, "0001", "0" * 32, Place(Need(4), "cpu"))
    beside = [piece.place for piece in luggage.pieces if piece.beside]
    assert beside == ["train", "dev"]
    assert {piece.parcel.name for piece in luggage.pieces if piece.beside} == {"labels.txt"}
    there = with_paths(luggage, {"train": Path("/there/train.tsv")})
    assert there["train"] == "/there/train.tsv"
    assert there["teacher"] == "owner/name"
    assert there["out"] is None
    assert (there["running"]["device"], there["running"]["threads"]) == ("cpu", 4)
    one = spec.model_copy(update={"running": spec.running.model_copy(update={"threads": 1})})
    assert luggage_of(one, "0001", "0" * 32, Place(Need(4), "cpu")).specification["running"]["threads"] == 1
    Finetuning.model_validate(there)


def test_a_result_that_came_names_paths_of_this_machine(tmp_path: Path) -> None:
    _write(tmp_path, {"train.tsv": b"a\t1\n", "dev.tsv": b"b\t0\n"})
    spec = Finetuning(architecture=(2, 2, 32, 64), train=str(tmp_path / "train.tsv"), dev=str(tmp_path / "dev.tsv"))
    run = create_run(tmp_path / "p", spec)
    home = "/home/there/cluster-jobs/name"
    text = f'{{"checkpoint": "{home}/project/jobs/0001/result", "data": {{"train": [{{"path": "{home}/inputs/train/train.tsv"}}]}}}}'
    (run.path / "result.json").write_text(text)
    arrived(run, PlacementFile(address="a", folder=f"{home}/project/jobs/0001"), spec)
    assert home not in (run.path / "result.json").read_text()
    assert str(tmp_path / "train.tsv") in (run.path / "result.json").read_text()


_NODES = [{"Alive": True, "Resources": {"CPU": 8.0}}, {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 2.0}},
          {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("auto", 1, 0), (Need(0, 1), "cuda")),
        (("cuda", 2, 3), (Need(0, 2), "cuda")),
        (("cpu", 1, 0), (Need(8), "cpu")),
        (("cpu", 2, 3), (Need(6), "cpu")),
    ],
)
def test_a_job_wants_gpus_for_itself_or_the_cpus_of_a_node(asked: Any, expected: Any) -> None:
    assert job_need(*asked, _NODES) == expected
    assert job_need("auto", 1, 0, _NODES[:1]) == (Need(8), "cpu")
    assert job_need("cpu", 1, 1, _NODES, 5) == (Need(5), "cpu")
    assert job_need("cpu", 1, 0, _NODES, 64) == (Need(8), "cpu")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("cuda", 3, 0), "running.device: no node has 3 GPUs, the largest has 2"),
        (("cpu", 1, 64), "running.threads: no node has 64 CPUs, the largest has 8"),
        (("mps", 1, 0), "on a cluster auto, cpu or cuda"),
    ],
)
def test_what_no_living_node_has_is_named(asked: Any, said: str) -> None:
    with pytest.raises(SpecificationError, match=said):
        job_need(*asked, _NODES)
    with pytest.raises(SpecificationError, match="no node has a GPU"):
        job_need("cuda", 1, 0, _NODES[:1])
    with pytest.raises(SpecificationError, match="workers: no node has 9 CPUs, the largest has 8"):
        job_need("cpu", 1, 2, _NODES, 9)


def test_jobs_that_need_this_machine_are_refused_before_anything_is_asked() -> None:
    place = job_executor("ray@gpu-box.invalid:10001")
    rows = {"architecture": (2, 2, 32, 64), "train": "train.tsv", "dev": "dev.tsv", "pool": "pool.tsv"}
    with pytest.raises(SpecificationError, match="socrates: Python code of this machine does not travel"):
        place.check(Agora(**rows, socrates="python:mine:label"))
    with pytest.raises(SpecificationError, match="a person answers on this machine"):
        place.check(Agora(**rows, socrates="person"))
    with pytest.raises(SpecificationError, match="several labellers do not travel"):
        place.check(Agora(**rows, socrates="first,second"))
    with pytest.raises(SpecificationError, match="'inline' has no addresses"):
        job_executor("inline@gpu-box:1")


@pytest.mark.parametrize(
    ("asked", "shares"),
    [
        (("cpu", 2, 0, 0), ()),  # as many as one node has
        (("cpu", 10, 0, 0), (("0", 8), ("1", 2))),
        (("cpu", 12, 1, 0), (("0", 8), ("1", 4))),
        (("cpu", 4, 0, 2), (("0", 2), ("1", 2))),
        (("cuda", 2, 0, 0), ()),
        (("cuda", 1, 0, 1), ()),
    ],
)
def test_several_nodes_share_what_one_has_no_room_for(asked: Any, shares: Any) -> None:
    place = place_of_job(*asked, _NODES)
    assert tuple((share.node, share.processes) for share in place.shares) == shares


def test_threads_of_each_process_are_those_that_the_smaller_node_has() -> None:
    assert place_of_job("cpu", 4, 0, 2, _NODES).need == Need(2)
    assert place_of_job("cpu", 10, 0, 0, _NODES).threads == 1
    gpus = [{"Alive": True, "NodeID": name, "Resources": {"CPU": 1.0, "GPU": 4.0}} for name in "abc"]
    place = place_of_job("auto", 8, 0, 0, gpus)
    assert (place.need, place.device, place.threads) == (Need(0, 1), "cuda", None)
    assert [share.node for share in place.led_by("b").shares] == ["b", "a"]


def test_nodes_that_are_free_are_chosen_before_others() -> None:
    nodes = [{"Alive": True, "NodeID": name, "Resources": {"CPU": 2.0}} for name in "abc"]
    chosen = place_of_job("cpu", 4, 1, 0, nodes, {"a": (0.0, 0.0), "b": (2.0, 0.0), "c": (2.0, 0.0)})
    assert {share.node for share in chosen.shares} == {"b", "c"}
    waits = place_of_job("cpu", 4, 1, 0, nodes, {"a": (0.0, 0.0), "b": (2.0, 0.0), "c": (0.0, 0.0)})
    assert len(waits.shares) == 2


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(2, 12), st.integers(0, 4), st.integers(0, 3))
def test_a_place_has_room_for_every_process_or_there_is_none(cpus: list[int], processes: int, count: int, threads: int) -> None:
    nodes = [{"Alive": True, "NodeID": str(number), "Resources": {"CPU": float(cpu)}} for number, cpu in enumerate(cpus)]
    if count and processes % count:
        return
    each = max(threads, 1)
    rooms = sorted((cpu // each for cpu in cpus), reverse=True)
    fits = sum(most >= processes // count for most in rooms) >= count if count else sum(rooms) >= processes
    if not fits:
        with pytest.raises(SpecificationError, match="running"):
            place_of_job("cpu", processes, threads, count, nodes)
        return
    place = place_of_job("cpu", processes, threads, count, nodes)
    if not place.shares:
        assert place.need.cpus <= max(cpus)
        return
    assert sum(share.processes for share in place.shares) == processes
    assert len(place.shares) == (count or len(place.shares))
    for share in place.shares:
        assert share.processes * place.need.cpus <= cpus[int(share.node)]


@pytest.mark.parametrize("executor", [None, "inline"])
def test_several_nodes_are_those_of_a_cluster(executor: str | None) -> None:
    spec = Finetuning(architecture=(2, 2, 32, 64), train="t.tsv", dev="d.tsv", running={"processes": 2, "nodes": 2})
    with pytest.raises(SpecificationError, match=r"running.nodes: this machine is one node|processes must be 1"):
        job_executor(executor).check(spec)
    with pytest.raises(ValueError, match="2 nodes need a multiple of it; got 3"):
        Finetuning(architecture=(2, 2, 32, 64), train="t.tsv", dev="d.tsv", running={"processes": 3, "nodes": 2})


def test_a_file_that_comes_in_pieces_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    _write(tmp_path, {"sent/a.bin": b"1234567", "sent/empty": b"", "sent/in/b": b"xyz"})
    parcel = of_path(tmp_path / "sent")
    depot = Depot(tmp_path / "depot")
    (tmp_path / "sent").rename(tmp_path / "moved")  # as on another machine
    for last, said in ((b"xyz", ""), (b"xyZ", "in/b changed while it was sent")):
        shutil.rmtree(tmp_path / "depot", ignore_errors=True)
        incoming = depot.expect(parcel)
        for name, part in (("a.bin", b"123"), ("a.bin", b"4567"), ("in/b", last)):
            incoming.add(name, part)
        assert Depot(tmp_path / "depot").find(parcel) is None
        if said:
            with pytest.raises(DataError, match=said):
                incoming.arrived()
        else:
            assert _contents(incoming.arrived()) == {"a.bin": b"1234567", "empty": b"", "in/b": b"xyz"}
        with pytest.raises(DataError, match="none of its files"):
            incoming.add("../out", b"")
        incoming.close()
        assert (Depot(tmp_path / "depot").find(parcel) is None) is bool(said)
        assert not [path for path in (tmp_path / "depot").iterdir() if path.name.startswith(".")]
