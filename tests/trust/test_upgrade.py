"""Libraries of other versions: older ones are kept and taken over, newer ones refused, foreign indexes never opened."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ingest import Library, Settings, ingest
from ingest.chroma_folder import ChromaFolder
from ingest.errors import IndexDamaged, LibraryReadOnly, LibraryUnreadable
from ingest.store import SCHEMA_VERSION, Store
from tests.fakes import WordEncoder
from tests.libraries import assert_whole
from tests.processes import ROOT

RELEASED = range(1, SCHEMA_VERSION)


def contents(db: sqlite3.Connection) -> dict[str, list[Any]]:
    """What the tables hold that say what was read, by columns of their first version."""
    told = {"papers": "id, title, abstract, sources, sha256", "entries": "*", "passages": "*", "bands": "*"}
    return {name: sorted(db.execute(f"SELECT {some} FROM {name}")) for name, some in told.items()}  # noqa: S608


def shape(db: sqlite3.Connection) -> dict[str, Any]:
    """Columns, keys and foreign keys of every table, whatever they were made by."""
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    asked = ("table_info", "foreign_key_list", "index_list")
    return {name: [db.execute(f"PRAGMA {pragma}({name})").fetchall() for pragma in asked] for name in names}


def made_old(path: Path, version: int) -> list[Any]:
    """Turns a library's database into what the version wrote; its papers as they then are."""
    steps = [ROOT / "tests" / "schema_1.sql", *(ROOT / "ingest" / f"migrate_{n}.sql" for n in range(2, version + 1))]
    old = path / "old.db"
    with closing(sqlite3.connect(old)) as db, db:
        for step in steps:
            db.executescript(step.read_text("utf-8"))
        db.execute("ATTACH ? AS new", [str(path / "library.db")])
        for (table,) in db.execute(
            "SELECT name FROM main.sqlite_master WHERE type = 'table' ORDER BY rowid"
        ).fetchall():
            kept = {row[1] for row in db.execute(f"PRAGMA new.table_info({table})")}
            old_columns = [row[1] for row in db.execute(f"PRAGMA main.table_info({table})")]
            columns = ", ".join(column for column in old_columns if column in kept)
            db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")  # noqa: S608
        db.execute(f"PRAGMA main.user_version = {version}")
        papers = db.execute("SELECT id, title, abstract FROM main.papers ORDER BY id").fetchall()
    for file in path.glob("library.db*"):
        file.unlink()
    old.rename(path / "library.db")
    return papers


@pytest.mark.parametrize("version", RELEASED)
def test_a_library_of_every_released_version_is_read_backed_up_and_taken_over(
    version: int, path: Path, settings: Settings, tmp_path: Path
) -> None:
    papers = made_old(path, version)
    with Library.open(path, settings, WordEncoder()) as library:
        assert [[p.id, p.title, p.abstract] for p in library.store.every_paper()] == [list(row) for row in papers]
        assert_whole(library)
    backup = path / f"library.schema-{version}.db"
    assert not backup.exists()  # to read changes nothing
    with closing(sqlite3.connect(path / "library.db")) as db:
        before = contents(db)
    Library.open_to_write(path, settings, WordEncoder()).close()
    with closing(sqlite3.connect(path / "library.db")) as db, closing(Store(tmp_path / "new.db", write=True)) as new:
        assert contents(db) == before
        assert all(before.values())
        assert shape(db) == shape(new._db)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    with closing(sqlite3.connect(backup)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT id, title, abstract FROM papers ORDER BY id").fetchall() == papers
    ingest(path.parent / "papers.jsonl", path, settings=settings, encoder=WordEncoder())
    with Library.open(path, settings, WordEncoder()) as library:
        assert len(library) == len(papers)
        assert_whole(library)


def test_where_no_backup_can_be_made_nothing_is_changed(
    path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_old(path, 1)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingest.store.Store._back_up", full)
    with pytest.raises(LibraryReadOnly, match="No space left"):
        Library.open_to_write(path, settings, WordEncoder())
    with closing(sqlite3.connect(path / "library.db")) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, 99, 2**31 - 1, -1])
def test_a_newer_library_is_refused_in_one_line(version: int, path: Path, settings: Settings) -> None:
    with closing(sqlite3.connect(path / "library.db")) as db:
        db.execute(f"PRAGMA user_version = {version}")
    for opening in (Library.open, Library.open_to_write):
        with pytest.raises(LibraryUnreadable, match=f"schema version is {version}") as caught:
            opening(path, settings, WordEncoder())
        assert "\n" not in str(caught.value)


FUNCTION = {
    "type": "known",
    "name": "sentence_transformer",
    "config": {"model_name": "evil/model", "trust_remote_code": True},
}


def with_function(text: str | None) -> str:
    """A collection's configuration that names an embedding function, wherever one may stand."""
    told = json.loads(text or "{}")

    def put(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: FUNCTION if key == "embedding_function" else put(inner) for key, inner in value.items()}
        return value

    return json.dumps({**put(told), "embedding_function": FUNCTION} if not told else put(told))


@pytest.mark.parametrize("column", ["config_json_str", "schema_str"])
def test_an_index_that_brings_a_model_of_its_own_is_never_opened(
    column: str, path: Path, settings: Settings, record_property: Callable[[str, object], None]
) -> None:
    with closing(sqlite3.connect(path / "vectors" / "chroma.sqlite3")) as db, db:
        (text,) = db.execute(f"SELECT {column} FROM collections").fetchone()  # noqa: S608
        db.execute(f"UPDATE collections SET {column} = ?", [with_function(text)])  # noqa: S608
    with pytest.raises(IndexDamaged, match="embedding function of its own"):
        ChromaFolder(path / "vectors")
    with Library.open(path, settings, WordEncoder()) as library:  # made anew, from the database
        assert_whole(library)
    assert b"evil/model" not in (path / "vectors" / "chroma.sqlite3").read_bytes()
    record_property("cases", 2)
