"""Library -> what people leave in it: conversations, ratings, saved questions; in notes.db, apart from the papers."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Self

from ingest.errors import LibraryReadOnly, LibraryUnreadable

SCHEMA_VERSION = 2
MAX_BUNDLES = 200
"""Answers whose making is kept: about a tenth of a megabyte each, more where every paper was judged."""
UNFINISHED = "unfinished"
"""How a turn stands until its answer is there."""

_SCHEMA = Path(__file__).with_name("notes.sql")
_TURN = "SELECT id, conversation, question, mode, depth, filter, answer, ending FROM turns"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Questions asked one after the other, and their answers."""

    id: int
    title: str
    changed: float
    """When a question was last asked, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and how it was put."""

    question: str
    mode: str = "auto"
    depth: str = "thorough"
    filter: str = ""
    """Which papers are asked (`ingest.where`); empty for all."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what became of it."""

    id: int
    """Never given to another turn."""
    conversation: int
    asked: Asked
    answer: str | None
    """JSON of the answer, or None where there is none."""
    ending: str
    """Empty when there is an answer, else why there is none: UNFINISHED, or a sentence for people."""


@dataclass(frozen=True, slots=True)
class Rated:
    """What somebody thought of a turn."""

    turn: Turn
    ratings: Mapping[str, bool]
    """Whether it is good, by id of the cited paper; under "" what was thought of the whole answer."""


