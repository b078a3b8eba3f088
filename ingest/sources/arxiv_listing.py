"""HTML -> records: arXiv's listings (new, recent, a month) and its search results."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from lxml.html import HtmlElement  # type: ignore[import-untyped]  # it carries no types

_NUMBER = re.compile(r"/abs/([^?#\s]+)")
_NEAR = 3
"""Nodes before an entry's text among which its number is: comments may stand between."""
_CODE = re.compile(r"\(([a-z-]+(?:\.[A-Za-z-]+)?)\)")


def papers(page: HtmlElement) -> Iterator[Mapping[str, object]]:
    """Yields a record for each entry; one without its abstract (as in "recent") is a record without one."""
    for details in _entries("dd", page.find_class("list-title")):
        before = islice(details.itersiblings(preceding=True), _NEAR)
        for head in islice((node for node in before if node.tag == "dt"), 1):
            yield _listed(head, details)
    for result in _entries("li", page.find_class("arxiv-result")):
        yield _result(result)


def _entries(tag: str, parts: Iterable[HtmlElement]) -> Iterator[HtmlElement]:
    """The outermost `tag` around each of `parts`, once: entries do not nest, and so no text is read more than once."""
    last = None
    for part in parts:
        around = [element for element in (part, *part.iterancestors(tag)) if element.tag == tag]
        if around and around[-1] is not last:
            last = around[-1]
            yield last


def _listed(head: HtmlElement, details: HtmlElement) -> Mapping[str, object]:
    abstract = next((part for part in details.find_class("mathjax") if part.tag == "p"), None)
    return {
        "title": _told(_first(details, "list-title")),
        "abstract": _told(abstract),
        "authors": _links(_first(details, "list-authors")),
        "categories": _CODE.findall(_told(_first(details, "list-subjects"))),
        "venue": _told(_first(details, "list-journal-ref")),
        **_numbered(head),
    }


def _result(result: HtmlElement) -> Mapping[str, object]:
    abstract = _told(_first(result, "abstract-full")) or _told(_first(result, "abstract-short"))
    return {
        "title": _told(_first(result, "title")),
        "abstract": re.sub(r"\s*△ Less$", "", abstract),
        "authors": _links(_first(result, "authors")),
        "categories": [tag.text or "" for tag in result.find_class("tag") if "data-tooltip" in tag.attrib],
        **_numbered(result),
    }


def _numbered(element: HtmlElement) -> Mapping[str, object]:
    """ArXiv id, address and, as the id of a new paper begins with it, the year."""
    link = next((found for a in element.iter("a") if (found := _NUMBER.search(a.get("href", "")))), None)
    if link is None:
        return {}
    recent = re.match(r"(\d\d)\d\d\.\d", link[1])
    year = 2000 + int(recent[1]) if recent else None
    return {"arxiv": link[1], "url": f"https://arxiv.org/abs/{link[1]}", "year": year}


def _first(element: HtmlElement, name: str) -> HtmlElement | None:
    """The first element of the class `name`."""
    return next(iter(element.find_class(name)), None)


def _links(element: HtmlElement | None) -> list[str]:
    return [] if element is None else [" ".join(str(link.text_content()).split()) for link in element.iter("a")]


def _told(element: HtmlElement | None) -> str:
    """An element's text without its label ("Title:")."""
    if element is None:
        return ""
    label = _first(element, "descriptor")
    text = str(element.text_content())
    return " ".join((text if label is None else text.replace(label.text_content(), "", 1)).split())
