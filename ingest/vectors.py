"""Passage -> Vector, kept: one vector a passage, by cosine, in whatever store the library's vectors are kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, runtime_checkable

import numpy as np

from ingest.encode import Encoder, Vectors
from ingest.project import Change
from ingest.records import Paper, Passage
from ingest.split import passage_text, sentences
from ingest.store import batches

_PART = 32
"""Papers encoded at once, while the store keeps those before."""


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
    """The vectors of every passage. Writing needs the library's writer lock; a reader must `refresh` to see it."""

    target = "vectors"
    batch_papers = 128
    """What a crash makes us encode again at most."""

    def __init__(self, store: VectorStore, encoder: Encoder) -> None:
        self._store, self._encoder = store, encoder

    def __len__(self) -> int:
        """Passages in the index."""
        return len(self._store)

    @property
    def place(self) -> str:
        """Where the vectors are kept, as people are told."""
        return self._store.place

    def refresh(self) -> None:
        """Makes what another process has written visible here."""
        self._store.refresh()

    def close(self) -> None:
        """Lets go of files and connections."""
        self._store.close()

    def clear(self) -> None:
        """Removes everything."""
        self._store.clear()

    def apply(self, changes: Sequence[Change]) -> None:
        """Brings these works up to date, encoding their passages; durable when it returns.

        Raises:
            OSError: The disk refuses.
            VectorsUnavailable: What keeps the vectors cannot be used.
        """
        gone = [
            _key(change.paper_id, n) for change in changes for n in range(len(change.passages), change.passages_before)
        ]
        for some in batches(gone, self._store.most):
            self._store.remove(some)
        kept = [(change.paper, change.passages) for change in changes if change.paper]
        with ThreadPoolExecutor(1) as ahead:
            for keys, vectors in ahead.map(self._encoded, batches(kept, _PART)):
                for at in range(0, len(keys), self._store.most):
                    self._store.put(keys[at : at + self._store.most], vectors[at : at + self._store.most])

    def _encoded(self, papers: Sequence[tuple[Paper, Sequence[Passage]]]) -> tuple[list[str], Vectors]:
        keys = [_key(passage.paper_id, passage.ordinal) for _, passages in papers for passage in passages]
        return keys, np.concatenate(encode_papers(self._encoder, papers))

    def search(self, vector: Vectors, k: int, among: Mapping[str, int] | None = None) -> list[tuple[str, int, float]]:
        """The passages nearest to `vector` (shape (dimension,), unit length), approximately.

        Args:
            vector: What is sought.
            k: At most this many passages.
            among: Number of passages of each paper among which is searched; None for all papers.

        Returns:
            (paper id, ordinal, cosine similarity in [-1, 1]), best first, ties by id and ordinal.

        Raises:
            IndexDamaged: Its files cannot be read.
            VectorsUnavailable: What keeps the vectors cannot be used.
        """
        if k < 1:
            return []
        wanted, hits = min(k, self._store.most), list[tuple[str, int, float]]()
        for keys in [None] if among is None else batches(_keys(among), self._store.most):
            found = self._store.nearest(vector, wanted, keys)
            hits += [(*_passage(key), min(1.0, similarity)) for key, similarity in found]
        return sorted(hits, key=lambda hit: (-hit[2], hit[0], hit[1]))[:k]

    def of(self, passages: Mapping[str, int]) -> dict[str, Vectors]:
        """The stored vectors of whole papers.

        Args:
            passages: Number of passages of each paper id.

        Returns:
            For each paper whose vectors are all there: shape (passages, dimension), in order of ordinal.
        """
        rows: dict[str, Vectors] = {}
        for keys in batches(_keys(passages), self._store.most):
            rows |= self._store.get(keys)
        return {
            paper_id: np.asarray([rows[_key(paper_id, n)] for n in range(count)], dtype=np.float32)
            for paper_id, count in passages.items()
            if all(_key(paper_id, n) in rows for n in range(count))
        }


def encode_papers(encoder: Encoder, papers: Sequence[tuple[Paper, Sequence[Passage]]]) -> list[Vectors]:
    """Encodes papers by their sentences, each together with the title.

    The whole abstract's vector is the mean of them, at unit length: docs/decisions/0019-whole-from-sentences.md.

    Args:
        encoder: Encodes the sentences.
        papers: At least one paper, and its passages as `split` makes them.

    Returns:
        For each paper: shape (passages, dimension), in order of ordinal.
    """
    found = [sentences(passages) for _, passages in papers]
    texts = [passage_text(paper, one) for (paper, _), some in zip(papers, found, strict=True) for one in some]
    rows = np.split(encoder.encode(texts), np.cumsum([len(some) for some in found])[:-1])
    return [_with_whole(some, len(passages)) for some, (_, passages) in zip(rows, papers, strict=True)]


def _with_whole(rows: Vectors, passages: int) -> Vectors:
    if len(rows) == passages:
        return rows
    mean = rows.mean(axis=0, keepdims=True)
    return np.concatenate([mean / max(float(np.linalg.norm(mean)), 1e-9), rows])


def _key(paper_id: str, ordinal: int) -> str:
    return f"{paper_id}#{ordinal}"


def _keys(passages: Mapping[str, int]) -> Iterator[str]:
    return (_key(paper_id, ordinal) for paper_id, count in passages.items() for ordinal in range(count))


def _passage(key: str) -> tuple[str, int]:
    paper_id, _, ordinal = key.rpartition("#")
    return paper_id, int(ordinal)
