"""library.db -> vectors/ and words/: applies what the outbox holds, and strikes it once an index has it for good."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from ingest.records import Paper, Passage
from ingest.store import Store

Progress = Callable[[int, int], None]
"""Called with (papers done, papers to do)."""
Durable = Callable[[Collection[str]], None]
"""Called with ids of works that an index has for good."""


@dataclass(frozen=True, slots=True)
class Change:
    """A work as an index should hold it from now on."""

    paper_id: str
    paper: Paper | None
    """None when the work is gone."""
    passages: tuple[Passage, ...]


class Index(Protocol):
    """A projection of the database that can be made again from it."""

    target: str
    """Its name in the outbox."""
    batch_papers: int
    """Papers to apply at once."""

    def __len__(self) -> int:
        """Works it holds."""

    def apply(self, changes: Sequence[Change], durable: Durable | None = None) -> None:
        """Brings these works up to date, and calls `durable` with each of them; applying twice changes nothing."""

    def clear(self) -> None:
        """Removes everything."""


def catch_up(store: Store, index: Index, progress: Progress | None = None) -> None:
    """Empties the outbox into `index`; if it then holds the wrong number of works, it is made anew."""
    _empty_outbox(store, index, progress)
    if len(index) != len(store):
        index.clear()
        store.owe_everything(index.target)
        _empty_outbox(store, index, progress)


def _empty_outbox(store: Store, index: Index, progress: Progress | None) -> None:
    total = store.owed_count(index.target)
    done = 0

    def acknowledge(ids: Collection[str]) -> None:
        nonlocal done
        store.acknowledge(index.target, ids)
        done += len(ids)
        if progress:
            progress(done, total)

    while owed := store.owed(index.target, index.batch_papers):
        papers = {paper.id: paper for paper in store.papers(owed)}
        passages = store.passages(owed)
        index.apply([Change(i, papers.get(i), passages.get(i, ())) for i in owed], acknowledge)
