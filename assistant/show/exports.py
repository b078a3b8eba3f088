"""Answer -> files: text with its sources, references, tables, the answer itself.

The command line (`ask --format`, `export`) and the chat know them by the names in FORMS; a form that is added here is
there for both.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from assistant.compose import escape
from assistant.records import Answer, Citation, CitedPaper
from assistant.render import markdown, plain
from assistant.show.evidence import evidence
from ingest import Paper
from ingest.clean import is_link
from ingest.export import inert
from ingest.references import Remarks, bibtex, csl, ris

Papers = Mapping[str, Paper]
"""The library's papers that an answer cites, by id; of one that is absent is told what the answer tells."""

HEADER = ("number", "title", "authors", "year", "url", "role", "relevance", "quotes")

_MARKER = re.compile(r"(?<!\\)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Form:
    """A form that an answer can be taken away in."""

    name: str
    """For people, on a button."""
    ending: str
    """Of the file's name."""
    write: Callable[[Answer, Papers], str]


def footnotes(answer: Answer, papers: Papers) -> str:
    """Markdown in which each marker is a footnote, as pandoc, Quarto, Obsidian and GitHub set them."""
    numbers = {citation.number for citation in answer.citations}
    text = _MARKER.sub(lambda found: f"[^{found[1]}]" if int(found[1]) in numbers else found[0], answer.text)
    notes = "\n".join(f"[^{c.number}]: {_footnote(c, papers)}" for c in answer.citations)
    return f"# {_line(answer.question)}\n\n{text}\n\n{notes}".rstrip()


def table(answer: Answer, _papers: Papers) -> str:
    """CSV: a row for each citation, with its quotes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for c in answer.citations:
        row = (c.number, c.paper.title, "; ".join(c.paper.authors), c.paper.year or "", c.paper.url or "")
        writer.writerow(
            inert(str(cell))
            for cell in (*row, c.role or "", round(c.relevance, 3), " | ".join(quote.text for quote in c.quotes))
        )
    return out.getvalue().rstrip("\n")


FORMS: Mapping[str, Form] = {
    "text": Form("Plain text", "txt", lambda answer, _: plain(answer)),
    "markdown": Form("Markdown", "md", lambda answer, _: f"# {_line(answer.question)}\n\n{markdown(answer)}"),
    "json": Form("JSON", "json", lambda answer, _: answer.to_json()),
    "footnotes": Form("Markdown with footnotes", "footnotes.md", footnotes),
    "evidence": Form("Table of evidence", "html", evidence),
    "bibtex": Form("BibTeX", "bib", lambda answer, papers: _references(bibtex, answer, papers)),
    "csl": Form("CSL JSON", "csl.json", lambda answer, papers: _references(csl, answer, papers)),
    "ris": Form("RIS", "ris", lambda answer, papers: _references(ris, answer, papers)),
    "csv": Form("CSV", "csv", table),
}
"""By the name that a user gives it."""


def _references(write: Callable[[Iterable[Paper], Remarks], str], answer: Answer, papers: Papers) -> str:
    """A reference for each cited paper, its note telling the question and the sentences that answer it."""
    cited = [papers.get(c.paper.id) or _told(c.paper) for c in answer.citations]
    remarks = {c.paper.id: _flat(f"{answer.question}: {_quoted(c, ' ')}") for c in answer.citations}
    return write(cited, remarks)


def _told(cited: CitedPaper) -> Paper:
    """What an answer alone tells of a paper; answers may have been made by anyone, so nothing in it ends a line."""
    url = cited.url if cited.url and is_link(cited.url) else None
    authors = tuple(map(_flat, cited.authors))
    return Paper(cited.id, _flat(cited.title), "", authors=authors, year=cited.year, url=url)


def _footnote(citation: Citation, papers: Papers) -> str:
    paper = papers.get(citation.paper.id) or _told(citation.paper)
    address = paper.address if paper.address and is_link(paper.address) else ""
    where = ", ".join(filter(None, (escape(paper.venue or ""), str(paper.year or ""), address and f"<{address}>")))
    told = (escape(", ".join(paper.authors)), f"*{_line(paper.title)}*", where, _line(_quoted(citation, " ")))
    return ". ".join(filter(None, told))


def _quoted(citation: Citation, between: str) -> str:
    return between.join(f"“{quote.text}”" for quote in citation.quotes)


def _line(text: str) -> str:
    return escape(_flat(text))


def _flat(text: str) -> str:
    return " ".join(text.split())
