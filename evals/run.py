"""Cases -> Outcomes -> Scores: every case asked once, every measure taken of every outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from assistant import Answer, Assistant
from assistant.records import Depth, Mode
from evals.measures import MEASURES
from evals.records import Case, Outcome, Score
from evals.statistics import score

RANKING_DEPTH = 50


def run(
    assistant: Assistant, cases: Sequence[tuple[Case, dict[str, int]]], mode: Mode = "auto", depth: Depth = "thorough"
) -> Iterator[Outcome]:
    """Asks every case, in order; the ranking is that of `search` for the question as the answer understood it."""
    for case, relevant in cases:
        started = time.perf_counter()
        answer = assistant.ask(case.question, case.history, mode, depth)
        seconds = time.perf_counter() - started
        hits = assistant.search(answer.standalone_question, RANKING_DEPTH)
        ranking = tuple(hit.paper.id for hit in hits)
        yield Outcome(case, relevant, answer, ranking, _invalid_quotes(assistant, answer), seconds)


def values(outcome: Outcome) -> dict[str, float | None]:
    """Every measure of one outcome, None where it does not apply."""
    return {name: measure(outcome) for name, measure in MEASURES.items()}


def scores(outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """Every measure over `outcomes`, those left out that apply to none of them."""
    rows = [values(outcome) for outcome in outcomes]
    columns = {name: [value for row in rows if (value := row[name]) is not None] for name in MEASURES}
    times = [outcome.seconds for outcome in outcomes]
    quantiles = {f"seconds_p{q}": float(np.quantile(times, q / 100)) for q in (50, 95)}
    return {
        **{name: score(column) for name, column in columns.items() if column},
        **{name: Score(value, value, value, len(times), 0) for name, value in quantiles.items()},
    }


def by_type(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Score]]:
    """`scores` of the cases of each type."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.case.type, []).append(outcome)
    return {name: scores(group) for name, group in sorted(groups.items())}


def _invalid_quotes(assistant: Assistant, answer: Answer) -> int:
    stored = {paper.id: paper for paper in assistant.library.papers(c.paper.id for c in answer.citations)}
    return sum(
        citation.paper.id not in stored
        or getattr(stored[citation.paper.id], quote.field)[quote.start : quote.end] != quote.text
        for citation in answer.citations
        for quote in citation.quotes
    )
