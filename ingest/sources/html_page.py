"""Page -> Papers: a saved web page, told apart by what it holds: Hugging Face, arXiv, or one paper's own page.

A paper's own page is one that carries `citation_title` for reference managers: arXiv, OpenReview, ACL Anthology, ...
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from bs4 import BeautifulSoup

from ingest.errors import PageUnreadable
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources import arxiv_listing, citation_page, hugging_face_page
from ingest.sources.fields import paper_of
from ingest.sources.whole import opening, text, whole

MAX_BYTES = 10_000_000
MAX_TAGS = 200_000
MAX_TAG_CHARS = 20_000
"""Of one tag, without what stands in its quotes: thousands of attributes would take the parser minutes."""

_HTML = re.compile(r"(?i)(?:<!--.*?-->\s*|<\?xml[^>]*>\s*)*<(?:!doctype html|html|head)\b", re.DOTALL)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_LONG_TAG = re.compile(rf"<[A-Za-z!/?][^<>]{{{MAX_TAG_CHARS}}}")


def recognises(page: Page) -> bool:
    """Whether the file opens as HTML does."""
    return _HTML.match(opening(page)) is not None


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields the papers of the page.

    Raises:
        PageUnreadable: It exceeds a bound, or holds no paper in a form that is known.
    """
    content = text(whole(page, MAX_BYTES))
    soup = parse(content)
    for papers in (hugging_face_page.papers, arxiv_listing.papers, citation_page.papers):
        found = list(papers(soup))
        if found:
            for record in found:
                line = _line(content, str(record.get("arxiv") or record["title"]))
                yield paper_of(record, Source(page.origin, line, ""), page.columns)
            return
    raise PageUnreadable("a web page without papers in a form that is known: save the page's text, or its source")


def _line(content: str, told: str) -> int:
    """The line on which `told` first stands; the first where it does not stand as it is."""
    return 1 + content.count("\n", 0, max(0, content.find(told)))


def parse(content: str) -> BeautifulSoup:
    """The tree of a page.

    Raises:
        PageUnreadable: It has more tags, or larger ones, than a page of papers has.
    """
    if content.count("<") > MAX_TAGS or _LONG_TAG.search(_QUOTED.sub('""', content)):
        raise PageUnreadable(
            f"more than {MAX_TAGS:,} tags, or a tag of over {MAX_TAG_CHARS:,} characters: no page of papers"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it guesses aloud what else the page could be
        return BeautifulSoup(re.sub(r"[\x00\ud800-\udfff]", "", content), "lxml")
