"""Passage -> Vector, kept: one vector a passage, in Chroma, by cosine. Chroma never encodes anything itself."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ingest.encode import Encoder, Vectors
from ingest.errors import IndexDamaged
from ingest.project import Change
from ingest.split import passage_text

_COLLECTION = "passages"
_EF_SEARCH = 200
"""Breadth of the graph search: recall of the 200 nearest passages against exact search is tested."""


class VectorIndex:
    """The vectors of every passage. Writing needs the library's writer lock; a reader must `refresh` to see it."""

    target = "vectors"
    batch_papers = 32
    """What a crash makes us encode again at most."""

    def __init__(self, folder: Path, encoder: Encoder, *, create: bool = False) -> None:
        """Opens the index in `folder`; with `create`, makes an empty one if there is none.

        Raises:
            IndexDamaged: The folder holds something else, or less.
        """
        self._folder, self._encoder = folder, encoder
        if not create and not (folder / "chroma.sqlite3").is_file():
            raise IndexDamaged(folder, "chroma.sqlite3 is missing")
        self._open()

    def _open(self) -> None:
        # Imported on first use: it takes half a second, which `--help` and a bad argument should not.
        import chromadb  # noqa: PLC0415
        from chromadb.api.collection_configuration import CreateCollectionConfiguration  # noqa: PLC0415
        from chromadb.config import Settings  # noqa: PLC0415
        from chromadb.errors import ChromaError  # noqa: PLC0415

        graph: CreateCollectionConfiguration = {
            "hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": _EF_SEARCH, "max_neighbors": 32}
        }
        try:
            self._client = chromadb.PersistentClient(str(self._folder), Settings(anonymized_telemetry=False))
            self._collection = self._client.get_or_create_collection(
                _COLLECTION, configuration=graph, embedding_function=None
            )
            self._collection.count()
        except (ChromaError, sqlite3.Error, ValueError, OSError) as error:
            raise IndexDamaged(self._folder, str(error)) from error
        self._batch = min(5000, self._client.get_max_batch_size())

    def __len__(self) -> int:
        """Passages in the index."""
        return self._collection.count()

    def refresh(self) -> None:
        """Makes what another process has written visible here; a client in use would go on reading the old graph."""
        self._client.close()
        self._open()

    def close(self) -> None:
        """Lets go of the files."""
        self._client.close()

    def apply(self, changes: Sequence[Change]) -> None:
        """Brings these works up to date, encoding their passages; durable when it returns."""
        gone = [
            _key(change.paper_id, n) for change in changes for n in range(len(change.passages), change.passages_before)
        ]
        for start in range(0, len(gone), self._batch):
            self._collection.delete(ids=gone[start : start + self._batch])
        kept = [(change.paper, passage) for change in changes if change.paper for passage in change.passages]
        if not kept:
            return
        vectors = self._encoder.encode([passage_text(paper, passage) for paper, passage in kept])
        keys = [_key(passage.paper_id, passage.ordinal) for _, passage in kept]
        for start in range(0, len(keys), self._batch):
            part = slice(start, start + self._batch)
            self._collection.upsert(ids=keys[part], embeddings=vectors[part])

    def clear(self) -> None:
        """Removes everything, the files too."""
        self.close()
        shutil.rmtree(self._folder)
        self._open()

    def search(self, vector: Vectors, k: int) -> list[tuple[str, int, float]]:
        """The passages nearest to `vector` (shape (dimension,), unit length), approximately.

        Returns:
            (paper id, ordinal, cosine similarity in [-1, 1]), best first, ties by id and ordinal.
        """
        found = self._collection.query(query_embeddings=[vector], n_results=k, include=["distances"])
        distances = (found["distances"] or [[]])[0]
        hits = [
            (*_passage(key), 1.0 - float(distance)) for key, distance in zip(found["ids"][0], distances, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit[2], hit[0], hit[1]))

    def of(self, passages: Mapping[str, int]) -> dict[str, Vectors]:
        """The stored vectors of whole papers.

        Args:
            passages: Number of passages of each paper id.

        Returns:
            For each paper whose vectors are all there: shape (passages, dimension), in order of ordinal.
        """
        keys = [_key(paper_id, ordinal) for paper_id, count in passages.items() for ordinal in range(count)]
        rows: dict[str, object] = {}
        for start in range(0, len(keys), self._batch):
            found = self._collection.get(ids=keys[start : start + self._batch], include=["embeddings"])
            rows.update(zip(found["ids"], found["embeddings"] if found["embeddings"] is not None else (), strict=True))
        return {
            paper_id: np.asarray([rows[_key(paper_id, n)] for n in range(count)], dtype=np.float32)
            for paper_id, count in passages.items()
            if all(_key(paper_id, n) in rows for n in range(count))
        }


def _key(paper_id: str, ordinal: int) -> str:
    return f"{paper_id}#{ordinal}"


def _passage(key: str) -> tuple[str, int]:
    paper_id, _, ordinal = key.rpartition("#")
    return paper_id, int(ordinal)
