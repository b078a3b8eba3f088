"""Answer -> files: Markdown, BibTeX, CSV, JSON; and what people thought of answers, as cases for `whichpapers eval`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping

from assistant.compose import escape
from assistant.records import Answer
from assistant.render import markdown
from ingest import Paper
from ingest.export import bibtex, inert
from ingest.notes import Rated

Papers = Mapping[str, Paper]
"""The library's papers, by id."""

HEADER = ("number", "title", "authors", "year", "url", "role", "relevance", "quotes")


def answer_json(answer: Answer, _papers: Papers) -> str:
    """The answer in the form that `whichpapers verify` reads."""
    return json.dumps(answer.to_dict(), ensure_ascii=False, indent=2) + "\n"


def answer_markdown(answer: Answer, _papers: Papers) -> str:
    """The question, the answer and its sources."""
    return f"# {_line(answer.question)}\n\n{markdown(answer)}\n"


def answer_bibtex(answer: Answer, papers: Papers) -> str:
    """An entry for each cited paper that the library holds."""
    return bibtex(papers[c.paper.id] for c in answer.citations if c.paper.id in papers)


def answer_csv(answer: Answer, _papers: Papers) -> str:
    """A row for each citation, with its quotes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for c in answer.citations:
        quotes = " | ".join(quote.text for quote in c.quotes)
        row = (c.number, c.paper.title, "; ".join(c.paper.authors), c.paper.year or "", c.paper.url or "")
        writer.writerow(inert(str(cell)) for cell in (*row, c.role or "", round(c.relevance, 3), quotes))
    return out.getvalue()


EXPORTS: Mapping[str, Callable[[Answer, Papers], str]] = {
    "md": answer_markdown,
    "bib": answer_bibtex,
    "csv": answer_csv,
    "json": answer_json,
}
"""By ending of the file's name."""


def cases(rated: Iterable[Rated]) -> str:
    """Ratings as evaluation cases, one JSON object a line: the papers called relevant are those to be found.

    Turns of which no citation was called relevant, and no answer useful, judge nothing that a case can hold: an
    empty `relevant` would demand an honest no.
    """
    lines = []
    for one in rated:
        if not one.turn.answer:
            continue
        answer = Answer.from_dict(json.loads(one.turn.answer))
        found = [c.paper.title for c in answer.citations if _relevant(c.paper.id, one.ratings)]
        if not found:
            continue
        case = {"id": f"rated-{one.turn.id}", "type": answer.kind, "question": answer.question}
        case |= {"standalone": answer.standalone_question} if answer.standalone_question != answer.question else {}
        lines.append(json.dumps(case | {"relevant": [{"title": t, "grade": 2} for t in found]}, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)


def _relevant(paper_id: str, ratings: Mapping[str, bool]) -> bool:
    """Said so of the paper itself; or of the whole answer, and nothing else of the paper."""
    return ratings.get(paper_id, ratings.get("", False))


def _line(text: str) -> str:
    return escape(" ".join(text.split()))
