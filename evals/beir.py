"""Collection -> Scores: rankings of public retrieval collections in BEIR's form (Thakur et al., NeurIPS 2021).

A collection is a folder with `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`), and judgements
in `qrels.tsv` or `qrels/*.tsv` (query-id, corpus-id, score, with a head line). It is read like any other papers, into
a library of its own; documents that the library takes for one work are ranked one after the other.

`python -m evals.beir COLLECTION LIBRARY` asks a collection's queries of a larger library instead, such as one that
`evals.scale` made, which holds the documents under the same titles among many others.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from assistant import Assistant
from evals.baselines import vectors_only, words_only
from evals.cases import title_ids, title_key
from evals.errors import BadCollection
from evals.journal import Progress
from evals.measures.ranking import first_hit, ndcg, recall
from evals.records import Score
from evals.statistics import score
from ingest import Library, ingest
from ingest.settings import Settings

DEPTH = 100
MEASURES: Mapping[str, Callable[[Sequence[int], Mapping[str, int]], float]] = {
    "ndcg@10": lambda ranked, gold: ndcg(ranked, gold.values(), 10),
    "recall@10": lambda ranked, gold: recall(ranked, len(gold), 10),
    "recall@50": lambda ranked, gold: recall(ranked, len(gold), 50),
    "recall@100": lambda ranked, gold: recall(ranked, len(gold), 100),
    "mrr": lambda ranked, _: first_hit(ranked),
}


@dataclass(frozen=True, slots=True)
class Collection:
    """Judged queries over a corpus."""

    name: str
    corpus: Path
    documents: Mapping[int, str]
    """Id of the document on each line of the corpus."""
    queries: Mapping[str, str]
    """Text of each judged query, by id."""
    relevant: Mapping[str, Mapping[str, int]]
    """Grades above 0 of documents, by query id."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """How one system ranks one collection."""

    collection: str
    system: str
    works: int
    """That the library holds."""
    documents: int
    measures: Mapping[str, Score]
    seconds_a_query: float


def read_collection(folder: Path) -> Collection:
    """Reads a collection's queries and judgements.

    Raises:
        BadCollection: Something is missing or not of its form.
    """
    try:
        relevant = _relevant(sorted(folder.glob("qrels/*.tsv")) or [folder / "qrels.tsv"])
        queries = {query["_id"]: query["text"] for _, query in _records(folder / "queries.jsonl")}
        documents = {number: document["_id"] for number, document in _records(folder / "corpus.jsonl")}
        texts = {query_id: queries[query_id] for query_id in sorted(relevant)}
    except OSError as error:
        raise BadCollection(folder, f"{Path(error.filename or folder).name}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadCollection(folder, f"not of its form ({type(error).__name__}: {error})") from error
    if not texts:
        raise BadCollection(folder, "no query has a relevant document")
    return Collection(folder.name, folder / "corpus.jsonl", documents, texts, relevant)


def rank(collection: Collection, library: Path, settings: Settings, progress: Progress | None = None) -> list[Ranked]:
    """Ranks every query by the product, by words only and by vectors only.

    Args:
        collection: What to rank.
        library: Folder of the library that is made of the corpus, or was.
        settings: Say which encoder to use.
        progress: Called with (queries done, queries to do), and while papers are encoded with these.
    """
    own = settings.model_copy(update={"library": library})
    ingest(collection.corpus, settings=own, progress=progress)
    with Assistant.open(settings=own) as assistant:
        held = assistant.library
        systems: Mapping[str, Callable[[str], Sequence[str]]] = {
            "whichpapers": partial(_found, assistant),
            "words only": lambda query: words_only(held, query, DEPTH),
            "vectors only": lambda query: vectors_only(held, query, DEPTH),
        }
        documents = _documents(collection, held)
        return [_ranked(collection, name, search, documents, progress) for name, search in systems.items()]


def rank_among(collection: Collection, settings: Settings, progress: Progress | None = None) -> Ranked:
    """Ranks every query by the product over the library of `settings`, in which documents are known by their titles.

    Args:
        collection: What to rank; a document whose title is not there counts as not found.
        settings: Say which library, and which encoder.
        progress: Called with (queries done, queries to do).
    """
    with Assistant.open(settings=settings) as assistant:
        known, judged = title_ids(assistant.library), defaultdict[str, list[str]](list)
        for _, document in _records(collection.corpus):
            if work := known.get(title_key(document["title"])):
                judged[work].append(document["_id"])
        documents = {work: judged.get(work, [work]) for work in known.values()}  # another paper takes its place, too
        return _ranked(collection, "whichpapers", partial(_found, assistant), documents, progress)


def _found(assistant: Assistant, query: str) -> list[str]:
    return [hit.paper.id for hit in assistant.search(query, DEPTH)]


def rank_collections(folders: Sequence[Path], settings: Settings, out: Path, progress: Progress | None = None) -> str:
    """Ranks collections, each in a library of its own below `out`, and writes `beir.json` there.

    Returns:
        The figures as a table.
    """
    collections = [read_collection(folder) for folder in folders]
    found = [one for c in collections for one in rank(c, out / c.name, settings, progress)]
    (out / "beir.json").write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", "utf-8")
    return table(found)


def table(found: Sequence[Ranked]) -> str:
    """A line for each collection and system."""
    names = list(MEASURES)
    head = ["collection", "system", "documents", "works", "queries", *names, "ms a query"]
    lines = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for one in found:
        means = [f"{one.measures[name].mean:.3f}" for name in names]
        counts = [str(one.documents), str(one.works), str(one.measures[names[0]].n)]
        cells = [one.collection, one.system, *counts, *means, f"{1000 * one.seconds_a_query:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _ranked(
    collection: Collection,
    system: str,
    search: Callable[[str], Sequence[str]],
    documents: Mapping[str, Sequence[str]],
    progress: Progress | None,
) -> Ranked:
    columns: dict[str, list[float]] = {name: [] for name in MEASURES}
    seconds = 0.0
    for place, (query_id, query) in enumerate(collection.queries.items(), start=1):
        started = time.perf_counter()
        works = search(query)
        seconds += time.perf_counter() - started
        gold = collection.relevant[query_id]
        ranked = [gold.get(document, 0) for work in works for document in documents[work]]
        for name, measure in MEASURES.items():
            columns[name].append(measure(ranked, gold))
        if progress:
            progress(place, len(collection.queries))
    measures = {name: score(column) for name, column in columns.items()}
    per_query = seconds / len(collection.queries)
    return Ranked(collection.name, system, len(documents), len(collection.documents), measures, per_query)


def _documents(collection: Collection, library: Library) -> dict[str, list[str]]:
    """The documents of each work, by paper id."""
    return {
        paper.id: sorted({collection.documents[source.line] for source in paper.sources})
        for paper in library.store.every_paper()
    }


def _relevant(files: Sequence[Path]) -> dict[str, dict[str, int]]:
    relevant: dict[str, dict[str, int]] = {}
    for file in files:
        for line in file.read_text("utf-8").splitlines()[1:]:
            query_id, document, grade = line.split("\t")
            if int(grade) > 0:
                relevant.setdefault(query_id, {})[document] = int(grade)
    return relevant


def _records(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file of JSON lines, each with its line's number."""
    with file.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield number, json.loads(line)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m evals.beir", description=rank_among.__doc__)
    parser.add_argument("collection", type=Path, help="folder in BEIR's form")
    parser.add_argument("library", type=Path, help="folder of a library that holds its documents, too")
    given = parser.parse_args()
    print(table([rank_among(read_collection(given.collection), Settings(library=given.library, offline=True))]))


if __name__ == "__main__":
    main()
