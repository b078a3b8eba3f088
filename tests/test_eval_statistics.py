"""statistics: intervals that cover, tests that keep their level, corrections by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import permutation_test  # type: ignore[import-untyped]

from evals.statistics import difference, holm, kappa, kappa_score, quantile_score, score, sign_flip


def test_a_score_is_a_mean_with_an_interval_around_it() -> None:
    found = score([0.0, 1.0, 1.0, 1.0])
    assert (found.mean, found.n) == (0.75, 4)
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low < 0.75 < found.high <= 1
    assert score([0.5]) == score([0.5])


def test_nothing_scored_has_no_mean() -> None:
    assert (score([], 3).mean, score([], 3).unscored) == (None, 3)


def test_an_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    found = [score(list(rng.normal(size=60))) for _ in range(100)]
    covered = sum(one.low <= 0 <= one.high for one in found if one.low is not None and one.high is not None)
    assert 88 <= covered <= 99


def test_a_quantile_by_hand() -> None:
    found = quantile_score([float(value) for value in range(101)], 0.95)
    assert found.mean == pytest.approx(95)
    assert found.low is not None
    assert found.low < 95


def test_the_randomisation_test_agrees_with_scipy() -> None:
    change = np.random.default_rng(3).normal(0.3, 1, size=40)
    theirs = permutation_test((change,), np.mean, permutation_type="samples", n_resamples=20_000, rng=4)
    assert sign_flip(change) == pytest.approx(theirs.pvalue, abs=0.01)


def test_the_randomisation_test_is_exact_enough_on_few_pairs() -> None:
    assert sign_flip(np.ones(5)) == pytest.approx(2 / 2**5, abs=0.01)
    assert sign_flip(np.zeros(5)) == 1
    assert sign_flip(np.ones(60)) == pytest.approx(1 / 10_001)


def test_the_randomisation_test_seldom_finds_what_is_not_there() -> None:
    rng = np.random.default_rng(2)
    assert sum(sign_flip(rng.normal(size=30)) < 0.05 for _ in range(200)) <= 20


def test_a_difference_by_hand() -> None:
    found = difference([0.0, 0.5, 1.0, 0.2], [1.0, 0.5, 0.5, 0.4])
    assert (found.n, found.up, found.down) == (4, 2, 1)
    assert found.after - found.before == pytest.approx(0.175)
    assert found.low <= 0.175 <= found.high
    assert difference([1.0, 2.0], [1.0, 2.0]).p == 1


def test_holm_by_hand() -> None:
    corrected = holm({"a": 0.01, "b": 0.04, "c": 0.03})
    assert corrected == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({}) == {}


def test_kappa_by_hand() -> None:
    said, true = [True] * 50 + [False] * 50, [True] * 40 + [False] * 10 + [True] * 10 + [False] * 40
    assert kappa(said, true) == pytest.approx(0.6)
    assert kappa([True, False], [False, True]) == pytest.approx(-1)
    assert kappa([True], [True]) == 1
    found = kappa_score(said, true)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.6 < found.high
