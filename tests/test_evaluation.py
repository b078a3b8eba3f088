"""evaluation: a run over a small library writes what it promises, and twice the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assistant import Assistant
from evals.cases import read_cases
from evals.report import write
from evals.run import run
from ingest import Library, Settings
from tests.test_cases import GOOD, written

NO = {"id": "2", "type": "unanswerable", "question": "Where can I get the best pizza in Naples?", "relevant": []}


@pytest.fixture
def assistant(library: Library, settings: Settings) -> Assistant:
    return Assistant(library, settings)


def scores_of(assistant: Assistant, folder: Path, cases: Path) -> dict[str, object]:
    write(folder, assistant, list(run(assistant, read_cases([cases], assistant.library))))
    data: dict[str, object] = json.loads((folder / "scores.json").read_text("utf-8"))
    return data


def test_scores_have_the_contracted_form(assistant: Assistant, tmp_path: Path) -> None:
    data = scores_of(assistant, tmp_path / "out", written(tmp_path, GOOD, NO))
    assert set(data) == {"run", "measures", "by_type", "cases"}
    measures = data["measures"]
    assert isinstance(measures, dict)
    assert {"ndcg@10", "recall@50", "list_f1", "abstention_recall", "seconds_p50"} <= set(measures)
    assert all(set(score) == {"mean", "low", "high", "n", "unscored"} for score in measures.values())
    assert measures["ndcg@10"]["n"] == 1
    assert "| ndcg@10 |" in (tmp_path / "out" / "report.md").read_text("utf-8")


def test_two_runs_differ_in_time_only(assistant: Assistant, tmp_path: Path) -> None:
    cases = written(tmp_path, GOOD, NO)
    one, other = (scores_of(assistant, tmp_path / name, cases) for name in ("one", "other"))
    for data in (one, other):
        assert isinstance(data["measures"], dict)
        assert isinstance(data["cases"], list)
        timeless = {name: score for name, score in data["measures"].items() if not name.startswith("seconds")}
        data["measures"], data["by_type"] = timeless, None
        data["cases"] = [{k: v for k, v in case.items() if k != "seconds"} for case in data["cases"]]
    assert one == other
