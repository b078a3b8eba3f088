"""Papers -> library.db: the truth about every work, its sources and passages, and what the indexes still owe."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

from ingest import columns
from ingest.encode import Vectors
from ingest.errors import IngestError, LibraryEmpty, LibraryUnreadable
from ingest.records import IngestReport, Paper, Passage
from ingest.where import Filter, Matching

Item = TypeVar("Item")
Decision = Literal["join", "part", "leave"]

SCHEMA_VERSION = 4
TARGETS = ("vectors", "words")

_READER_CACHE_KIB, _WRITER_CACHE_KIB = 65_536, 262_144
"""A search reads hundreds of works, through the same upper pages of each table; and the keys of near
duplicates are written in no order: a cache that holds them spares most of a large ingest's time."""
_SCHEMA = Path(__file__).with_name("schema.sql")
_MIGRATIONS = {version: Path(__file__).with_name(f"migrate_{version}.sql") for version in (2, 3, 4)}
"""Version -> what makes it of the one before."""
_INSERT = f"""INSERT INTO papers ({", ".join(columns.ALL)}, sha256) VALUES ({", ".join("?" * (len(columns.ALL) + 1))})
    ON CONFLICT (id) DO UPDATE SET {", ".join(f"{c} = excluded.{c}" for c in (*columns.ALL[1:], "sha256"))}"""  # noqa: S608


