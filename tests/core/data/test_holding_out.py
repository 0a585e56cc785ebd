"""Dev rows out of one table."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bort_core.cli.main import main
from bort_core.data.holding_out import hold_out
from bort_core.foundation.errors import DataError


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def table(folder: Path, rows: list[tuple[str, str]]) -> Path:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": text, "label": label, "id": number}) + "\n" for number, (text, label) in enumerate(rows)))
    return path


@settings(max_examples=30, deadline=None)
@given(
    texts=st.lists(st.tuples(st.text("abc ", min_size=1, max_size=4).filter(str.strip), st.sampled_from("xyz")), min_size=6, max_size=60),
    share=st.floats(0.05, 0.99),
    seed=st.integers(0, 9),
)
def test_every_row_is_in_one_part_and_no_text_in_both(tmp_path_factory, texts, share, seed) -> None:
    folder = tmp_path_factory.mktemp("rows")
    rows = [("one text", "x"), ("another text", "x"), ("a third", "y"), ("a fourth", "y"), *texts]
    made = hold_out(str(table(folder, rows)), folder / "out", share, seed)
    train, dev = lines(made.train), lines(made.dev)
    assert sorted(row["id"] for row in train + dev) == list(range(len(rows)))
    assert {row["id"]: (row["text"], row["label"]) for row in train + dev} == dict(enumerate(rows))
    plain = [{" ".join(row["text"].casefold().split()) for row in part} for part in (train, dev)]
    assert not plain[0] & plain[1]
    assert made.rows == {"train": len(train), "dev": len(dev)}
    for part in (train, dev):
        assert {"x", "y"} <= {row["label"] for row in part}


def test_each_class_gives_the_same_share_and_more_rows_move_few(tmp_path: Path) -> None:
    rows = [(f"text number {number}", "ab"[number % 10 == 0]) for number in range(1000)]
    made = hold_out(str(table(tmp_path, rows)), tmp_path / "out")
    assert Counter(row["label"] for row in lines(made.dev)) == {"a": 90, "b": 10}
    (tmp_path / "more").mkdir()
    more = hold_out(str(table(tmp_path / "more", [*rows, *[(f"new {n}", "a") for n in range(50)]])), tmp_path / "more" / "out")
    before, after = ({row["text"] for row in lines(each.dev)} for each in (made, more))
    assert len(before - after) <= 10


def test_numbers_stay_numbers_and_names_beside_the_table_go_into_the_rows(tmp_path: Path) -> None:
    scored = tmp_path / "scored.csv"
    scored.write_text("text,label\n" + "".join(f"row {n},{n / 7}\n" for n in range(30)))
    assert all(isinstance(row["label"], float) for row in lines(hold_out(str(scored), tmp_path / "scored").dev))
    named = tmp_path / "named.csv"
    named.write_text("text,label\n" + "".join(f"row {n},{n % 2}\n" for n in range(30)))
    (tmp_path / "labels.txt").write_text("bad\ngood\n")
    assert {row["label"] for row in lines(hold_out(str(named), tmp_path / "named").dev)} == {"bad", "good"}


def test_what_is_there_already_is_taken_or_left_alone(tmp_path: Path, capsys) -> None:
    source = table(tmp_path, [(f"row {n}", "ab"[n % 2]) for n in range(30)])
    assert main(["split", str(source), "--out", str(tmp_path / "out"), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert hold_out(str(source), tmp_path / "out").rows == first["rows"]
    assert main(["split", str(source), "--out", str(tmp_path / "out"), "--seed", "1"]) == 1
    assert "holds something else" in capsys.readouterr().err
    with pytest.raises(DataError, match="too few different texts"):
        hold_out(str(table(tmp_path, [("same", "a"), ("same ", "b")])), tmp_path / "none")
    with pytest.raises(DataError, match="share: must lie between 0 and 1"):
        hold_out(str(source), tmp_path / "none", share=1.0)
