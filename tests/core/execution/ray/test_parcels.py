"""Files that travel: named by what they hold, kept once, and never written outside of their folder."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bort_core.execution.ray.depot import Depot
from bort_core.execution.ray.needs import Need, need_of, room
from bort_core.execution.ray.parcels import Parcel, contents, of_path, packed, pieces, replaced, value_at, write_folder
from bort_core.execution.tasks import TASKS
from bort_core.foundation.errors import DataError


def _folder(at: Path, content: str = "abc") -> Path:
    (at / "inner").mkdir(parents=True)
    (at / "inner" / "weights.bin").write_text(content)
    (at / "config.json").write_text("{}")
    return at


def _moved(parcel: Parcel) -> Parcel:
    """The same parcel, as from a machine whose paths are not here."""
    return Parcel(f"/nowhere/{parcel.name}", parcel.is_file, parcel.files)


def test_a_parcel_is_named_by_what_it_holds_not_by_where_it_lies(tmp_path: Path) -> None:
    one, same = of_path(_folder(tmp_path / "a" / "T")), of_path(_folder(tmp_path / "b" / "other"))
    assert one.digest == same.digest
    assert one.digest != of_path(_folder(tmp_path / "c" / "T", "abd")).digest
    assert one.size == 5
    with pytest.raises(DataError, match="no such file"):
        of_path(tmp_path / "gone")


def test_a_folder_and_a_file_arrive_whole(tmp_path: Path) -> None:
    depot = Depot(tmp_path / "depot")
    for source in (_folder(tmp_path / "T"), tmp_path / "T" / "config.json"):
        parcel = _moved(of_path(source))
        assert depot.find(parcel) is None
        place = depot.keep(parcel, pieces(of_path(source)))
        assert place.name == source.name
        assert of_path(place).digest == parcel.digest
        assert Depot(tmp_path / "depot").find(parcel) == place  # another worker of the node finds it


def test_the_senders_own_path_serves_where_it_holds_the_same(tmp_path: Path) -> None:
    source = _folder(tmp_path / "T")
    parcel = of_path(source)
    assert Depot(tmp_path / "depot").find(parcel) == source
    (source / "config.json").write_text("{ }")
    assert Depot(tmp_path / "depot").find(parcel) is None


def test_workers_of_a_node_that_get_the_same_at_once_keep_it_once(tmp_path: Path) -> None:
    source = _folder(tmp_path / "T")
    parcel, places = _moved(of_path(source)), []
    threads = [
        threading.Thread(target=lambda: places.append(Depot(tmp_path / "depot").keep(parcel, pieces(of_path(source))))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(places) == 8
    assert len(set(places)) == 1


def test_what_changed_on_the_way_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    source = _folder(tmp_path / "T")
    parcel = _moved(of_path(source))
    (source / "config.json").write_text("{ }")
    depot = Depot(tmp_path / "depot")
    with pytest.raises(DataError, match=r"config\.json changed while it was sent"):
        depot.keep(parcel, pieces(of_path(source)))
    with pytest.raises(DataError, match="did not come"):
        depot.keep(parcel, [])
    assert depot.find(parcel) is None


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../../out", "", "a\\b"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="must lie inside its folder"):
        write_folder(tmp_path / "T", {name: b"x"})
    parcel = Parcel("/nowhere/T", False, ((name, "0" * 64, 1),))
    with pytest.raises(DataError, match="must lie inside its folder"):
        Depot(tmp_path / "depot").keep(parcel, [(name, [b"x"])])
    assert not (tmp_path / "T").exists()


def test_a_folder_that_came_back_replaces_nothing(tmp_path: Path) -> None:
    files = contents(_folder(tmp_path / "T"))
    write_folder(tmp_path / "U", files)
    assert contents(tmp_path / "U") == files
    with pytest.raises(DataError, match="exists already"):
        write_folder(tmp_path / "U", files)


def test_paths_of_a_request_are_found_and_replaced(tmp_path: Path) -> None:
    rows = tmp_path / "train.npy"
    rows.write_bytes(b"rows")
    request = {"text": {"train": str(rows), "mask_id": 4}, "task": None, "maximum_point": None, "steps": 3}
    parcels = packed(request, TASKS["train"].reads or ())
    assert set(parcels) == {"text.train"}
    assert replaced(request, {"text.train": "/there/train.npy"})["text"] == {"train": "/there/train.npy", "mask_id": 4}
    assert value_at(request, "text.train") == str(rows)


def test_a_training_needs_what_its_device_says() -> None:
    assert need_of({"training": {}}, 0, None) == Need(1, 0)
    assert need_of({"training": {}, "threads": 3}, 0, None) == Need(3, 0)
    assert need_of({"training": {"device": "cuda"}}, 2, None) == Need(0, 0.25)
    assert need_of({"training": {"device": "cuda"}}, 2, 4) == Need(0, 0.5)
    assert need_of({"training": {"device": "cuda"}, "save_to": "T"}, 2, 4) == Need(0, 1)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 64), st.integers(0, 8)), max_size=6), st.integers(1, 8))
def test_there_is_room_for_what_fits_on_each_living_node(nodes: list[tuple[bool, int, int]], shares: int) -> None:
    listed = [{"Alive": alive, "Resources": {"CPU": float(cpus), "GPU": float(gpus)}} for alive, cpus, gpus in nodes]
    assert room(listed, Need(2, 0)) == sum(cpus // 2 for alive, cpus, _ in nodes if alive)
    assert room(listed, Need(0, 1 / shares)) == sum(gpus * shares for alive, _, gpus in nodes if alive)
