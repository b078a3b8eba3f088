"""Pile -> seconds and memory: the marks of a small pass, and their table."""

from __future__ import annotations

import json
from pathlib import Path

from evals.bench_reading import Mark, read, table
from tests.conftest import SIX


def test_a_pass_is_told_by_its_tenths_and_by_what_it_found(tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    again = {**SIX[0], "title": SIX[0]["title"] + "."}
    path.write_text("".join(json.dumps(record) + "\n" for record in (*SIX, again, {"title": "no more"})), "utf-8")
    *marks, found = read(path, tmp_path / "library.db", 20)
    assert [mark.entries for mark in marks if isinstance(mark, Mark)] == [2, 4, 6, 7]
    last = marks[-1]
    assert isinstance(last, Mark)
    assert (last.works, last.peak_mb > 10, last.seconds >= 0) == (6, True, True)
    assert isinstance(found, str)
    assert found.startswith("6 added, 1 merged, 1 rejected; library.db")


def test_the_table_gives_the_rate_of_each_part() -> None:
    rows = table([Mark(100, 99, 2.0, 1.0, 50.0), Mark(200, 198, 6.0, 5.0, 60.0)]).splitlines()[2:]
    assert rows == ["| 100 | 99 | 2 | 1 | 100 | 50 |", "| 200 | 198 | 6 | 5 | 25 | 60 |"]
