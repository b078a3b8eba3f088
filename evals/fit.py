"""Cases -> parameters of the offline judge: fits them, and shows how they do on questions they were not fitted on.

`python -m evals.fit --library DIR` prints cross-validated figures, those of each file of cases apart; `--write` also
replaces the parameters.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assistant.compose import MAX_BESIDE_FACT
from assistant.features import JOINT
from assistant.judge import ANSWERABLE, best_cut, off_topic, said_outright, shifted, signs
from assistant.offline import CANDIDATES
from assistant.records import Query
from assistant.retrieve import POOL, Look, hits, look
from assistant.understand import understand
from assistant.weights import PARAMETERS, Logistic, Weights
from evals.cases import OWN_CASES, read_cases
from evals.measures.ranking import ndcg, recall
from ingest import Library
from ingest.settings import read_settings

Array = NDArray[np.float64]

LOOKED_AT = CANDIDATES["thorough"] or POOL
"""Papers of each question: as many as an answer judges unless it is told otherwise."""
FOLDS = 10
SEEDS = (0, 1, 2, 3)
RELEVANCE_PENALTY = 1e-3
ANSWERABLE_PENALTY = 1e-3
SHIFTS = (0.0, 0.25, 0.5, 0.75, 1.0)
F1_NOISE = 0.01
"""Differences of mean F1 that another split into folds turns round."""
LISTS = ("list", "constraint")
CASES = (OWN_CASES, OWN_CASES.with_name("more.jsonl"), OWN_CASES.with_name("off_topic.jsonl"))
"""The first is the one to report: relevance and the list's cut are fitted on it, whether there is an answer on all."""
OFF_TOPIC, SAID = "off_topic", "said_outright"
"""What is decided before any sign is weighed."""


@dataclass(frozen=True, slots=True)
class Example:
    """A judged question and what was looked at for it."""

    file: str
    """The stem of the case's file."""
    reported: bool
    """Whether that is the first file."""
    kind: str
    """The case's type."""
    query: Query
    seen: Look
    grades: Array
    """Of each reading, 0 to 2."""
    all_grades: tuple[int, ...]
    """Of every relevant paper, greatest first, whether it was looked at or not; empty when there is no answer."""

    @property
    def table(self) -> Mapping[str, Array]:
        """See `Look.table`."""
        return self.seen.table


def examples(library: Library, cases: Sequence[Path]) -> list[Example]:
    """Looks at the library with every question of `cases`."""
    found = []
    read = [(path, case, relevant) for path in cases for case, relevant in read_cases([path], library)]
    for path, case, relevant in read:
        query = understand(case.question, case.history)
        seen = look(library, query, LOOKED_AT)
        if seen:
            grades = np.array([relevant.get(reading.paper.id, 0) for reading in seen.readings], dtype=np.float64)
            every = tuple(sorted(relevant.values(), reverse=True))
            found.append(Example(path.stem, path == cases[0], case.type, query, seen, grades, every))
    return found


def fit_logistic(table: Mapping[str, Array], positive: Array, penalty: float) -> Logistic:
    """Fits a logistic regression by Newton's method, with `penalty` on the squared weights of standardised features."""
    names = sorted(table)
    matrix = np.stack([table[name] for name in names], axis=1)
    mean, deviation = matrix.mean(axis=0), matrix.std(axis=0) + 1e-9
    design = np.column_stack([np.ones(len(matrix)), (matrix - mean) / deviation])
    ridge = 2 * penalty * np.diag([0.0] + [1.0] * len(names))
    weights = np.zeros(design.shape[1])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (chance - positive) / len(matrix) + ridge @ weights
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design / len(matrix) + ridge
        weights -= np.linalg.solve(curvature + 1e-9 * np.eye(len(weights)), slope)
    slopes = weights[1:] / deviation
    return Logistic(
        round(float(weights[0] - slopes @ mean), 4),
        {name: round(float(slope), 4) for name, slope in zip(names, slopes, strict=True)},
    )


