"""Hostile pages: each ends in papers or in one clear line, in little time and memory."""

from __future__ import annotations

import io
from functools import partial

import pytest

from ingest.files import open_page
from ingest.read import read
from ingest.records import Page, Paper, Rejection
from tests.processes import run_code
from tests.timing import within

N = 300_000
HTML = b"<!doctype html><html><body>"
PAGES: dict[str, bytes] = {
    "nested elements": HTML + b"<div>" * N,
    "some nested elements": HTML + b"<div>" * 60_000,
    "many attributes": HTML + b"<div " + b" ".join(b"a%d=1" % n for n in range(N)) + b">",
    "many quoted attributes": HTML + b"<div " + b" ".join(b"a%d=''" % n for n in range(N)) + b">",
    "open comments": HTML + b"<!--" * N,
    "open tags": HTML + b"<" * N,
    "open quotes": HTML + b"<a b='" * N,
    "broken props": HTML + b'<div data-props="' + b"[" * N + b'"></div>',
    "nested props": HTML + b'<div data-props="' + b"[" * 500 + b"]" * 500 + b'"></div>',
    "lists": HTML + b"<dl>" + b"<dt><dd>" * 20_000,
    "listed papers": HTML + b"<dl>" + b"<dt><dd><b class=list-title>T</b><p class=mathjax>A." * 39_000,
    "papers in papers": HTML
    + b"<ul><li class='arxiv-result title abstract-full authors'>" * 120
    + b"<a>x</a>" * 90_000,
    "labels": HTML + b"<dl><dt><dd><b class=list-title>" + b"<i class=descriptor>a</i>" * 90_000,
    "entity bomb": b'<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(8))
    + b']><feed xmlns="http://www.w3.org/2005/Atom"><entry><title>&i;</title></entry></feed>',
    "outside entity": b'<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>&x;</title><summary>&x;</summary></entry></feed>',
    "nested xml": b"<PubmedArticleSet>" + b"<a>" * N,
    "xml attributes": b"<PubmedArticleSet><PubmedArticle " + b" ".join(b"a%d='1'" % n for n in range(N)) + b"/>",
    "xml token": b"<PubmedArticleSet><PubmedArticle a='" + b"x" * 8_000_000,
    "xml text": b"<PubmedArticleSet><PubmedArticle><PMID>" + b"x" * 20_000_000,
    "xml encoding": b'<?xml version="1.0" encoding="nonsense"?><PubmedArticleSet/>',
    "json nesting": b"[{" + b'"a":[' * N,
    "json numbers": b'[{"title": ' + b"9" * N + b"}]",
    "json commas": b'[{"title": "T", "abstract": "A."}' + b"," * N,
    "json brackets": b"[" * N,
    "bibtex braces": b"@article{a, title={" + b"{" * N,
    "bibtex entries": b"@a{\n" * 20_000,
    "bibtex authors": b"@article{a, title={T}, abstract={A.}, author={" + b"a," * N + b"}}",
    "bibtex blanks": b"@article{a, title={T}, abstract={A.}, author={" + b" " * N + b"x}}",
    "bibtex dollars": b"@article{a, title={T}, abstract={" + b"$ \\" * N + b"}}",
    "bibtex commands": b"@article{a, title={T}, abstract={" + b"\\emph{" * 50_000 + b"}" * 50_000 + b"}}",
    "bibtex groups": b"@article{a, title={T}, abstract={" + b"{}{x" * 50_000 + b"}" * 50_000 + b"}}",
    "ris": b"TY  - JOUR\n" + b"AU  - A\n" * 50_000,
    "ris types": b"TY  - JOUR\n" * 20_000,
    "csv quotes": b'title,abstract\n"' + b"a\n" * 80_000,
    "csv columns": b"title,abstract" + b",x" * 100_000 + b"\n" + b"a," * 100_000,
    "csv authors": b"title,abstract,authors\nT,A.," + b" " * N + b"x",
    "csv names": b'title,abstract,authors\nT,A.,"' + b"A B, C " * 10_000 + b'D"',
    "markdown headings": b"# A\n\n**Abstract** a\n" + b"# B\n" * 50_000,
    "markdown blanks": b"# A\n\n**Abstract** a\n# b" + b" " * N + b"x\n" + b" " * N + b"x\n" + b"#" * N + b"\n",
    "markdown links": b"# A\n\n**Abstract** a\n# " + b"[" * N + b"\n# " + b"[a](" * N,
    "nul bytes": b'[{"title": "T", "abstract": "A."}]' + b" " * 9_000 + b"\0" * N,
    "one line": b'{"title": "' + b"x" * 50_000_000,
}


def outcome(content: bytes) -> list[Paper | Rejection]:
    page = open_page(lambda: io.BytesIO(content), "o", [])
    found = list(read(page)) if isinstance(page, Page) else [page]
    return [item for item in found if isinstance(item, Paper | Rejection)]


@pytest.mark.parametrize("name", PAGES)
def test_a_trap_ends_in_a_clear_line_in_two_seconds(name: str) -> None:
    """Of processor time; see `tests.timing` for what is done where this is missed."""
    outcome(b"<!doctype html><html><body></body></html>")
    found = within(2, partial(outcome, PAGES[name]))
    assert found
    for item in found:
        text = item.why if isinstance(item, Rejection) else item.title
        assert len(text) < 700
        assert "\n" not in text
        assert "root:" not in text
    if not name.startswith(("bibtex", "json commas", "ris", "csv", "markdown", "nul")):
        assert isinstance(found[-1], Rejection)


def test_no_trap_takes_a_gigabyte() -> None:
    """In a process of its own, by the peak since it began: what is told of a child otherwise is its parent's."""
    ended = run_code(
        "from pathlib import Path\n"
        "from tests.test_source_traps import PAGES, outcome\n"
        "for content in PAGES.values(): outcome(content)\n"
        "print(Path('/proc/self/status').read_text('utf-8').partition('VmHWM:')[2].split()[0])"
    )
    assert ended.code == 0, ended.err
    assert int(ended.out) < 1_000_000
