"""Entries -> the text of a format -> Page -> Papers: titles and abstracts come back as they were."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingest.clean import stored
from ingest.read import read
from ingest.records import Paper
from tests.pages import page

Entries = Sequence[tuple[str, str]]
Write = Callable[[Entries], str]


def as_csv(entries: Entries, delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([("Title", "Abstract Note"), *entries])
    return out.getvalue()


def as_tsv(entries: Entries) -> str:
    return as_csv(entries, "\t")


def as_json(entries: Entries) -> str:
    return json.dumps([{"type": "article", "title": t, "abstract": a, "issued": {}} for t, a in entries], indent=1)


def as_openreview(entries: Entries) -> str:
    return json.dumps({"notes": [{"content": {"title": {"value": t}, "abstract": {"value": a}}} for t, a in entries]})


def as_ris(entries: Entries) -> str:
    return "".join(f"TY  - JOUR\nTI  - {t}\nAB  - {a}\nER  - \n\n" for t, a in entries)


def as_atom(entries: Entries) -> str:
    body = "".join(f"<entry><title>{escape(t)}</title><summary>{escape(a)}</summary></entry>" for t, a in entries)
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{body}</feed>'


def as_pubmed(entries: Entries) -> str:
    article = (
        "<PubmedArticle><MedlineCitation><Article><ArticleTitle>{}</ArticleTitle><Abstract><AbstractText>{}"
        "</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>"
    )
    body = "".join(article.format(escape(t), escape(a)) for t, a in entries)
    return f"<PubmedArticleSet>{body}</PubmedArticleSet>"


def as_endnote(entries: Entries) -> str:
    record = "<record><titles><title><style>{}</style></title></titles><abstract><style>{}</style></abstract></record>"
    return f"<xml><records>{''.join(record.format(escape(t), escape(a)) for t, a in entries)}</records></xml>"


def as_oai(entries: Entries) -> str:
    record = "<record><metadata><arXiv><title>{}</title><abstract>{}</abstract></arXiv></metadata></record>"
    return f"<OAI-PMH>{''.join(record.format(escape(t), escape(a)) for t, a in entries)}</OAI-PMH>"


def as_anthology(entries: Entries) -> str:
    papers = "".join(f"<paper><title>{escape(t)}</title><abstract>{escape(a)}</abstract></paper>" for t, a in entries)
    return f'<collection id="x"><volume>{papers}</volume></collection>'


def as_hugging_face(entries: Entries) -> str:
    told = [{"paper": {"id": f"2101.{n:05}", "title": t, "summary": a}} for n, (t, a) in enumerate(entries)]
    props = escape(json.dumps({"dailyPapers": told}), {'"': "&quot;"})
    return f'<!doctype html><html><body><div data-props="{props}"></div></body></html>'


def as_listing(entries: Entries) -> str:
    item = (
        "<dt><a href='/abs/2101.00001'>x</a></dt>"
        "<dd><div class='list-title mathjax'>{}</div><p class='mathjax'>{}</p></dd>"
    )
    return f"<!doctype html><html><body><dl>{''.join(item.format(escape(t), escape(a)) for t, a in entries)}</dl>"


ANY_TEXT: tuple[Write, ...] = (as_csv, as_tsv, as_json, as_openreview, as_hugging_face)
PLAIN_TEXT: tuple[Write, ...] = (
    as_ris, as_atom, as_pubmed, as_endnote, as_oai, as_anthology, as_listing,
)  # fmt: skip

# A text that begins with a word: a cell's apostrophe, a title in brackets, a label mean something to their formats.
_word = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=60).map(stored)
_plain = _word.map(lambda text: stored(f"We {text} end"))
_any = st.text(max_size=60).map(lambda text: f"We {text} end")


def _read_back(write: Write, entries: Entries) -> None:
    found = list(read(page(write(entries))))
    assert [(p.title, p.abstract) for p in found if isinstance(p, Paper)] == [
        (stored(t), stored(a)) for t, a in entries
    ]
    assert len(found) == len(entries)


@pytest.mark.parametrize("write", ANY_TEXT)
@hypothesis_settings(max_examples=50)
@given(entries=st.lists(st.tuples(_any, _any), min_size=1, max_size=4))
def test_any_text_comes_back(write: Write, entries: Entries) -> None:
    _read_back(write, [(t.replace("\r", " "), a.replace("\r", " ")) for t, a in entries])


@pytest.mark.parametrize("write", PLAIN_TEXT)
@hypothesis_settings(max_examples=50)
@given(entries=st.lists(st.tuples(_plain, _plain), min_size=1, max_size=4))
def test_text_of_one_line_comes_back(write: Write, entries: Entries) -> None:
    _read_back(write, entries)
