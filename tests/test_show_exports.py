"""Answers and judgements as files that other programs read."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest

from assistant import Answer, Assistant, verify
from assistant.show.exports import EXPORTS, HEADER, cases
from evals.cases import read_cases
from ingest import Library, Paper, Settings
from ingest.notes import Asked, Rated, Turn

HESSIAN = "which papers use the Hessian?"


@pytest.fixture
def answer(library: Library, settings: Settings) -> Answer:
    return Assistant(library, settings).ask(HESSIAN)


def papers(library: Library) -> dict[str, Paper]:
    return {paper.id: paper for paper in library.store.every_paper()}


def test_the_json_is_the_answer_and_verifies(answer: Answer, library: Library) -> None:
    again = Answer.from_dict(json.loads(EXPORTS["json"](answer, {})))
    assert again == answer
    assert not verify(again, library).problems


def test_the_csv_has_a_row_a_citation_and_no_formula(answer: Answer, library: Library) -> None:
    first = answer.citations[0]
    bad = replace(first, paper=replace(first.paper, title="=HYPERLINK(1)", authors=("@cmd",)))
    header, *rows = csv.reader(io.StringIO(EXPORTS["csv"](replace(answer, citations=(bad,)), papers(library))))
    assert tuple(header) == HEADER
    assert rows[0][1:3] == ["'=HYPERLINK(1)", "'@cmd"]
    assert first.quotes[0].text in rows[0][-1]


def test_the_bibtex_has_an_entry_for_each_citation_that_is_there(answer: Answer, library: Library) -> None:
    every = papers(library)
    assert EXPORTS["bib"](answer, every).count("@misc{") == len(answer.citations)
    every.pop(answer.citations[0].paper.id)
    assert EXPORTS["bib"](answer, every).count("@misc{") == len(answer.citations) - 1


def test_the_markdown_has_question_text_and_sources(answer: Answer) -> None:
    text = EXPORTS["md"](replace(answer, question="a\n# b <i>"), {})
    assert text.startswith("# a # b \\<i>\n")
    assert answer.text in text
    assert "## Sources" in text


def rated(answer: Answer, ratings: dict[str, bool]) -> Rated:
    return Rated(Turn(3, 1, Asked(HESSIAN), json.dumps(answer.to_dict()), ""), ratings)


def test_judgements_become_cases_that_the_evaluation_reads(answer: Answer, library: Library) -> None:
    first, second = answer.citations[:2]
    path = library.path.parent / "cases.jsonl"
    path.write_text(cases([rated(answer, {first.paper.id: True, second.paper.id: False})]), "utf-8")
    ((case, grades),) = read_cases([path], library)
    assert (case.id, case.question) == ("rated-3", HESSIAN)
    assert grades == {first.paper.id: 2}


def test_a_useful_answer_vouches_for_what_was_not_judged_by_itself(answer: Answer) -> None:
    first = answer.citations[0]
    (line,) = cases([rated(answer, {"": True, first.paper.id: False})]).splitlines()
    titles = [one["title"] for one in json.loads(line)["relevant"]]
    assert titles == [citation.paper.title for citation in answer.citations[1:]]


def test_nothing_is_made_of_dislikes_alone_or_of_unfinished_turns(answer: Answer) -> None:
    unfinished = Rated(Turn(4, 1, Asked(HESSIAN), None, "stopped"), {"": True})
    assert cases([rated(answer, {"": False}), unfinished]) == ""