class Store:
    """The SQLite database of a library. Statements outside `transaction` commit by themselves."""

    def __init__(self, path: Path, *, write: bool) -> None:
        """Opens `path`, making the tables if it is new and `write` is set.

        Raises:
            LibraryUnreadable: No database, or one of another schema version.
            LibraryEmpty: To be read, and nothing was ever written.
            sqlite3.OperationalError: The disk refuses.
        """
        self._path = path
        try:
            self._connect("mode=rwc" if write else "mode=ro", write=write)
        except sqlite3.OperationalError:
            wal = path.with_name(path.name + "-wal")
            if write or os.access(path.parent, os.W_OK) or (wal.exists() and wal.stat().st_size):
                raise
            # Where nothing can be written SQLite cannot keep its notes on who reads; nor can anyone change the file.
            self._connect("mode=ro&immutable=1", write=write)

    def _connect(self, mode: str, *, write: bool) -> None:
        self._counted: tuple[tuple[int, int], int] | None = None
        self._db = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?{mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=30,
        )
        self._db.create_function("folded", 1, _folded, deterministic=True)
        try:
            self._prepare(write)
        except sqlite3.DatabaseError as error:
            self._db.close()
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise LibraryUnreadable(self._path.parent, f"library.db: {error}") from error
        except IngestError:
            self._db.close()
            raise

    def _prepare(self, write: bool) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        self._db.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB if write else _READER_CACHE_KIB}")
        if write:
            self._db.execute("PRAGMA journal_mode = WAL")
        is_new = version == 0 and not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if is_new and not write:
            raise LibraryEmpty(self._path.parent)
        if is_new:
            self._db.executescript(
                f"BEGIN;\n{_SCHEMA.read_text('utf-8')}\nPRAGMA user_version = {SCHEMA_VERSION};\nCOMMIT;"
            )
        elif not 1 <= version <= SCHEMA_VERSION:
            raise LibraryUnreadable(
                self._path.parent, f"its schema version is {version}, this program reads {SCHEMA_VERSION}"
            )
        elif write:
            version = self._brought_up(version)
        if write:
            self._db.execute("PRAGMA foreign_keys = ON")
        since = columns.SINCE_2 if version == 1 else {}
        read = ", ".join(f"{since[column]} AS {column}" if column in since else column for column in columns.ALL)
        self._select = f"SELECT {read}, sha256 FROM papers"  # noqa: S608 (constants only)
        self._keeps_vectors = is_new or version >= 3

    def _brought_up(self, version: int) -> int:
        """The version of the database, once it is that of this program."""
        self._db.execute("PRAGMA foreign_keys = OFF")  # as tables are dropped and made again
        if version < SCHEMA_VERSION:
            self._back_up(version)
        for newer in range(version + 1, SCHEMA_VERSION + 1):
            migration = _MIGRATIONS[newer].read_text("utf-8")
            self._db.executescript(f"BEGIN;\n{migration}\nPRAGMA user_version = {newer};\nCOMMIT;")
        return SCHEMA_VERSION

    def _back_up(self, version: int) -> None:
        """Keeps the database as the earlier version left it, beside it."""
        backup = self._path.with_name(f"{self._path.stem}.schema-{version}{self._path.suffix}")
        if not backup.exists():
            unfinished = backup.with_name(backup.name + ".unfinished")
            unfinished.unlink(missing_ok=True)
            self._db.execute("VACUUM INTO ?", [str(unfinished)])
            unfinished.replace(backup)

    def close(self) -> None:
        """Closes the database."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing: what is written inside is committed at the end, or undone by any exception."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            self._db.rollback()
            raise

    # --- papers and passages -------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """Works in the library; counted again only when someone has written to it, as that reads every page."""
        state = (self._db.execute("PRAGMA data_version").fetchone()[0], self._db.total_changes)
        if self._counted is None or self._counted[0] != state:
            self._counted = (state, int(self._db.execute("SELECT count(*) FROM papers").fetchone()[0]))
        return self._counted[1]

    def paper(self, paper_id: str) -> Paper | None:
        """The work with this id, or None."""
        return next(iter(self.papers([paper_id])), None)

    def papers(self, ids: Iterable[str]) -> Iterator[Paper]:
        """The works with these ids, in the given order; unknown ids are left out."""
        for batch in batches(ids, 500):
            marks = ",".join("?" * len(batch))
            rows = self._db.execute(f"{self._select} WHERE id IN ({marks})", batch)
            found = {row[0]: columns.paper(row[:-1]) for row in rows}
            yield from (found[paper_id] for paper_id in batch if paper_id in found)

    def every_paper(self) -> Iterator[Paper]:
        """All works, by id."""
        yield from (columns.paper(row[:-1]) for row in self._db.execute(f"{self._select} ORDER BY id"))

    def altered(self) -> list[str]:
        """Ids of works whose text is not the one that was stored: someone or something changed the file."""
        rows = self._db.execute(f"{self._select} ORDER BY id")
        return [row[0] for row in rows if columns.paper(row[:-1]).sha256 != row[-1]]

    def texts(self) -> dict[str, str]:
        """The hash of every work's text (`Paper.sha256`) by its id, in order."""
        return dict(self._db.execute("SELECT id, sha256 FROM papers ORDER BY id"))

    def passages(self, ids: Iterable[str]) -> dict[str, tuple[Passage, ...]]:
        """The passages of these works, in order of ordinal."""
        found: dict[str, list[Passage]] = {}
        for batch in batches(ids, 500):
            marks = ",".join("?" * len(batch))
            query = f"SELECT * FROM passages WHERE paper_id IN ({marks}) ORDER BY paper_id, ordinal"  # noqa: S608
            for row in self._db.execute(query, batch):
                found.setdefault(row[0], []).append(Passage(*row))
        return {paper_id: tuple(passages) for paper_id, passages in found.items()}

    def vectors(self, ids: Iterable[str]) -> dict[str, Vectors]:
        """Those of these works that are kept, each of shape (passages, dimension): see `put_vectors`."""
        found: dict[str, Vectors] = {}
        for batch in batches(ids, 500) if self._keeps_vectors else ():
            marks = ",".join("?" * len(batch))
            kept = self._db.execute(f"SELECT * FROM vectors WHERE paper_id IN ({marks})", batch)  # noqa: S608
            found |= columns.vectors(kept)
        return found

    def count_passages(self) -> int:
        """Passages of all works."""
        return int(self._db.execute("SELECT count(*) FROM passages").fetchone()[0])

    def matching(self, where: Filter) -> Matching:
        """The works that `where` lets through, and how many lack a value that it compares."""
        condition, values = where.condition.sql()
        told = f"({self._select})"
        ids = self._db.execute(f"SELECT id FROM {told} WHERE {condition}", values)  # noqa: S608 (made by `where`)
        missing = {}
        for column in where.columns():
            lacks = f"SELECT count(*) FROM {told} WHERE {column} IS NULL OR {column} = '[]'"  # noqa: S608
            if count := self._db.execute(lacks).fetchone()[0]:
                missing[column] = int(count)
        return Matching(frozenset(row[0] for row in ids), missing)

    def put_paper(self, paper: Paper, passages: Sequence[Passage]) -> None:
        """Writes a work with its passages, in place of what was there, and owes it to both indexes."""
        self._owe(paper.id)
        self._db.execute(_INSERT, [*columns.values(paper, columns.ALL), paper.sha256])
        for told in ("passages", "vectors"):
            self._db.execute(f"DELETE FROM {told} WHERE paper_id = ?", [paper.id])  # noqa: S608 (constants only)
        self._db.executemany(
            "INSERT INTO passages VALUES (?, ?, ?, ?)", [(p.paper_id, p.ordinal, p.start, p.end) for p in passages]
        )

    def put_vectors(self, rows: Mapping[str, Vectors]) -> None:
        """Keeps the vectors of works that are there, each of shape (passages, dimension), rounded (`columns.rounded`).

        They last as long as the work's text: an index that is made anew is given them again.
        """
        with self.transaction():
            self._db.executemany(
                "INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)",
                [(paper_id, *columns.packed(some)) for paper_id, some in rows.items()],
            )

    def forget_vectors(self) -> None:
        """Forgets all of them, as another encoder makes others."""
        self._db.execute("DELETE FROM vectors")

    def put_bands(self, paper_id: str, bands: Iterable[str]) -> None:
        """Writes the keys under which a work is found, in place of what was there."""
        self._db.execute("DELETE FROM bands WHERE paper_id = ?", [paper_id])
        self._db.executemany("INSERT INTO bands VALUES (?, ?)", [(band, paper_id) for band in sorted(set(bands))])

    def put_sources(self, paper: Paper) -> None:
        """Writes a work's sources and metadata only: its text, passages and indexes stay as they are."""
        told = ", ".join(f"{column} = ?" for column in columns.TOLD)
        self._db.execute(f"UPDATE papers SET {told} WHERE id = ?", [*columns.values(paper, columns.TOLD), paper.id])  # noqa: S608

    def delete_paper(self, paper_id: str) -> None:
        """Removes a work that has no entry left, and owes its removal to both indexes."""
        self._owe(paper_id)
        self._db.execute("DELETE FROM papers WHERE id = ?", [paper_id])

    def sharing_a_band(self, bands: Sequence[str]) -> list[str]:
        """Ids of works that share a band with `bands`, in order."""
        marks = ",".join("?" * len(bands))
        query = f"SELECT DISTINCT paper_id FROM bands WHERE band IN ({marks}) ORDER BY paper_id"  # noqa: S608
        return [row[0] for row in self._db.execute(query, bands)]

    # --- entries -------------------------------------------------------------------------------------------------

    def entry(self, origin: str, own_id: str, occurrence: int) -> tuple[str, Paper] | None:
        """The work's id and the text of an entry that was read before, or None."""
        row = self._db.execute(
            "SELECT paper_id, record FROM entries WHERE origin = ? AND own_id = ? AND occurrence = ?",
            [origin, own_id, occurrence],
        ).fetchone()
        return (row[0], columns.entry(row[1])) if row else None

    def entries(self, paper_id: str) -> list[Paper]:
        """Every entry of a work."""
        rows = self._db.execute(
            "SELECT record FROM entries WHERE paper_id = ? ORDER BY origin, own_id, occurrence", [paper_id]
        )
        return [columns.entry(row[0]) for row in rows]

    def put_entry(self, entry: Paper, occurrence: int, paper_id: str) -> None:
        """Writes an entry of a work, in place of what its origin said before."""
        self._db.execute(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?)",
            [entry.sources[0].origin, entry.id, occurrence, paper_id, columns.entry_json(entry)],
        )

    def delete_entry(self, origin: str, own_id: str, occurrence: int) -> None:
        """Removes an entry; its work is left as it is."""
        self._db.execute(
            "DELETE FROM entries WHERE origin = ? AND own_id = ? AND occurrence = ?", [origin, own_id, occurrence]
        )

    def with_entry(self, own_id: str) -> list[str]:
        """Ids of works of which some entry has this id by itself, in order."""
        rows = self._db.execute("SELECT DISTINCT paper_id FROM entries WHERE own_id = ? ORDER BY paper_id", [own_id])
        return [row[0] for row in rows]

    def move_entries(self, from_id: str, to_id: str) -> None:
        """Gives every entry of one work to another, and every decision to join it."""
        self._db.execute("UPDATE entries SET paper_id = ? WHERE paper_id = ?", [to_id, from_id])
        self._db.execute("UPDATE decisions SET other = ? WHERE kind = 'join' AND other = ?", [to_id, from_id])

    def keys(self, paper_id: str) -> list[tuple[int, Paper]]:
        """Every entry of a work, each with its occurrence."""
        rows = self._db.execute(
            "SELECT occurrence, record FROM entries WHERE paper_id = ? ORDER BY origin, own_id, occurrence", [paper_id]
        )
        return [(row[0], columns.entry(row[1])) for row in rows]

    def keys_of(self, origin: str) -> list[tuple[str, int, str]]:
        """(own id, occurrence, work's id) of every entry of an origin."""
        rows = self._db.execute("SELECT own_id, occurrence, paper_id FROM entries WHERE origin = ?", [origin])
        return [(row[0], row[1], row[2]) for row in rows]

    # --- what users decided, and where sources lie ---------------------------------------------------------------

    def decide(self, kind: Decision, one: str, other: str = "") -> None:
        """Remembers a decision."""
        self._db.execute("INSERT OR REPLACE INTO decisions VALUES (?, ?, ?)", [kind, one, other])

    def undecide(self, kind: Decision, one: str, other: str = "") -> bool:
        """Forgets a decision; False if there was none."""
        where = "kind = ? AND one = ? AND other = ?"
        return self._db.execute(f"DELETE FROM decisions WHERE {where}", [kind, one, other]).rowcount > 0  # noqa: S608

    def decided(self, kind: Decision, one: str) -> set[str]:
        """The others of every decision of this kind about `one`."""
        rows = self._db.execute("SELECT other FROM decisions WHERE kind = ? AND one = ?", [kind, one])
        return {row[0] for row in rows}

    def has_decisions(self) -> bool:
        """Whether anything was ever decided."""
        return self._db.execute("SELECT 1 FROM decisions LIMIT 1").fetchone() is not None

    def places(self) -> dict[str, str]:
        """Origin -> where it was last read."""
        return dict(self._db.execute("SELECT * FROM origins ORDER BY origin"))

    def put_places(self, places: Mapping[str, str]) -> None:
        """Remembers where origins were read."""
        self._db.executemany("INSERT OR REPLACE INTO origins VALUES (?, ?)", places.items())

    # --- what the indexes owe, and what the library remembers of itself ------------------------------------------

    def _owe(self, paper_id: str) -> None:
        self._db.executemany("INSERT OR IGNORE INTO outbox VALUES (?, ?)", [(target, paper_id) for target in TARGETS])

    def owe_everything(self, target: str) -> None:
        """Puts every work into the outbox of an index that is to be filled anew."""
        self._db.execute("INSERT OR IGNORE INTO outbox SELECT ?, id FROM papers", [target])

    def owed(self, target: str, limit: int) -> list[str]:
        """Ids of up to `limit` works that an index has not acknowledged, in order."""
        rows = self._db.execute(
            "SELECT paper_id FROM outbox WHERE target = ? ORDER BY paper_id LIMIT ?", [target, limit]
        )
        return [row[0] for row in rows]

    def owed_count(self, target: str) -> int:
        """Changes that an index has not acknowledged."""
        return int(self._db.execute("SELECT count(*) FROM outbox WHERE target = ?", [target]).fetchone()[0])

    def acknowledge(self, target: str, ids: Iterable[str]) -> None:
        """Strikes changes that an index has made durable, and marks the library as changed for its readers."""
        with self.transaction():
            self._db.executemany("DELETE FROM outbox WHERE target = ? AND paper_id = ?", [(target, i) for i in ids])
            self.remember("generation", str(int(self.recall("generation") or 0) + 1))

    def recall(self, key: str) -> str | None:
        """What the library remembers under `key`, or None."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchone()
        return row[0] if row else None

    def remember(self, key: str, value: str) -> None:
        """Keeps `value` under `key`."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", [key, value])

    def forget(self, key: str) -> None:
        """Forgets what is kept under `key`."""
        self._db.execute("DELETE FROM meta WHERE key = ?", [key])

    def log(self, report: IngestReport) -> None:
        """Adds an ingest to the ledger."""
        self._db.execute("INSERT INTO ingests (report) VALUES (?)", [json.dumps(report.to_dict(), ensure_ascii=False)])


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Cuts `items` into lists of at most `size`."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _folded(text: str | None) -> str | None:
    return text.casefold() if isinstance(text, str) else None
