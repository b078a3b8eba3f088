"""Speed -> table: each figure beside what a user would otherwise pick, measured in the same run, in turns.

`python -m evals.bench --out FILE` reads the sample library's texts, or those of `--papers`, and prints Markdown. Each
measurement is a process of its own, so that none pays for, or profits from, what another has loaded.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median

from evals.bench_subjects import QUESTION, SUBJECTS
from evals.errors import MissingExtra
from evals.manifest import commit
from ingest import SAMPLE, Settings, ingest

ROUNDS = 3
PAPERS = 300
VERSIONS = ("whichpapers", "onnxruntime", "tantivy", "chromadb", "sentence-transformers", "torch", "llama-index-core")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    what: str
    measure: str
    """Its name in what a subject tells."""
    ours: str
    """The subject that is measured, and the one beside it."""
    beside: str
    more_is_better: bool = False
    """A rate; else seconds or bytes."""


ROWS = (
    Row("passages encoded a second", "passages_per_s", "encode", "encode_published", more_is_better=True),
    Row("abstracts ingested a second", "papers_per_s", "ingest", "ingest_llama_index", more_is_better=True),
    Row("peak memory of that ingest, MB", "peak_mb", "ingest", "ingest_llama_index"),
    Row("a question, whole process, s", "process_s", "ask", "ask_llama_index"),
    Row("peak memory of that question, MB", "peak_mb", "ask", "ask_llama_index"),
    Row("the second question in a process, ms", "milliseconds", "ask_again", "ask_llama_index_again"),
    Row("`--help`, whole process, s", "process_s", "help", "nothing"),
)

Told = Mapping[str, Sequence[float]]
"""The values of each measure over the rounds."""


def measure(subject: str, folder: Path, module: str = "evals.bench_subjects") -> dict[str, float]:
    """What one process tells of a subject of `module`, and how long it took.

    Raises:
        MissingExtra: It needs packages that are not installed.
    """
    started = time.perf_counter()
    command = [sys.executable, "-m", module, subject, str(folder)]
    ended = subprocess.run(command, env=os.environ | {"WHICHPAPERS_OFFLINE": "true"}, capture_output=True, check=False)  # noqa: S603 (our own program)
    seconds = time.perf_counter() - started
    if b"ModuleNotFoundError" in ended.stderr:
        raise MissingExtra(ended.stderr.decode().rpartition("'")[0].rpartition("'")[2], "bench")
    ended.check_returncode()
    told: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return {"process_s": seconds, **told}


def measure_all(folder: Path, rounds: int) -> dict[str, Told | str]:
    """What every subject told of `papers.jsonl` in `folder`, in turns over the rounds; or why one told nothing."""
    told: dict[str, dict[str, list[float]]] = {name: {} for name in SUBJECTS}
    missing: dict[str, str] = {}
    ingest(folder / "papers.jsonl", settings=Settings(library=folder / "ours", offline=True))
    for _ in range(rounds):
        for name in SUBJECTS:
            try:
                values = measure(name, folder)
            except MissingExtra as error:
                missing[name] = str(error)
                continue
            for key, value in values.items():
                told[name].setdefault(key, []).append(value)
    return {name: missing.get(name) or values for name, values in told.items()}


def table(told: Mapping[str, Told | str]) -> str:
    """The rows as Markdown: medians, the range of the rounds, and how many times better ours is."""
    lines = ["| figure | whichpapers | beside it | what is beside it | times better |", "| --- " * 5 + "|"]
    for row in ROWS:
        ours, beside = told[row.ours], told[row.beside]
        cells = [_values(said, row.measure) for said in (ours, beside)]
        ratio = "unknown"
        if not isinstance(ours, str) and not isinstance(beside, str):
            quotient = median(ours[row.measure]) / median(beside[row.measure])
            ratio = f"{quotient if row.more_is_better else 1 / quotient:.2f}"
        lines.append(f"| {row.what} | {cells[0]} | {cells[1]} | {SUBJECTS[row.beside].what} | {ratio} |")
    return "\n".join(lines)


def _values(told: Told | str, name: str) -> str:
    if isinstance(told, str):
        return told
    values = told[name]
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


def machine(versions: Mapping[str, str]) -> str:
    """Where something was measured: the machine, how busy it is, `versions` by package, and the commit."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = f", load {os.getloadavg()[0]:.1f} at the end" if hasattr(os, "getloadavg") else ""
    told = "".join(f", {name} {number}" for name, number in versions.items())
    return (
        f"{_processor()}, {cores} cores{busy}; {platform.system()}, Python {platform.python_version()}{told};"
        f" commit {commit() or 'unknown'}"
    )


def _processor() -> str:
    names = Path("/proc/cpuinfo")
    lines = names.read_text("utf-8").splitlines() if names.is_file() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="whichpapers bench", description=__doc__)
    parser.add_argument("--papers", type=Path, default=SAMPLE / "digests.jsonl", help="JSON lines: title, abstract")
    parser.add_argument("--count", type=int, default=PAPERS, help=f"papers to read of it (default {PAPERS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"measurements of each (default {ROUNDS})")
    parser.add_argument("--out", type=Path, help="also write the table there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with options.papers.open(encoding="utf-8") as lines:
            (folder / "papers.jsonl").write_text("".join(islice(lines, options.count)), "utf-8")
        told = measure_all(folder, options.rounds)
    how = f"{options.count} papers; the median of {options.rounds} rounds, least and greatest beside it"
    where = machine({name: version(name) for name in VERSIONS})
    text = f"# Speed\n\n{table(told)}\n\n{where}; {how}. Question: {QUESTION!r}.\n"
    print(text, end="")
    if options.out:
        options.out.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
