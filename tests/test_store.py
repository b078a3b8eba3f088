"""library.db: what is written is read, all or nothing, and what it owes is told."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, astuple, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.columns import rounded
from ingest.errors import LibraryEmpty, LibraryUnreadable
from ingest.records import IngestReport, Paper, Passage, Rejection, Source
from ingest.store import SCHEMA_VERSION, TARGETS, Store, batches

PAPER = Paper(
    "a",
    "Tïtle",
    "One. Two.",
    digest=True,
    authors=("Ä", "B"),
    year=2020,
    url="https://a.io/x",
    links=("https://a.io/x", "https://github.com/a"),
    code_urls=("https://github.com/a",),
    sources=(Source("o.txt", 3, "Tïtle"), Source("p.txt", 1, "T")),
)
SINCE_2 = ("venue", "categories", "arxiv", "doi")
PASSAGES = (Passage("a", 0, 0, 9), Passage("a", 1, 0, 4), Passage("a", 2, 5, 9))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "library.db", write=True)) as opened:
        yield opened


def test_a_paper_reads_back_as_it_was_written(store: Store) -> None:
    store.put_paper(PAPER, PASSAGES)
    assert store.paper("a") == PAPER
    assert store.passages(["a"]) == {"a": PASSAGES}
    assert list(store.every_paper()) == [PAPER]


def test_papers_come_in_the_order_asked_for_and_unknown_ids_are_left_out(store: Store) -> None:
    ids = [f"p{n:04}" for n in range(1200)]
    for paper_id in ids:
        store.put_paper(replace(PAPER, id=paper_id), ())
    order = [*reversed(ids), "unknown"]
    assert [paper.id for paper in store.papers(order)] == ids[::-1]
    assert store.paper("unknown") is None
    assert store.passages(["p0000"]) == {}


def test_writing_a_paper_again_replaces_passages_and_is_owed_once(store: Store) -> None:
    store.put_paper(PAPER, PASSAGES)
    for target in TARGETS:
        assert store.owed(target, 9) == ["a"]
    store.put_paper(PAPER, PASSAGES[:1])
    store.put_paper(PAPER, PASSAGES[:2])
    assert store.passages(["a"]) == {"a": PASSAGES[:2]}
    assert store.owed("vectors", 9) == ["a"]
    assert (len(store), store.count_passages()) == (1, 2)


def test_what_is_acknowledged_is_owed_no_more_and_marks_a_generation(store: Store) -> None:
    store.put_paper(PAPER, PASSAGES)
    before = store.recall("generation")
    store.acknowledge("vectors", ["a"])
    assert (store.owed_count("vectors"), store.owed_count("words")) == (0, 1)
    assert store.recall("generation") != before
    store.owe_everything("vectors")
    assert store.owed("vectors", 9) == ["a"]


def test_a_deleted_paper_takes_its_passages_along_and_is_owed(store: Store) -> None:
    store.put_paper(PAPER, PASSAGES)
    store.put_bands("a", ["x", "y", "x"])
    assert store.sharing_a_band(["y", "z"]) == ["a"]
    store.acknowledge("words", ["a"])
    store.delete_paper("a")
    assert len(store) == 0
    assert store.count_passages() == 0
    assert store.sharing_a_band(["x", "y"]) == []
    assert store.owed("words", 9) == ["a"]


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction():
        store.put_paper(PAPER, PASSAGES)
        raise KeyError
    assert len(store) == 0
    assert store.owed_count("words") == 0
    with store.transaction():
        store.put_paper(PAPER, PASSAGES)
    assert len(store) == 1


def test_an_altered_text_is_found(tmp_path: Path, store: Store) -> None:
    store.put_paper(PAPER, PASSAGES)
    store.put_paper(replace(PAPER, id="b"), ())
    assert store.altered() == []
    with closing(sqlite3.connect(tmp_path / "library.db")) as other, other:
        other.execute("UPDATE papers SET abstract = 'One. Too.' WHERE id = 'b'")
    assert store.altered() == ["b"]


def test_entries_are_kept_by_origin_id_and_occurrence(store: Store) -> None:
    store.put_paper(PAPER, ())
    entry = replace(PAPER, sources=PAPER.sources[:1])
    store.put_entry(entry, 0, "a")
    store.put_entry(replace(entry, title="U"), 1, "a")
    assert store.entry("o.txt", "a", 0) == ("a", entry)
    assert [e.title for e in store.entries("a")] == ["Tïtle", "U"]
    assert store.entry("p.txt", "a", 0) is None
    assert store.with_entry("a") == ["a"]
    store.delete_entry("o.txt", "a", 0)
    assert [e.title for e in store.entries("a")] == ["U"]


def test_an_entry_of_no_work_cannot_be_committed(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError), store.transaction():
        store.put_entry(PAPER, 0, "nowhere")
    assert store.entry("o.txt", "a", 0) is None


def test_vectors_are_kept_rounded_as_long_as_the_text(store: Store) -> None:
    row = np.random.default_rng(3).standard_normal((2, 5)).astype(np.float32)
    store.put_paper(PAPER, PASSAGES)
    store.put_vectors({"a": row})
    assert store.vectors(["b"]) == {}
    np.testing.assert_array_equal(store.vectors(["a"])["a"], rounded(row))
    np.testing.assert_allclose(rounded(row), row, rtol=2**-11)
    store.put_sources(replace(PAPER, year=1999))
    assert list(store.vectors(["a"])) == ["a"]
    store.put_paper(replace(PAPER, title="Other"), PASSAGES)
    assert store.vectors(["a"]) == {}


@pytest.mark.parametrize(
    "changed", ["numbers = zeroblob(12)", "numbers = 1", "passages = 3", "passages = 'x'", "crc32 = 'y'", "crc32 = 0"]
)
def test_vectors_that_were_changed_in_the_file_are_not_used(store: Store, tmp_path: Path, changed: str) -> None:
    store.put_paper(PAPER, PASSAGES)
    store.put_vectors({"a": np.ones((2, 3), np.float32)})
    with closing(sqlite3.connect(tmp_path / "library.db")) as other:
        other.execute(f"UPDATE vectors SET {changed}")  # noqa: S608
        other.commit()
    assert store.vectors(["a"]) == {}


def test_vectors_of_no_work_cannot_be_kept(store: Store) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        store.put_vectors({"nowhere": np.ones((1, 3), np.float32)})


def test_the_ledger_keeps_every_report(tmp_path: Path, store: Store) -> None:
    store.log(IngestReport(1, 1, 1, 0, 0, 0, 0))
    store.log(IngestReport(2, 1, 0, 0, 0, 0, 2, (Rejection("o:1", "é"),)))
    with closing(sqlite3.connect(tmp_path / "library.db")) as other:
        assert other.execute("SELECT count(*) FROM ingests").fetchone() == (2,)


def test_a_reader_sees_what_is_committed_and_cannot_write(tmp_path: Path, store: Store) -> None:
    with closing(Store(tmp_path / "library.db", write=False)) as reader:
        assert len(reader) == 0
        with store.transaction():
            store.put_paper(PAPER, PASSAGES)
            assert len(reader) == 0
        assert len(reader) == 1
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.put_paper(PAPER, ())


@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 999])
def test_a_newer_schema_is_refused(tmp_path: Path, version: int, *, write: bool) -> None:
    with closing(Store(tmp_path / "library.db", write=True)):
        pass
    with closing(sqlite3.connect(tmp_path / "library.db")) as other:
        other.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(LibraryUnreadable, match=f"schema version is {version}, this program reads {SCHEMA_VERSION}"):
        Store(tmp_path / "library.db", write=write)


def version_1(folder: Path) -> Path:
    """A database as the first version made it, with PAPER as its one work, told by the one entry "o.txt"."""
    told = {name: value for name, value in asdict(PAPER).items() if name not in SINCE_2}
    row = {name: json.dumps(value) if isinstance(value, list | tuple) else value for name, value in told.items()}
    row["sha256"] = PAPER.sha256
    with closing(sqlite3.connect(folder / "library.db")) as made:
        made.executescript(Path(__file__).with_name("schema_1.sql").read_text("utf-8") + "PRAGMA user_version = 1;")
        made.execute(f"INSERT INTO papers ({', '.join(row)}) VALUES (:{', :'.join(row)})", row)  # noqa: S608
        made.executemany("INSERT INTO passages VALUES (?, ?, ?, ?)", [astuple(passage) for passage in PASSAGES])
        made.execute("INSERT INTO entries VALUES ('o.txt', 'a', 0, 'a', ?)", [json.dumps(told)])
        made.execute("INSERT INTO outbox VALUES ('words', 'a', 3)")
        made.commit()
    return folder / "library.db"


def test_a_library_of_version_1_is_read_as_it_is_and_brought_up_by_a_writer(tmp_path: Path) -> None:
    path = version_1(tmp_path)
    before = path.read_bytes()
    with closing(Store(path, write=False)) as reader:
        assert list(reader.every_paper()) == [PAPER]
        assert reader.vectors(["a"]) == {}
        assert reader.altered() == []
    assert path.read_bytes() == before
    with closing(Store(path, write=True)) as writer:
        assert writer.paper("a") == PAPER
        assert writer.entries("a") == [PAPER]
        assert (writer.owed("words", 9), writer.owed("vectors", 9)) == (["a"], [])
        newer = replace(PAPER, venue="V", categories=("c",), arxiv="2101.00001", doi="10.1/x")
        writer.put_sources(newer)
        writer.put_vectors({"a": np.ones((len(PASSAGES), 3), np.float32)})
        assert writer.paper("a") == newer
    with closing(Store(path, write=False)) as reader:
        assert reader.paper("a") == newer
        assert list(reader.vectors(["a"])) == ["a"]


@pytest.mark.parametrize("write", [True, False])
def test_garbage_is_refused_and_left_as_it_is(tmp_path: Path, *, write: bool) -> None:
    path = tmp_path / "library.db"
    path.write_bytes(b"no database at all " * 500)
    with pytest.raises(LibraryUnreadable, match="file is not a database"):
        Store(path, write=write)
    assert path.read_bytes() == b"no database at all " * 500


@pytest.mark.parametrize("write", [True, False])
def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path, *, write: bool) -> None:
    with closing(sqlite3.connect(tmp_path / "library.db")) as other:
        other.execute("CREATE TABLE papers (mine)")
    with pytest.raises(LibraryUnreadable, match="schema version is 0"):
        Store(tmp_path / "library.db", write=write)
    with closing(sqlite3.connect(tmp_path / "library.db")) as other:
        assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (1,)


def test_a_database_that_was_never_filled_is_empty_to_a_reader_and_made_by_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "library.db"
    path.touch()
    with pytest.raises(LibraryEmpty):
        Store(path, write=False)
    with closing(Store(path, write=True)) as made:
        assert len(made) == 0


@given(items=st.lists(st.text(max_size=2), max_size=30), size=st.integers(1, 7))
def test_batches_hold_every_item_in_order(items: list[str], size: int) -> None:
    found = list(batches(items, size))
    assert [item for batch in found for item in batch] == items
    assert all(len(batch) == size for batch in found[:-1])
    assert all(found)
