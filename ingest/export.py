"""Library -> text: its papers in forms that other programs read."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterable
from itertools import accumulate

from ingest.records import Paper

_BIBTEX_SPECIAL = re.compile(r"(?<!\\)[&%$#_]")


def bibtex(papers: Iterable[Paper]) -> str:
    """One @misc entry a paper, its key made of its id."""
    return "\n".join(_bibtex_entry(paper) for paper in papers)


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


EXPORTS: dict[str, Callable[[Iterable[Paper]], str]] = {"bibtex": bibtex, "csv": csv_table, "jsonl": jsonl}


def inert(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _bibtex_entry(paper: Paper) -> str:
    fields = {
        "title": f"{{{_bibtex_text(paper.title)}}}",
        "author": " and ".join(map(_bibtex_text, paper.authors)),
        "year": str(paper.year or ""),
        "journal": _bibtex_text(paper.venue or ""),
        "eprint": paper.arxiv or "",
        "archiveprefix": "arXiv" if paper.arxiv else "",
        "doi": re.sub(r"[{}\\]", "", paper.doi or ""),
        "url": paper.url or "",
        "abstract": _bibtex_text(paper.abstract),
    }
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@misc{{{_bibtex_key(paper.id)},\n{lines}}}\n"


def _bibtex_key(paper_id: str) -> str:
    """The id where it may be a key (to BibTeX, AB is ab), else what may stay of it and a hash."""
    key = re.sub(r"[^A-Za-z0-9:./+-]", "", paper_id).strip("-")
    if key and key == paper_id.lower():
        return key
    return f"{key or 'paper'}-{hashlib.sha256(paper_id.encode()).hexdigest()[:8]}"


def _bibtex_text(text: str) -> str:
    """`text` with specials escaped; braces that do not pair would end the field early, so they go."""
    depths = list(accumulate({"{": 1, "}": -1}.get(character, 0) for character in text))
    paired = min(depths, default=0) >= 0 and depths[-1:] in ([], [0])
    return _BIBTEX_SPECIAL.sub(lambda found: "\\" + found[0], text if paired else re.sub(r"[{}]", "", text))
