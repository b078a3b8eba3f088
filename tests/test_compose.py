"""compose: what the answer says, and that nothing a paper says can pass for the answer's own markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.compose import MAX_BESIDE_FACT, MAX_NEAR_MISSES, compose, escape
from assistant.records import Coverage, Judgement, Kind, Quote, Verdict
from assistant.verify import MARKER
from ingest import Paper

COVERAGE = Coverage(papers=10, retrieved=8, judged=8, relevant=2)


def judged(name: str, abstract: str, relevance: float, *, lacks: str | None = None) -> Judgement:
    paper = Paper(name, f"Title of {name}", abstract)
    quote = Quote(abstract, 0, len(abstract), "abstract")
    return Judgement(paper, relevance, lacks is None, (quote,) if lacks is None else (), None, lacks)


TWO = (
    judged("a", "It does so.", 0.9),
    judged("b", "This too [7].", 0.8),
    judged("c", "No.", 0.2, lacks="says nothing of X"),
)


@pytest.mark.parametrize("kind", ["list", "compare", "fact"])
def test_citations_are_numbered_by_use_and_each_quote_is_a_claim(kind: Kind) -> None:
    draft = compose(kind, Verdict(TWO, None), COVERAGE, {})
    assert [c.number for c in draft.citations] == [1, 2]
    assert [int(n) for n in MARKER.findall(draft.text)] == [1, 2]
    assert [(claim.text, claim.citations) for claim in draft.claims] == [("It does so.", (1,)), ("This too [7].", (2,))]


def test_a_bracketed_number_in_a_quote_is_no_marker() -> None:
    text = compose("list", Verdict(TWO, None), COVERAGE, {}).text
    assert "7" not in MARKER.findall(text)
    assert r"This too \[7]." in text


def test_a_no_tells_the_reason_and_the_nearest_misses() -> None:
    misses = tuple(judged(f"m{i}", "No.", 0.1, lacks=f"lacks {i}") for i in range(MAX_NEAR_MISSES + 2))
    draft = compose("list", Verdict(misses, "nothing_found"), COVERAGE, {"notice_extractive": {}})
    assert draft.reason
    assert draft.text.startswith(draft.reason)
    assert [miss.lacks for miss in draft.near_misses] == [f"lacks {i}" for i in range(MAX_NEAR_MISSES)]
    assert not draft.citations
    assert not draft.claims
    assert draft.text.endswith(f"> {draft.notices[0]}")


def test_a_fact_comes_first_and_few_papers_beside_it() -> None:
    many = tuple(judged(f"p{i}", f"Fact {i}.", 0.9 - i / 100) for i in range(MAX_BESIDE_FACT + 3))
    draft = compose("fact", Verdict(many, None), COVERAGE, {})
    assert draft.text.startswith("“Fact 0.” [1]")
    assert len(draft.citations) == 1 + MAX_BESIDE_FACT


def test_the_text_names_the_prompts_it_used_by_hash() -> None:
    draft = compose("list", Verdict(TWO, None), COVERAGE, {"notice_digest": {}})
    assert {"list", "item", "quote", "notice", "notice_digest"} == set(draft.prompts)


@pytest.mark.parametrize(
    "hostile",
    [
        "![x](http://evil.example/a)",
        "<img src=x onerror=alert(1)>",
        "[link](javascript:alert(1))",
        "**bold**",
        "`code`",
        "&lt;b&gt;",
    ],
)
def test_markup_from_a_paper_is_escaped(hostile: str) -> None:
    paper = judged("a", hostile, 0.9)
    text = compose(
        "list", Verdict((replace(paper, paper=replace(paper.paper, title=hostile)),), None), COVERAGE, {}
    ).text
    assert not re.search(r"(?<!\\)" + re.escape(hostile), text)
    assert escape(hostile) in text


@given(st.text(max_size=200))
def test_escaping_only_adds_backslashes(text: str) -> None:
    assert escape(text).replace("\\", "") == text.replace("\\", "")
    assert not MARKER.search(escape(text))
