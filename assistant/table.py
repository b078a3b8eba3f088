"""Answer, columns -> Table: a row for each paper cited, and behind each cell the sentence that states it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from assistant.compose import escape
from assistant.errors import BadOption
from assistant.features import Reading, information, read, term_shares
from assistant.judge import ALL_WORDS, ON_TOPIC
from assistant.records import Answer, CitedPaper, Quote
from ingest import Library
from ingest.clean import stored
from ingest.encode import Vectors
from ingest.export import inert
from prompts import render

MAX_COLUMNS = 8
MAX_COLUMN_CHARS = 100
SILENT = {"llm": "not stated", "offline": "not found"}
"""What stands in an empty cell: a model has read the whole abstract, the offline search may have missed a sentence."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a paper states of a column."""

    value: str
    """In a few words; the sentence itself where no language model put it shorter."""
    quote: Quote


@dataclass(frozen=True, slots=True)
class Row:
    """A paper of the table."""

    paper: CitedPaper
    cells: tuple[Cell | None, ...]
    """By column; None where the abstract is silent."""


@dataclass(frozen=True, slots=True)
class Table:
    """The papers of an answer, by what they state."""

    answer: Answer
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    """In the order of the answer's citations."""


def parse_columns(text: str) -> tuple[str, ...]:
    """The columns that `text` names, set apart by commas.

    Raises:
        BadOption: There is none, or too many, or one is too long or named twice.
    """
    columns = tuple(filter(None, (stored(part) for part in text.split(","))))
    fits = all(len(column) <= MAX_COLUMN_CHARS for column in columns)
    if not 0 < len(columns) <= MAX_COLUMNS or not fits or len(set(columns)) < len(columns):
        expected = f"1 to {MAX_COLUMNS} different names of at most {MAX_COLUMN_CHARS} characters, set apart by commas"
        raise BadOption("columns", text, expected)
    return columns


def tabulate(library: Library, answer: Answer, columns: Sequence[str]) -> Table:
    """The table that the papers' own sentences make: of each, the one nearest to a column, if it is near at all."""
    readings = {reading.paper.id: reading for reading in read(library, [c.paper.id for c in answer.citations])}
    terms = [information(library, library.words.terms(column)) for column in columns]
    asked = list(zip(library.encoder.encode(list(columns)), terms, strict=True))
    rows = (
        Row(c.paper, tuple(_nearest(readings[c.paper.id], vector, held) for vector, held in asked))
        for c in answer.citations
        if c.paper.id in readings
    )
    return Table(answer, tuple(columns), tuple(rows))


def markdown(table: Table) -> str:
    """The table as Markdown, each cell marked with its quote, and the quotes below."""
    silent = SILENT[table.answer.mode]
    lines = [_line(["paper", *map(_plain, table.columns)]), _line(["---"] * (1 + len(table.columns)))]
    notes: list[str] = []
    for row in table.rows:
        cells = []
        for cell in row.cells:
            if cell:
                notes.append(f"{len(notes) + 1}. {escape(row.paper.title)}: “{escape(cell.quote.text)}”")
            cells.append(f"{_plain(cell.value)} [{len(notes)}]" if cell else silent)
        lines.append(_line([_plain(row.paper.title), *cells]))
    below = [table.answer.reason, "\n".join(notes), *(f"> {notice}" for notice in table.answer.notices)]
    return "\n\n".join(["\n".join(lines), *filter(None, below)])


def as_csv(table: Table) -> str:
    """The table as CSV: title, URL, and for each column its value and its quote."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["paper", "url", *(name for column in table.columns for name in (column, f"{column}: quote"))])
    for row in table.rows:
        pairs = ((cell.value, cell.quote.text) if cell else (SILENT[table.answer.mode], "") for cell in row.cells)
        fields = [row.paper.title, row.paper.url or "", *(field for pair in pairs for field in pair)]
        writer.writerow(map(inert, fields))
    return out.getvalue()


def filled(table: Table, cells: Mapping[tuple[str, int], Cell]) -> Table:
    """`table` with only the given cells, by paper id and place of the column from 0."""
    rows = (
        replace(row, cells=tuple(cells.get((row.paper.id, place)) for place in range(len(table.columns))))
        for row in table.rows
    )
    return replace(table, rows=tuple(rows))


def without_model(table: Table, why: str) -> Table:
    """`table`, saying why its cells are the papers' own sentences."""
    notice = render("notice_table", why=why)
    return replace(table, answer=replace(table.answer, notices=(*table.answer.notices, notice)))


def telling_silent(table: Table) -> Table:
    """`table`, whose cells are the papers' own sentences, naming the columns on which no paper has one."""
    cells = zip(*(row.cells for row in table.rows), strict=True)
    silent = [column for column, found in zip(table.columns, cells, strict=False) if not any(found)]
    if not silent:
        return table
    notice = render("notice_table_silent", columns=", ".join(silent))
    return replace(table, answer=replace(table.answer, notices=(*table.answer.notices, notice)))


def quotes(table: Table) -> Iterator[tuple[str, Quote]]:
    """Every quote of the table with the id of its paper."""
    return ((row.paper.id, cell.quote) for row in table.rows for cell in row.cells if cell)


def _nearest(reading: Reading, vector: Vectors, terms: Mapping[str, float]) -> Cell | None:
    """The sentence that is nearest and says most of the words: all are encoded with the title, which may be near."""
    if not reading.paper.abstract:
        return None
    near = reading.vectors @ vector
    said = np.array(term_shares(reading.sentence_terms, terms))
    best = int((near + said).argmax())
    if near[best] < ON_TOPIC and said[best] < ALL_WORDS:
        return None
    passage = reading.passages[best]
    text = reading.paper.abstract[passage.start : passage.end]
    return Cell(text, Quote(text, passage.start, passage.end, "abstract"))


def _plain(text: str) -> str:
    return escape(" ".join(text.split())).replace("|", "\\|")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
