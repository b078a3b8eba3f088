"""Labels -> agreement: how often a matcher says what a reader said of the same statement and evidence.

`python -m evals.agreement --library DIR` measures the matcher by words on evals/labels, each paper's pairs judged by
parameters fitted on the others; `--write` also replaces the parameters. `--judge model` measures the language model
that the settings name.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from pydantic import TypeAdapter, ValidationError

from assistant.llm import open_chat, why_not
from assistant.weights import Logistic
from evals.errors import BadCase, NoJudge
from evals.fit import fit_logistic
from evals.matcher import PARAMETERS, Matcher, WordMatcher
from evals.model_matcher import ModelMatcher
from evals.records import Score
from evals.statistics import kappa_score, score
from ingest import Library
from ingest.settings import read_settings

LABELS = Path(__file__).with_name("labels") / "support.jsonl"
FOLDS = 10
SEED = 0
PENALTY = 1e-2


@dataclass(frozen=True, slots=True)
class Label:
    """Whether a reader found that a text tells a statement."""

    id: str
    title: str
    """Of the paper that the evidence is from."""
    evidence: str
    """Sentences of the paper's digest in the sample."""
    statement: str
    supported: bool


def read_labels(path: Path = LABELS) -> list[Label]:
    """Reads labelled pairs, one JSON object a line.

    Raises:
        BadCase: A line is none.
    """
    adapter = TypeAdapter(Label)
    labels = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        try:
            labels.append(adapter.validate_json(line))
        except ValidationError as error:
            raise BadCase(path, number, error.errors()[0]["msg"]) from error
    return labels


def judged(matcher: Matcher, labels: Iterable[Label]) -> list[bool | None]:
    """What `matcher` says of each pair; None where it has no usable judgement."""
    found = [matcher.support([label.statement], [label.evidence])[0] for label in labels]
    return [None if value is None else value >= 0.5 for value in found]


def judged_out_of_fold(matcher: WordMatcher, labels: Sequence[Label]) -> list[bool | None]:
    """What the matcher by words says of each pair, its parameters fitted without the pairs of that paper's fold."""
    titles = sorted({label.title for label in labels})
    folds = dict(zip(titles, np.random.default_rng(SEED).permutation(len(titles)) % FOLDS, strict=True))
    said: list[bool | None] = [None] * len(labels)
    for fold in range(FOLDS):
        model = fit(matcher, [label for label in labels if folds[label.title] != fold])
        for place, label in enumerate(labels):
            if folds[label.title] == fold:
                said[place] = bool(model.probability(matcher.signs(label.statement, label.evidence)) >= 0.5)
    return said


def fit(matcher: WordMatcher, labels: Sequence[Label]) -> Logistic:
    """Fits the parameters of the matcher by words."""
    rows = [matcher.signs(label.statement, label.evidence) for label in labels]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    return fit_logistic(table, np.array([float(label.supported) for label in labels]), PENALTY)


def agreement(said: Sequence[bool | None], labels: Sequence[Label]) -> dict[str, Score]:
    """Accuracy, Cohen's kappa, and accuracy among what the reader found told and not told.

    Pairs without a judgement are left out of the means, and counted.
    """
    pairs = [(one, label.supported) for one, label in zip(said, labels, strict=True) if one is not None]
    unscored = len(labels) - len(pairs)
    right = {truth: [float(one == other) for one, other in pairs if other == truth] for truth in (True, False)}
    return {
        "accuracy": score(right[True] + right[False], unscored),
        "kappa": kappa_score([one for one, _ in pairs], [other for _, other in pairs]),
        "accuracy where told": score(right[True]),
        "accuracy where not told": score(right[False]),
    }


def table(name: str, found: dict[str, Score]) -> str:
    """The figures as Markdown."""
    lines = ["| matcher | figure | value | 95 % interval | pairs | unscored |", "| --- | --- | --- | --- | --- | --- |"]
    for figure, value in found.items():
        interval = f"{value.low:.3f} to {value.high:.3f}"
        lines.append(f"| {name} | {figure} | {value.mean:.3f} | {interval} | {value.n} | {value.unscored} |")
    return "\n".join(lines)


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m evals.agreement", description=__doc__)
    parser.add_argument("--library", type=Path, required=True, help="the sample library's folder")
    parser.add_argument("--judge", choices=("words", "model"), default="words", help="the matcher to measure")
    parser.add_argument("--write", action="store_true", help=f"replace {PARAMETERS.name}")
    options = parser.parse_args()
    labels = read_labels()
    settings = read_settings({"library": options.library})
    if options.judge == "model":
        chat = open_chat(settings, settings.library)
        if chat is None:
            raise NoJudge(why_not(settings) or "")
        model = ModelMatcher(chat)
        print(table(model.name, agreement(judged(model, labels), labels)))
        return
    with Library.open(settings.library, settings) as library:
        matcher = WordMatcher(library)
        print(table(matcher.name, agreement(judged_out_of_fold(matcher, labels), labels)))
        if options.write:
            PARAMETERS.write_text(json.dumps(asdict(fit(matcher, labels)), indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
