"""Page -> Papers: OAI-PMH responses of arXiv and other archives, in the forms arXiv, arXivRaw and Dublin Core."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ingest.clean import is_link
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import categories, names, turned, year
from ingest.sources.paper import Metadata, make_paper
from ingest.sources.xml_records import records, root, text


def recognises(page: Page) -> bool:
    """Whether the file is an OAI-PMH response, or its records alone."""
    return root(page)[0] in ("OAI-PMH", "ListRecords")


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each record that was not deleted."""
    for line, record in records(page, ["record", "error"]):
        header = record.find("header")
        if record.tag == "error":
            yield Rejection(f"{page.origin}:{line}", f"the archive reports an error: {text(record).strip()[:200]}")
        elif header is None or header.get("status") != "deleted":
            yield _paper(record, Source(page.origin, line, ""))


def _paper(record: Element, source: Source) -> Paper | Rejection:
    for form in ("arXiv", "arXivRaw"):
        if (told := record.find(f"metadata/{form}")) is not None:
            return make_paper(source, text(told, "title"), text(told, "abstract"), _arxiv(told))
    told = record.find("metadata/dc")
    return make_paper(source, text(told, "title"), text(told, "description"), _dublin_core(told))


def _arxiv(told: Element) -> Metadata:
    number = text(told, "id").strip()
    parts = ((text(author, "forenames"), text(author, "keyname")) for author in told.iterfind("authors/author"))
    named = [" ".join(filter(None, name)) for name in parts]
    return Metadata(
        authors=tuple(named) or names(text(told, "authors").replace(", ", " and ")),
        year=year(text(told, "created").strip()) or _raw_year(told),
        venue=text(told, "journal-ref"),
        categories=categories(text(told, "categories")),
        arxiv=number,
        doi=text(told, "doi"),
        url=f"https://arxiv.org/abs/{number}" if number else None,
    )


def _raw_year(told: Element) -> int | None:
    """The year of the first version, as in "Mon, 2 Apr 2007 19:18:42 GMT"."""
    words = text(told, "version/date").split()
    return next((found for word in words if len(word) == 4 and (found := year(word))), None)


def _dublin_core(told: Element | None) -> Metadata:
    def every(name: str) -> list[str]:
        return [text(item).strip() for item in told.iterfind(name)] if told is not None else []

    addresses = [item for item in every("identifier") if is_link(item)]
    return Metadata(
        authors=tuple(map(turned, every("creator"))),
        year=next((found for item in sorted(every("date")) if (found := year(item))), None),
        categories=tuple(every("subject")),
        doi=next((item for item in every("identifier") if item.startswith(("doi:", "10."))), None),
        url=addresses[0] if addresses else None,
    )
