"""Papers -> docs/scale.json and .svg: what a library costs at several sizes, and how each cost grows with it.

`python -m evals.scale --papers FILE --folder DIR --sizes 600 5000 20000` makes a library of each size in DIR, once:
what was measured is kept there, so that a run which was interrupted goes on. docs/scale.md shows what it wrote.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

from evals import plots
from evals.bench import VERSIONS, machine, measure
from evals.scale_subjects import NEAREST, SUBJECTS

DOCS = Path(__file__).parents[1] / "docs"
Figures = Mapping[str, float]
"""Of one size, by name."""


@dataclass(frozen=True, slots=True)
class Cost:
    """One figure that is measured at every size."""

    name: str
    what: str
    grows: bool = True
    """Whether its exponent says anything."""


COSTS = (
    Cost("passages", "passages: the abstract, and each sentence"),
    Cost("ingest_cpu_s", "ingest in one go, seconds of one core"),
    Cost("ingest_s", "the same by the clock, s"),
    Cost("ingest_peak_mb", "its peak memory, MB"),
    Cost("disk_mb", "on disk, MB"),
    Cost("library.db_mb", "of it library.db, MB"),
    Cost("vectors_mb", "of it vectors/, MB"),
    Cost("words_mb", "of it words/, MB"),
    Cost("open_s", "opening the library, s"),
    Cost("first_search_s", "the first search after it, s"),
    Cost("search_p50_ms", "a search, warm, median, ms"),
    Cost("search_p95_ms", "the same, 95th percentile, ms"),
    Cost("answer_p50_ms", "an offline answer, warm, median, ms"),
    Cost("answer_p95_ms", "the same, 95th percentile, ms"),
    Cost("asked_peak_mb", "peak memory of all that, MB"),
    Cost(f"recall_at_{NEAREST}", f"of the {NEAREST} nearest works the index finds, share", grows=False),
)
FURTHER = (1_000_000, 10_000_000, 100_000_000)
ESTIMATED = (
    ("ingest_cpu_s", "ingest, days of one core", 86_400),
    ("library.db_mb", "library.db, GB", 1_000),
    ("vectors_mb", "vectors/, GB", 1_000),
    ("words_mb", "words/, GB", 1_000),
    ("asked_peak_mb", "memory of a process that asks, GB", 1_000),
    ("search_p50_ms", "a search, s", 1_000),
)
"""Name, what it is in a table, and how many of the measured unit make one of that."""
BY_EXPONENT = ("search_p50_ms",)
"""What is taken further by its exponent; all else by the paper, as it has a part that every library costs."""
DRAWN = ("ingest_cpu_s", "disk_mb", "asked_peak_mb", "answer_p50_ms", "search_p50_ms")


def figures(papers: Path, size: int, folder: Path) -> Figures:
    """What a library of the first `size` papers costs; as it was measured before, where it was."""
    kept = folder / "figures.json"
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with (gzip.open if papers.suffix == ".gz" else open)(papers, "rt", encoding="utf-8") as lines:
            (folder / "papers.jsonl").write_text("".join(islice(lines, size)), "utf-8")
        told: dict[str, float] = {}
        for subject in SUBJECTS:
            told |= measure(subject, folder, "evals.scale_subjects")
        kept.write_text(json.dumps({name: told[name] for name in ("papers", *(cost.name for cost in COSTS))}), "utf-8")
    figures: Figures = json.loads(kept.read_text("utf-8"))
    return figures


def exponent(sizes: Sequence[Figures], name: str) -> float:
    """The `b` of cost = a * papers ** b, by least squares of logarithms; nan for fewer than two sizes."""
    if len(sizes) < 2:
        return math.nan
    papers, costs = ([math.log(size[key]) for size in sizes] for key in ("papers", name))
    return float(np.polyfit(papers, costs, 1)[0])


def table(sizes: Sequence[Figures]) -> str:
    """Every cost at every size as Markdown, and its exponent over all of them."""
    rows = [("papers", [f"{size['papers']:,.0f}" for size in sizes], "exponent")]
    for cost in COSTS:
        grown = f"{exponent(sizes, cost.name):.2f}" if cost.grows else ""
        rows.append((cost.what, [_short(size[cost.name]) for size in sizes], grown))
    lines = ["| " + " | ".join([what, *cells, grown]) + " |" for what, cells, grown in rows]
    lines.insert(1, "| --- " + "| ---: " * (len(sizes) + 1) + "|")
    return "\n".join(lines)


def further(sizes: Sequence[Figures], name: str, papers: int) -> float:
    """A cost at more `papers` than were measured, in the unit of that: see BY_EXPONENT."""
    small, large = (by(sizes, key=lambda size: size["papers"]) for by in (min, max))
    if name in BY_EXPONENT:
        return large[name] * math.pow(papers / large["papers"], exponent(sizes, name))
    a_paper = (large[name] - small[name]) / (large["papers"] - small["papers"])
    return large[name] + a_paper * (papers - large["papers"])


def estimates(sizes: Sequence[Figures]) -> str:
    """What libraries of FURTHER papers would cost, as Markdown, judged by two or more sizes."""
    lines = ["| papers | " + " | ".join(f"{papers:,.0f}" for papers in FURTHER) + " |"]
    lines.append("| --- " + "| ---: " * len(FURTHER) + "|")
    for name, what, unit in ESTIMATED:
        costs = [further(sizes, name, papers) / unit for papers in FURTHER]
        lines.append(f"| {what} | {' | '.join(map(_short, costs))} |")
    return "\n".join(lines)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m evals.scale", description=__doc__)
    parser.add_argument("--papers", type=Path, required=True, help="JSON lines (also .gz): title, abstract")
    parser.add_argument("--folder", type=Path, required=True, help="where the libraries are made, and kept")
    parser.add_argument("--sizes", type=int, nargs="+", default=[600, 5_000, 20_000], help="papers of each library")
    parser.add_argument("--out", type=Path, default=DOCS / "scale.json", help="what docs/scale.md shows")
    given = parser.parse_args()
    sizes = [figures(given.papers, size, given.folder / str(size)) for size in sorted(given.sizes)]
    told = {"machine": machine({name: version(name) for name in VERSIONS}), "sizes": sizes}
    given.out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    drawn = {cost.what: [(size["papers"], size[cost.name]) for size in sizes] for cost in COSTS if cost.name in DRAWN}
    given.out.with_suffix(".svg").write_text(plots.growth(drawn), "utf-8")
    print(table(sizes))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
