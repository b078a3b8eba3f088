"""Keys, vectors -> any vector store of LlamaIndex's: Qdrant, Milvus, pgvector, OpenSearch and others (docs/beyond.md).

Such stores differ in what they call similar, which filters they know, and whether an id that is there is replaced or
doubled. So each is asked only to find nodes near a vector and nodes of some ids. A node's text is its vector, and what
is similar is computed from that: the same to the last digit, whatever the store.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from llama_index.core.schema import BaseNode, MetadataMode, TextNode
from llama_index.core.vector_stores.types import BasePydanticVectorStore, VectorStoreQuery

from ingest.encode import Vectors
from ingest.errors import VectorsUnavailable

_KEY = "passage"
_MAX_WHY_CHARS = 200


class LlamaIndexStore:
    """A vector store of LlamaIndex's, which must know `add`, `query`, `get_nodes`, `delete_nodes` and `clear`."""

    def __init__(
        self,
        opens: Callable[[], BasePydanticVectorStore],
        count: Callable[[], int],
        close: Callable[[], object] = lambda: None,
        most: int = 5000,
    ) -> None:
        """Opens the store.

        Args:
            opens: Opens it, for the vectors of one library alone; once more after it was cleared, as some make their
                table only then.
            count: How many nodes are in it, 0 where its table or collection was not made yet. LlamaIndex cannot tell,
                and by this the library notices that something was lost.
            close: Lets go of the connection.
            most: Nodes that it takes or finds in one call.
        """
        self.place = "the store of vectors"
        self.most = most
        self._opens, self._count, self._close = opens, count, close
        with self._told():
            self._store = opens()
        self.place += f" {type(self._store).__name__}"

    def __len__(self) -> int:
        """Vectors in it."""
        with self._told():
            return self._count()

    def put(self, keys: Sequence[str], vectors: Vectors) -> None:
        """See `VectorStore.put`."""
        self.remove(keys)  # some stores would keep both
        with self._told():
            self._store.add([_node(key, vector) for key, vector in zip(keys, vectors, strict=True)])

    def remove(self, keys: Sequence[str]) -> None:
        """See `VectorStore.remove`."""
        if len(self):  # else there may be no table yet
            with self._told():
                self._store.delete_nodes([_id(key) for key in keys])

    def nearest(self, vector: Vectors, k: int, keys: Sequence[str] | None) -> list[tuple[str, float]]:
        """See `VectorStore.nearest`."""
        found = self._near(vector, k) if keys is None else self.get(keys)
        near = [(key, float(row @ vector)) for key, row in found.items()]
        return sorted(near, key=lambda hit: (-hit[1], hit[0]))[:k]

    def get(self, keys: Sequence[str]) -> dict[str, Vectors]:
        """See `VectorStore.get`."""
        if not keys or not len(self):
            return {}
        with self._told():
            return _rows(self._store.get_nodes([_id(key) for key in keys]))

    def clear(self) -> None:
        """See `VectorStore.clear`."""
        if len(self):
            with self._told():
                self._store.clear()
                self._store = self._opens()

    def refresh(self) -> None:
        """Nothing is kept here that another process could change."""

    def close(self) -> None:
        """Lets go of the connection."""
        with self._told():
            self._close()

    def _near(self, vector: Vectors, k: int) -> dict[str, Vectors]:
        if not len(self):
            return {}
        with self._told():
            query = VectorStoreQuery(query_embedding=vector.tolist(), similarity_top_k=k)
            return _rows(self._store.query(query).nodes or ())

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns whatever the store raises into one line."""
        try:
            yield
        except Exception as error:  # each client has errors of its own, without a common base
            why = " ".join(str(error).split())[:_MAX_WHY_CHARS]
            raise VectorsUnavailable(self.place, f"fails: {type(error).__name__}: {why}") from error


def _id(key: str) -> str:
    """A UUID, as some stores take no other ids."""
    return str(uuid5(NAMESPACE_OID, key))


def _node(key: str, vector: Vectors) -> TextNode:
    text = b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode("ascii")
    return TextNode(id_=_id(key), text=text, embedding=vector.tolist(), metadata={_KEY: key})


def _rows(nodes: Sequence[BaseNode]) -> dict[str, Vectors]:
    """The vector of each node of ours by its key."""
    texts = {node.metadata[_KEY]: node.get_content(MetadataMode.NONE) for node in nodes}
    return {key: np.frombuffer(b64decode(text), dtype="<f4") for key, text in texts.items()}
