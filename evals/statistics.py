"""Values -> Score: means with intervals that say how far they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evals.records import Score

RESAMPLES = 10_000
SEED = 20_260_101


def score(values: Sequence[float], unscored: int = 0) -> Score:
    """The mean of `values` (at least one) with a percentile bootstrap interval over cases (Efron 1979), seeded."""
    sample = np.asarray(values, dtype=np.float64)
    draws = np.random.default_rng(SEED).integers(0, len(sample), size=(RESAMPLES, len(sample)))
    low, high = np.quantile(sample[draws].mean(axis=1), [0.025, 0.975])
    return Score(float(sample.mean()), float(low), float(high), len(sample), unscored)
