"""Scores -> files: scores.json for programs, report.md for people."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from assistant import Assistant
from evals.records import Outcome, Score
from evals.run import by_type, scores, values


def write(folder: Path, assistant: Assistant, outcomes: Sequence[Outcome]) -> dict[str, Score]:
    """Writes `scores.json` and `report.md` into `folder`, made if need be, and returns the scores."""
    folder.mkdir(parents=True, exist_ok=True)
    overall = scores(outcomes)
    data = {
        "run": describe(assistant, outcomes),
        "measures": _plain(overall),
        "by_type": {name: _plain(group) for name, group in by_type(outcomes).items()},
        "cases": [_case(outcome) for outcome in outcomes],
    }
    (folder / "scores.json").write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "report.md").write_text(markdown(overall, outcomes) + "\n", "utf-8")
    return overall


def describe(assistant: Assistant, outcomes: Sequence[Outcome]) -> dict[str, object]:
    """What was run, where and when."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "version": version("whichpapers"),
        "python": platform.python_version(),
        "cases": len(outcomes),
        "papers": len(assistant.library),
        "encoder": assistant.library.encoder.name,
        "modes": sorted({outcome.answer.mode for outcome in outcomes}),
        "settings": dict(outcomes[0].answer.trace.settings),
    }


def markdown(overall: Mapping[str, Score], outcomes: Sequence[Outcome]) -> str:
    """A table of the measures, and a line for every case."""
    lines = [table(overall), "", "| case | type | cited | relevant | hits | abstained | question |", "| --- " * 7 + "|"]
    for outcome in outcomes:
        case, cited = outcome.case, outcome.answer.citations
        hits = sum(citation.paper.id in outcome.relevant for citation in cited)
        question = case.question.replace("|", "\\|")
        abstained = "yes" if outcome.answer.abstained else ""
        counts = f"{len(cited)} | {len(outcome.relevant)} | {hits}"
        lines.append(f"| {case.id} | {case.type} | {counts} | {abstained} | {question} |")
    return "\n".join(lines)


def table(overall: Mapping[str, Score]) -> str:
    """A line a measure: mean, 95 % interval, number of cases."""
    lines = ["| measure | mean | 95 % interval | cases |", "| --- | --- | --- | --- |"]
    for name, score in overall.items():
        lines.append(f"| {name} | {score.mean:.3f} | {score.low:.3f} to {score.high:.3f} | {score.n} |")
    return "\n".join(lines)


def _plain(group: Mapping[str, Score]) -> dict[str, object]:
    return {name: asdict(score) for name, score in group.items()}


def _case(outcome: Outcome) -> dict[str, object]:
    return {
        "id": outcome.case.id,
        "type": outcome.case.type,
        "question": outcome.case.question,
        "abstained": outcome.answer.abstained,
        "cited": [citation.paper.title for citation in outcome.answer.citations],
        "relevant": dict(outcome.case.grades),
        "measures": values(outcome),
        "seconds": round(outcome.seconds, 4),
    }
