"""Query -> nodes: the library's ranking of papers as a LlamaIndex retriever. No language model takes part."""

from __future__ import annotations

import asyncio

from llama_index.core.callbacks import CallbackManager
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle

from assistant.ask import Where
from assistant.assistant import Assistant
from assistant.llama_index import nodes


class LibraryRetriever(BaseRetriever):
    """Finds papers: a node is an abstract, its id the paper's, its metadata title, year, url, paper_id and spans.

    `node.text[start:end]` is what each span tells, but for those whose `field` is the title.
    """

    def __init__(
        self,
        assistant: Assistant,
        *,
        similarity_top_k: int = 10,
        where: Where = None,
        callback_manager: CallbackManager | None = None,
    ) -> None:
        """Over the library of `assistant`, which stays the caller's to close.

        Args:
            assistant: An open one.
            similarity_top_k: Most papers to find.
            where: Only papers that fit, such as `year >= 2023`.
            callback_manager: Told of every retrieval.
        """
        self._assistant, self._k, self._where = assistant, similarity_top_k, where
        super().__init__(callback_manager)

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        """See `Assistant.search`, as for the errors."""
        return [nodes.of_hit(hit) for hit in self._assistant.search(query_bundle.query_str, self._k, self._where)]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
