"""A table: a row for each paper cited, each cell with the sentence that states it, or empty."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from assistant import Assistant
from assistant.errors import BadOption
from assistant.llm.records import ChatFailed
from assistant.table import Table, as_csv, markdown, parse_columns, quotes
from ingest import Library, Settings
from tests.fakes import ScriptedChat
from tests.processes import Ended, with_fake_encoder
from tests.test_by_llm import CURVATURE, QUESTION, TRACES, script, sheets

COLUMNS = ("bits", "signal")


def fills(prompt: str) -> str:
    rows = []
    for title, (key, _) in sheets(prompt).items():
        cells = {
            CURVATURE: [
                {"column": 1, "value": "4 bits", "sentence": 3},
                {"column": 2, "value": "Hessian of the layer loss", "sentence": 2},
                {"column": 7, "value": "nothing", "sentence": 1},
            ],
            TRACES: [
                {"column": 1, "value": "2 bits on average", "sentence": 3},
                {"column": 2, "value": "trace", "sentence": 44},
            ],
        }[title]
        rows.append({"paper": key, "cells": cells})
    return json.dumps({"papers": [*rows, {"paper": 99, "cells": []}]})


def made(library: Library, settings: Settings, chat: ScriptedChat | None) -> Table:
    table = Assistant(library, settings, chat).table(QUESTION, COLUMNS)
    papers = {paper.id: paper for paper in library.store.every_paper()}
    for paper_id, quote in quotes(table):
        assert quote.text == papers[paper_id].abstract[quote.start : quote.end]
    assert [row.paper for row in table.rows] == [c.paper for c in table.answer.citations]
    return table


def test_a_model_fills_cells_and_names_their_sentences(library: Library, settings: Settings) -> None:
    table = made(library, settings, script(table=fills))
    cells = {row.paper.title: row.cells for row in table.rows}
    bits, signal = cells[CURVATURE]
    assert bits
    assert signal
    assert (bits.value, bits.quote.text) == ("4 bits", "Accuracy at 4 bits matches full precision.")
    assert signal.value == "Hessian of the layer loss"
    assert table.answer.usage.calls == 5


def test_a_value_that_its_sentence_does_not_state_gives_way_to_it(library: Library, settings: Settings) -> None:
    bits, signal = {row.paper.title: row.cells for row in made(library, settings, script(table=fills)).rows}[TRACES]
    assert bits
    assert bits.value == bits.quote.text == "ResNet-50 keeps its accuracy at 3 bits on average."
    assert signal is None


def test_without_a_model_cells_are_the_papers_own_sentences(library: Library, settings: Settings) -> None:
    table = made(library, settings, None)
    assert all(cell.value == cell.quote.text for row in table.rows for cell in row.cells if cell)
    assert "not stated" not in markdown(table)


def test_columns_on_which_nothing_is_found_are_named(library: Library, settings: Settings) -> None:
    table = Assistant(library, settings).table(QUESTION, ("Hessian of the layer loss", "zebras", "tea"))
    assert [notice for notice in table.answer.notices if "zebras, tea. Without a language model" in notice]
    full = Assistant(library, settings).table(QUESTION, ("Hessian of the layer loss",))
    assert not any("Nothing was found" in notice for notice in full.answer.notices)


def test_a_model_that_cannot_fill_it_leaves_the_papers_own_sentences(library: Library, settings: Settings) -> None:
    chat = script(table=ChatFailed("timeout", "no reply"))
    table = made(library, settings, chat)
    assert any("could not fill the table" in notice for notice in table.answer.notices)
    with pytest.raises(ChatFailed):
        Assistant(library, settings, chat).table(QUESTION, COLUMNS, mode="llm")


def test_markdown_has_a_row_a_paper_and_a_note_a_cell(library: Library, settings: Settings) -> None:
    rows, notes = markdown(made(library, settings, script(table=fills))).split("\n\n")[:2]
    assert rows.splitlines()[0] == "| paper | bits | signal |"
    assert len(rows.splitlines()) == 4
    assert "| not stated |" in rows
    assert len(notes.splitlines()) == 3
    assert "“Accuracy at 4 bits matches full precision.”" in notes


def test_csv_reads_back_and_starts_no_formula(library: Library, settings: Settings) -> None:
    table = made(library, settings, script(table=fills))
    first = table.rows[0]
    hostile = replace(table, rows=(replace(first, paper=replace(first.paper, title="=1+1")), *table.rows[1:]))
    read = list(csv.reader(io.StringIO(as_csv(hostile))))
    assert read[0] == ["paper", "url", "bits", "bits: quote", "signal", "signal: quote"]
    assert read[1][0] == "'=1+1"
    assert all(len(row) == 6 for row in read)


def test_a_question_without_an_answer_gets_the_reason_below_an_empty_table(
    library: Library, settings: Settings
) -> None:
    table = Assistant(library, settings).table("pizza recipes", COLUMNS)
    assert table.answer.reason
    rows, reason = markdown(table).split("\n\n")[:2]
    assert (len(rows.splitlines()), reason) == (2, table.answer.reason)


def test_the_command_ends_no_csv_in_a_blank_line_and_tells_the_reason_on_stderr(path: Path) -> None:
    def ended(question: str) -> Ended:
        arguments = ("--columns", "bits", "--format", "csv", "--library", path)
        return with_fake_encoder("table", question, *arguments, WHICHPAPERS_ENCODER="words-64")

    told, refused = ended(QUESTION), ended("pizza recipes")
    assert (told.code, len(told.out.splitlines()) > 2, told.err) == (0, True, "")
    assert all(told.out.splitlines())
    assert (refused.code, refused.out) == (0, "paper,url,bits,bits: quote\n")
    assert refused.err.startswith("No paper here")


@pytest.mark.parametrize("columns", ["", " , ", "a,b,a", "x" * 101, "a,b,c,d,e,f,g,h,i"])
def test_columns_that_make_no_table_are_refused(columns: str) -> None:
    with pytest.raises(BadOption, match="columns"):
        parse_columns(columns)


def test_columns_are_named_between_commas() -> None:
    assert parse_columns(" method , bit  width,") == ("method", "bit width")
