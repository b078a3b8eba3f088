"""Page -> Papers: a file of the ACL Anthology's own data (its BibTeX is read as any other)."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from ingest.clean import is_link
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import year
from ingest.sources.paper import Metadata, make_paper
from ingest.sources.xml_records import records, root, text


def recognises(page: Page) -> bool:
    """Whether the file is a collection of the Anthology."""
    name, attributes = root(page)
    return name == "collection" and "id=" in attributes


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each paper of each volume; front matter is no paper."""
    venue, published = "", None
    for line, found in records(page, ["meta", "paper"]):
        if found.tag == "meta":
            venue, published = text(found, "booktitle"), year(text(found, "year").strip())
            continue
        address = text(found, "url").strip()
        told = Metadata(
            authors=tuple(map(_name, found.iterfind("author"))),
            year=published,
            venue=venue,
            doi=text(found, "doi").strip(),
            url=address if is_link(address) else f"https://aclanthology.org/{address}/" if address else None,
        )
        yield make_paper(Source(page.origin, line, ""), text(found, "title"), text(found, "abstract"), told)


def _name(author: Element) -> str:
    return " ".join(filter(None, (text(author, "first").strip(), text(author, "last").strip())))
