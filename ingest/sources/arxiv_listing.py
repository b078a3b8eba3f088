"""HTML -> records: arXiv's listings (new, recent, a month) and its search results."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bs4 import BeautifulSoup, Tag

_NUMBER = re.compile(r"/abs/([^?#\s]+)")
_CODE = re.compile(r"\(([a-z-]+(?:\.[A-Za-z-]+)?)\)")


def papers(soup: BeautifulSoup) -> Iterator[Mapping[str, object]]:
    """Yields a record for each entry; one without its abstract (as in "recent") is a record without one."""
    for details in soup.select("dl dd"):
        head = details.find_previous_sibling("dt")
        title = details.select_one(".list-title")
        if title is not None and head is not None:
            yield _listed(head, details, title)
    for result in soup.select("li.arxiv-result"):
        yield _result(result)


def _listed(head: Tag, details: Tag, title: Tag) -> Mapping[str, object]:
    abstract = details.find("p", class_="mathjax", recursive=True)
    return {
        "title": _told(title),
        "abstract": _told(abstract),
        "authors": [_told(link) for link in details.select(".list-authors a")],
        "categories": _CODE.findall(_told(details.select_one(".list-subjects"))),
        "venue": _told(details.select_one(".list-journal-ref")),
        **_numbered(head),
    }


def _result(result: Tag) -> Mapping[str, object]:
    abstract = result.select_one(".abstract-full") or result.select_one(".abstract-short")
    return {
        "title": _told(result.select_one(".title")),
        "abstract": re.sub(r"\s*△ Less$", "", _told(abstract)),
        "authors": [_told(link) for link in result.select(".authors a")],
        "categories": [_told(tag) for tag in result.select(".tags .tag[data-tooltip]")],
        **_numbered(result),
    }


def _numbered(element: Tag) -> Mapping[str, object]:
    """ArXiv id, address and, as the id of a new paper begins with it, the year."""
    link = next((found for a in element.find_all("a") if (found := _NUMBER.search(str(a.get("href", ""))))), None)
    if link is None:
        return {}
    recent = re.match(r"(\d\d)\d\d\.\d", link[1])
    year = 2000 + int(recent[1]) if recent else None
    return {"arxiv": link[1], "url": f"https://arxiv.org/abs/{link[1]}", "year": year}


def _told(element: Tag | None) -> str:
    """An element's text without its label ("Title:")."""
    if element is None:
        return ""
    labels = [str(label.get_text()) for label in element.select(".descriptor")]
    whole = element.get_text()
    for label in labels:
        whole = whole.replace(label, "", 1)
    return " ".join(whole.split())
