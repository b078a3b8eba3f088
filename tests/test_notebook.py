"""The notebook of the docs, run as a reader runs it: with a kernel of its own, and the real encoder."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbclient import NotebookClient

from tests.processes import ROOT

TOUR = ROOT / "docs" / "tour.ipynb"


@pytest.mark.slow
def test_the_tour_runs_and_its_answers_show_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHICHPAPERS_OFFLINE", "true")
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    tour = nbformat.reads(TOUR.read_text("utf-8"), as_version=4)  # type: ignore[no-untyped-call]  # it has none
    NotebookClient(tour, timeout=200, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}).execute()
    pages = [output.data["text/html"] for cell in tour.cells for output in cell.get("outputs", ())
             if "text/html" in output.get("data", {})]  # fmt: skip
    answer, hit = pages
    assert "<details>" in answer
    assert "<mark>" in hit
    assert "problems=()" in "".join(output.data.get("text/plain", "") for cell in tour.cells
                                    for output in cell.get("outputs", ()) if "data" in output)  # fmt: skip


def test_the_tour_is_kept_without_outputs() -> None:
    cells = json.loads(TOUR.read_text("utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
