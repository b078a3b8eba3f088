"""Papers -> references: BibTeX, CSL JSON and RIS, as Zotero, JabRef, EndNote and pandoc read them.

All three name a paper by the same key, so that a text that cites `[@key]` can be used with any of them. What a reader
wants to remember of a paper, such as the sentences that answer a question, goes where such programs keep notes, and is
not printed in a bibliography. A digest in other words is not given out as the authors' abstract.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from ingest.records import Paper
from ingest.tex import tex_of

DIGEST = "Digest in other words, not the authors' abstract: "

Remarks = Mapping[str, str]
"""What is to be remembered of papers, by id."""
NONE: Remarks = MappingProxyType({})

_GROUP = re.compile(r",| and |\b(?:collaboration|consortium|team|group|project|committee)\b", re.IGNORECASE)
"""What an author has in its name that is no person, or whose family name cannot be told."""


def bibtex(papers: Iterable[Paper], remarks: Remarks = NONE) -> str:
    """An entry a paper: @article where a journal or conference is told, else @misc."""
    return "\n".join(_bibtex_entry(paper, remarks) for paper in papers)


def csl(papers: Iterable[Paper], remarks: Remarks = NONE) -> str:
    """A list of items of CSL JSON (Citation Style Language 1.0.2)."""
    items = [dict(_csl_fields(paper, remarks)) for paper in papers]
    return json.dumps(items, ensure_ascii=False, indent=1)


def ris(papers: Iterable[Paper], remarks: Remarks = NONE) -> str:
    """A record of RIS a paper."""
    return "\n".join("".join(f"{tag}  - {value}\n" for tag, value in _ris_lines(paper, remarks)) for paper in papers)


def key(paper_id: str) -> str:
    """What a text cites the paper by: its id where that may be a key (to BibTeX, AB is ab), else a part and a hash."""
    kept = re.sub(r"[^A-Za-z0-9:./+-]", "", paper_id).strip("-")
    if kept and kept == paper_id.lower():
        return kept
    return f"{kept or 'paper'}-{hashlib.sha256(paper_id.encode()).hexdigest()[:8]}"


def name(author: str) -> tuple[str, str]:
    """Family name and given names of a person; a group, or a name of one word, has no given names.

    The family name is the last word and the particles in lower case before it, as in "Maria van der Berg".
    """
    words = author.split()
    if len(words) < 2 or _GROUP.search(author):
        return author, ""
    first = len(words) - 1
    while first > 1 and words[first - 1].islower():
        first -= 1
    return " ".join(words[first:]), " ".join(words[:first])


def _abstract(paper: Paper) -> str:
    return "" if paper.digest else paper.abstract


def _remark(paper: Paper, remarks: Remarks) -> str:
    told = (remarks.get(paper.id, ""), DIGEST + paper.abstract if paper.digest and paper.abstract else "")
    return " ".join(filter(None, told))


def _address(paper: Paper) -> str:
    """Where it can be read, but for what a DOI says already."""
    return paper.url or (paper.address or "" if paper.arxiv else "")


def _bibtex_entry(paper: Paper, remarks: Remarks) -> str:
    fields = {
        "title": f"{{{tex_of(paper.title)}}}",
        "author": " and ".join(map(_bibtex_author, paper.authors)),
        "year": str(paper.year or ""),
        "journal": tex_of(paper.venue or ""),
        "eprint": paper.arxiv or "",
        "archiveprefix": "arXiv" if paper.arxiv else "",
        "doi": re.sub(r"[{}\\]", "", paper.doi or ""),
        "url": paper.url or "",
        "abstract": tex_of(_abstract(paper)),
        "annote": tex_of(_remark(paper, remarks)),
    }
    lines = "".join(f"  {field} = {{{value}}},\n" for field, value in fields.items() if value)
    return f"@{'article' if paper.venue else 'misc'}{{{key(paper.id)},\n{lines}}}\n"


def _bibtex_author(author: str) -> str:
    """A person as they write themselves; a group in braces, or its last word would be its family name."""
    text = tex_of(author)
    return f"{{{text}}}" if " " in text and not name(author)[1] else text


def _csl_fields(paper: Paper, remarks: Remarks) -> Iterator[tuple[str, object]]:
    yield from (("id", key(paper.id)), ("type", "article-journal" if paper.venue else "article"))
    yield "title", paper.title
    if paper.authors:
        yield "author", [_csl_name(author) for author in paper.authors]
    if paper.year:
        yield "issued", {"date-parts": [[paper.year]]}
    if paper.arxiv and not paper.venue:
        yield from (("number", f"arXiv:{paper.arxiv}"), ("publisher", "arXiv"))
    texts = {"container-title": paper.venue, "DOI": paper.doi, "URL": _address(paper)}
    texts |= {"abstract": _abstract(paper), "annote": _remark(paper, remarks)}
    yield from ((field, value) for field, value in texts.items() if value)


def _csl_name(author: str) -> dict[str, str]:
    family, given = name(author)
    return {"family": family, "given": given} if given else {"literal": family}


def _ris_lines(paper: Paper, remarks: Remarks) -> Iterator[tuple[str, str]]:
    yield from (("TY", "JOUR" if paper.venue else "GEN"), ("ID", key(paper.id)), ("TI", paper.title))
    yield from (("AU", ", ".join(filter(None, name(author)))) for author in paper.authors)
    texts = {"PY": str(paper.year or ""), "JO": paper.venue, "DO": paper.doi, "UR": _address(paper)}
    texts |= {"AB": _abstract(paper), "N1": _remark(paper, remarks)}
    yield from ((tag, value) for tag, value in texts.items() if value)
    yield "ER", ""
