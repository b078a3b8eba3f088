"""Assistant -> LlamaIndex: retriever, query engine and tool over a library; its documents and embeddings in one.

LlamaIndex's language models serve through `assistant.llm.llama_index_chat`.
"""

from assistant.llama_index.documents import ingest_documents
from assistant.llama_index.encoders import LibraryEmbedding, LlamaIndexEncoder
from assistant.llama_index.query_engine import LibraryQueryEngine, LibraryStage
from assistant.llama_index.retriever import LibraryRetriever

__all__ = [
    "LibraryEmbedding", "LibraryQueryEngine", "LibraryRetriever", "LibraryStage", "LlamaIndexEncoder",
    "ingest_documents",
]  # fmt: skip
