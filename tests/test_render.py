"""render: plain text shows what the paper says, without the escapes that Markdown needs."""

from __future__ import annotations

from dataclasses import replace

from assistant.compose import escape
from assistant.records import ArmHit, PaperHit
from assistant.render import markdown, plain, ranking
from ingest import Paper
from tests.test_answer_json import ANSWER, PAPER


def test_markdown_ends_with_where_each_paper_was_seen() -> None:
    assert markdown(ANSWER).endswith("## Sources\n\n1. Title (page.txt:3)")


def test_an_abstention_has_no_sources() -> None:
    assert markdown(replace(ANSWER, text="No.", citations=())) == "No."


def test_plain_text_is_the_paper_s_own() -> None:
    hostile = "a **b** [7] \\alpha_{x} <i> & `c` ![d](e)"
    answer = replace(ANSWER, text=f"- **{escape(hostile)}** [1]\n\n> note", citations=ANSWER.citations)
    assert plain(answer).startswith(f"- {hostile} [1]\n\nnote")


def test_a_link_is_shown_beside_the_place() -> None:
    linked = replace(ANSWER.citations[0], paper=replace(PAPER, url="https://example.org/a"))
    assert "(https://example.org/a; page.txt:3)" in plain(replace(ANSWER, citations=(linked,)))


def test_ranking_explains_each_arm() -> None:
    hit = PaperHit(Paper("a", "Title", "Text."), 0.5, (), {"words": ArmHit(2, 1.5), "nearest": ArmHit(1, 0.7)})
    assert ranking((hit,), explain=False) == "   1  0.500  Title"
    assert ranking((hit,), explain=True).splitlines()[1].strip() == "nearest #1 (0.700); words #2 (1.500)"
