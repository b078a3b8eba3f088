"""User -> works in library.db: removes, merges and splits works by hand, and drops what its sources hold no longer.

What is decided by hand is remembered by the entries it is about, so that no later ingest undoes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from ingest.errors import CannotSplit, UnknownPaper
from ingest.fold import Seen, free_id, name, tell
from ingest.records import Paper
from ingest.store import Store


@dataclass(frozen=True, slots=True)
class Visit:
    """What one ingest looked at."""

    files: Mapping[str, Path]
    """Origin -> its file (for a file in an archive: the archive)."""
    folders: Sequence[Path]
    """Folders that were read, resolved."""
    unread: frozenset[str]
    """Origins that could not be read to their end: nothing of theirs is known to have vanished."""
    seen: Seen


def remove(store: Store, ids: Iterable[str]) -> None:
    """Removes works; their entries are left out from now on.

    Raises:
        UnknownPaper: There is no such work; nothing was changed.
    """
    with store.transaction():
        for work_id in _known(store, ids):
            for occurrence, entry in store.keys(work_id):
                store.decide("leave", name(entry))
                store.delete_entry(entry.sources[0].origin, entry.id, occurrence)
            store.delete_paper(work_id)


def merge(store: Store, ids: Sequence[str]) -> str:
    """Makes one work of several, under the id of the first, which is returned.

    Raises:
        UnknownPaper: There is no such work; nothing was changed.
    """
    with store.transaction():
        first, *others = _known(store, ids)
        for other in others:
            store.move_entries(other, first)
            store.delete_paper(other)
        entries = store.entries(first)
        for entry in entries:
            store.decide("join", name(entry), first)
        for one, other in permutations(dict.fromkeys(map(name, entries)), 2):
            store.undecide("part", one, other)
        tell(store, first)
    return first


def split(store: Store, work_id: str) -> list[str]:
    """Makes a work of each different text of a work, and returns their ids; the fullest text keeps the id.

    Raises:
        UnknownPaper: There is no such work.
        CannotSplit: All its entries say the same.
    """
    with store.transaction():
        _known(store, [work_id])
        groups: dict[str, list[tuple[int, Paper]]] = {}
        for occurrence, entry in store.keys(work_id):
            groups.setdefault(entry.sha256, []).append((occurrence, entry))
        if len(groups) < 2:
            raise CannotSplit(work_id)
        work = store.paper(work_id)
        kept = work.sha256 if work else ""
        _part(store, [{name(entry) for _, entry in group} for group in groups.values()], work_id)
        ids = [work_id]
        for text, group in groups.items():
            if text != kept:
                ids.append(free_id(store, group[0][1]))
                for occurrence, entry in group:
                    store.put_entry(entry, occurrence, ids[-1])
                tell(store, ids[-1])
        tell(store, work_id)
    return ids


def sync(store: Store, visit: Visit) -> int:
    """Removes the entries that their sources hold no longer, and returns how many. A work without entries goes too.

    A source is what was read before from the same place. Of one that could not be read to its end nothing is removed.
    """
    dropped = 0
    for origin, place in store.places().items():
        if origin in visit.unread or _file(origin) in visit.unread:
            continue
        with store.transaction():
            for own_id, occurrence, work_id in store.keys_of(origin) if _is_read(origin, place, visit) else ():
                if occurrence >= visit.seen[origin, own_id]:
                    store.delete_entry(origin, own_id, occurrence)
                    dropped += 1
                    if store.entries(work_id):
                        tell(store, work_id)
                    else:
                        store.delete_paper(work_id)
    return dropped


def places(visit: Visit) -> dict[str, str]:
    """Origin -> where it lies, as the library keeps it: a hash, since a path may name people."""
    return {origin: _place(path) for origin, path in visit.files.items()}


def _is_read(origin: str, place: str, visit: Visit) -> bool:
    """Whether what was read before as `origin` is what was read now, or is known to be gone."""
    if path := visit.files.get(origin):
        return _place(path) == place
    paths = [path for other, path in visit.files.items() if _file(other) == _file(origin)]
    paths += [folder.parent / _file(origin) for folder in visit.folders if origin.startswith(f"{folder.name}/")]
    return any(_place(path) == place for path in paths)


def _file(origin: str) -> str:
    return origin.partition("!")[0]


def _place(path: Path) -> str:
    return hashlib.sha256(str(path).encode("utf-8", "surrogateescape")).hexdigest()


def _part(store: Store, groups: list[set[str]], work_id: str) -> None:
    for one, other in permutations(groups, 2):
        for first in one:
            store.undecide("join", first, work_id)
            for second in other - one:
                store.decide("part", first, second)


def _known(store: Store, ids: Iterable[str]) -> list[str]:
    every = list(dict.fromkeys(ids))
    for work_id in every:
        if store.paper(work_id) is None:
            raise UnknownPaper(work_id)
    return every
