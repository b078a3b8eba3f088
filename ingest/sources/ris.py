"""Page -> Papers: RIS, as reference managers and publishers export it, parsed record by record."""

from __future__ import annotations

import re
from collections.abc import Iterator

import rispy  # type: ignore[import-untyped]  # it carries no types

from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import paper_of, turned
from ingest.sources.paper import text_field

MAX_RECORD_LINES = 10_000

_TAG = re.compile(r"([A-Z][A-Z0-9])  - ?")


def recognises(page: Page) -> bool:
    """Whether a record opens among the first lines."""
    return any(line.text.lstrip("\ufeff").startswith("TY  - ") for line in page.head)


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each record."""
    line, texts = 0, list[str]()
    for here in page.lines:
        if here.fault:
            yield Rejection(f"{page.origin}:{here.number}", here.fault)
            continue
        tag = _TAG.match(here.text)
        opens = tag is not None and tag[1] == "TY"
        if opens and texts:
            yield from _paper(page, line, texts)
            texts = []
        if opens:
            line = here.number
        if (texts or opens) and len(texts) < MAX_RECORD_LINES:
            texts.append(here.text)
        if tag and tag[1] == "ER" and texts:
            yield from _paper(page, line, texts)
            texts = []
    if texts:
        yield from _paper(page, line, texts)


def _paper(page: Page, line: int, texts: list[str]) -> Iterator[Paper | Rejection]:
    ended = [*(text for text in texts if not text.startswith("ER  -")), "ER  - "]
    records = rispy.loads("\n".join(ended))
    if not records:
        yield Rejection(f"{page.origin}:{line}", "a record of RIS without a field that is known")
    for record in records[:1]:
        told = {
            "title": text_field(record, "title", "primary_title", "translated_title", "short_title"),
            "abstract": text_field(record, "abstract", "notes_abstract"),
            "authors": [turned(name) for name in _list(record, "authors", "first_authors")],
            "year": text_field(record, "year", "publication_year", "date"),
            "venue": text_field(record, "journal_name", "secondary_title", "alternate_title3", "alternate_title1"),
            "doi": text_field(record, "doi"),
            "url": next(iter(_list(record, "urls")), None) or text_field(record, "url"),
        }
        yield paper_of(told, Source(page.origin, line, ""), page.columns)


def _list(record: dict[str, object], *names: str) -> list[str]:
    values = next((value for name in names if isinstance(value := record.get(name), list) and value), [])
    return [str(value) for value in values]
