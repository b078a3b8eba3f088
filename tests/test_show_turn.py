"""Answer -> HTML: every marker opens a card, every quote is marked, and no text is ever more than text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Answer, Assistant, Stage, Token
from assistant.records import Coverage, EstimatedRecall, Quote, Removed, Usage
from assistant.show.cards import marked
from assistant.show.figures import covered, spent
from assistant.show.prose import link, prose
from assistant.show.turn import Progress, Shown, article, live
from ingest import Library, Settings
from ingest.notes import Asked

HESSIAN = "which papers use the Hessian?"
TAGS = {"p", "br", "ul", "ol", "li", "strong", "em", "code", "a", "blockquote", "table", "thead", "tbody", "tr", "th",
        "td", "h1", "h2", "h3", "h4", "h5", "h6"}  # fmt: skip


class Seen(HTMLParser):
    """The tags and attributes of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture
def answer(library: Library, settings: Settings) -> Answer:
    return Assistant(library, settings).ask(HESSIAN)


@pytest.fixture
def shown(answer: Answer, library: Library) -> Shown:
    papers = {paper.id: paper for paper in library.papers(c.paper.id for c in answer.citations)}
    return Shown(7, Asked(HESSIAN), answer, papers=papers)


def test_each_marker_opens_a_card_and_each_card_tells_where_it_is_used(shown: Shown, answer: Answer) -> None:
    html = article(shown)
    ids = set(re.findall(r' id="([^"]+)"', html))
    assert {f"t7-card-{citation.number}" for citation in answer.citations} <= ids
    assert set(re.findall(r'data-opens="([^"]+)"', html)) <= ids
    assert set(re.findall(r'data-finds="([^"]+)"', html)) == {i for i in ids if "-use-" in i}
    assert len(ids) == len(re.findall(r' id="([^"]+)"', html))


def test_a_card_marks_its_quotes_inside_the_whole_abstract(shown: Shown, answer: Answer, library: Library) -> None:
    html = article(shown)
    for citation in answer.citations:
        paper = library.store.paper(citation.paper.id)
        assert paper
        plain = re.sub(r"</?mark>", "", html)
        assert paper.abstract in plain
        assert all(f"<mark>{quote.text}" in html or quote.text in plain for quote in citation.quotes)
    assert html.count("<mark>") >= len(answer.citations)


def test_a_paper_that_changed_or_went_shows_its_quotes_alone(shown: Shown, answer: Answer) -> None:
    gone = article(replace(shown, papers={}))
    assert "is not in the library any more" in gone
    assert f"<mark>{answer.citations[0].quotes[0].text}" in gone
    altered = {i: replace(paper, abstract=paper.abstract + " More.") for i, paper in shown.papers.items()}
    assert "has changed in the library since" in article(replace(shown, papers=altered))


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([], "a&lt;b&gt;c"),
        ([(0, 5)], "<mark>a&lt;b&gt;c</mark>"),
        ([(1, 4), (3, 5)], "a<mark>&lt;b&gt;c</mark>"),
        ([(0, 1), (4, 5)], "<mark>a</mark>&lt;b&gt;<mark>c</mark>"),
        ([(4, 99)], "a&lt;b&gt;<mark>c</mark>"),
    ],
)
def test_spans_are_marked(spans: list[tuple[int, int]], expected: str) -> None:
    assert marked("a<b>c", [Quote("", start, end, "abstract") for start, end in spans]) == expected


@given(st.text(alphabet="a <>&\"'`*_[]()!\\#|-\n1:/{}$"))
def test_no_text_becomes_a_tag_that_is_not_its_own(text: str) -> None:
    seen = Seen(prose(text, "t1", {1}).html)
    assert seen.tags <= TAGS
    assert seen.attributes <= {"class", "id", "href", "data-opens", "aria-label", "start", "style"}


@given(st.text())
def test_a_question_and_an_ending_are_shown_as_they_stand(text: str) -> None:
    assert Seen(article(Shown(1, Asked(text), None, text))).tags == {"article", "header", "h2", "div", "button", "p"}


@pytest.mark.parametrize(
    "text", ["![x](http://evil.example/a.png)", "[x](http://evil.example)", "<http://evil.example>", "[x]: http://e.x"]
)
def test_nothing_in_an_answer_leads_or_loads_from_elsewhere(text: str) -> None:
    assert Seen(prose(text, "t1", {1}).html).tags == {"p"}


def test_a_marker_that_is_escaped_or_of_no_citation_stays_text() -> None:
    found = prose(r"\[1] [2] [1]", "t1", {1})
    assert found.markers == {1: ("t1-use-1-1",)}
    assert "[1] [2] <a" in found.html


@pytest.mark.parametrize(
    "address", [None, "", "javascript:alert(1)", "data:text/html,x", "//evil", "http://", "http://[", "ftp://a.b"]
)
def test_only_web_addresses_are_links(address: str | None) -> None:
    assert link(address) == ""


def test_a_link_shows_all_of_its_target() -> None:
    html = link('https://good.example@evil.example/"><script>')
    assert ">https://good.example@evil.example/&quot;&gt;&lt;script&gt;</a>" in html
    assert 'rel="noopener' in html


def test_coverage_is_told_in_words() -> None:
    coverage = Coverage(593, 150, 150, 13, EstimatedRecall(0.97, 0.91, 0.993))
    told = covered(coverage)
    assert "150 of the library's 593 papers were looked at closely; 13 show what you asked for." in told
    assert "97 % of all that do (between 91 and 99 %)" in told
    assert covered(Coverage(1, 1, 1, 1)).startswith("All 1 paper")
    assert covered(Coverage(9, 9, 9, 2), "year >= 2020").startswith("All 9 papers that the filter leaves were")
    assert "150 of the 300 papers that the filter leaves were" in covered(Coverage(300, 150, 150, 1), "year >= 2020")
    assert "none of them shows" in covered(Coverage(5, 5, 5, 0))


def test_the_price_is_told_in_words() -> None:
    assert spent(Usage()) == "no cost"
    assert spent(Usage(2, 900, 100, 0.0123)) == "2 calls · 1,000 tokens · $0.0123"
    assert spent(Usage(1, 1, 0, None)) == "1 call · 1 token · price unknown"
    assert spent(Usage(1, 1, 0, 0.0)) == "1 call · 1 token · no charge"


def test_what_was_removed_is_one_click_away(shown: Shown, answer: Answer) -> None:
    html = article(replace(shown, answer=replace(answer, mode="llm", model="m", removed=Removed(1, 2, 3))))
    assert "Taken out: 6" in html
    assert "3 sentences that no quote supports; 2 quotes" in html
    clean = article(replace(shown, answer=replace(answer, mode="llm", model="m")))
    assert "Taken out: 0" in clean
    assert "Taken out" not in article(shown)


def test_progress_keeps_the_last_of_each_stage_and_the_text() -> None:
    progress = Progress()
    for event in (Stage("understand", "q"), Stage("judge", "0", 0, 100), Stage("judge", "60", 60, 100), Token("So ")):
        progress = progress.after(event)
    html = live("<b>", progress, 1.25)
    assert [stage.name for stage in progress.stages] == ["understand", "judge"]
    assert 'value="60" max="100"' in html
    assert "60 of 100" in html
    assert "So" in html
    assert "&lt;b&gt;" in html
    assert "1.2 s" in html
