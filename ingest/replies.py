"""Key -> value, kept beside the library: what language models answered, so that they need not be asked again.

A help, not the truth: where the file cannot be written or read, nothing is kept or found, and nobody is troubled.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

FILE = "replies.db"
_MAX_WAIT_S = 10
MAX_KEPT = 20_000
"""The oldest beyond are forgotten: some twenty megabytes are kept, of which 800 answers can be given again."""


class Replies:
    """The file in the folder of a library. For any number of threads and processes at once."""

    def __init__(self, folder: Path) -> None:
        """Opens nothing yet."""
        self._path, self._lock = folder / FILE, threading.Lock()

    def get(self, key: str) -> Mapping[str, Any] | None:
        """What was kept under `key`, or None."""
        with suppress(sqlite3.Error, ValueError), self._lock:
            row = self._db.execute("SELECT value FROM replies WHERE key = ?", [key]).fetchone()
            value = json.loads(row[0]) if row else None
            return value if isinstance(value, dict) else None
        return None

    def put(self, key: str, value: Mapping[str, Any]) -> None:
        """Keeps `value`, made of JSON values, in place of what was kept under `key`."""
        text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        with suppress(sqlite3.Error), self._lock:
            self._db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", [key, text])
            self._db.execute("DELETE FROM replies WHERE rowid <= (SELECT max(rowid) FROM replies) - ?", [MAX_KEPT])

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            if db := self.__dict__.pop("_db", None):
                db.close()

    @cached_property
    def _db(self) -> sqlite3.Connection:
        """Opened when it is first needed; made where it can be, else read as well as it can be."""
        if not self._path.parent.is_dir():
            raise sqlite3.OperationalError("no library")
        try:
            return self._connect("mode=rwc")
        except sqlite3.OperationalError:
            # Where nothing can be written SQLite cannot keep its notes on who reads; nor can anyone change the file.
            return self._connect("mode=ro&immutable=1")

    def _connect(self, mode: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?{mode}",
            uri=True,
            isolation_level=None,
            check_same_thread=False,
            timeout=_MAX_WAIT_S,
        )
        try:
            with suppress(sqlite3.OperationalError):  # another process is at it, or the file can only be read
                db.execute("PRAGMA journal_mode = WAL")
            db.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT")
        except sqlite3.Error:
            db.close()
            raise
        return db
