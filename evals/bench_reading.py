"""Pile -> seconds and memory: how a large pile is read, cleaned and deduplicated in one pass, without vectors.

`python -m evals.bench_reading FILE` prints Markdown: a row for every tenth of the way, so that a growing cost shows.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from evals.bench_subjects import peak_mb
from ingest.build import Sources
from ingest.fold import Outcome, fold_all
from ingest.store import Store

STEPS = 10


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the pass has come."""

    entries: int
    works: int
    seconds: float
    """By the clock, since it began."""
    processor_s: float
    peak_mb: float


def read(papers: Path, database: Path, count: int) -> Iterator[Mark | str]:
    """Reads up to `count` entries of `papers` into `database`; yields a mark each tenth, and at last what it found."""
    sources, outcomes, seen = Sources([papers], "auto"), Counter[Outcome](), Counter[tuple[str, str]]()
    clock, processor = time.perf_counter(), time.process_time()
    entries = islice(sources.papers(), count)
    with closing(Store(database, write=True)) as store:
        while part := Counter(fold_all(store, islice(entries, max(1, count // STEPS)), seen)):
            outcomes += part
            spent = time.perf_counter() - clock, time.process_time() - processor
            yield Mark(outcomes.total(), len(store), *spent, peak_mb())
    told = ", ".join(f"{number:,} {name}" for name, number in sorted(outcomes.items()))
    yield f"{told}, {len(sources.rejections):,} rejected; library.db {database.stat().st_size / 1e6:,.0f} MB."


def table(marks: list[Mark]) -> str:
    """The marks as Markdown."""
    lines = [
        "| entries | works | seconds | of processor | entries a second of it | peak MB |",
        "| --- " * 6 + "|",
    ]
    for before, mark in zip([Mark(0, 0, 0.0, 0.0, 0.0), *marks], marks, strict=False):
        rate = (mark.entries - before.entries) / max(1e-9, mark.processor_s - before.processor_s)
        lines.append(
            f"| {mark.entries:,} | {mark.works:,} | {mark.seconds:.0f} | {mark.processor_s:.0f} | {rate:.0f}"
            f" | {mark.peak_mb:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m evals.bench_reading", description=__doc__)
    parser.add_argument("papers", type=Path, help="JSON lines with title and abstract or text, packed or not")
    parser.add_argument("--count", type=int, default=161_689, help="at most this many entries (default %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = list(read(options.papers, Path(folder, "library.db"), options.count))
    print(table([mark for mark in found if isinstance(mark, Mark)]), "", found[-1], sep="\n")


if __name__ == "__main__":
    main()
