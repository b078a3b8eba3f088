"""Passage -> Vector: one a passage, kept in library.db; and a work is found by one, in whatever store is set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby
from typing import Protocol, runtime_checkable

import numpy as np

from ingest.columns import rounded
from ingest.encode import Encoder, Vectors
from ingest.project import Change, Durable
from ingest.split import passage_text, sentences
from ingest.store import Store, batches

_PART = 32
"""Papers encoded at once, while the store keeps those before."""
_HELD_WHOLE = 4_000
"""Works of a library whose vectors, once read, are held in memory: 13 kB each."""
Encoded = tuple[list[str], Vectors]
"""Keys of passages, and a row for each: shape (len(keys), dimension)."""


def encode(encoder: Encoder, changes: Sequence[Change]) -> Encoded:
    """The vectors of these works, wherever they are made: the same works at once give the same vectors.

    A sentence is encoded together with the title; the whole abstract's vector is the mean of its sentences', at unit
    length: docs/decisions/0019-whole-from-sentences.md.

    Args:
        encoder: Encodes the sentences.
        changes: At least one work; what is gone has no vectors.
    """
    kept = [(change.paper, change.passages) for change in changes if change.paper]
    keys = [_key(passage.paper_id, passage.ordinal) for _, passages in kept for passage in passages]
    rows = encoder.encode([passage_text(paper, one) for paper, passages in kept for one in sentences(passages)])
    by_work = np.split(rows, np.cumsum([len(sentences(passages)) for _, passages in kept])[:-1])
    made = [_with_whole(some, len(passages)) for some, (_, passages) in zip(by_work, kept, strict=True)]
    return keys, np.concatenate(made)


class Engine(Protocol):
    """Where vectors are made: in this process (`Here`), or on many machines (`ingest.ray_data`)."""

    batch_papers: int
    """Papers to be given at once."""

    def encoded(self, parts: Iterable[Sequence[Change]]) -> Iterator[Encoded]:
        """What `encode` gives for each part, in order, as soon as it is there."""

    def close(self) -> None:
        """Lets go of what makes them."""


class Here:
    """Vectors are made in a thread of this process, a part ahead."""

    batch_papers = 128

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def encoded(self, parts: Iterable[Sequence[Change]]) -> Iterator[Encoded]:
        """See `Engine.encoded`."""
        with ThreadPoolExecutor(1) as ahead:
            yield from ahead.map(partial(encode, self._encoder), parts)

    def close(self) -> None:
        """Nothing is held."""


@runtime_checkable
class VectorStore(Protocol):
    """Keeps vectors of unit length under keys, and finds those near another by cosine."""

    place: str
    """Where that is, as people are told."""
    most: int
    """Keys that a call may name, and that a search may find."""

    def __len__(self) -> int:
        """Vectors in it."""

    def put(self, keys: Sequence[str], vectors: Vectors) -> None:
        """Keeps these (shape (len(keys), dimension)), in place of what was there; durable when it returns."""

    def remove(self, keys: Sequence[str]) -> None:
        """Removes what is under these keys; it does not matter which of them there are."""

    def nearest(self, vector: Vectors, k: int, keys: Sequence[str] | None) -> list[tuple[str, float]]:
        """Up to `k` of these keys, or of all: (key, cosine similarity in [-1, 1]), in any order."""

    def get(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """The vector, shape (dimension,), under each of these keys that there is."""

    def clear(self) -> None:
        """Removes everything; vectors of another dimension may come next."""

    def refresh(self) -> None:
        """Makes visible what another process has written."""

    def close(self) -> None:
        """Lets go of files and connections."""


class VectorIndex:
    """Which works are near a vector. Writing needs the library's writer lock; a reader must `refresh` to see it.

    Each work is found by the vector of its passage 0, the whole abstract: a ninth of all passages, so that opening and
    filling the index stay quick at any size. The vectors of its sentences are read from library.db once it is found:
    docs/decisions/0021-works-are-found-whole.md.
    """

    target = "vectors"

    def __init__(self, store: VectorStore, engine: Engine, kept: Store) -> None:
        """Works are found in `store`; `kept` has the vectors of all their passages, as they were made."""
        self._store, self._engine, self._kept = store, engine, kept
        self._held: dict[str, Vectors] = {}
        self.batch_papers = engine.batch_papers

    def __len__(self) -> int:
        """Works in the index."""
        return len(self._store)

    @property
    def place(self) -> str:
        """Where the vectors are kept, as people are told."""
        return self._store.place

    def refresh(self) -> None:
        """Makes what another process has written visible here."""
        self._held = {}
        self._store.refresh()

    def close(self) -> None:
        """Lets go of files and connections."""
        self._engine.close()
        self._store.close()

    def clear(self) -> None:
        """Removes everything."""
        self._store.clear()

    def apply(self, changes: Sequence[Change], durable: Durable | None = None) -> None:
        """Brings these works up to date, encoding what was not before, and calls `durable` with some after others.

        Raises:
            OSError: The disk refuses.
            VectorsUnavailable: What keeps the vectors cannot be used.
        """
        self._held = {}
        there = [change for change in changes if change.paper and change.passages]
        gone = {change.paper_id for change in changes} - {change.paper_id for change in there}
        for some in batches(sorted(gone), self._store.most):
            self._store.remove([_key(paper_id, 0) for paper_id in some])
        if durable and gone:
            durable(gone)
        for part in self._made(there):
            for some in batches(part, self._store.most):
                self._store.put([_key(paper_id, 0) for paper_id in some], np.stack([part[i][0] for i in some]))
            if durable:
                durable(part)

    def _made(self, changes: Sequence[Change]) -> Iterator[dict[str, Vectors]]:
        """The vectors of these works: first those that are kept, then those that are made now, and kept."""
        kept = self._kept.vectors(change.paper_id for change in changes)
        before = {c.paper_id: kept[c.paper_id] for c in changes if len(kept.get(c.paper_id, ())) == len(c.passages)}
        for part in batches(before, _PART):
            yield {paper_id: before[paper_id] for paper_id in part}
        new = [change for change in changes if change.paper_id not in before]
        for keys, vectors in self._engine.encoded(batches(new, _PART)):
            made = _by_work(keys, rounded(vectors))
            self._kept.put_vectors(made)
            yield made

    def search(self, vector: Vectors, k: int, among: Collection[str] | None = None) -> list[tuple[str, float]]:
        """The works whose whole abstracts are nearest to `vector` (shape (dimension,), unit length), approximately.

        Args:
            vector: What is sought.
            k: At most this many works.
            among: Ids of the works among which is searched; None for all.

        Returns:
            (paper id, cosine similarity in [-1, 1]), best first, ties by id.

        Raises:
            IndexDamaged: Its files cannot be read.
            VectorsUnavailable: What keeps the vectors cannot be used.
        """
        if k < 1:
            return []
        wanted, near = min(k, self._store.most), dict[str, float]()
        keys = None if among is None else [_key(paper_id, 0) for paper_id in sorted(among)]
        for some in [None] if keys is None else batches(keys, self._store.most):
            for key, similarity in self._store.nearest(vector, wanted, some):
                paper_id, _ = _passage(key)  # an index of before holds other passages, too
                near[paper_id] = max(near.get(paper_id, -1.0), min(1.0, similarity))
        return _best_first(near)[:k]

    def search_within(self, vector: Vectors, found: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
        """Those that `search` found, by the passage of each that is nearest to `vector`, best first, ties by id."""
        kept = self._held_or_read([paper_id for paper_id, _ in found])
        if not kept:
            return _best_first(dict(found))
        starts = np.cumsum([0, *map(len, kept.values())])[:-1]
        nearest = np.maximum.reduceat(np.concatenate(list(kept.values())) @ vector, starts)
        return _best_first(dict(found) | dict(zip(kept, nearest.tolist(), strict=True)))

    def of(self, passages: Mapping[str, int]) -> dict[str, Vectors]:
        """The stored vectors of whole papers.

        Args:
            passages: Number of passages of each paper id.

        Returns:
            For each paper whose vectors are all there: shape (passages, dimension), in order of ordinal.
        """
        kept = self._kept.vectors(passages)
        found = {paper_id: rows for paper_id, rows in kept.items() if len(rows) == passages[paper_id]}
        others = {paper_id: count for paper_id, count in passages.items() if paper_id not in found}
        rows: dict[str, Vectors] = {}
        for keys in batches(_keys(others), self._store.most):  # of a library made before vectors were kept
            rows |= self._store.get(keys)
        return found | {
            paper_id: np.asarray([rows[_key(paper_id, n)] for n in range(count)], dtype=np.float32)
            for paper_id, count in others.items()
            if all(_key(paper_id, n) in rows for n in range(count))
        }

    def wholes(self, ids: Iterable[str]) -> dict[str, Vectors]:
        """The vector of the whole abstract, shape (dimension,), of each of these works that the index holds."""
        found: dict[str, Vectors] = {}
        for some in batches(ids, self._store.most):
            found |= self._store.get([_key(paper_id, 0) for paper_id in some])
        return {_passage(key)[0]: row for key, row in found.items()}

    def _held_or_read(self, ids: Collection[str]) -> dict[str, Vectors]:
        """The kept vectors of these works, in this order: of a small library, read once until it changes."""
        held = self._held
        fresh = self._kept.vectors(paper_id for paper_id in ids if paper_id not in held)
        if len(self._kept) <= _HELD_WHOLE:
            held.update(fresh)
        return {i: rows for i in ids if (rows := held.get(i, fresh.get(i))) is not None}


def _with_whole(rows: Vectors, passages: int) -> Vectors:
    """`rows`, those of the sentences, and before them their mean, unless that makes more than `passages`."""
    if len(rows) == passages:
        return rows
    mean = rows.mean(axis=0, keepdims=True)
    return np.concatenate([mean / max(float(np.linalg.norm(mean)), 1e-9), rows])


def _best_first(similarity: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(similarity.items(), key=lambda hit: (-hit[1], hit[0]))


def _by_work(keys: Sequence[str], rows: Vectors) -> dict[str, Vectors]:
    """`rows`, those of each work apart; a work's keys stand together."""
    lengths = {paper_id: len(list(some)) for paper_id, some in groupby(_passage(key)[0] for key in keys)}
    return dict(zip(lengths, np.split(rows, np.cumsum(list(lengths.values()))[:-1]), strict=True))


def _key(paper_id: str, ordinal: int) -> str:
    return f"{paper_id}#{ordinal}"


def _keys(passages: Mapping[str, int]) -> Iterator[str]:
    return (_key(paper_id, ordinal) for paper_id, count in passages.items() for ordinal in range(count))


def _passage(key: str) -> tuple[str, int]:
    paper_id, _, ordinal = key.rpartition("#")
    return paper_id, int(ordinal)
