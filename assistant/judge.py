"""Hits -> Judgements: which papers satisfy the question, and whether there is an answer, without a language model."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from assistant.features import information, term_share
from assistant.records import Judgement, PaperHit, Query, ReasonKind, Verdict
from assistant.weights import load
from ingest import Library, Paper

_TOP = 3
"""Best papers among which an answer is looked for."""
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twice|half|double|dozens?|hundreds?|thousands?|million|billion"
    r"|\w+fold)\b",
    re.IGNORECASE,
)
_EXPLAINED_MISSES = 5
"""Papers just below the line for which `lacks` is worked out."""
_MENTIONED = 0.5
"""Share of an aspect's information that a paper must hold to mention it."""
ALL_WORDS = 0.999
"""Share of the question's information in one sentence, but for rounding."""
ANSWERABLE = 0.25
"""Least probability of an answer for which one is given: to refuse what has one is thrice as bad as the reverse."""
ON_TOPIC = 0.30
"""Least cosine of a question to its nearest sentence: below it lie questions on other matters (decision 0003)."""


def judge(library: Library, query: Query, hits: Sequence[PaperHit]) -> Verdict:
    """Judges every one of `hits`."""
    reason = _no_answer(library, query, hits)
    chosen = 0 if reason else _cut(query, hits)
    judgements = tuple(
        Judgement(
            paper=hit.paper,
            relevance=hit.similarity,
            satisfied=place < chosen,
            quotes=hit.evidence,
            role=None,
            lacks=_lacks(library, query, hit.paper) if chosen <= place < chosen + _EXPLAINED_MISSES else None,
        )
        for place, hit in enumerate(hits)
    )
    return Verdict(judgements, reason)


def off_topic(hits: Sequence[PaperHit]) -> bool:
    """Whether no sentence of `hits` (at least one) comes near the question, or has every word of its subject."""
    near = max(hit.arms[name].value for hit in hits for name in ("question", "content"))
    return near < ON_TOPIC and not _says_all(hits)


def said_outright(query: Query, hits: Sequence[PaperHit]) -> bool:
    """Whether there is an answer whatever the signs: all words in a sentence, and the number that is asked for.

    A name that few papers have is far from every sentence for most encoders, and a question of one name joins nothing.
    """
    return _says_all(hits) and not _number_missing(query, hits)


def signs(library: Library, query: Query, hits: Sequence[PaperHit]) -> dict[str, float]:
    """What tells whether `hits` (at least one), being on topic, hold an answer: see `Weights.answerable`."""
    names = information(library, library.words.terms(" ".join(query.names))) if query.kind == "fact" else {}
    held = (_terms(library, hit.paper) for hit in hits[:_TOP])
    return {
        "names_missing": 1 - max(term_share(terms, names) for terms in held) if names else 0.0,
        "number_missing": float(_number_missing(query, hits)),
        "aspect_missing": min(hit.arms["aspect_missing"].value for hit in hits[:_TOP]),
        "term_missing": min(hit.arms["term_missing"].value for hit in hits[:_TOP]),
        "beyond_parts": max(hit.arms["beyond_parts"].value for hit in hits[:_TOP]),
        "apart": hits[0].arms["apart"].value,
    }


def best_cut(probabilities: NDArray[np.float64]) -> int:
    """The number of papers to list, from the top, that makes the expected F1 greatest.

    Args:
        probabilities: Of relevance, best first.

    The expectation of F1 is taken as 2 * sum(p[:n]) / (n + sum(p)) (Ye et al., ICML 2012).
    """
    counts = np.arange(1, len(probabilities) + 1)
    return int(np.argmax(2 * np.cumsum(probabilities) / (counts + probabilities.sum()))) + 1


def shifted(probabilities: NDArray[np.float64], shift: float) -> NDArray[np.float64]:
    """`probabilities` with `shift` added to their log-odds."""
    odds = probabilities / np.maximum(1 - probabilities, 1e-9) * math.exp(shift)
    return odds / (1 + odds)


def _cut(query: Query, hits: Sequence[PaperHit]) -> int:
    probabilities = np.array([hit.similarity for hit in hits])
    return best_cut(probabilities if query.kind == "fact" else shifted(probabilities, load().list_shift))


def _no_answer(library: Library, query: Query, hits: Sequence[PaperHit]) -> ReasonKind | None:
    if not hits:
        return "nothing_found"
    if said_outright(query, hits):
        return None
    if off_topic(hits):
        return "off_topic"
    if float(load().answerable.probability(signs(library, query, hits))) >= ANSWERABLE:
        return None
    return "not_stated" if query.kind == "fact" else "nothing_found"


def _says_all(hits: Sequence[PaperHit]) -> bool:
    return max(hit.arms["sentence_terms"].value for hit in hits[:_TOP]) > ALL_WORDS


def _number_missing(query: Query, hits: Sequence[PaperHit]) -> bool:
    return query.asks_number and not _NUMBER.search(" ".join(quote.text for quote in hits[0].evidence))


def _lacks(library: Library, query: Query, paper: Paper) -> str:
    """Says which aspects of the question the words of `paper` do not show."""
    held = _terms(library, paper)
    absent = {
        place
        for place, aspect in enumerate(query.aspects)
        if (terms := information(library, library.words.terms(aspect))) and term_share(held, terms) < _MENTIONED
    }
    missing = min(([query.aspects[place] for place in way if place in absent] for way in query.ways), key=len)
    if not missing:
        return "has the words of the question, but no sentence that answers it"
    return "does not mention " + ", ".join(f"“{aspect}”" for aspect in missing)


def _terms(library: Library, paper: Paper) -> frozenset[str]:
    return frozenset(library.words.terms(f"{paper.title}. {paper.abstract}"))
