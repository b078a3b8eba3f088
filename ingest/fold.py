"""Paper -> work in library.db: decides which work an entry belongs to, and tells that work anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from ingest.merge import bands, represent, same_id, same_work
from ingest.records import Paper
from ingest.split import split
from ingest.store import Store, batches

Outcome = Literal["added", "updated", "unchanged", "merged", "left_out"]
Seen = Counter[tuple[str, str]]
"""(origin, own id) -> how often it was read."""

_ENTRIES_A_TRANSACTION = 256
_LASTING = ("arxiv:", "doi:", "pmid:")
"""Ids that mean one paper wherever they stand; any other may be a row number."""


def fold_all(store: Store, entries: Iterable[Paper], seen: Seen | None = None) -> Iterator[Outcome]:
    """Stores `entries` in transactions of a few hundred and yields what became of each.

    Args:
        store: Open to write.
        entries: As readers yield them: each with exactly one source.
        seen: Counts what was read, for `change.sync`.
    """
    seen = Counter() if seen is None else seen
    for batch in batches(entries, _ENTRIES_A_TRANSACTION):
        with store.transaction():
            outcomes = []
            for entry in batch:
                key = (entry.sources[0].origin, entry.id)
                outcomes.append(fold(store, entry, seen[key]))
                seen[key] += 1
        yield from outcomes


def fold(store: Store, entry: Paper, occurrence: int) -> Outcome:
    """Stores one entry, inside a transaction of the caller.

    Args:
        store: Open to write.
        entry: A paper with one source.
        occurrence: How often its origin has held its id before.
    """
    known = store.entry(entry.sources[0].origin, entry.id, occurrence)
    if known and known[1] == entry:
        return "unchanged"
    if known and replace(known[1], sources=entry.sources) == entry:
        store.put_entry(entry, occurrence, known[0])
        tell(store, known[0])
        return "unchanged"
    if known:
        _keep_decisions(store, known[1], entry)
    elif store.decided("leave", name(entry)):
        return "left_out"
    home = _leave(store, entry, occurrence, known[0]) if known else None
    matches = _matches(store, entry)
    work_id = home or next(iter(matches), None) or free_id(store, entry)
    for match in matches:
        if match != work_id and not _are_parted(store, match, work_id):
            store.move_entries(match, work_id)
            store.delete_paper(match)
    is_new = store.paper(work_id) is None
    store.put_entry(entry, occurrence, work_id)
    changed = tell(store, work_id)
    if is_new:
        return "added"
    return "updated" if known or changed else "merged"


def name(entry: Paper) -> str:
    """What decisions call an entry: its id where that lasts, else its id and the hash of its text."""
    return entry.id if entry.id.startswith(_LASTING) else f"{entry.id}#{entry.sha256[:16]}"


def _keep_decisions(store: Store, before: Paper, entry: Paper) -> None:
    """What was decided about an entry holds for its new text too."""
    if name(before) != name(entry):
        for work_id in store.decided("join", name(before)):
            store.decide("join", name(entry), work_id)
        for other in store.decided("part", name(before)):
            store.decide("part", name(entry), other)
            store.decide("part", other, name(entry))


def _leave(store: Store, entry: Paper, occurrence: int, work_id: str) -> str | None:
    """Takes the former text of a changed entry out of its work; None when the entry belongs there no longer."""
    store.delete_entry(entry.sources[0].origin, entry.id, occurrence)
    others = store.entries(work_id)
    joined = work_id in store.decided("join", name(entry))
    if not others or joined or any(_are_one(entry, other) for other in others):
        return work_id
    tell(store, work_id)
    return None


def _matches(store: Store, entry: Paper) -> list[str]:
    """Ids of the works that `entry` is an entry of, the one that bears its id first. More than one become one.

    It is compared with every entry, not with what a work says: so the order in which entries come is of no matter.
    """
    candidates = dict.fromkeys((*store.with_entry(entry.id), *store.sharing_a_band(bands(entry))))
    joined, parted = store.decided("join", name(entry)), store.decided("part", name(entry))
    found = [work_id for work_id in joined if store.paper(work_id)]
    for work_id in candidates:
        texts = _texts(store, work_id)
        if not parted.isdisjoint(map(name, texts)):
            continue
        if work_id not in joined and any(_are_one(entry, other) for other in texts):
            found.append(work_id)
    return sorted(found, key=lambda work_id: (work_id not in joined, work_id != entry.id, work_id))


def _are_parted(store: Store, one: str, other: str) -> bool:
    """Whether a user decided that something in one work is not what is in the other."""
    if not store.has_decisions():
        return False
    others = {name(entry) for entry in store.entries(other)}
    return any(not others.isdisjoint(store.decided("part", name(entry))) for entry in store.entries(one))


def _are_one(one: Paper, other: Paper) -> bool:
    return same_id(one, other) or same_work(one, other)


def _texts(store: Store, work_id: str) -> list[Paper]:
    """The entries of a work, one for each text."""
    return list({(e.id, e.title, e.abstract, e.digest): e for e in store.entries(work_id)}.values())


def free_id(store: Store, entry: Paper) -> str:
    """The entry's own id, unless another work bears it already."""
    if store.paper(entry.id) is None:
        return entry.id
    return f"{entry.id}-{entry.sha256[:8]}"


def tell(store: Store, work_id: str) -> bool:
    """Writes what the entries of a work say together; True when its text is not what it was."""
    before = store.paper(work_id)
    work = represent(work_id, store.entries(work_id))
    changed = before is None or (before.title, before.abstract) != (work.title, work.abstract)
    if changed:
        store.put_paper(work, split(work))
    else:
        store.put_sources(work)
    store.put_bands(work_id, {band for text in _texts(store, work_id) for band in bands(text)})
    return changed
