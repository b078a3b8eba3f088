"""LlamaIndex embedding <-> Encoder: any of LlamaIndex's embeddings in a library, a library's encoder in LlamaIndex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import numpy as np
from llama_index.core.embeddings import BaseEmbedding
from pydantic import PrivateAttr

from ingest.encode import Encoder, Vectors


class LlamaIndexEncoder:
    """A LlamaIndex embedding as a library's encoder; give the same one to `ingest` and to `Assistant.open`.

    Questions are encoded as texts are: an embedding that has an instruction of its own for questions goes without it.
    """

    fingerprint = ""

    def __init__(self, embedding: BaseEmbedding) -> None:
        """Encodes by `embedding`, under its `model_name`."""
        self._embedding, self.name = embedding, embedding.model_name

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`."""
        rows = np.asarray(self._embedding.get_text_embedding_batch(list(texts)), dtype=np.float32)
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)


class LibraryEmbedding(BaseEmbedding):
    """A library's encoder as a LlamaIndex embedding."""

    _encoder: Encoder = PrivateAttr()

    @classmethod
    def over(cls, encoder: Encoder) -> Self:
        """The embedding that calls `encoder`."""
        made = cls(model_name=encoder.name)
        made._encoder = encoder
        return made

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return [row.tolist() for row in self._encoder.encode(texts)]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)
