"""The library on disk: library.db is the truth; vectors/ and words/ are derived, and repaired when it is opened."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock, Timeout

from ingest import change, rejected
from ingest.chroma_folder import ChromaFolder
from ingest.encode import Encoder, open_encoder
from ingest.errors import (
    EncoderMismatch,
    IndexDamaged,
    LibraryBusy,
    LibraryClosed,
    LibraryEmpty,
    LibraryMissing,
    LibraryReadOnly,
    LibraryUnreadable,
)
from ingest.fold import Outcome, Seen, fold_all
from ingest.kept import Keep, MakeStore, open_engine
from ingest.project import Progress, catch_up
from ingest.records import IngestReport, Paper, Passage
from ingest.settings import Settings
from ingest.store import TARGETS, Store
from ingest.where import Filter, Matching
from ingest.words import WordIndex

_ATTEMPTS = 3
"""To remove an index."""


class Library:
    """The papers of one folder: open to any number of readers and, at a time, one writer."""

    def __init__(self, path: Path, store: Store, keep: Keep, *, create: bool = False, check: bool = True) -> None:
        """Not for users: see `open` and `open_to_write`."""
        self.path, self.store, self.encoder = path, store, keep.encoder
        self._generation, self._closed = store.recall("generation"), False
        with ExitStack() as opened:
            opened.callback(store.close)
            self.words = WordIndex(path / "words", create=create)
            opened.callback(self.words.close)
            self.vectors = keep.open(path, store, write=create, check=check)
            opened.callback(self.vectors.close)
            self._resources = opened.pop_all()

    @classmethod
    def open(
        cls,
        path: Path,
        settings: Settings,
        encoder: Encoder | None = None,
        progress: Progress | None = None,
        *,
        vectors: MakeStore | None = None,
    ) -> Self:
        """Opens a library to read it. What a crash left undone is done first, unless another process is at it.

        Args:
            path: The library's folder.
            settings: Says which encoder to use, and where vectors are kept.
            encoder: Used instead of the one that `settings` name.
            progress: Called with (papers done, papers to do) while what was left undone is done.
            vectors: Opens the store of vectors that is used instead of the one that `settings` name.

        Raises:
            LibraryMissing: There is none at `path`.
            LibraryEmpty: It holds no paper.
            LibraryUnreadable: It is damaged, or of another schema version.
            IndexDamaged: An index is damaged and cannot be made again here.
            EncoderMismatch: Its vectors were made by another encoder.
            VectorsElsewhere: They are kept elsewhere; VectorsUnavailable: and cannot be had there.
        """
        keep = Keep(settings, encoder or open_encoder(settings), vectors)
        library = cls._open_whole(path, keep)
        if library is not None:
            return library
        busy = False
        try:
            with cls.open_to_write(path, settings, keep.encoder, vectors=vectors) as writer:
                writer.catch_up(progress)
        except LibraryBusy:
            busy = True
        except LibraryReadOnly:
            pass
        with ExitStack() as undo:
            store = undo.enter_context(closing(_open_store(path)))
            library = cls(path, store, replace(keep, strict=False), check=not busy)
            undo.pop_all()
        return library

    @classmethod
    def _open_whole(cls, path: Path, keep: Keep) -> Self | None:
        """Opens a library to read it, or returns None when an index is damaged or owes something."""
        with ExitStack() as undo:
            store = undo.enter_context(closing(_open_store(path)))
            if not len(store):
                raise LibraryEmpty(path)
            _check_encoder(path, store, keep.encoder)
            if not keep.agrees(path, store) or store.recall("encoder") is None:
                return None
            try:
                library = cls(path, store, keep)
                undo.callback(library.close)
            except IndexDamaged:
                return None
            owed = any(store.owed_count(target) for target in TARGETS)
            if owed or not len(store) == len(library.words) == len(library.vectors):
                return None
            undo.pop_all()
        return library

    @classmethod
    def open_to_write(
        cls,
        path: Path,
        settings: Settings,
        encoder: Encoder | None = None,
        *,
        remake: bool = False,
        vectors: MakeStore | None = None,
    ) -> Self:
        """Opens a library to change it, making it if there is none. One process at a time holds it.

        Args:
            path: The library's folder.
            settings: Says which encoder to use, and where vectors are kept.
            encoder: Used instead of the one that `settings` name.
            remake: Make both indexes anew, by an encoder and in a place that may be others than before.
            vectors: Opens the store of vectors that is used instead of the one that `settings` name.

        Raises:
            LibraryBusy: Another process is writing it.
            LibraryReadOnly: The disk refuses.
            LibraryUnreadable: It is damaged, or of another schema version.
            EncoderMismatch: Its vectors were made by another encoder.
            VectorsElsewhere: They are kept elsewhere; VectorsUnavailable: and cannot be had there.
            BadSetting: What is to make vectors cannot be used.
        """
        encoder = encoder or open_encoder(settings)
        keep = Keep(settings, encoder, vectors, open_engine(settings, encoder))
        with ExitStack() as undo:
            lock = _take_lock(path)
            undo.callback(lock.release)
            try:
                store = Store(path / "library.db", write=True)
                undo.callback(store.close)
                if remake:
                    store.forget("encoder")
                    keep.forget(store)
                _check_encoder(path, store, keep.encoder)
                keep.agrees(path, store)
                anew = store.recall("encoder") is None
                if anew:
                    _forget_indexes(path, store)
                _remove_damaged(path)
                library = cls(path, store, keep, create=True)
                undo.callback(library.close)
                if anew and len(library.vectors):
                    library.vectors.clear()
                keep.settle(path, store)
                store.remember("encoder_fingerprint", keep.encoder.fingerprint)
                store.remember("encoder", keep.encoder.name)
            except (OSError, sqlite3.OperationalError) as error:
                raise LibraryReadOnly(path, str(error)) from error
            undo.pop_all()
        library._resources.callback(lock.release)
        return library

    def close(self) -> None:
        """Lets go of files and lock."""
        self._closed = True
        self._resources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        """Works in the library."""
        return len(self.store)

    def papers(self, ids: Iterable[str]) -> tuple[Paper, ...]:
        """The works with these ids, in the given order; unknown ids are left out."""
        return tuple(self.store.papers(ids))

    def passages(self, ids: Iterable[str]) -> dict[str, tuple[Passage, ...]]:
        """The passages of these works, each in order of ordinal."""
        return self.store.passages(ids)

    def matching(self, where: Filter) -> Matching:
        """The works that a filter lets through."""
        return self.store.matching(where)

    def refresh(self) -> None:
        """Makes visible what another process has written since; costs one small query when that is nothing.

        Raises:
            LibraryClosed: By `close`.
        """
        if self._closed:
            raise LibraryClosed(self.path)
        generation = self.store.recall("generation")
        if generation != self._generation:
            self.words.refresh()
            self.vectors.refresh()
            self._generation = generation

    def add(self, entries: Iterable[Paper], seen: Seen | None = None) -> Counter[Outcome]:
        """Stores entries as readers yield them, and counts what became of each. The indexes owe them then.

        Args:
            entries: Each with exactly one source.
            seen: Counts what was read, for `sync`.

        Raises:
            LibraryReadOnly: The disk refuses; what was committed before is kept.
        """
        with _disk_may_refuse(self.path):
            return Counter(fold_all(self.store, entries, seen))

    def visited(self, visit: change.Visit, *, sync: bool) -> int:
        """Remembers where sources lie; under `sync` first removes what they hold no longer; returns how many.

        Raises:
            LibraryReadOnly: The disk refuses.
        """
        with _disk_may_refuse(self.path):
            removed = change.sync(self.store, visit) if sync else 0
            with self.store.transaction():
                self.store.put_places(change.places(visit))
        return removed

    def remove(self, ids: Sequence[str]) -> None:
        """Removes works by hand; see `change.remove`."""
        with _disk_may_refuse(self.path):
            change.remove(self.store, ids)

    def merge(self, ids: Sequence[str]) -> str:
        """Makes one work of several by hand; see `change.merge`."""
        with _disk_may_refuse(self.path):
            return change.merge(self.store, ids)

    def split(self, paper_id: str) -> list[str]:
        """Makes works of the different texts of one by hand; see `change.split`."""
        with _disk_may_refuse(self.path):
            return change.split(self.store, paper_id)

    def log(self, report: IngestReport) -> None:
        """Adds an ingest to the ledger, and lists what it rejected in a file of its own.

        Raises:
            LibraryReadOnly: The disk refuses.
        """
        try:
            with _disk_may_refuse(self.path):
                self.store.log(report)
            rejected.write(self.path, report.rejections)
        except OSError as error:
            raise LibraryReadOnly(self.path, str(error)) from error

    def catch_up(self, progress: Progress | None = None) -> None:
        """Brings both indexes up to the database; a writer calls it after its changes.

        Args:
            progress: Called with (papers done, papers to do) while vectors are made.

        Raises:
            LibraryReadOnly: The disk refuses; what is missing is done when the library is next opened.
        """
        try:
            with _disk_may_refuse(self.path):
                catch_up(self.store, self.words)
                catch_up(self.store, self.vectors, progress)
        except OSError as error:
            raise LibraryReadOnly(self.path, str(error)) from error


@contextmanager
def _disk_may_refuse(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise LibraryReadOnly(path, f"library.db: {error}") from error


def _open_store(path: Path) -> Store:
    try:
        if not (path / "library.db").is_file():
            raise LibraryMissing(path)
        return Store(path / "library.db", write=False)
    except (OSError, sqlite3.OperationalError) as error:
        raise LibraryUnreadable(path, f"library.db: {error}") from error


def _check_encoder(path: Path, store: Store, encoder: Encoder) -> None:
    known = store.recall("encoder")
    if known is None:
        return
    if known != encoder.name:
        raise EncoderMismatch(path, known, encoder.name)
    if store.recall("encoder_fingerprint") != encoder.fingerprint:
        raise EncoderMismatch(path, f"{known} (other weights)", encoder.name)


def _forget_indexes(path: Path, store: Store) -> None:
    """Removes both indexes, and vectors; the outbox first, so that a crash here leaves it all owed."""
    with store.transaction():
        store.forget_vectors()
        for target in TARGETS:
            store.owe_everything(target)
    for target in TARGETS:
        _remove(path / target)


def _remove_damaged(path: Path) -> None:
    """Removes an index that cannot be opened; `catch_up` makes it anew, as it then holds too little."""
    try:
        WordIndex(path / "words").close()
    except IndexDamaged:
        _remove(path / "words")
    try:
        ChromaFolder(path / "vectors").close()
    except IndexDamaged:
        _remove(path / "vectors")


def _remove(index: Path) -> None:
    """Removes a folder, or a file in its place; a reader may put a lock there meanwhile, or take it away."""
    attempts = _ATTEMPTS
    while index.is_dir():
        attempts -= 1
        with suppress(OSError) if attempts else nullcontext():
            shutil.rmtree(index)
    index.unlink(missing_ok=True)


def _take_lock(path: Path) -> FileLock:
    lock, holder = FileLock(path / "writer.lock"), path / "writer.txt"
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
        holder.write_text(f"process {os.getpid()} ({Path(sys.argv[0]).name})\n", "utf-8")
    except Timeout:
        named = holder.read_text("utf-8").strip() if holder.is_file() else ""
        raise LibraryBusy(path, named or "another process") from None
    except OSError as error:
        lock.release()
        raise LibraryReadOnly(path, error.strerror or str(error)) from error
    return lock
