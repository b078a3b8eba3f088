"""Page -> Papers: JSON Lines, one object a line with `title` and `abstract` (or `text`, or `digest`).

All else is optional and may bear any of the names in `fields.NAMES`: `id`, `authors`, `year`, `url`, `doi` and so on.
The snapshot of arXiv's metadata is read so, line by line, whatever its length.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from ingest.records import Line, Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import paper_of
from ingest.sources.json_shapes import flat


def recognises(page: Page) -> bool:
    """Whether the first line with text opens a JSON object, or could not be read but a later one does."""
    starts = (line.text.lstrip() for line in page.head)
    return next((text.startswith("{") for text in starts if text), False)


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each line that is not blank."""
    for line in page.lines:
        if line.fault or line.text.strip():
            yield _entry(page, line)


def _entry(page: Page, line: Line) -> Paper | Rejection:
    where = f"{page.origin}:{line.number}"
    if line.fault:
        return Rejection(where, line.fault)
    try:
        record = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        return Rejection(where, f"not a JSON object: {reason}")
    if not isinstance(record, dict):
        return Rejection(where, f"not a JSON object but {type(record).__name__}")
    return paper_of(flat(record), Source(page.origin, line.number, ""), page.columns)
