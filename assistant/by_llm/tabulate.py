"""Table -> Table, by a language model: each cell in a few words, with the sentence that states it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from pydantic import BaseModel, Field

from assistant.by_llm.asker import Asker
from assistant.by_llm.judge import batches
from assistant.by_llm.sheets import Sheet, neutral, sheets
from assistant.llm.meter import Meter
from assistant.llm.records import Chat
from assistant.records import PaperHit
from assistant.support import support
from assistant.table import Cell, Table, filled
from ingest import Library

MAX_TOKENS = 2_000
SUPPORTED = 0.1
"""Least support of a value by its sentence: a value is a few words, which the check knows less well than sentences."""


class CellSaid(BaseModel):
    """What the model says of one cell."""

    column: int
    value: str = Field(max_length=300)
    sentence: int


class RowSaid(BaseModel):
    """What the model says of one paper."""

    paper: int
    cells: list[CellSaid]


class RowsSaid(BaseModel):
    """What the model says of a batch."""

    papers: list[RowSaid]


def tabulate_by(library: Library, chat: Chat, table: Table, at_once: int) -> Table:
    """`table` with its cells as the model fills them. A value that its sentence does not support gives way to it.

    Raises:
        ChatFailed: The model gave no usable reply.
    """
    asker = Asker(chat, Meter())
    papers = library.papers(row.paper.id for row in table.rows)
    every = batches(sheets(library, [PaperHit(paper, 0.0, (), {}) for paper in papers]))
    columns = "\n".join(f"{number}. {neutral(column)}" for number, column in enumerate(table.columns, start=1))

    def ask(batch: Sequence[Sheet]) -> list[tuple[tuple[str, int], Cell]]:
        shown = "\n\n".join(sheet.text for sheet in batch)
        question = table.answer.standalone_question
        said = asker.form("table", RowsSaid, MAX_TOKENS, question=question, columns=columns, papers=shown)
        return list(_cells(library, batch, said, len(table.columns)))

    with ThreadPoolExecutor(at_once, "table") as pool:
        cells = dict(cell for batch in pool.map(ask, every) for cell in batch)
    made = filled(table, cells)
    return replace(made, answer=replace(made.answer, usage=made.answer.usage + asker.meter.usage()))


def _cells(
    library: Library, batch: Sequence[Sheet], said: RowsSaid, columns: int
) -> Iterator[tuple[tuple[str, int], Cell]]:  # fmt: skip
    known = {sheet.key: sheet for sheet in batch}
    for row in said.papers:
        sheet = known.get(row.paper)
        for cell in row.cells if sheet else ():
            quote = sheet.quote(cell.sentence) if sheet else None
            if sheet is None or quote is None or not 1 <= cell.column <= columns or not cell.value.strip():
                continue
            proved = support(library, cell.value, [sheet.paper.title, quote.text]) >= SUPPORTED
            value = " ".join(cell.value.split()) if proved else quote.text
            yield (sheet.paper.id, cell.column - 1), Cell(value, quote)
