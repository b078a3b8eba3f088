"""Library -> text: its papers in forms that other programs read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable

from ingest.records import Paper
from ingest.references import bibtex, csl, ris


def jsonl(papers: Iterable[Paper]) -> str:
    """One object a line, in the form that `ingest` reads."""
    lines = []
    for paper in papers:
        text = "digest" if paper.digest else "abstract"
        record = {"id": paper.id, "title": paper.title, text: paper.abstract, "authors": list(paper.authors)}
        told = {"year": paper.year, "venue": paper.venue, "categories": list(paper.categories), "arxiv": paper.arxiv}
        links = {"doi": paper.doi, "url": paper.url, "code": next(iter(paper.code_urls), None)}
        lines.append(json.dumps(record | told | links, ensure_ascii=False))
    return "\n".join(lines)


def csv_table(papers: Iterable[Paper]) -> str:
    """A header and a row a paper; a cell that a spreadsheet would run as a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["id", "title", "authors", "year", "url", "abstract", "venue", "doi", "arxiv"])
    for paper in papers:
        row = [paper.id, paper.title, "; ".join(paper.authors), paper.year, paper.url, paper.abstract]
        row += [paper.venue, paper.doi, paper.arxiv]
        writer.writerow([inert(str(cell)) if cell is not None else "" for cell in row])
    return out.getvalue().rstrip("\n")


EXPORTS: dict[str, Callable[[Iterable[Paper]], str]] = {
    "bibtex": bibtex,
    "csl": csl,
    "csv": csv_table,
    "jsonl": jsonl,
    "ris": ris,
}


def inert(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
