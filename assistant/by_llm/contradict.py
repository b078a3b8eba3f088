"""Claims, sheets -> contradictions, by a language model: which line of a paper cannot be true beside which claim."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from assistant.by_llm.asker import Asker
from assistant.by_llm.sheets import Sheet, neutral
from assistant.records import Quote
from ingest import Paper

MAX_TOKENS = 800


class Finding(BaseModel):
    """What the model names, all by number."""

    sentence: int
    paper: int
    line: int


class Findings(BaseModel):
    """All that it found."""

    contradictions: list[Finding]


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A claim of an answer, and the sentence of a paper that speaks against it."""

    claim: str
    paper: Paper
    quote: Quote


def contradictions(
    asker: Asker, question: str, claims: Sequence[str], papers: Sequence[Sheet]
) -> tuple[Contradiction, ...]:
    """What the model finds, in its order, once each; numbers that nobody gave it are left out.

    Raises:
        ChatFailed: It gave no usable reply.
    """
    found = asker.form("contradict", Findings, MAX_TOKENS, **fields(question, claims, papers))
    return tuple(dict.fromkeys(_known(found, claims, papers)))


def fields(question: str, claims: Sequence[str], papers: Sequence[Sheet]) -> dict[str, str]:
    """What the prompt shows."""
    return {
        "question": neutral(question),
        "claims": "\n\n".join(f"SENTENCE {n}: {neutral(claim)}\nEND" for n, claim in enumerate(claims, start=1)),
        "papers": "\n\n".join(sheet.text for sheet in papers),
    }


def _known(found: Findings, claims: Sequence[str], papers: Sequence[Sheet]) -> Iterator[Contradiction]:
    sheets = {sheet.key: sheet for sheet in papers}
    for finding in found.contradictions:
        sheet = sheets.get(finding.paper)
        quote = sheet.quote(finding.line) if sheet else None
        if sheet and quote and 1 <= finding.sentence <= len(claims):
            yield Contradiction(claims[finding.sentence - 1], sheet.paper, quote)
