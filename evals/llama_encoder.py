"""Encoder -> LlamaIndex embedding: lets the baseline use the library's own encoder, so that only the method differs."""

from __future__ import annotations

from typing import Self

from llama_index.core.embeddings import BaseEmbedding
from pydantic import PrivateAttr

from ingest.encode import Encoder


class LibraryEmbedding(BaseEmbedding):
    """A library's encoder in LlamaIndex's form."""

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
