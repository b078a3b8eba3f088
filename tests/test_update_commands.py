"""The commands that bring a library up to date, and what they tell."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant.cli import main
from tests.command import words_for
from tests.processes import Ended

Run = Callable[..., Ended]

BRIDGES = "We fold bridges from one sheet of paper. They bear ten times their weight, as tests with sand have shown."
OWLS = "We count owls and mice in many woods at night, with lamps that owls cannot see. Mice are fewer where owls are."


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command line in this process, over a library of its own, with words for an encoder."""
    monkeypatch.setattr("ingest.library.open_encoder", words_for)

    def run(*arguments: str | Path) -> Ended:
        monkeypatch.setattr(sys, "argv", ["whichpapers", *map(str, arguments), "--library", str(tmp_path / "library")])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return Ended(int(ended.value.code or 0), out, err)

    return run


@pytest.fixture
def two(tmp_path: Path, command: Run) -> Path:
    """A file of two papers, read."""
    path = tmp_path / "two.jsonl"
    rows = [
        {"title": "Bridges of Paper", "abstract": BRIDGES, "year": 2021, "code": "https://github.com/a/b"},
        {"title": "What Owls Count", "abstract": OWLS, "venue": "Owl Days"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    assert command("ingest", path).code == 0
    return path


def ids(command: Run, *arguments: str) -> list[str]:
    return [line.split("\t")[0] for line in command("papers", *arguments).out.splitlines()]


def test_columns_can_be_named(tmp_path: Path, command: Run) -> None:
    path = tmp_path / "table.csv"
    path.write_text(f'Name,What\nBridges of Paper,"{BRIDGES}"\n')
    refused = command("ingest", path)
    assert (refused.code, len(refused.err.splitlines())) == (2, 1)
    read = command("ingest", path, "--column", "title=Name", "--column", "abstract=What")
    assert (read.code, ids(command)) == (0, ["bridges-of-paper"])
    for bad in ("title", "titel=Name", "=Name", "title="):
        ended = command("ingest", path, "--column", bad)
        assert (ended.code, ended.err.count("\n")) == (2, 1)
        assert f"column {bad!r}; expected FIELD=COLUMN with a field of title, abstract" in ended.err


def test_standard_input_is_a_source(command: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    content = json.dumps({"title": "Bridges of Paper", "abstract": BRIDGES}).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    assert command("ingest", "-").code == 0
    exported = command("papers", "--export", "jsonl").out
    assert json.loads(exported)["title"] == "Bridges of Paper"


def test_where_lists_what_fits_and_tells_what_is_missing(two: Path, command: Run) -> None:
    assert two.exists()
    found = command("papers", "--where", "year >= 2020 or has_venue")
    assert [line.split("\t")[0] for line in found.out.splitlines()] == ["bridges-of-paper", "what-owls-count"]
    assert found.err == "1 of 2 papers say nothing of year and fit no condition on it\n"
    assert ids(command, "--where", "has_code") == ["bridges-of-paper"]
    bad = command("papers", "--where", "yeer > 2")
    assert (bad.code, bad.out) == (2, "")
    assert bad.err.startswith("whichpapers: cannot read the filter 'yeer > 2' at 'yeer > 2' (character 1): expected")


def test_papers_are_removed_merged_and_split_for_good(two: Path, command: Run) -> None:
    merged = command("merge", "what-owls-count", "bridges-of-paper")
    assert (merged.code, merged.out) == (0, "what-owls-count\n")
    command("ingest", two)
    assert ids(command) == ["what-owls-count"]
    divided = command("split", "what-owls-count")
    assert sorted(divided.out.split()) == ["bridges-of-paper", "what-owls-count"]
    assert command("remove", "bridges-of-paper").code == 0
    again = command("ingest", two)
    assert "1 unchanged" in again.out
    assert "1 left out as removed by hand" in again.out
    assert ids(command) == ["what-owls-count"]


def test_what_cannot_be_changed_is_told_in_one_line(two: Path, command: Run, tmp_path: Path) -> None:
    assert two.exists()
    for arguments, why in (
        (["remove", "x"], "no paper with the id 'x'"),
        (["merge", "what-owls-count"], "name two ids or more"),
        (["merge", "what-owls-count", "x"], "no paper with the id 'x'"),
        (["split", "what-owls-count"], "nothing to split"),
    ):
        ended = command(*arguments)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
        assert why in ended.err
    (tmp_path / "library" / "library.db").unlink()
    assert "whichpapers ingest PATH" in command("remove", "x").err


def test_sync_removes_what_is_gone(two: Path, command: Run) -> None:
    two.write_text(two.read_text().splitlines()[0])
    assert "2 works" in command("ingest", two).out
    ended = command("ingest", two, "--sync")
    assert ended.out.endswith("1 gone from their source and removed. The library holds 1 works.\n")


def test_ten_thousand_rejections_are_summarised_and_listed_in_a_file(tmp_path: Path, command: Run) -> None:
    path = tmp_path / "many.jsonl"
    good = json.dumps({"title": "Bridges of Paper", "abstract": BRIDGES})
    path.write_text("\n".join([good, *(json.dumps({"title": f"Paper {n}"}) for n in range(9_000)), *["{}"] * 1_000]))
    ended = command("ingest", path)
    told = ended.err.splitlines()
    assert (ended.code, len(told)) == (0, 23)
    listed = tmp_path / "library" / "rejected.txt"
    assert told[20] == f"... and 9,980 more rejected, all listed in {listed}:"
    assert told[21:] == ["    9,000 x a title without an abstract", "    1,000 x an entry without a title"]
    lines = listed.read_text().splitlines()
    assert len(lines) == 10_000
    assert lines[-1].endswith("many.jsonl:10001: an entry without a title")
    path.write_text(good)
    command("ingest", path)
    assert not listed.exists()
