"""Page -> Papers: JSON Lines, one object a line with `title` and `abstract` (or `text`, or `digest`).

Optional: `id` or `_id`, `authors` (list of names, or one string), `year`, `url`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from ingest.clean import is_link, stored
from ingest.records import Line, Page, Paper, Rejection, Source, Warned
from ingest.sources.paper import Metadata, make_paper, text_field

_YEAR = re.compile(r"([12]\d{3})(?:\.0|-\d\d\b.*)?", re.ASCII)
"""2021, 2021.0, 2021-05 or 2021-05-01, with or without a time."""


def recognises(page: Page) -> bool:
    """Whether the first line with text opens a JSON object, or could not be read but a later one does."""
    starts = (line.text.lstrip() for line in page.head)
    return next((text.startswith("{") for text in starts if text), False)


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each line that is not blank."""
    for line in page.lines:
        if line.fault or line.text.strip():
            yield _entry(page.origin, line)


def _entry(origin: str, line: Line) -> Paper | Rejection:
    where = f"{origin}:{line.number}"
    if line.fault:
        return Rejection(where, line.fault)
    try:
        record = json.loads(line.text)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
        return Rejection(where, f"not a JSON object: {reason}")
    if not isinstance(record, dict):
        return Rejection(where, f"not a JSON object but {type(record).__name__}")
    title = text_field(record, "title") or ""
    abstract = text_field(record, "abstract", "text", "digest") or ""
    return make_paper(Source(origin, line.number, title), title, abstract, _metadata(record))


def _metadata(record: Mapping[str, object]) -> Metadata:
    authors = record.get("authors")
    names = [authors] if isinstance(authors, str) else authors if isinstance(authors, list) else []
    url = stored(text_field(record, "url") or "")
    return Metadata(
        id=_word(record.get("id")) or _word(record.get("_id")),
        authors=tuple(name for name in names if isinstance(name, str)),
        year=_year(record.get("year")),
        url=url if is_link(url) else None,
        digest=text_field(record, "abstract", "text") is None,
    )


def _year(value: object) -> int | None:
    found = _YEAR.fullmatch(str(value) if isinstance(value, float) else _word(value) or "")
    return int(found[1]) if found else None


def _word(value: object) -> str | None:
    """A name or number as text, or None where there is none to see."""
    return (stored(str(value)) or None) if isinstance(value, str | int) and not isinstance(value, bool) else None