def fit_relevance(chosen: Sequence[Example]) -> Logistic:
    """Fits the model of a paper's relevance, on the questions to report that have an answer."""
    chosen = [example for example in chosen if example.all_grades and example.reported]
    names = [name for name in chosen[0].table if name not in JOINT]
    table = {name: np.concatenate([example.table[name] for example in chosen]) for name in names}
    return fit_logistic(table, np.concatenate([example.grades > 0 for example in chosen]), RELEVANCE_PENALTY)


def out_of_fold(chosen: Sequence[Example], seed: int, fit: Callable[[list[int]], Callable[[int], Any]]) -> list[Any]:
    """For each example, what a model says that was fitted without its fold.

    Args:
        chosen: All examples.
        seed: Of the folds.
        fit: From the positions of the training examples to a model, from a position to what it says.
    """
    folds = np.random.default_rng(seed).permutation(len(chosen)) % FOLDS
    said: list[Any] = [None] * len(chosen)
    for fold in range(FOLDS):
        model = fit([i for i in range(len(chosen)) if folds[i] != fold])
        for i in np.flatnonzero(folds == fold):
            said[i] = model(int(i))
    return said


def relevance_out_of_fold(chosen: Sequence[Example], seed: int) -> list[Array]:
    """Cross-validated probabilities of relevance, for each example those of its readings."""

    def fit(training: list[int]) -> Callable[[int], Array]:
        model = fit_relevance([chosen[i] for i in training])
        return lambda i: chosen[i].seen.kept * model.probability(chosen[i].table)

    return out_of_fold(chosen, seed, fit)


def answerable_table(library: Library, chosen: Sequence[Example], relevance: Sequence[Array]) -> dict[str, Array]:
    """The signs of every example, by name, and whether it is off topic, or said outright."""
    ranked = [hits(example.seen, p, LOOKED_AT) for example, p in zip(chosen, relevance, strict=True)]
    rows = [signs(library, example.query, found) for example, found in zip(chosen, ranked, strict=True)]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    said = [float(said_outright(example.query, found)) for example, found in zip(chosen, ranked, strict=True)]
    return {**table, SAID: np.array(said), OFF_TOPIC: np.array([float(off_topic(found)) for found in ranked])}


def fit_answerable(chosen: Sequence[Example], table: Mapping[str, Array]) -> Logistic:
    """Fits the model of whether there is an answer, on the questions for which it is asked."""
    open_ones = (table[OFF_TOPIC] == 0) & (table[SAID] == 0)
    part = {name: column[open_ones] for name, column in _weighed(table).items()}
    answered = np.array([float(bool(example.all_grades)) for example in chosen])
    return fit_logistic(part, answered[open_ones], ANSWERABLE_PENALTY)


def abstains_out_of_fold(chosen: Sequence[Example], table: Mapping[str, Array], seed: int) -> Array:
    """Whether the judge would give no answer, cross-validated."""

    def fit(training: list[int]) -> Callable[[int], bool]:
        part = {name: column[training] for name, column in table.items()}
        model = fit_answerable([chosen[i] for i in training], part)
        unlikely = (model.probability(_weighed(table)) < ANSWERABLE) | (table[OFF_TOPIC] > 0)
        unlikely &= table[SAID] == 0
        return lambda i: bool(unlikely[i])

    return np.array(out_of_fold(chosen, seed, fit))


def _weighed(table: Mapping[str, Array]) -> dict[str, Array]:
    return {name: column for name, column in table.items() if name not in {OFF_TOPIC, SAID}}


def list_f1(example: Example, probability: Array, shift: float) -> float:
    """F1 of the list that is cut from the ranking by `probability`."""
    order = np.argsort(-probability, kind="stable")
    if example.query.kind == "fact":
        count = min(best_cut(probability[order]), 1 + MAX_BESIDE_FACT)
    else:
        count = best_cut(shifted(probability[order], shift))
    return float(2 * (example.grades[order[:count]] > 0).sum() / (count + len(example.all_grades)))


def ranking_measures(example: Example, probability: Array) -> dict[str, float]:
    """nDCG@10 and recall at 10, 20 and 50 (see `measures.ranking`)."""
    ranked = [float(grade) for grade in example.grades[np.argsort(-probability, kind="stable")]]
    recalls = {f"recall@{k}": recall(ranked, len(example.all_grades), k) for k in (10, 20, 50)}
    return {"ndcg@10": ndcg(ranked, example.all_grades, 10), **recalls}


