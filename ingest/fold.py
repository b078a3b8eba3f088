"""Paper -> work in library.db: decides which work an entry belongs to, and tells that work anew."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from ingest.merge import bands, represent, same_id, same_work
from ingest.records import Paper
from ingest.split import split
from ingest.store import Store, batches

Outcome = Literal["added", "updated", "unchanged", "merged"]

_ENTRIES_A_TRANSACTION = 256


def fold_all(store: Store, entries: Iterable[Paper]) -> Iterator[Outcome]:
    """Stores `entries` in transactions of a few hundred and yields what became of each.

    Args:
        store: Open to write.
        entries: As readers yield them: each with exactly one source.
    """
    seen: Counter[tuple[str, str]] = Counter()
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
    matches = _matches(store, entry)
    if known:
        work_id = known[0]
    elif matches:
        work_id = matches[0].id
    else:
        work_id = _free_id(store, entry)
    for match in matches:
        if match.id != work_id:
            store.move_entries(match.id, work_id)
            store.delete_paper(match.id)
    before = store.paper(work_id)
    store.put_entry(entry, occurrence, work_id)
    changed = _tell(store, work_id, before)
    if before is None:
        return "added"
    return "updated" if known or changed else "merged"


def _matches(store: Store, entry: Paper) -> list[Paper]:
    """The works that `entry` is an entry of, the one that bears its id first. More than one become one."""
    keys = bands(entry)
    by_id = [work for work in store.papers([entry.id]) if same_id(entry, work)]
    near = [work for work in store.papers(store.sharing_a_band(keys)) if same_work(entry, work)]
    return list({work.id: work for work in (*by_id, *near)}.values())


def _free_id(store: Store, entry: Paper) -> str:
    """The entry's own id, unless another work bears it already."""
    if store.paper(entry.id) is None:
        return entry.id
    return f"{entry.id}-{hashlib.sha256(entry.abstract.encode()).hexdigest()[:8]}"


def _tell(store: Store, work_id: str, before: Paper | None) -> bool:
    """Writes what the entries of a work say together; True when its text is not what it was."""
    work = represent(work_id, store.entries(work_id))
    if before and (before.title, before.abstract) == (work.title, work.abstract):
        store.put_sources(replace(work, links=before.links, code_urls=before.code_urls))
        return False
    store.put_paper(work, split(work), bands(work))
    return True
