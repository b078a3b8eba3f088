"""Features -> probability: logistic models whose parameters were fitted on judged questions (evals/fit.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

PARAMETERS = Path(__file__).with_name("judge.json")


@dataclass(frozen=True, slots=True)
class Logistic:
    """A logistic regression."""

    intercept: float
    weights: Mapping[str, float]
    """By feature."""

    def probability(self, features: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
        """Of the positive class, in [0, 1], in the shape of the features; features without a weight do not count."""
        total = sum((weight * np.asarray(features[name]) for name, weight in self.weights.items()), self.intercept)
        return np.asarray(1 / (1 + np.exp(-np.clip(total, -30, 30))), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything fitted that the offline judge knows."""

    relevance: Logistic
    """Of a paper to a question, from `features.features`."""
    answerable: Logistic
    """Whether the library holds an answer to a question on its topics, from `judge.signs`."""
    list_shift: float
    """Added to the log-odds of relevance before a list is cut."""


@cache
def read(file: Path) -> Logistic:
    """The model in `file`."""
    return Logistic(**json.loads(file.read_text("utf-8")))


@cache
def load() -> Weights:
    """The fitted parameters of the offline judge."""
    data = json.loads(PARAMETERS.read_text("utf-8"))
    return Weights(Logistic(**data["relevance"]), Logistic(**data["answerable"]), data["list_shift"])
