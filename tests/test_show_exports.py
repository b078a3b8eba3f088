"""Answers as files that other programs read."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

import pytest
import rispy  # type: ignore[import-untyped]  # it carries no types
from bibtexparser.entrypoint import parse_string
from bs4 import BeautifulSoup

from assistant import Answer, Assistant, verify
from assistant.commands.terminal import Form
from assistant.records import NearMiss
from assistant.show.exports import FORMS, HEADER
from ingest import Library, Paper, Settings
from tests.apt import program

HESSIAN = "which papers use the Hessian?"


@pytest.fixture
def answer(library: Library, settings: Settings) -> Answer:
    return Assistant(library, settings).ask(HESSIAN)


def written(form: str, answer: Answer, papers: Mapping[str, Paper]) -> str:
    return FORMS[form].write(answer, papers)


def papers(library: Library) -> dict[str, Paper]:
    return {paper.id: paper for paper in library.store.every_paper()}


def test_the_json_is_the_answer_and_verifies(answer: Answer, library: Library) -> None:
    again = Answer.from_dict(json.loads(written("json", answer, {})))
    assert again == answer
    assert not verify(again, library).problems


def test_the_csv_has_a_row_a_citation_and_no_formula(answer: Answer, library: Library) -> None:
    first = answer.citations[0]
    bad = replace(first, paper=replace(first.paper, title="=HYPERLINK(1)", authors=("@cmd",)))
    header, *rows = csv.reader(io.StringIO(written("csv", replace(answer, citations=(bad,)), papers(library))))
    assert tuple(header) == HEADER
    assert rows[0][1:3] == ["'=HYPERLINK(1)", "'@cmd"]
    assert first.quotes[0].text in rows[0][-1]


def test_the_bibtex_has_an_entry_for_each_citation(answer: Answer, library: Library) -> None:
    every = papers(library)
    assert written("bibtex", answer, every).count("@misc{") == len(answer.citations)


def test_the_markdown_has_question_text_and_sources(answer: Answer) -> None:
    text = written("markdown", replace(answer, question="a\n# b <i>"), {})
    assert text.startswith("# a # b \\<i>\n")
    assert answer.text in text
    assert "## Sources" in text


HOSTILE = "</title><script>alert(1)</script> [1] \n@misc{x,\nTY  - JOUR"


@pytest.fixture
def hostile(answer: Answer) -> Answer:
    """An answer as somebody else may have made it."""
    first = answer.citations[0]
    paper = replace(first.paper, title=HOSTILE, authors=(HOSTILE,), url="javascript:alert(1)", digest=True)
    quotes = tuple(replace(quote, text=HOSTILE) for quote in first.quotes)
    cited = replace(first, paper=paper, role=HOSTILE, quotes=quotes)
    missed = NearMiss(paper, HOSTILE)
    return replace(
        answer, question=HOSTILE, citations=(cited,), near_misses=(missed,), notices=(HOSTILE,), model=HOSTILE
    )


def test_the_names_are_those_of_the_command_line() -> None:
    assert tuple(FORMS) == get_args(Form)
    assert len({form.ending for form in FORMS.values()}) == len(FORMS)


def test_references_carry_what_the_library_knows_and_why_they_were_cited(answer: Answer, library: Library) -> None:
    told = json.loads(written("csl", answer, papers(library)))
    assert [item["title"] for item in told] == [c.paper.title for c in answer.citations]
    assert told[0]["abstract"] == papers(library)[answer.citations[0].paper.id].abstract
    assert told[0]["annote"].startswith(f"{HESSIAN}: “{answer.citations[0].quotes[0].text}”")
    alone = json.loads(written("csl", answer, {}))
    assert [item["title"] for item in alone] == [c.paper.title for c in answer.citations]
    assert "abstract" not in alone[0]


def test_each_marker_becomes_a_footnote_with_its_source_and_quotes(answer: Answer, library: Library) -> None:
    text = written("footnotes", answer, papers(library))
    assert set(re.findall(r"\[\^(\d+)\](?!:)", text)) == {str(c.number) for c in answer.citations}
    notes = dict(re.findall(r"(?m)^\[\^(\d+)\]: (.*)$", text))
    assert list(notes) == [str(c.number) for c in answer.citations]
    for c in answer.citations:
        assert f"*{c.paper.title}*" in notes[str(c.number)]
        assert all(f"“{quote.text}”" in notes[str(c.number)] for quote in c.quotes)
    assert not re.search(r"\[\d+\]", text)
    kept = replace(answer, text=r"\[1] [1] [99]", citations=answer.citations[:1])
    assert r"\[1] [^1] [99]" in written("footnotes", kept, {})


@pytest.mark.slow
def test_pandoc_sets_the_footnotes(answer: Answer, library: Library) -> None:
    given = written("footnotes", answer, papers(library))
    command = [program("pandoc"), "--from", "markdown", "--to", "json"]
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr == ""
    assert ended.stdout.count('"t":"Note"') == sum(len(c.quotes) for c in answer.citations)


def test_the_evidence_is_one_page_with_every_quote_at_its_place(answer: Answer, library: Library) -> None:
    page = parsed(written("evidence", answer, papers(library)))
    rows = page.select("tbody tr")
    assert len(rows) == len(answer.citations)
    for row, c in zip(rows, answer.citations, strict=True):
        assert row.strong is not None and row.strong.text == c.paper.title
        for block, quote in zip(row.select("blockquote"), c.quotes, strict=True):
            assert quote.text in block.text
            assert f"{quote.start} to {quote.end}" in block.text
        marks = [mark.text for mark in row.select("details mark")]
        assert all(any(quote.text in mark for mark in marks) for quote in c.quotes if quote.field == "abstract")


def test_the_evidence_of_an_honest_no_is_what_came_nearest(library: Library, settings: Settings) -> None:
    no = Assistant(library, settings).ask("which papers grow tomatoes with the Hessian?")
    assert no.abstained
    text = parsed(written("evidence", no, {})).get_text()
    assert no.reason is not None and no.reason in text
    assert all(miss.lacks in text for miss in no.near_misses)


@pytest.mark.parametrize("place", ["page", "notebook"])
def test_nothing_hostile_comes_to_life_on_a_page(hostile: Answer, place: str) -> None:
    page = parsed(written("evidence", hostile, {}) if place == "page" else hostile._repr_html_())
    assert not page.find_all(["script", "img", "iframe", "form", "object", "link", "a"])
    assert all(not name.startswith("on") for tag in page.find_all(True) for name in tag.attrs)
    assert page.get_text().count("<script>alert(1)</script>") >= 3


def test_nothing_hostile_makes_an_entry_of_its_own(hostile: Answer) -> None:
    assert len(parse_string(written("bibtex", hostile, {})).entries) == 1
    assert len(rispy.loads(written("ris", hostile, {}))) == 1
    assert "javascript:" not in written("ris", hostile, {}) + written("footnotes", hostile, {})


def test_a_notebook_shows_an_answer_and_its_proof(answer: Answer) -> None:
    page = parsed(answer._repr_html_())
    assert len(page.select("details")) == len(answer.citations)
    assert [mark.text for mark in page.select("mark")] == [q.text for c in answer.citations for q in c.quotes]


def test_a_notebook_shows_a_hit_with_its_sentences_marked(library: Library, settings: Settings) -> None:
    hit = Assistant(library, settings).search(HESSIAN, 1)[0]
    page = parsed(hit._repr_html_())
    assert hit.paper.abstract in page.get_text()
    assert "".join(mark.text for mark in page.select("mark"))
    assert all(quote.text in page.get_text() for quote in hit.evidence)
    bad = replace(hit, paper=replace(hit.paper, title=HOSTILE, abstract=HOSTILE, url="javascript:1"), evidence=())
    assert not parsed(bad._repr_html_()).find_all(["script", "a"])


def parsed(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "html.parser")
