"""The command line as a user meets it: whole processes, over the sample library."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from assistant import Answer
from ingest import Settings
from tests.processes import ROOT, Ended, whichpapers
from tests.test_ask import HESSIAN, PIZZA

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def answer_file(sample_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("answer") / "answer.json"
    ended = whichpapers("ask", HESSIAN, "--format", "json", "--library", sample_settings.library)
    assert (ended.code, ended.err) == (0, "")
    path.write_text(ended.out, "utf-8")
    return path


def run(settings: Settings, *arguments: str | Path) -> Ended:
    ended = whichpapers(*arguments, "--library", settings.library)
    assert (ended.code, ended.err) == (0, ""), ended
    return ended


def test_help_lists_every_command() -> None:
    ended = whichpapers("--help")
    assert ended.code == 0
    for command in ("ingest", "ask", "search", "verify", "papers", "rebuild", "doctor", "eval", "chat"):
        assert f"  {command} " in ended.out


@pytest.mark.parametrize(
    ("command", "refused", "why"),
    [
        ("eval", [], "no library at "),
        ("chat", ["--host", "0.0.0.0"], "WHICHPAPERS_PASSWORD"),  # noqa: S104 (what is refused)
    ],
)
def test_a_program_of_its_own_has_its_own_help_and_refusals(
    tmp_path: Path, command: str, refused: list[str], why: str
) -> None:
    assert f"whichpapers {command}" in whichpapers(command, "--help").out
    ended = whichpapers(command, *refused, "--library", tmp_path / "none")
    assert (ended.code, ended.out) == (2, "")
    assert why in ended.err
    assert len(ended.err.splitlines()) == 1


def test_a_saved_answer_is_verified(sample_settings: Settings, answer_file: Path) -> None:
    answer = Answer.from_dict(json.loads(answer_file.read_text("utf-8")))
    quotes = sum(len(citation.quotes) for citation in answer.citations)
    told = run(sample_settings, "verify", answer_file).out
    assert told.startswith(f"verified: {len(answer.citations)} citations, {quotes} quotes")


def test_an_altered_answer_is_not(sample_settings: Settings, answer_file: Path, tmp_path: Path) -> None:
    data: dict[str, Any] = json.loads(answer_file.read_text("utf-8"))
    quote = data["citations"][0]["quotes"][0]
    quote["text"] = quote["text"].replace("e", "3", 1)
    altered = tmp_path / "altered.json"
    altered.write_text(json.dumps(data), "utf-8")
    ended = whichpapers("verify", altered, "--library", sample_settings.library)
    assert (ended.code, ended.out) == (1, "")
    assert "is not the abstract at" in ended.err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 1}', "\ufeff{}", "9" * 5000])
def test_a_file_that_is_no_answer_is_refused_in_one_line(sample_settings: Settings, tmp_path: Path, text: str) -> None:
    path = tmp_path / "answer.json"
    path.write_text(text, "utf-8")
    ended = whichpapers("verify", path, "--library", sample_settings.library)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert "not a saved answer" in ended.err


def test_text_and_markdown_say_the_same(sample_settings: Settings) -> None:
    text, markdown = (run(sample_settings, "ask", HESSIAN, "--format", form).out for form in ("text", "markdown"))
    assert "Quotes are from digests written for this project" in text
    assert "sample/digests.jsonl:" in text
    assert "**" in markdown
    assert "**" not in text


def test_the_answer_in_the_docs_is_the_one_that_is_given(sample_settings: Settings) -> None:
    assert run(sample_settings, "ask", HESSIAN).out == (ROOT / "docs" / "answer.txt").read_text("utf-8")


def test_an_honest_no_is_done(sample_settings: Settings) -> None:
    assert "No paper here is about this (150 of 593 looked at closely)" in run(sample_settings, "ask", PIZZA).out


def test_search_explains_its_ranking(sample_settings: Settings) -> None:
    hits = json.loads(run(sample_settings, "search", HESSIAN, "-k", "3", "--format", "json").out)
    assert len(hits) == 3
    assert all({"paper", "similarity", "evidence", "arms"} == set(hit) for hit in hits)
    lines = run(sample_settings, "search", HESSIAN, "-k", "3", "--explain").out.splitlines()
    assert hits[0]["paper"]["title"] in lines[0]
    assert "#" in lines[1]


def test_papers_are_listed_and_exported(sample_settings: Settings) -> None:
    assert len(run(sample_settings, "papers").out.splitlines()) == 593
    rows = list(csv.reader(run(sample_settings, "papers", "--export", "csv").out.splitlines()))
    assert len(rows) == 594
    assert run(sample_settings, "papers", "--export", "bibtex").out.count("@misc{") == 593


def test_doctor_finds_the_sample_sound(sample_settings: Settings) -> None:
    told = run(sample_settings, "doctor").out
    assert "593, 593 of them digests" in told
    assert told.count("whole") == 2


def test_a_question_leaves_the_library_as_it_was(sample_settings: Settings) -> None:
    before = (sample_settings.library / "library.db").read_bytes()
    run(sample_settings, "ask", HESSIAN)
    assert (sample_settings.library / "library.db").read_bytes() == before
