"""Page -> Papers: one JSON document, a list of objects or an object that holds one (CSL JSON, OpenReview, APIs)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ingest.errors import PageUnreadable
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import paper_of
from ingest.sources.json_shapes import flat
from ingest.sources.whole import opening, text, whole

MAX_BYTES = 100_000_000

_LIST = re.compile(r'\[|\{(?:[^\[\]]{0,4000}?)"(?:notes|items|data|papers|results|message|dailyPapers)"\s*:\s*\[')
_GAP = re.compile(r"[\s,]*")


def recognises(page: Page) -> bool:
    """Whether the page opens a list of objects, or an object that holds such a list and is not one of many lines."""
    start = opening(page)
    if start.startswith("["):
        return start[1:].lstrip().startswith("{")
    opened = _LIST.match(start)
    return opened is not None and start[opened.end() :].lstrip().startswith("{") and not _is_lines(page)


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each object of the list; what follows a broken one is not read.

    Raises:
        PageUnreadable: It is no whole JSON document, or too large.
    """
    content = text(whole(page, MAX_BYTES))
    start = len(content) - len(content.lstrip())
    opened = _LIST.match(content, start)
    decoder, place, line, counted = json.JSONDecoder(), opened.end() if opened else start, 1, 0
    while True:
        gap = _GAP.match(content, place)
        place = gap.end() if gap else place
        line, counted = line + content.count("\n", counted, place), place
        if content.startswith("]", place):
            return
        try:
            record, place = decoder.raw_decode(content, place)
        except (ValueError, RecursionError) as error:
            reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
            raise PageUnreadable(f"not JSON: {reason} (line {line}); read until there") from error
        if isinstance(record, dict):
            yield paper_of(flat(record), Source(page.origin, line, ""), page.columns)
        else:
            yield Rejection(f"{page.origin}:{line}", f"not a JSON object but {type(record).__name__}")


def _is_lines(page: Page) -> bool:
    texts = [line.text.strip() for line in page.head if line.text.strip()]
    return len(texts) > 1 and texts[0].endswith("}") and texts[1].startswith("{")
