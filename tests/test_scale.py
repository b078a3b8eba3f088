"""Costs by size -> exponents, tables and a picture; and one library measured for real."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from evals import plots, scale


def made_up(papers: int) -> scale.Figures:
    """Costs that grow as the papers do, but for those of a search, which grow as their square root."""
    costs = {cost.name: papers / 10 for cost in scale.COSTS}
    return {**costs, "papers": papers, "search_p50_ms": math.sqrt(papers), "recall_at_50": 0.98}


SIZES = [made_up(papers) for papers in (100, 1_000, 10_000)]


def test_an_exponent_is_the_slope_between_logarithms() -> None:
    assert scale.exponent(SIZES, "disk_mb") == pytest.approx(1)
    assert scale.exponent(SIZES, "search_p50_ms") == pytest.approx(0.5)
    assert math.isnan(scale.exponent(SIZES[:1], "disk_mb"))


def test_a_table_has_a_row_for_each_cost_and_no_exponent_of_a_share() -> None:
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in scale.table(SIZES).splitlines()]
    assert head == ["papers", "100", "1,000", "10,000", "exponent"]
    assert len(rows) == len(scale.COSTS)
    by_name = {cost.name: row for cost, row in zip(scale.COSTS, rows, strict=True)}
    assert by_name["disk_mb"][1:] == ["10", "100", "1,000", "1.00"]
    assert by_name["search_p50_ms"][-1] == "0.50"
    assert by_name["recall_at_50"][-1] == ""


def test_estimates_go_on_from_the_largest_library() -> None:
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in scale.estimates(SIZES).splitlines()]
    assert rows[0] == ["papers", "1,000,000", "10,000,000", "100,000,000"]
    assert ["vectors/, GB", "100", "1,000", "10,000"] in rows
    assert ["a search, s", "1", "3.16", "10"] in rows


def test_a_picture_of_growth_is_a_file_of_its_own_that_runs_nothing() -> None:
    drawing = ElementTree.fromstring(plots.growth({"time <s>": [(10, 1), (100, 10)]}))  # noqa: S314 (our own text)
    assert drawing.tag == "{http://www.w3.org/2000/svg}svg"
    assert [line.get("points") for line in drawing.iter("{http://www.w3.org/2000/svg}polyline")] == 2 * [
        "20.0,300.0 300.0,20.0"
    ]
    assert "time <s>" in "".join(drawing.itertext())


@pytest.mark.slow
def test_a_library_is_measured_once(six_papers: Path, tmp_path: Path) -> None:
    papers = tmp_path / "papers.jsonl.gz"
    papers.write_bytes(gzip.compress((six_papers / "papers.jsonl").read_bytes()))
    told = scale.figures(papers, 4, tmp_path / "4")
    assert (told["papers"], told["recall_at_50"]) == (4, 1)
    assert told["passages"] > 8
    assert min(told.values()) > 0
    assert scale.figures(tmp_path / "gone", 4, tmp_path / "4") == told
    assert json.loads((tmp_path / "4" / "figures.json").read_text("utf-8")) == told
