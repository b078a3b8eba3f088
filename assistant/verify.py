"""Answer -> proof: checks a saved answer against the library, with no model and no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from assistant.records import Answer, Citation, Quote
from ingest import Library, Paper

MARKER = re.compile(r"(?<!\\)\[(\d+)\]")
"""A citation marker in an answer's text; one that a paper brought along is escaped."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of an answer found."""

    citations: int
    quotes: int
    problems: tuple[str, ...]
    """Empty when everything holds."""


def verify(answer: Answer, library: Library) -> Verification:
    """Checks that every marker resolves, every citation is used, and every quote is the library's text.

    The text of each paper that the answer names must also be what it was when the answer was given, and every text in
    the library what was stored.
    """
    problems = chain(
        _markers(answer), _claims(answer), *(_citation(c, library) for c in answer.citations), _near(answer, library),
        (f"library: the text of paper {paper_id!r} was altered" for paper_id in library.store.altered()),
    )  # fmt: skip
    return Verification(
        len(answer.citations), sum(len(c.quotes) for c in answer.citations), tuple(dict.fromkeys(problems))
    )


def _markers(answer: Answer) -> Iterator[str]:
    used = list(dict.fromkeys(int(number) for number in MARKER.findall(answer.text)))
    numbers = [citation.number for citation in answer.citations]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"citations are numbered {numbers}, not 1 to {len(numbers)}"
    for number in used:
        if number not in numbers:
            yield f"marker [{number}] resolves to no citation"
    for number in numbers:
        if number not in used:
            yield f"citation [{number}] is not used in the text"
    if sorted(used) == numbers != used:
        yield f"citations are used in the order {used}, not by first use"


def _claims(answer: Answer) -> Iterator[str]:
    numbers = {citation.number for citation in answer.citations}
    for claim in answer.claims:
        if not claim.citations:
            yield f"claim without a citation: {claim.text[:60]!r}"
        for number in claim.citations:
            if number not in numbers:
                yield f"claim cites [{number}], which is no citation: {claim.text[:60]!r}"


def _citation(citation: Citation, library: Library) -> Iterator[str]:
    place = f"citation [{citation.number}]"
    paper = library.store.paper(citation.paper.id)
    if paper is None:
        yield f"{place}: the library has no paper {citation.paper.id!r}"
        return
    if not citation.quotes:
        yield f"{place}: no quote shows it"
    if paper.sha256 != citation.paper.sha256 or paper.title != citation.paper.title:
        yield f"{place}: the text of paper {paper.id!r} is not what it was"
    for quote in citation.quotes:
        if not stands(quote, paper):
            yield f"{place}: quote {quote.text[:60]!r} is not the {quote.field} at {quote.start}:{quote.end}"


def stands(quote: Quote, paper: Paper) -> bool:
    """Whether a quote is the text of `paper` at its place."""
    text = paper.title if quote.field == "title" else paper.abstract
    return (
        bool(quote.text) and 0 <= quote.start < quote.end <= len(text) and text[quote.start : quote.end] == quote.text
    )


def _near(answer: Answer, library: Library) -> Iterator[str]:
    for miss in answer.near_misses:
        paper = library.store.paper(miss.paper.id)
        if paper is None or paper.sha256 != miss.paper.sha256:
            yield f"near miss {miss.paper.id!r}: the library's text is not what it was"
