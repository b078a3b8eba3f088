"""Answer -> proof: checks a saved answer against the library, with no model and no network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from assistant.records import Answer, Citation, CitedPaper, Quote
from assistant.verify_text import strays
from ingest import Library, Paper

MARKER = re.compile(r"(?<!\\)\[(\d{1,9})\]")
"""A citation marker in an answer's text; one that a paper brought along is escaped."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of an answer found."""

    citations: int
    quotes: int
    problems: tuple[str, ...]
    """Empty when everything holds."""


def verify(answer: Answer, library: Library) -> Verification:
    """Checks what of an answer can be checked without a model.

    Every marker resolves, every citation is used, and before markers stands the claim that cites them (`strays`). Every
    quote is the library's text, and so is each claim of an offline answer. What is told of a paper is what the library
    tells. Whether there is an answer, and what is counted, does not contradict itself. And every text in the library is
    what was stored.
    """
    problems = chain(
        _markers(answer), _claims(answer), _kind(answer), strays(answer), _counts(answer, library),
        *(_citation(c, library) for c in answer.citations), _near(answer, library),
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
    quotes = {(citation.number, quote.text) for citation in answer.citations for quote in citation.quotes}
    for claim in answer.claims:
        if not claim.citations:
            yield f"claim without a citation: {claim.text[:60]!r}"
        for number in claim.citations:
            if number not in numbers:
                yield f"claim cites [{number}], which is no citation: {claim.text[:60]!r}"
            elif answer.mode == "offline" and (number, claim.text) not in quotes:
                yield f"claim of an offline answer is no quote of [{number}]: {claim.text[:60]!r}"


def _kind(answer: Answer) -> Iterator[str]:
    told = {
        f"abstained is {answer.abstained}": answer.abstained,
        f"kind is {answer.kind!r}": answer.kind == "none",
        "there is a reason why there is none" if answer.reason else "there is no reason": answer.reason is not None,
        f"there are {len(answer.citations)} citations": not answer.citations,
    }
    if len(set(told.values())) > 1:
        yield f"whether there is an answer is told in two ways: {', '.join(told)}"
    if answer.reason is not None and answer.reason not in answer.text:
        yield f"the reason is not in the text: {answer.reason[:60]!r}"
    if (answer.mode == "llm") != (answer.model is not None):
        yield f"mode is {answer.mode!r}, and the model {answer.model!r}"


def _counts(answer: Answer, library: Library) -> Iterator[str]:
    coverage, cited = answer.coverage, len(answer.citations)
    counts = (cited, coverage.relevant, coverage.judged, coverage.retrieved, coverage.papers)
    if sorted(counts) != list(counts):
        names = ("cited", "relevant", "judged", "retrieved", "asked")
        yield f"papers are counted as cannot be: {dict(zip(names, counts, strict=True))}"
    if answer.kind == "list" and coverage.relevant != cited:
        yield f"a list of {cited} papers counts {coverage.relevant} as relevant"
    told = answer.trace.library.get("papers", "")  # papers may have left the library since
    held = int(told) if told.isdecimal() and len(told) < 10 else len(library)
    if coverage.papers > held:
        yield f"{coverage.papers} papers were asked of the {held} that the library held"


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
    yield from _told(place, citation.paper, paper)
    for quote in citation.quotes:
        if not stands(quote, paper):
            yield f"{place}: quote {quote.text[:60]!r} is not the {quote.field} at {quote.start}:{quote.end}"


def _told(place: str, told: CitedPaper, paper: Paper) -> Iterator[str]:
    """What is told must be so still; a library that has learnt more since, from other sources, contradicts nothing."""
    held = CitedPaper.of(paper)
    for name in ("authors", "year", "url", "digest"):
        if getattr(told, name) not in (None, (), getattr(held, name)):
            yield f"{place}: {name} of paper {paper.id!r}: not what the library tells"
    if not set(told.sources) <= set(held.sources):
        yield f"{place}: sources of paper {paper.id!r}: not among those that the library tells"


def stands(quote: Quote, paper: Paper) -> bool:
    """Whether a quote is the text of `paper` at its place."""
    text = paper.title if quote.field == "title" else paper.abstract
    return (
        bool(quote.text) and 0 <= quote.start < quote.end <= len(text) and text[quote.start : quote.end] == quote.text
    )


def _near(answer: Answer, library: Library) -> Iterator[str]:
    for miss in answer.near_misses:
        paper = library.store.paper(miss.paper.id)
        place = f"near miss {miss.paper.id!r}"
        if paper is None or (paper.sha256, paper.title) != (miss.paper.sha256, miss.paper.title):
            yield f"{place}: the library's text is not what it was"
        else:
            yield from _told(place, miss.paper, paper)
