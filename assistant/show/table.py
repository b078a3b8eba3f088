"""Table -> HTML: a row for each paper, and behind each cell the sentence that states it."""

from __future__ import annotations

from html import escape

from assistant.show.prose import plural
from assistant.table import SILENT, Cell, Table, as_csv, markdown


def table(made: Table) -> str:
    """The table, with its files."""
    head = "".join(f'<th scope="col" dir="auto">{escape(column)}</th>' for column in made.columns)
    silent = f'<td class="quiet">{SILENT[made.answer.mode]}</td>'
    rows = "".join(
        f'<tr><th scope="row" dir="auto">{escape(row.paper.title)}</th>'
        f"{''.join(_cell(cell) if cell else silent for cell in row.cells)}</tr>"
        for row in made.rows
    )
    notices = "".join(f'<p class="quiet">{escape(notice)}</p>' for notice in made.answer.notices)
    saved = _file("Markdown", "table.md", markdown(made)) + _file("CSV", "table.csv", as_csv(made))
    told = f'{plural(len(made.rows), "paper")}: <q dir="auto">{escape(made.answer.question)}</q>'
    return f"""<p class="quiet" role="status">{told}</p>
<div class="compared" tabindex="0"><table><thead><tr><th scope="col">paper</th>{head}</tr></thead><tbody>{rows}</tbody>
</table></div>{notices}<footer class="tools"><div>{saved}</div></footer>"""


def _cell(cell: Cell) -> str:
    if cell.value == cell.quote.text:
        return f'<td dir="auto">“{escape(cell.value)}”</td>'
    quote = f'<q dir="auto">{escape(cell.quote.text)}</q>'
    return f'<td dir="auto"><details><summary>{escape(cell.value)}</summary>{quote}</details></td>'


def _file(label: str, name: str, text: str) -> str:
    return f'<button type="button" data-file="{name}" data-text="{escape(text)}">Save as {label}</button>'
