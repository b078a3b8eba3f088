"""Keys, vectors -> collection, and back: what a folder of Chroma's and a server of it have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ingest.encode import Vectors

if TYPE_CHECKING:
    from chromadb.api.collection_configuration import CreateCollectionConfiguration
    from chromadb.api.models.Collection import Collection

Found = TypeVar("Found")

NEIGHBOURS = 32
"""Of each vector, at each level of the graph but the lowest."""
_EF_SEARCH = 400
"""Breadth of the graph search: recall of the 200 nearest vectors against exact search is tested."""
MOST = 5000


class ChromaStore(ABC):
    """A collection that is given vectors. Chroma never encodes anything itself."""

    place: str
    most: int

    @abstractmethod
    def _do(self, ask: Callable[[Collection], Found]) -> Found:
        """What `ask` gives, asked of the collection as it is now."""

    @abstractmethod
    def _change(self, change: Callable[[Collection], object]) -> None:
        """Changes the collection; durable when it returns."""

    def __len__(self) -> int:
        """Vectors in it."""
        return self._do(lambda collection: collection.count())

    def put(self, keys: Sequence[str], vectors: Vectors) -> None:
        """See `VectorStore.put`."""
        self._change(lambda collection: collection.upsert(ids=list(keys), embeddings=vectors))

    def remove(self, keys: Sequence[str]) -> None:
        """See `VectorStore.remove`."""
        self._change(lambda collection: collection.delete(ids=list(keys)))

    def nearest(self, vector: Vectors, k: int, keys: Sequence[str] | None) -> list[tuple[str, float]]:
        """See `VectorStore.nearest`."""
        return self._do(partial(_nearest, vector=vector, k=k, keys=None if keys is None else list(keys)))

    def get(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """See `VectorStore.get`."""
        found = self._do(lambda collection: collection.get(ids=list(keys), include=["embeddings"]))
        rows = [] if found["embeddings"] is None else found["embeddings"]
        return dict(zip(found["ids"], np.asarray(rows, dtype=np.float32), strict=True))


def graph() -> CreateCollectionConfiguration:
    """How a collection is to be searched."""
    return {"hnsw": {"space": "cosine", "ef_construction": 200, "ef_search": _EF_SEARCH, "max_neighbors": NEIGHBOURS}}


def names_no_model(configuration: object) -> bool:
    """Whether nothing in a collection's configuration names an embedding function: one of our making never does.

    Chroma would load what is named there on the next write, and run code that came with it.
    """
    if isinstance(configuration, list):
        return all(map(names_no_model, configuration))
    if not isinstance(configuration, dict):
        return True
    named = configuration.get("embedding_function")
    return named in (None, {"type": "legacy"}, {"type": "unknown"}) and all(map(names_no_model, configuration.values()))


def _nearest(collection: Collection, vector: Vectors, k: int, keys: list[str] | None) -> list[tuple[str, float]]:
    # Imported on first use: it takes half a second, which `--help` and a bad argument should not.
    from chromadb.errors import ChromaError  # noqa: PLC0415

    try:
        found = collection.query(vector[np.newaxis, :], ids=keys, n_results=k, include=["distances"])
    except ChromaError:
        # It fails at a key that it does not hold: one that is not there yet, or no more.
        held = collection.get(ids=keys, include=[])["ids"] if keys else []
        if keys is None or len(held) == len(keys):
            raise
        return _nearest(collection, vector, k, held) if held else []
    distances = (found["distances"] or [[]])[0]
    return [(key, 1.0 - float(distance)) for key, distance in zip(found["ids"][0], distances, strict=True)]
