"""Paper -> Sheet: a paper as a model reads it, its sentences on numbered lines, so that a reply names and never quotes.

A paper's text is hostile: it cannot end its sheet, begin another, or bring markers of its own; and a sentence that
speaks to the model instead of the reader is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from assistant.by_llm.orders import gives_orders
from assistant.llm.tokens import count as count_tokens
from assistant.pile import Ground
from assistant.records import PaperHit, Quote
from ingest import Library, Paper, Passage

_BRACKETS = re.compile(r"\[(\s*\d[\d\s.,;–-]*)\]")
_LEFT_OUT = "(left out: this sentence gives orders instead of telling about research)"


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A paper in a prompt; each is its own."""

    key: int
    """Its number there, from 1."""
    hit: PaperHit
    quotes: tuple[Quote, ...]
    """By sentence number: the title is 0, the abstract's sentences follow."""
    withheld: frozenset[int]
    """Numbers of the sentences that were left out."""
    text: str
    tokens: int
    """Of `text`."""

    @property
    def paper(self) -> Paper:
        """The paper."""
        return self.hit.paper

    def quote(self, number: int) -> Quote | None:
        """The sentence of this number, or None when it cannot be cited."""
        return self.quotes[number] if 0 <= number < len(self.quotes) and number not in self.withheld else None


def sheets(library: Library | Ground, hits: Iterable[PaperHit]) -> Iterator[Sheet]:
    """A sheet for each of `hits`, numbered from 1."""
    hits = tuple(hits)
    passages = library.passages(hit.paper.id for hit in hits)
    for key, hit in zip(count(1), hits, strict=False):
        yield _sheet(key, hit, passages.get(hit.paper.id, ()))


def excerpt(sheet: Sheet, chosen: Sequence[Quote]) -> Sheet:
    """The sheet with its title and the `chosen` sentences only, under their numbers."""
    kept = {number for number, quote in enumerate(sheet.quotes) if number == 0 or quote in chosen}
    return _made(sheet.key, sheet.hit, sheet.quotes, sheet.withheld, kept)


def packed(sheets: Iterable[Sheet], budget_tokens: int) -> tuple[Sheet, ...]:
    """As many of `sheets`, from the first, as fit in the budget; the first in any case."""
    kept: list[Sheet] = []
    for sheet in sheets:
        budget_tokens -= sheet.tokens
        if kept and budget_tokens < 0:
            break
        kept.append(sheet)
    return tuple(kept)


def neutral(text: str) -> str:
    """`text` on one line, without anything that reads as a marker of ours."""
    return _BRACKETS.sub(r"(\1)", " ".join(text.split()))


def _sheet(key: int, hit: PaperHit, passages: Sequence[Passage]) -> Sheet:
    paper = hit.paper
    sentences = [Quote(paper.abstract[p.start : p.end], p.start, p.end, "abstract") for p in passages if p.ordinal]
    quotes = (Quote(paper.title, 0, len(paper.title), "title"), *sentences)
    orders = {number for number, quote in enumerate(quotes) if gives_orders(quote.text)}
    beside = {n for number in orders if number for n in (number - 1, number + 1) if 0 < n < len(quotes)}
    withheld = frozenset(orders | beside)  # orders come in several sentences
    return _made(key, hit, quotes, withheld, set(range(len(quotes))))


def _made(key: int, hit: PaperHit, quotes: tuple[Quote, ...], withheld: frozenset[int], kept: set[int]) -> Sheet:
    year = f" ({hit.paper.year})" if hit.paper.year else ""
    lines = [
        f"[{key}.{number}] {_LEFT_OUT if number in withheld else neutral(quote.text)}"
        for number, quote in enumerate(quotes)
        if number in kept
    ]
    text = "\n".join([f"PAPER {key}{year}", *lines, "END"])
    return Sheet(key, hit, quotes, withheld, text, count_tokens(text))