class Notes:
    """The notes of one library, for several threads. What takes an owner sees and changes that owner's only."""

    def __init__(self, path: Path | None, clock: Callable[[], float] = time.time) -> None:
        """Opens notes.

        Args:
            path: Of notes.db; None keeps them in memory, until `close`.
            clock: Seconds since 1970.

        Raises:
            LibraryReadOnly: They cannot be written.
            LibraryUnreadable: They are damaged, or of another schema version.
        """
        self.kept = path is not None
        self._folder = path.parent if path else Path()
        self._clock, self._lock = clock, threading.RLock()
        try:
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                path or ":memory:", isolation_level=None, check_same_thread=False, timeout=30, cached_statements=256
            )
            self._prepare()
        except OSError as error:
            raise LibraryReadOnly(self._folder, f"notes.db: {error.strerror or error}") from error
        except sqlite3.OperationalError as error:
            raise LibraryReadOnly(self._folder, f"notes.db: {error}") from error
        except sqlite3.DatabaseError as error:
            raise LibraryUnreadable(self._folder, f"notes.db: {error}; move it away to begin new notes") from error

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                why = f"notes.db has schema version {version}, this program reads {SCHEMA_VERSION}"
                raise LibraryUnreadable(self._folder, why)
            for statement in _SCHEMA.read_text("utf-8").split(";\n"):  # adds what an earlier version had not
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Closes the database."""
        with self._lock:
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- conversations -------------------------------------------------------------------------------------------

    def conversations(self, owner: str, limit: int = 200) -> list[Conversation]:
        """The owner's conversations, the latest first."""
        query = "SELECT id, title, changed FROM conversations WHERE owner = ? ORDER BY changed DESC, id DESC LIMIT ?"
        return [Conversation(*row) for row in self._rows(query, owner, limit)]

    def owns(self, owner: str, conversation: int) -> bool:
        """Whether there is such a conversation, and it is the owner's."""
        return bool(self._rows("SELECT 1 FROM conversations WHERE id = ? AND owner = ?", conversation, owner))

    def turns(self, owner: str, conversation: int) -> list[Turn]:
        """The turns of a conversation, the first first; none where it is not the owner's."""
        query = f"{_TURN} WHERE conversation = ? ORDER BY id"
        return [_turn(row) for row in self._rows(query, conversation)] if self.owns(owner, conversation) else []

    def turn(self, owner: str, turn: int) -> Turn | None:
        """A turn of the owner's, or None."""
        query = f"{_TURN} WHERE id = ? AND conversation IN (SELECT id FROM conversations WHERE owner = ?)"  # noqa: S608
        return next((_turn(row) for row in self._rows(query, turn, owner)), None)

    def ask(self, owner: str, conversation: int | None, asked: Asked) -> Turn:
        """Adds an unfinished turn, in a new conversation where `conversation` is none of the owner's."""
        with self._writing():
            if conversation is None or not self.owns(owner, conversation):
                conversation = self._insert(
                    "INSERT INTO conversations (owner, title, changed) VALUES (?, ?, ?)",
                    owner,
                    asked.question,
                    self._clock(),
                )
            self._db.execute("UPDATE conversations SET changed = ? WHERE id = ?", [self._clock(), conversation])
            insert = "INSERT INTO turns (conversation, question, mode, depth, filter, ending) VALUES (?, ?, ?, ?, ?, ?)"
            turn = self._insert(insert, conversation, *astuple(asked), UNFINISHED)
            return Turn(turn, conversation, asked, None, UNFINISHED)

    def finish(self, turn: int, answer: str | None, ending: str = "") -> None:
        """Writes what became of a turn: its answer, or why there is none."""
        with self._writing():
            self._db.execute("UPDATE turns SET answer = ?, ending = ? WHERE id = ?", [answer, ending, turn])

    def keep_bundle(self, turn: int, bundle: bytes) -> None:
        """Keeps all that the answer of a turn was made of, as long as the turn; the oldest beyond MAX_BUNDLES go."""
        with self._writing():
            self._db.execute("INSERT OR REPLACE INTO bundles VALUES (?, ?)", [turn, bundle])
            last = "SELECT turn FROM bundles ORDER BY turn DESC LIMIT -1 OFFSET ?"
            self._db.execute(f"DELETE FROM bundles WHERE turn IN ({last})", [MAX_BUNDLES])  # noqa: S608 (a constant)

    def bundle(self, owner: str, turn: int) -> bytes | None:
        """What `keep_bundle` kept of a turn of the owner's, or None."""
        query = "SELECT bundle FROM bundles WHERE turn = ?"
        return next((row[0] for row in self._rows(query, turn)), None) if self.turn(owner, turn) else None

    def cut(self, owner: str, turn: int) -> None:
        """Removes a turn of the owner's and all that came after it in its conversation."""
        found = self.turn(owner, turn)
        if found:
            with self._writing():
                self._db.execute("DELETE FROM turns WHERE conversation = ? AND id >= ?", [found.conversation, turn])

    def remove(self, owner: str, conversation: int) -> None:
        """Removes a conversation of the owner's, with its turns and their ratings."""
        with self._writing():
            self._db.execute("DELETE FROM conversations WHERE id = ? AND owner = ?", [conversation, owner])

    # --- ratings and saved questions -----------------------------------------------------------------------------

    def rate(self, owner: str, turn: int, paper: str, *, good: bool | None) -> bool:
        """Keeps what the owner thinks of a turn of theirs.

        Args:
            owner: Whose turn it is.
            turn: Its id.
            paper: Id of the cited paper that is rated, or "" for the whole answer.
            good: None takes a rating back.

        Returns:
            False, and nothing is kept, where it is no turn of the owner's.
        """
        if self.turn(owner, turn) is None:
            return False
        with self._writing():
            self._db.execute("DELETE FROM ratings WHERE turn = ? AND paper = ?", [turn, paper])
            if good is not None:
                self._db.execute("INSERT INTO ratings VALUES (?, ?, ?)", [turn, paper, int(good)])
        return True

    def ratings(self, turn: int) -> dict[str, bool]:
        """What was thought of a turn, by id of the cited paper, and under "" of the whole answer."""
        return {paper: bool(good) for paper, good in self._rows("SELECT paper, good FROM ratings WHERE turn = ?", turn)}

    def rated(self, owner: str) -> list[Rated]:
        """Every turn of the owner's that was rated, in order."""
        query = f"""{_TURN} WHERE id IN (SELECT turn FROM ratings)
            AND conversation IN (SELECT id FROM conversations WHERE owner = ?) ORDER BY id"""  # noqa: S608
        return [Rated(_turn(row), self.ratings(row[0])) for row in self._rows(query, owner)]

    def save_question(self, owner: str, question: str, *, saved: bool) -> None:
        """Keeps a question at hand, or no more."""
        with self._writing():
            self._db.execute("DELETE FROM saved_questions WHERE owner = ? AND question = ?", [owner, question])
            if saved:
                self._db.execute("INSERT INTO saved_questions VALUES (?, ?, ?)", [owner, question, self._clock()])

    def saved_questions(self, owner: str) -> list[str]:
        """The questions that the owner keeps at hand, the latest first."""
        query = "SELECT question FROM saved_questions WHERE owner = ? ORDER BY saved DESC, question"
        return [row[0] for row in self._rows(query, owner)]

    # --- how it is done ------------------------------------------------------------------------------------------

    def _rows(self, query: str, *values: object) -> list[Any]:
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def _insert(self, statement: str, *values: object) -> int:
        return self._db.execute(statement, values).lastrowid or 0

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._transaction():
                yield
        except sqlite3.OperationalError as error:
            raise LibraryReadOnly(self._folder, f"notes.db: {error}") from error

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._db.rollback()
                raise


def _turn(row: Sequence[Any]) -> Turn:
    return Turn(row[0], row[1], Asked(*row[2:6]), *row[6:])
