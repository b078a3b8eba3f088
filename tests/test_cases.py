"""cases: what is read, and what is refused with its file, line and reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.cases import OWN_CASES, read_cases
from evals.errors import BadCase, NoCases
from ingest import Library

GOOD: dict[str, Any] = {
    "id": "1",
    "type": "list",
    "question": "which papers quantize?",
    "relevant": [{"title": "curvature-guided  weight rounding", "grade": 2}],
}


def written(tmp_path: Path, *cases: Any) -> Path:
    path = tmp_path / "cases.jsonl"
    path.write_text("".join((c if isinstance(c, str) else json.dumps(c)) + "\n" for c in cases), "utf-8")
    return path


def test_a_title_is_found_without_regard_to_case_and_space(library: Library, tmp_path: Path) -> None:
    ((case, grades),) = read_cases([written(tmp_path, GOOD, "")], library)
    assert case.question == GOOD["question"]
    assert grades == {"curvature-guided-weight-rounding": 2}


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"relevant": [{"title": "No such paper", "grade": 1}]}, "holds no paper titled 'No such paper'"),
        ({"relevant": [{"title": "x", "grade": 7}]}, "relevant.0.grade"),
        ({"question": "  "}, "question"),
        ({"answer_patterns": ["("]}, "answer_patterns"),
        ({"surplus": 1}, "surplus"),
        ({"history": [{"role": "system", "content": "x"}]}, "history.0.role"),
    ],
)
def test_a_bad_case_is_refused_by_file_line_and_reason(
    library: Library, tmp_path: Path, fault: dict[str, Any], why: str
) -> None:
    path = written(tmp_path, GOOD, {**GOOD, "id": "2", **fault})
    with pytest.raises(BadCase) as refused:
        read_cases([path], library)
    assert str(refused.value).startswith(f"{path}:2: ")
    assert why in str(refused.value)


def test_a_repeated_id_is_refused(library: Library, tmp_path: Path) -> None:
    with pytest.raises(BadCase, match="id '1' was used before"):
        read_cases([written(tmp_path, GOOD, GOOD)], library)


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_file_without_cases_is_refused(library: Library, tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "cases.jsonl"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(NoCases, match="expected JSON lines"):
        read_cases([path], library)


def test_our_own_cases_hold_no_verbatim_evidence() -> None:
    cases = [json.loads(line) for line in OWN_CASES.read_text("utf-8").splitlines()]
    assert len(cases) == 73
    assert all(set(entry) == {"title", "grade"} for case in cases for entry in case["relevant"])
