"""Outcomes -> files: scores.json for programs, report.md and report.html for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assistant.compose import escape
from evals import html
from evals.compare import Comparison
from evals.compare import markdown as comparison_markdown
from evals.errors import CannotWrite
from evals.gate import Checked, junit
from evals.manifest import in_a_line
from evals.records import Outcome, Score
from evals.run import applying, by_type, scores, values


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A finished run."""

    about: Mapping[str, Any]
    """What was run, where and when."""
    outcomes: Sequence[Outcome]
    baselines: Mapping[str, Sequence[Outcome]] = field(default_factory=dict)
    """The outcomes of other systems on the same cases, by name."""
    notes: tuple[str, ...] = ()
    """What a reader of the figures should know."""


def as_data(done: Evaluation) -> dict[str, Any]:
    """The form of `scores.json`."""
    return {
        "run": {**done.about, "notes": list(done.notes)},
        "measures": _plain(scores(done.outcomes)),
        "by_type": {name: _plain(group) for name, group in by_type(done.outcomes).items()},
        "baselines": {name: _plain(scores(outcomes)) for name, outcomes in done.baselines.items()},
        "cases": [_case(outcome) for outcome in done.outcomes],
    }


def write(
    folder: Path, done: Evaluation, comparisons: Sequence[Comparison] = (), checked: Sequence[Checked] = ()
) -> tuple[str, ...]:
    """Writes `scores.json`, `report.md`, `report.html` and, where bounds were checked, `junit.xml`.

    Args:
        folder: Made if need be.
        done: What was run.
        comparisons: With an earlier run, and with the baselines.
        checked: The gate's bounds.

    Returns:
        The names of the files.

    Raises:
        CannotWrite: The disk refuses.
    """
    files = {
        "scores.json": json.dumps(as_data(done), ensure_ascii=False, indent=1) + "\n",
        "report.md": markdown(done, comparisons) + "\n",
        "report.html": html.page(done.about, done.notes, done.outcomes, comparisons),
        **({"junit.xml": junit(checked)} if checked else {}),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text, "utf-8")
    except OSError as error:
        raise CannotWrite(folder, error.strerror or str(error)) from error
    return tuple(files)


def markdown(done: Evaluation, comparisons: Sequence[Comparison] = ()) -> str:
    """The figures, overall and by type, the comparisons, and a line for every case."""
    parts = [summary(done), "## By type", by_type_table(by_type(done.outcomes))]
    parts += [
        comparison_markdown(comparison, questions=comparison.before not in done.baselines) for comparison in comparisons
    ]
    lines = ["## Cases", "", "| case | type | cited | relevant | hits | says no | question |", "| --- " * 7 + "|"]
    for outcome in done.outcomes:
        case, cited = outcome.case, outcome.answer.citations
        hits = sum(citation.paper.id in outcome.relevant for citation in cited)
        counts = f"{len(cited)} | {len(outcome.relevant)} | {hits}"
        says_no = "yes" if outcome.answer.abstained else ""
        lines.append(f"| {_cell(case.id)} | {_cell(case.type)} | {counts} | {says_no} | {_cell(case.question)} |")
    return "\n\n".join([*parts, "\n".join(lines)])


def summary(done: Evaluation) -> str:
    """What was run, in a line, and the measures that apply."""
    return "\n\n".join([in_a_line(done.about), *done.notes, table(applying(scores(done.outcomes)))])


def table(found: Mapping[str, Score]) -> str:
    """A line a measure: mean, 95 % interval, number of cases scored and unscored."""
    lines = ["| measure | mean | 95 % interval | cases | unscored |", "| --- | --- | --- | --- | --- |"]
    for name, value in found.items():
        lines.append(f"| {name} | {_mean(value)} | {_interval(value)} | {value.n} | {value.unscored} |")
    return "\n".join(lines)


def by_type_table(groups: Mapping[str, Mapping[str, Score]]) -> str:
    """The means of each type of case, a column a type."""
    names = list(dict.fromkeys(name for group in groups.values() for name in group))
    lines = [f"| measure | {' | '.join(_cell(name) for name in groups)} |", "| --- " * (1 + len(groups)) + "|"]
    for name in names:
        cells = [f"{_mean(group[name])} ({group[name].n})" if name in group else "" for group in groups.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _mean(value: Score) -> str:
    return "unscored" if value.mean is None else f"{value.mean:.3f}"


def _interval(value: Score) -> str:
    return "" if value.low is None else f"{value.low:.3f} to {value.high:.3f}"


def _cell(text: str) -> str:
    return escape(" ".join(text.split())).replace("|", "\\|")


def _plain(group: Mapping[str, Score]) -> dict[str, object]:
    return {name: asdict(value) for name, value in group.items()}


def _case(outcome: Outcome) -> dict[str, object]:
    answer = outcome.answer
    return {
        "id": outcome.case.id,
        "type": outcome.case.type,
        "question": outcome.case.question,
        "mode": answer.mode,
        "abstained": answer.abstained,
        "failure": outcome.reply.failure,
        "cited": [citation.paper.title for citation in answer.citations],
        "hits": [citation.paper.title for citation in answer.citations if citation.paper.id in outcome.relevant],
        "missed": list(outcome.missed),
        "relevant": dict(outcome.case.grades),
        "told": list(outcome.told),
        "measures": values(outcome),
        "seconds": None if outcome.reply.seconds is None else round(outcome.reply.seconds, 4),
    }
