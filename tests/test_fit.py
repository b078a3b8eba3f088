"""fit: the numbers are those of the definition, and no question is judged by a model fitted on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assistant.features import JOINT, features, feedback, probe, read
from assistant.understand import understand
from assistant.weights import load
from evals.fit import (
    FOLDS,
    best_shift,
    examples,
    figures,
    fit_logistic,
    fit_relevance,
    list_f1,
    out_of_fold,
    ranking_measures,
)
from ingest import Library


def test_a_logistic_fit_recovers_what_made_the_data() -> None:
    rng = np.random.default_rng(0)
    table = {"a": rng.normal(size=4000), "b": rng.normal(size=4000)}
    positive = rng.random(4000) < 1 / (1 + np.exp(-(2 * table["a"] - 1)))
    model = fit_logistic(table, positive.astype(float), 1e-6)
    assert model.intercept == pytest.approx(-1, abs=0.2)
    assert model.weights == pytest.approx({"a": 2, "b": 0}, abs=0.2)


def test_no_example_is_judged_by_a_model_fitted_on_it() -> None:
    chosen: list[object] = [object()] * 23

    def fit(training: list[int]) -> Callable[[int], bool]:
        assert len(training) >= len(chosen) - len(chosen) // FOLDS - 1
        return lambda i: i in training

    assert out_of_fold(chosen, 1, fit) == [False] * 23  # type: ignore[arg-type]


@pytest.fixture
def case_file(tmp_path: Path) -> Path:
    """Two judged questions over the six papers, one without an answer."""
    relevant = [{"title": "mixed precision from hessian traces", "grade": 2}, {"title": "Curvature-Guided Weight Rounding", "grade": 1}]  # fmt: skip  # noqa: E501
    cases = [
        {"id": "1", "type": "list", "question": "which papers use the Hessian for quantization", "relevant": relevant},
        {"id": "2", "type": "unanswerable", "question": "Where is the best pizza?", "relevant": []},
    ]
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases), "utf-8")
    return path


def test_measures_of_a_ranking_by_hand(library: Library, case_file: Path) -> None:
    example = examples(library, [case_file])[0]
    best_first = example.grades / 4 + 0.25
    assert ranking_measures(example, best_first)["ndcg@10"] == pytest.approx(1)
    assert ranking_measures(example, -best_first)["recall@10"] == 1
    swapped = np.where(example.grades == 2, 0.6, np.where(example.grades == 1, 0.7, 0.1))
    ideal = 2 + 1 / np.log2(3)
    assert ranking_measures(example, swapped)["ndcg@10"] == pytest.approx((1 + 2 / np.log2(3)) / ideal)
    assert list_f1(example, np.where(example.grades > 0, 0.99, 0.01), 0.0) == 1


def test_the_fitted_model_knows_every_feature_of_relevance(library: Library, case_file: Path) -> None:
    query = understand("which papers use the Hessian for quantization")
    asked = probe(library, query)
    readings = read(library, [paper.id for paper in library.store.every_paper()])
    table = features(query, asked, feedback(library, asked, readings), readings)
    assert set(load().relevance.weights) == set(table) - set(JOINT)
    assert set(fit_relevance(examples(library, [case_file])).weights) == set(table) - set(JOINT)


@pytest.fixture
def other_file(case_file: Path) -> Path:
    """The same questions, under other ids, judged to have no answer."""
    path = case_file.with_name("others.jsonl")
    cases = [json.loads(line) for line in case_file.read_text("utf-8").splitlines()]
    path.write_text("".join(json.dumps({**c, "id": c["id"] + "b", "relevant": []}) + "\n" for c in cases), "utf-8")
    return path


def test_relevance_and_the_cut_are_fitted_on_the_first_file_only(
    library: Library, case_file: Path, other_file: Path
) -> None:
    alone, both = examples(library, [case_file]), examples(library, [case_file, other_file])
    assert [(e.file, e.reported) for e in both] == [("cases", True)] * 2 + [("others", False)] * 2
    assert fit_relevance(both) == fit_relevance(alone)
    probability = [example.grades / 2 for example in both]
    assert best_shift(both, probability) == best_shift(alone, probability[:2])


def test_each_file_has_its_own_figures(
    library: Library, case_file: Path, other_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = examples(library, [case_file, other_file])
    everything = fit_relevance(chosen)
    monkeypatch.setattr("evals.fit.fit_relevance", lambda _: everything)
    found = figures(library, chosen, 0)
    assert set(found) == {"cases", "others"}
    assert {"ndcg@10", "false_refusals", "list_f1", "abstention_recall"} <= set(found["cases"])
    assert "ndcg@10" not in found["others"]
    assert all(0 <= value <= 1 for group in found.values() for value in group.values())
