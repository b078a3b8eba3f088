"""Cases -> Outcomes -> Scores: every case asked once, every measure taken of every outcome."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from evals.cases import Asked
from evals.examine import Examiner
from evals.measures import MEASURES
from evals.records import UNSCORED, Case, Outcome, Score, Value
from evals.statistics import quantile_score, score
from evals.systems import System


def run(system: System, asked: Asked, examiner: Examiner, workers: int = 1) -> Iterator[Outcome]:
    """Asks `system` every case, `workers` at a time, and yields the outcomes as they come."""

    def ask(case: Case, relevant: dict[str, int]) -> Outcome:
        return examiner.outcome(case, relevant, system.reply(case))

    pool = ThreadPoolExecutor(workers)
    try:
        for future in as_completed([pool.submit(ask, *item) for item in asked]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def values(outcome: Outcome) -> dict[str, Value]:
    """Every measure of one outcome."""
    return {name: measure(outcome) for name, measure in MEASURES.items()}


def scores(outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """Every measure over `outcomes`; time as its median and the 95 % quantile."""
    rows = [values(outcome) for outcome in outcomes]
    found: dict[str, Score] = {}
    for name in MEASURES:
        column = [row[name] for row in rows]
        known = [value for value in column if isinstance(value, float)]
        if name == "seconds":
            found |= {f"seconds_p{percent}": quantile_score(known, percent / 100) for percent in (50, 95)}
        else:
            found[name] = score(known, column.count(UNSCORED))
    return found


def by_type(outcomes: Sequence[Outcome]) -> dict[str, dict[str, Score]]:
    """`scores` of the cases of each type, those left out that apply to none of them."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault(outcome.case.type, []).append(outcome)
    return {name: applying(scores(group)) for name, group in sorted(groups.items())}


def applying(found: dict[str, Score]) -> dict[str, Score]:
    """The measures that apply to some case."""
    return {name: value for name, value in found.items() if value.n or value.unscored}
