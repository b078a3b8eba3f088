"""HTML -> records: papers pages of Hugging Face (a day, a search, trending, one paper).

They carry their data as JSON in attributes named `data-props`, whatever the page then shows of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from lxml.html import HtmlElement  # type: ignore[import-untyped]  # it carries no types

from ingest.sources.json_shapes import flat


def papers(page: HtmlElement) -> Iterator[Mapping[str, Any]]:
    """Yields a record for each paper whose abstract the page carries, once."""
    seen: set[str] = set()
    for told in page.xpath("//@data-props"):
        try:
            props = json.loads(told)
        except (ValueError, RecursionError):
            continue
        for item in _objects(props):
            if isinstance(item.get("id"), str) and item["id"] not in seen:
                seen.add(item["id"])
                yield flat({"upvotes": 0, **item})


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """Every object below `value` that has the title and the abstract of a paper, in order."""
    waiting = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict) and isinstance(here.get("title"), str) and isinstance(here.get("summary"), str):
            yield here
        elif isinstance(here, dict):
            waiting.extend(reversed([part for name, part in here.items() if name != "comments"]))
        elif isinstance(here, list):
            waiting.extend(reversed(here))
