"""Reading -> Quotes: the sentences of a paper that show what was asked for."""

from __future__ import annotations

import re

import numpy as np

from assistant.features import Column, Feedback, Probe, Reading, term_shares
from assistant.records import Quote
from ingest import Paper, Passage

_OWN_WORK = re.compile(r"\b(?:we|our|this (?:paper|work|article|study|survey)|here)\b", re.IGNORECASE)
_OTHERS_WORK = re.compile(
    r"(?:however|while|although|despite|unfortunately|existing|previous|prior|recent|traditional|conventional|current)\b",
    re.IGNORECASE,
)
_OWN, _OTHERS = 0.1, 0.2
"""What a sentence gains for telling of the paper's own work, and loses for opening with that of others."""
_REDUNDANCY = 0.5


def evidence(reading: Reading, asked: Probe, found: Feedback, count: int) -> tuple[Quote, ...]:
    """At most `count` sentences of a paper, the best first; its title where it has no abstract.

    Each is chosen for what it adds: terms of the question that no chosen sentence has count, nearness to a chosen
    sentence counts against it (maximal marginal relevance: Carbonell and Goldstein, SIGIR 1998).
    """
    paper = reading.paper
    if not paper.abstract:
        return (Quote(paper.title, 0, len(paper.title), "title"),)
    merit = _merit(reading, asked, found)
    alike = reading.vectors @ reading.vectors.T
    terms, chosen = dict(asked.terms), list[int]()
    for _ in range(min(count, len(merit))):
        added = np.array(term_shares(reading.sentence_terms, terms))
        repeated = alike[chosen].max(axis=0) if chosen else np.zeros(len(merit))
        total = merit + added - _REDUNDANCY * repeated
        total[chosen] = -np.inf
        chosen.append(int(np.argmax(total)))
        terms = {term: share for term, share in terms.items() if term not in reading.sentence_terms[chosen[-1]]}
    return tuple(_quote(paper, reading.passages[i]) for i in chosen)


def _merit(reading: Reading, asked: Probe, found: Feedback) -> Column:
    near = reading.vectors @ (asked.question + asked.content)
    texts = [reading.paper.abstract[passage.start : passage.end] for passage in reading.passages]
    own = [_OWN * bool(_OWN_WORK.search(text)) - _OTHERS * bool(_OTHERS_WORK.match(text)) for text in texts]
    shared = term_shares(reading.sentence_terms, found.terms)
    return np.asarray(near + np.array(shared) + np.array(own), dtype=np.float64)


def _quote(paper: Paper, passage: Passage) -> Quote:
    return Quote(paper.abstract[passage.start : passage.end], passage.start, passage.end, "abstract")
