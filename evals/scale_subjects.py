"""Name -> figures: what `evals.scale` measures of a library of some size, each in a process of its own.

`python -m evals.scale_subjects NAME FOLDER` prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from assistant import Assistant
from evals.bench_subjects import Figures, peak_mb
from evals.cases import OWN_CASES
from ingest import Library, Settings, ingest
from ingest.encode import Vectors

NEAREST = 50
"""Works that the index is to find as an exact search does."""
ASKED_EXACTLY = 64
"""Questions that are also searched exactly."""
_SLAB = 2_000
"""Papers compared with all questions at once."""


def questions() -> list[str]:
    """What is asked: the project's own judged questions, whether or not these papers answer them."""
    return [json.loads(line)["question"] for line in OWN_CASES.read_text("utf-8").splitlines()]


def made(folder: Path) -> Figures:
    """`papers.jsonl` read into a library in one go."""
    started = time.perf_counter()
    report = ingest(folder / "papers.jsonl", settings=_settings(folder))
    seconds, cpu = time.perf_counter() - started, time.process_time()
    parts = {part: _megabytes(folder / "library" / part) for part in ("library.db", "vectors", "words")}
    with Library.open(folder / "library", _settings(folder)) as library:
        passages = library.store.count_passages()
    return {
        "papers": report.works, "passages": passages, "ingest_s": seconds, "ingest_cpu_s": cpu,
        "ingest_peak_mb": peak_mb(), "disk_mb": sum(parts.values()), **{f"{n}_mb": mb for n, mb in parts.items()},
    }  # fmt: skip


def opened(folder: Path) -> Figures:
    """The library opened; and asked the first question, which loads what was left for then."""
    started = time.perf_counter()
    with Assistant.open(settings=_settings(folder)) as assistant:
        opened_s = time.perf_counter() - started
        assistant.search(questions()[0])
        return {"open_s": opened_s, "first_search_s": time.perf_counter() - started - opened_s}


def asked(folder: Path) -> Figures:
    """Each question searched, and answered without a model, once everything is loaded; no question is asked twice."""
    with Assistant.open(settings=_settings(folder)) as assistant:
        first, *others = questions()
        assistant.ask(first, mode="offline")
        searches = _milliseconds(assistant.search, others[::2])
        answers = _milliseconds(lambda text: assistant.ask(text, mode="offline"), others[1::2])
    figures = {"search": searches, "answer": answers}
    times = {f"{n}_p{p}_ms": float(np.percentile(ms, p)) for n, ms in figures.items() for p in (50, 95)}
    return {**times, "asked_peak_mb": peak_mb()}


def exact(folder: Path) -> Figures:
    """The share of the NEAREST works of an exact search that the index finds, over ASKED_EXACTLY questions."""
    with Library.open(folder / "library", _settings(folder)) as library:
        vectors = library.encoder.encode(questions()[:ASKED_EXACTLY])
        found = [{paper for paper, _ in library.vectors.search(vector, NEAREST)} for vector in vectors]
        nearest: list[list[tuple[float, str]]] = [[] for _ in vectors]
        for keys, rows in _wholes(library):
            for question, similarities in enumerate(vectors @ rows.T):
                best = np.argpartition(-similarities, min(NEAREST, len(keys) - 1))[:NEAREST]
                nearest[question] += [(float(similarities[i]), keys[i]) for i in best]
                nearest[question] = sorted(nearest[question], reverse=True)[:NEAREST]
    shares = [len(got & {key for _, key in true}) / len(true) for got, true in zip(found, nearest, strict=True)]
    return {f"recall_at_{NEAREST}": float(np.mean(shares))}


def _wholes(library: Library) -> Iterator[tuple[list[str], Vectors]]:
    ids = (paper.id for paper in library.store.every_paper())
    while slab := list(islice(ids, _SLAB)):
        kept = library.store.vectors(slab)
        yield list(kept), np.stack([rows[0] for rows in kept.values()])


def _milliseconds(action: Callable[[str], object], texts: Sequence[str]) -> list[float]:
    taken = []
    for text in texts:
        started = time.perf_counter()
        action(text)
        taken.append((time.perf_counter() - started) * 1_000)
    return taken


def _settings(folder: Path) -> Settings:
    return Settings(library=folder / "library", offline=True)


def _megabytes(place: Path) -> float:
    files = [place] if place.is_file() else [file for file in place.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


SUBJECTS: dict[str, Callable[[Path], Figures]] = {"made": made, "opened": opened, "asked": asked, "exact": exact}
"""In this order: the first makes what the others look at."""


def main(name: str, folder: str) -> None:
    """Measures one subject."""
    print(json.dumps(SUBJECTS[name](Path(folder))))


if __name__ == "__main__":
    main(*sys.argv[1:])
