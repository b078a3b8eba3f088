"""Whether the papers cited are the relevant ones, no less and no more. A case counts if it has relevant papers.

Set precision, recall and F1 over papers (van Rijsbergen, "Information Retrieval", 1979), all in [0, 1]. A citation of
a paper that the library does not hold is a wrong one.
"""

from __future__ import annotations

from evals.records import Outcome, Value

LIST_TYPES = ("list", "constraint")
"""Types of case whose answer is a list."""


def precision(outcome: Outcome) -> Value:
    """Of a list: the share of the cited papers that are relevant; not counted where nothing is cited."""
    return citation_precision(outcome) if outcome.case.type in LIST_TYPES else None


def recall(outcome: Outcome) -> Value:
    """Of a list: the share of the relevant papers that are cited; 0 where nothing is cited."""
    return citation_recall(outcome) if outcome.case.type in LIST_TYPES else None


def f1(outcome: Outcome) -> Value:
    """Of a list: harmonic mean of precision and recall, 2 * hits / (cited + relevant); 0 where nothing is cited."""
    if not outcome.relevant or outcome.case.type not in LIST_TYPES:
        return None
    return 2 * _hits(outcome) / (len(outcome.answer.citations) + len(outcome.relevant))


def citation_precision(outcome: Outcome) -> Value:
    """The share of the cited papers that are relevant; not counted where nothing is cited."""
    if not outcome.relevant or not outcome.answer.citations:
        return None
    return _hits(outcome) / len(outcome.answer.citations)


def citation_recall(outcome: Outcome) -> Value:
    """The share of the relevant papers that are cited; 0 where nothing is cited."""
    return _hits(outcome) / len(outcome.relevant) if outcome.relevant else None


def _hits(outcome: Outcome) -> int:
    return sum(citation.paper.id in outcome.relevant for citation in outcome.answer.citations)
