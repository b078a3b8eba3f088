"""Judgements -> Answer, without a model: the verdict's own sentences, cited, or an honest no with what came nearest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from assistant.records import (
    Citation,
    CitedPaper,
    Claim,
    Coverage,
    Judgement,
    Kind,
    NearMiss,
    ReasonKind,
    Removed,
    Verdict,
)
from prompts import render, sha256

MAX_NEAR_MISSES = 3
MAX_BESIDE_FACT = 4
"""Further papers shown beside the one that answers a question of fact."""

_MARKDOWN = re.compile(r"[`*\[<]|\\(?=[!-/:-@\[-`{-~])|&(?=#?\w+;)|_(?!\w)|(?<!\w)_|^[#>+~=-]")


Notices = dict[str, dict[str, object]]
"""What the reader should know of how the answer was made: texts of prompts/ by name, with their fields."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of an answer that its sentences make up."""

    text: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    near_misses: tuple[NearMiss, ...]
    reason: str | None
    notices: tuple[str, ...]
    prompts: Mapping[str, str]
    """SHA-256 of each text used, by name."""
    verdict: Verdict
    """What the draft shows."""
    removed: Removed = field(default_factory=Removed)

    @property
    def abstained_because(self) -> ReasonKind | None:
        """None when there is an answer."""
        return self.verdict.abstained_because


@dataclass(slots=True)
class Wording:
    """Renders texts from prompts/ and remembers which."""

    used: dict[str, str] = field(default_factory=dict)
    """SHA-256 by name."""

    def __call__(self, name: str, **fields: object) -> str:
        """The text of this name; see `prompts.render`."""
        self.used[name] = sha256(name)
        return render(name, **fields)

    def told(self, notices: Notices) -> tuple[str, ...]:
        """The notices, as sentences."""
        return tuple(self(name, **fields) for name, fields in notices.items())


def compose(kind: Kind, verdict: Verdict, coverage: Coverage, notices: Notices) -> Draft:
    """Writes the answer.

    Args:
        kind: What the question asks for.
        verdict: What was judged.
        coverage: Counts of papers, for the text to tell.
        notices: What ends the text.
    """
    wording = Wording()
    near_misses = nearest(verdict.judgements)
    citations: tuple[Citation, ...] = ()
    reason: str | None = None
    if verdict.abstained_because:
        reason = wording(f"reason_{verdict.abstained_because}", papers=coverage.papers, judged=coverage.judged)
        near = verdict.abstained_because != "off_topic"
        parts = [reason, _near_text(wording, near_misses) if near else ""]
    else:
        citations = _citations(kind, verdict.judgements)
        parts = _body(wording, kind, citations, coverage)
    told = wording.told(notices)
    parts += [wording("notice", notice=notice) for notice in told]
    claims = tuple(Claim(quote.text, (c.number,), 1.0) for c in citations for quote in c.quotes)
    text = "\n\n".join(filter(None, parts))
    return Draft(text, claims, citations, near_misses, reason, told, wording.used, verdict)


def escape(text: str) -> str:
    """`text` as Markdown that shows it as it stands: no markup, image, link, marker or tag of its own."""
    return _MARKDOWN.sub(lambda found: "\\" + found[0], text)


def _citations(kind: Kind, judgements: Sequence[Judgement]) -> tuple[Citation, ...]:
    chosen = [judgement for judgement in judgements if judgement.satisfied]
    if kind == "fact":
        chosen = chosen[: 1 + MAX_BESIDE_FACT]
    return tuple(
        Citation(number, CitedPaper.of(judgement.paper), judgement.relevance, judgement.role, judgement.quotes)
        for number, judgement in enumerate(chosen, start=1)
    )


def nearest(judgements: Sequence[Judgement]) -> tuple[NearMiss, ...]:
    """The papers that come nearest without belonging in the answer."""
    missed = (NearMiss(CitedPaper.of(j.paper), j.lacks) for j in judgements if not j.satisfied and j.lacks)
    return tuple(islice(missed, MAX_NEAR_MISSES))


def digest_notice(verdict: Verdict) -> Notices:
    """Says so where quotes are from digests."""
    digests = any(judgement.paper.digest for judgement in verdict.judgements if judgement.satisfied)
    return {"notice_digest": {}} if digests else {}


def _near_text(wording: Wording, near_misses: Sequence[NearMiss]) -> str:
    if not near_misses:
        return ""
    items = (wording("near_miss", title=escape(miss.paper.title), lacks=escape(miss.lacks)) for miss in near_misses)
    return wording("near_misses", items="\n".join(items))


def _body(wording: Wording, kind: Kind, citations: Sequence[Citation], coverage: Coverage) -> list[str]:
    if kind != "fact":
        counts = {"found": len(citations), "papers": coverage.papers, "judged": coverage.judged}
        return [wording(kind, items=_items(wording, citations), **counts)]
    first, others = citations[0], citations[1:]
    answer = wording("fact", title=escape(first.paper.title), quotes="\n".join(_quotes(wording, first)))
    return [answer, wording("also", items=_items(wording, others)) if others else ""]


def _items(wording: Wording, citations: Sequence[Citation]) -> str:
    return "\n".join(
        wording("item", title=escape(c.paper.title), quotes="\n".join(f"  {quote}" for quote in _quotes(wording, c)))
        for c in citations
    )


def _quotes(wording: Wording, citation: Citation) -> list[str]:
    return [wording("quote", quote=escape(quote.text), number=citation.number) for quote in citation.quotes]
