"""compare: what changed between two runs, by measure and by question, and the command line around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evals.__main__ import spread
from evals.cases import OWN_CASES
from evals.compare import as_run, compare, markdown, read_run, verdict
from evals.errors import BadRun
from evals.records import Difference
from ingest import Settings
from tests.processes import run_module


def case(number: int, f1: float | None, cited: list[str], **more: Any) -> dict[str, Any]:
    measures = {"list_f1": f1, "quote_validity": 1.0, "cost_usd": "unscored", "seconds": 0.1}
    hits = [title for title in cited if title.startswith("good")]
    question = f"question {number}"
    return {"id": str(number), "question": question, "relevant": {"good": 2}, "cited": cited, "hits": hits, "measures": measures, **more}  # fmt: skip  # noqa: E501


def data(*cases: dict[str, Any], **about: Any) -> dict[str, Any]:
    return {"run": {"mode": "offline", "date": "today", **about}, "cases": list(cases)}


WORSE = data(*(case(n, 0.2 + n / 100, ["bad"]) for n in range(12)), mode="llm")
BETTER = data(*(case(n, 0.8, ["good", "bad"]) for n in range(12)))


def test_a_clear_change_is_told_from_noise() -> None:
    found = compare(as_run("a", WORSE), as_run("b", BETTER))
    f1 = found.differences["list_f1"]
    assert (f1.n, f1.up, f1.down) == (12, 12, 0)
    assert f1.after - f1.before == pytest.approx(0.8 - 0.255)
    assert verdict("list_f1", f1) == "better"
    assert verdict("list_f1", compare(as_run("b", BETTER), as_run("a", WORSE)).differences["list_f1"]) == "worse"
    assert verdict("quote_validity", found.differences["quote_validity"]) == "the same"
    assert "cost_usd" not in found.differences
    assert found.settings == {"mode": ("llm", "offline")}


def test_a_change_of_few_questions_may_be_noise() -> None:
    one = data(*(case(n, 0.5, []) for n in range(12)))
    other = data(*(case(n, 0.9 if n < 2 else 0.5, []) for n in range(12)))
    assert verdict("list_f1", compare(as_run("a", one), as_run("b", other)).differences["list_f1"]) == "may be noise"


@pytest.mark.parametrize(("name", "word"), [("seconds", "worse"), ("list_f1", "better"), ("failures", "worse")])
def test_less_is_better_of_costs(name: str, word: str) -> None:
    assert verdict(name, Difference(20, 0.1, 0.9, 0.7, 0.9, 0.001, 0.001, 20, 0)) == word


def test_the_family_is_the_measures_that_differ() -> None:
    found = compare(as_run("a", WORSE), as_run("b", BETTER)).differences["list_f1"]
    assert found.p_holm == found.p


def test_questions_are_told_with_what_they_gained_and_lost() -> None:
    text = markdown(compare(as_run("a", WORSE), as_run("b", BETTER)))
    assert "### Better: 12 questions" in text
    assert "### Worse" not in text
    assert "now cited: good (relevant)" in text
    assert "list_f1 0.20 -> 0.80" in text
    text = markdown(compare(as_run("b", BETTER), as_run("a", WORSE)))
    assert "no longer cited: good (relevant)" in text


def test_only_cases_of_both_with_the_same_gold_are_compared() -> None:
    other = data(case(0, 0.8, []), case(1, 0.8, [], relevant={"good": 1}), case(99, 0.8, []))
    found = compare(as_run("a", WORSE), as_run("b", other))
    assert (found.differences["list_f1"].n, found.left_out) == (1, 12)
    with pytest.raises(BadRun, match="shares no case"):
        compare(as_run("a", WORSE), as_run("b", data(case(99, 1, []))))


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"run": {}, "cases": [{}]}'])
def test_a_folder_without_scores_is_refused(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "scores.json").write_text(text, "utf-8")
    with pytest.raises(BadRun, match="no run to compare"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--cases", "a", "b"], ["--cases", "a", "--cases", "b"]),
        (["--cases", "a", "--cases", "b"], ["--cases", "a", "--cases", "b"]),
        (["--compare", "a", "b", "--mode", "offline"], ["--compare", "a", "--compare", "b", "--mode", "offline"]),
        (["--mode", "offline", "stray"], ["--mode", "offline", "stray"]),
        (["--cases=a", "b"], ["--cases=a", "b"]),
        (["--cases", "a", "-l", "x", "--baselines"], ["--cases", "a", "-l", "x", "--baselines"]),
        ([], []),
    ],
)
def test_several_values_may_follow_an_option(given: list[str], meant: list[str]) -> None:
    assert spread(given) == meant


@pytest.mark.slow
def test_two_runs_are_compared_on_the_command_line_and_nothing_is_asked(tmp_path: Path) -> None:
    for name, run in (("one", WORSE), ("two", BETTER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.json").write_text(json.dumps(run), "utf-8")
    ended = run_module("evals", "--compare", tmp_path / "one", tmp_path / "two", "--library", tmp_path / "none")
    assert (ended.code, ended.err) == (0, "")
    assert "## two against one" in ended.out
    ended = run_module("evals", "--compare", tmp_path / "one", tmp_path / "three")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    ended = run_module("evals", "--compare", "a", "b", "c")
    assert (ended.code, len(ended.err.splitlines())) == (2, 1)


@pytest.mark.slow
def test_a_whole_run_on_the_command_line(sample_settings: Settings, tmp_path: Path) -> None:
    files = (OWN_CASES, OWN_CASES.with_name("off_topic.jsonl"))
    few = ("--types", "off-topic", "factoid", "--limit", "2", "--library", sample_settings.library)
    gate = tmp_path / "gate.toml"
    gate.write_text("[measures]\nmrr = {min = 2}\n", "utf-8")
    ended = run_module("evals", "--cases", *files, *few, "--out", tmp_path / "out", "--gate", gate)
    assert ended.code == 1
    assert "| mrr |" in ended.out
    assert ended.err.splitlines()[-1].startswith("whichpapers eval: gate broken: mrr (all) is ")
    found = json.loads((tmp_path / "out" / "scores.json").read_text("utf-8"))
    assert [case["type"] for case in found["cases"]] == ["factoid"] * 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "scores.json", "report.md", "report.html", "junit.xml"
    }  # fmt: skip
    ended = run_module("evals", "--cases", *files, *few, "--mode", "llm", "--out", tmp_path / "other")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
