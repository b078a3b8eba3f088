"""Values -> Score, pairs -> Difference: means with intervals that say how far they can be trusted. All seeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from evals.records import Difference, Score

Array = NDArray[np.float64]

RESAMPLES = 10_000
SEED = 20_260_101


def score(values: Sequence[float], unscored: int = 0) -> Score:
    """The mean of `values` with a percentile bootstrap interval over cases (Efron 1979)."""
    return _with_interval(values, unscored, lambda sample: sample.mean(axis=-1))


def quantile_score(values: Sequence[float], share: float) -> Score:
    """The quantile of `values` below which lies `share` of them, with a percentile bootstrap interval."""
    return _with_interval(values, 0, lambda sample: np.quantile(sample, share, axis=-1))


def difference(before: Sequence[float], after: Sequence[float]) -> Difference:
    """What changed between two runs over the same cases, in the same order, at least one; `p_holm` is `p` for now."""
    one, other = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    change = other - one
    low, high = np.quantile(change[_draws(len(change))].mean(axis=1), [0.025, 0.975])
    p = sign_flip(change)
    up, down = int((change > 0).sum()), int((change < 0).sum())
    return Difference(len(change), float(one.mean()), float(other.mean()), float(low), float(high), p, p, up, down)


def sign_flip(change: Array) -> float:
    """Paired randomisation test of mean zero, two-sided (Fisher 1935; Smucker et al., CIKM 2007).

    Returns:
        (k + 1) / (B + 1), where k of B = RESAMPLES random assignments of signs to `change` have a mean as far from 0.
    """
    signs = np.random.default_rng(SEED).integers(0, 2, size=(RESAMPLES, len(change))) * 2 - 1
    as_far = np.abs((signs * change).mean(axis=1)) >= abs(float(change.mean())) - 1e-12
    return float((int(as_far.sum()) + 1) / (RESAMPLES + 1))


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """Each of a family of p-values, corrected so that the chance of any false finding stays (Holm 1979)."""
    corrected, greatest = {}, 0.0
    for place, name in enumerate(sorted(p, key=lambda name: (p[name], name))):
        greatest = max(greatest, min(1.0, (len(p) - place) * p[name]))
        corrected[name] = greatest
    return {name: corrected[name] for name in p}


def kappa(said: Sequence[bool], true: Sequence[bool]) -> float:
    """Agreement beyond chance of two labellings, 1 for full, 0 for none (Cohen 1960)."""
    return float(_kappa(np.asarray(said, dtype=np.float64), np.asarray(true, dtype=np.float64)))


def kappa_score(said: Sequence[bool], true: Sequence[bool]) -> Score:
    """`kappa` with a percentile bootstrap interval over pairs of labels."""
    one, other = np.asarray(said, dtype=np.float64), np.asarray(true, dtype=np.float64)
    draws = _draws(len(one))
    low, high = np.quantile(_kappa(one[draws], other[draws]), [0.025, 0.975])
    return Score(float(_kappa(one, other)), float(low), float(high), len(one), 0)


def _kappa(said: Array, true: Array) -> Array:
    agreed = (said == true).mean(axis=-1)
    by_chance = said.mean(axis=-1) * true.mean(axis=-1) + (1 - said.mean(axis=-1)) * (1 - true.mean(axis=-1))
    beyond = np.where(by_chance < 1, (agreed - by_chance) / np.maximum(1 - by_chance, 1e-12), 1.0)
    return np.asarray(beyond, dtype=np.float64)


def _with_interval(values: Sequence[float], unscored: int, statistic: Callable[[Array], Array]) -> Score:
    if not values:
        return Score(None, None, None, 0, unscored)
    sample = np.asarray(values, dtype=np.float64)
    low, high = np.quantile(statistic(sample[_draws(len(sample))]), [0.025, 0.975])
    return Score(float(statistic(sample)), float(low), float(high), len(sample), unscored)


def _draws(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(SEED).integers(0, count, size=(RESAMPLES, count))