def best_shift(chosen: Sequence[Example], relevance: Sequence[Array]) -> float:
    """The middle one of the SHIFTS with all but the greatest mean F1 over the questions to report that want a list."""
    lists = [(e, p) for e, p in zip(chosen, relevance, strict=True) if e.kind in LISTS and e.reported]
    means = [sum(list_f1(e, p, shift) for e, p in lists) / max(1, len(lists)) for shift in SHIFTS]
    good = [shift for shift, mean in zip(SHIFTS, means, strict=True) if mean >= max(means) - F1_NOISE]
    return good[(len(good) - 1) // 2]


def figures(library: Library, chosen: Sequence[Example], seed: int) -> dict[str, dict[str, float]]:
    """Cross-validated measures of one split into folds, by file, and of all files with answers together."""
    relevance = relevance_out_of_fold(chosen, seed)
    abstains = abstains_out_of_fold(chosen, answerable_table(library, chosen, relevance), seed)

    def fit(training: list[int]) -> Callable[[int], float]:
        shift = best_shift([chosen[i] for i in training], [relevance[i] for i in training])
        return lambda i: list_f1(chosen[i], relevance[i], shift)

    f1 = out_of_fold(chosen, seed, fit)
    rows = [_row(e, p, f, bool(a)) for e, p, f, a in zip(chosen, relevance, f1, abstains, strict=True)]
    files = list(dict.fromkeys(example.file for example in chosen))
    answered = [file for file in files if any(e.file == file and e.all_grades for e in chosen)]
    groups = {**{file: [file] for file in files}, " + ".join(answered): answered}
    return {
        name: _means([row for row, example in zip(rows, chosen, strict=True) if example.file in group])
        for name, group in groups.items()
    }


def _row(example: Example, probability: Array, f1: float, abstains: bool) -> dict[str, float]:
    """The measures of one question that are defined for it."""
    row: dict[str, float] = {}
    if example.all_grades:
        row = {**ranking_measures(example, probability), "false_refusals": float(abstains)}
    else:
        row = {"abstention_recall": float(abstains)}
    if example.kind in LISTS:
        row |= {"list_f1": f1, "list_f1_or_refused": 0.0 if abstains else f1}
    return {**row, **({"abstention_precision": float(not example.all_grades)} if abstains else {})}


def _means(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure over the questions that it is defined for."""
    names = sorted({name for row in rows for name in row})
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def fit_all(library: Library, chosen: Sequence[Example]) -> Weights:
    """Fits everything on all examples; what depends on relevance is fitted on its cross-validated values."""
    runs = [relevance_out_of_fold(chosen, seed) for seed in SEEDS]
    answerable = fit_answerable(chosen, answerable_table(library, chosen, runs[0]))
    shift = best_shift([*chosen] * len(runs), [probability for run in runs for probability in run])
    return Weights(fit_relevance(chosen), answerable, shift)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m evals.fit", description=__doc__)
    parser.add_argument("--library", type=Path, required=True, help="the library's folder")
    parser.add_argument("--cases", type=Path, nargs="+", default=CASES, help="files of judged questions")
    parser.add_argument("--write", action="store_true", help=f"replace {PARAMETERS.name}")
    options = parser.parse_args()
    library = Library.open(options.library, read_settings({}))
    chosen = examples(library, options.cases)
    runs = [figures(library, chosen, seed) for seed in SEEDS]
    print(f"| cases | measure | mean of {len(SEEDS)} x {FOLDS} folds | least | greatest |")
    print("| --- | --- | --- | --- | --- |")
    for group in runs[0]:
        for name in runs[0][group]:
            values = [run[group][name] for run in runs if name in run[group]]
            print(f"| {group} | {name} | {np.mean(values):.3f} | {min(values):.3f} | {max(values):.3f} |")
    if options.write:
        PARAMETERS.write_text(json.dumps(asdict(fit_all(library, chosen)), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
