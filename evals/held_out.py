"""Questions kept from the encoder -> Collection: writes them, with their papers, in BEIR's form.

`python -m evals.held_out --pool papers_160k.jsonl.gz --out DIR`, then `whichpapers eval --beir DIR --out FOLDER` ranks
papers that neither the encoder nor the offline judge was fitted on. What they are: evals/training/README.md.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path

from evals.questions import read_pool, read_questions


def write_collection(pool: Path, out: Path) -> None:
    """Writes `corpus.jsonl`, `queries.jsonl` and `qrels.tsv`; see `evals.beir`."""
    asked = [(f"Q{place:04}", one) for place, one in enumerate(read_questions()) if one.kept]
    papers = read_pool(pool, frozenset(paper for _, question in asked for paper in question.papers))
    out.mkdir(parents=True, exist_ok=True)
    corpus = ({"_id": name, "title": paper.title, "text": paper.text} for name, paper in papers.items())
    _write(out / "corpus.jsonl", map(json.dumps, corpus))
    _write(out / "queries.jsonl", (json.dumps({"_id": name, "text": question.text}) for name, question in asked))
    graded = (f"{name}\t{paper}\t{grade}" for name, question in asked for paper, grade in question.grades.items())
    _write(out / "qrels.tsv", ("query-id\tcorpus-id\tscore", *graded))


def _write(file: Path, lines: Iterable[str]) -> None:
    file.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m evals.held_out", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True, help="papers_160k.jsonl.gz")
    parser.add_argument("--out", type=Path, required=True, help="the collection's folder")
    given = parser.parse_args()
    write_collection(given.pool, given.out)


if __name__ == "__main__":
    main()
