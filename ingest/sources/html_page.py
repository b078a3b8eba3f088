"""Page -> Papers: a saved web page, told apart by what it holds: Hugging Face, arXiv, or one paper's own page.

A paper's own page is one that carries `citation_title` for reference managers: arXiv, OpenReview, ACL Anthology, ...
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from lxml import etree, html  # type: ignore[import-untyped]  # it carries no types

from ingest.errors import PageUnreadable
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources import arxiv_listing, citation_page, hugging_face_page
from ingest.sources.fields import paper_of
from ingest.sources.whole import opening, text, whole

MAX_BYTES = 10_000_000
MAX_TAGS = 200_000
MAX_TAG_CHARS = 20_000
"""Of one tag, without what stands in its quotes: thousands of attributes would take the parser minutes."""
MAX_PAPERS = 5_000
"""Of one page; arXiv shows 2,000 at most."""

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
    tree = parse(content)
    for papers in (hugging_face_page.papers, arxiv_listing.papers, citation_page.papers):
        found = list(islice(papers(tree), MAX_PAPERS + 1))
        if len(found) > MAX_PAPERS:
            raise PageUnreadable(f"a web page of more than {MAX_PAPERS:,} papers")
        if found:
            for record in found:
                line = _line(content, str(record.get("arxiv") or record["title"]))
                yield paper_of(record, Source(page.origin, line, ""), page.columns)
            return
    raise PageUnreadable("a web page without papers in a form that is known: save the page's text, or its source")


def _line(content: str, told: str) -> int:
    """The line on which `told` first stands; the first where it does not stand as it is."""
    return 1 + content.count("\n", 0, max(0, content.find(told)))


def parse(content: str) -> html.HtmlElement:
    """The tree of a page; the parser leaves out what is nested deeper than 256 elements.

    Raises:
        PageUnreadable: It has no tags, or more, or larger ones, than a page of papers has.
    """
    if content.count("<") > MAX_TAGS or _LONG_TAG.search(_QUOTED.sub('""', content)):
        raise PageUnreadable(
            f"more than {MAX_TAGS:,} tags, or a tag of over {MAX_TAG_CHARS:,} characters: no page of papers"
        )
    clean = re.sub(r"[\x00\ud800-\udfff]", "", content).encode()
    try:
        return html.document_fromstring(clean, html.HTMLParser(encoding="utf-8"))
    except etree.ParserError as error:
        raise PageUnreadable("a web page with nothing on it") from error
