"""Speed -> table: ratios by hand, and processes measured for real."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evals import bench
from evals.bench_subjects import SUBJECTS
from evals.errors import MissingExtra


def made_up(**changed: bench.Told | str) -> dict[str, bench.Told | str]:
    values = {name: [2.0, 4.0, 8.0] for name in ("passages_per_s", "papers_per_s", "peak_mb", "process_s")}
    return {**{name: {**values, "milliseconds": [1.0]} for name in SUBJECTS}, **changed}


def row(text: str, what: str) -> list[str]:
    return next([cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if what in line)


def test_a_ratio_says_how_many_times_better_ours_is() -> None:
    text = bench.table(made_up(encode={"passages_per_s": [3.0, 12.0, 90.0]}, help={"process_s": [1.0]}))
    assert row(text, "passages encoded")[1:] == [
        "12 (3 to 90)",
        "4 (2 to 8)",
        SUBJECTS["encode_published"].what,
        "3.00",
    ]
    assert row(text, "--help")[-1] == "4.00"  # seconds: fewer are better
    assert len(text.splitlines()) == 2 + len(bench.ROWS)


def test_what_is_not_installed_is_unknown() -> None:
    text = bench.table(made_up(ingest_llama_index=str(MissingExtra("llama_index", "bench"))))
    assert row(text, "abstracts ingested")[2] == (
        "package 'llama_index' is not installed; get it with: pip install 'whichpapers[bench]'"
    )
    assert row(text, "abstracts ingested")[-1] == "unknown"


def test_what_was_measured_names_machine_versions_and_commit() -> None:
    told = bench.machine({"numpy": "1.2.3"})
    assert " cores" in told
    assert "numpy 1.2.3" in told
    assert "commit " in told


@pytest.mark.slow
def test_subjects_are_measured_in_processes_of_their_own(six_papers: Path, tmp_path: Path) -> None:
    shutil.copy(six_papers / "papers.jsonl", tmp_path)
    shutil.copytree(six_papers / "library", tmp_path / "ours")
    assert 0 < bench.measure("nothing", tmp_path)["process_s"] < bench.measure("help", tmp_path)["process_s"]
    assert bench.measure("encode", tmp_path)["passages_per_s"] > 1
    told = bench.measure("ingest", tmp_path)
    assert told["papers_per_s"] > 0
    assert 50 < told["peak_mb"] < 2_000
