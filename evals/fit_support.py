"""Labels -> parameters of the offline check of an answer's sentences (assistant/support.py).

Fitted on the hand labels of evals/labels, where what is not supported is close to what is, and on as many pairs of a
statement with the evidence of another paper, which is what a wrong citation looks like. `--write` keeps the parameters;
without it the figures are printed, each pair judged by parameters fitted on the other papers' (five folds).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.by_llm.reasoner import SUPPORTED_ALONE, SUPPORTED_BESIDE
from assistant.support import PARAMETERS, signs
from evals.fit import fit_logistic
from ingest import Library
from ingest.settings import read_settings

LABELS = Path(__file__).with_name("labels") / "support.jsonl"
FOLDS = 5
PENALTY = 1e-3

Array = NDArray[np.float64]


def main() -> None:
    """Fits, prints, and writes if asked to."""
    parser = argparse.ArgumentParser(description="Fit the offline check of sentences.")
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--write", action="store_true", help="keep the parameters")
    arguments = parser.parse_args()
    settings = read_settings({"library": arguments.library})
    with Library.open(settings.library, settings) as library:
        titles, table, kinds = _table(library)
    supported = np.array([kind == "supported" for kind in kinds], dtype=np.float64)
    lines = (SUPPORTED_BESIDE, SUPPORTED_ALONE)
    print(f"| pairs | n | reach {lines[0]} | reach {lines[1]} |\n| --- | --- | --- | --- |")
    probability = _out_of_fold(titles, table, supported)
    for kind in ("supported", "close", "another paper"):
        chosen = probability[[each == kind for each in kinds]]
        shares = " | ".join(f"{(chosen >= line).mean():.3f}" for line in lines)
        print(f"| {kind} | {len(chosen)} | {shares} |")
    if arguments.write:
        PARAMETERS.write_text(json.dumps(asdict(fit_logistic(table, supported, PENALTY)), indent=1) + "\n", "utf-8")


def _table(library: Library) -> tuple[list[str], dict[str, Array], list[str]]:
    titles, rows, kinds = [], [], []
    for title, statement, cited, kind in _pairs():
        titles.append(title)
        rows.append(signs(library, statement, cited))
        kinds.append(kind)
    return titles, {name: np.array([row[name] for row in rows]) for name in rows[0]}, kinds


def _pairs() -> Iterator[tuple[str, str, list[str], str]]:
    """(the statement's paper, the statement, what it cites, kind of pair)."""
    labels = [json.loads(line) for line in LABELS.read_text("utf-8").splitlines()]
    others = labels[len(labels) // 2 :] + labels[: len(labels) // 2]
    for label, other in zip(labels, others, strict=True):
        kind = "supported" if label["supported"] else "close"
        yield label["title"], label["statement"], [label["title"], label["evidence"]], kind
        if label["supported"] and other["title"] != label["title"]:
            yield label["title"], label["statement"], [other["title"], other["evidence"]], "another paper"


def _out_of_fold(titles: list[str], table: dict[str, Array], supported: Array) -> Array:
    """The probability of each pair, by a model that saw no pair of its paper."""
    papers = sorted(set(titles))
    folds = np.array([papers.index(title) % FOLDS for title in titles])
    probability = np.zeros(len(titles))
    for fold in range(FOLDS):
        inside, outside = folds == fold, folds != fold
        model = fit_logistic({name: column[outside] for name, column in table.items()}, supported[outside], PENALTY)
        probability[inside] = model.probability({name: column[inside] for name, column in table.items()})
    return probability


if __name__ == "__main__":
    main()
