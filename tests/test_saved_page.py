"""Page -> Papers: the two layouts of a saved papers page."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clean import stored
from ingest.read import read
from ingest.records import Line, Page
from tests.pages import BANNER, glued, page, pairs, papers, rejections, spaced, warned

Layout = Callable[[Sequence[tuple[str, str]]], str]

TWO = (
    ("Bridges of Paper", "We fold bridges from one sheet of paper. They bear ten times their weight."),
    ("What Do Owls Count?", "Owls were asked to count. Three of ten did so, up to seven."),
)
both_layouts = pytest.mark.parametrize("layout", [glued, spaced])


@both_layouts
def test_both_layouts_read_alike(layout: Layout) -> None:
    found = list(read(page(layout(TWO))))
    assert pairs(found) == list(TWO)
    assert len(found) == 2


def test_the_button_glued_to_the_first_title_is_no_part_of_it() -> None:
    assert papers(read(page(glued(TWO))))[0].title == "Bridges of Paper"


@both_layouts
def test_a_first_title_that_begins_like_the_button_is_kept_whole(layout: Layout) -> None:
    entries = [("Subscribers Who Stay", "We follow readers of a magazine for a year. Half of them stay.")]
    assert pairs(read(page(layout(entries)))) == entries


@both_layouts
def test_a_later_title_that_begins_like_the_button_is_kept_whole(layout: Layout) -> None:
    entries = [TWO[0], ("Subscribe or Perish", "We count magazines that closed. Most had few readers.")]
    assert pairs(read(page(layout(entries)))) == entries


def test_header_lines_dates_and_blank_lines_between_entries_are_skipped() -> None:
    header = ["new", f"{BANNER}!", "Subscribe", "by AK and the research community", "Mar 4"]
    text = "\n".join([*header, *TWO[0], "Mar 3", "", "   ", *TWO[1]])
    assert pairs(read(page(text))) == list(TWO)


def test_windows_line_ends_leave_no_trace() -> None:
    assert pairs(read(page(spaced(TWO).replace("\n", "\r\n")))) == list(TWO)


def test_a_source_is_the_line_of_the_title() -> None:
    found = papers(read(page(glued(TWO), "pages/b.txt")))
    assert [(s.origin, s.line, s.title) for paper in found for s in paper.sources] == [
        ("pages/b.txt", 3, "Bridges of Paper"),
        ("pages/b.txt", 5, "What Do Owls Count?"),
    ]


def test_a_title_without_abstract_at_the_end_is_rejected_and_the_rest_kept() -> None:
    found = list(read(page(glued(TWO) + "A Title and Nothing Else\n")))
    assert pairs(found) == list(TWO)
    assert [(r.where, r.why) for r in rejections(found)] == [
        ("pages/one.txt:7", "a title without an abstract: 'A Title and Nothing Else'")
    ]


@pytest.mark.parametrize("second", ["What Owls Count", "What Do Owls Count?", "Owls Count!"])
@both_layouts
def test_a_title_without_abstract_in_the_middle_does_not_shift_what_follows(layout: Layout, second: str) -> None:
    entries = [TWO[0], (second, TWO[1][1])]
    gap = "\n" if layout is glued else "\n\n"
    text = layout(entries).replace(second, f"A Title and Nothing Else{gap}{second}")
    found = list(read(page(text)))
    assert pairs(found) == entries
    assert [r.why for r in rejections(found)] == ["a title without an abstract: 'A Title and Nothing Else'"]


def test_text_without_a_title_is_rejected_and_the_rest_kept() -> None:
    long = "An abstract that follows no title goes on for long. " * 12
    found = list(read(page(glued([TWO[0]]) + f"{long}\n" + "\n".join(TWO[1]))))
    assert pairs(found) == list(TWO)
    assert [r.where for r in rejections(found)] == ["pages/one.txt:5"]
    assert "text without a title: 'An abstract that follows" in rejections(found)[0].why


@pytest.mark.parametrize("cut", [3, 120, 260])
@both_layouts
def test_a_page_cut_in_its_last_abstract_keeps_it_with_a_warning(layout: Layout, cut: int) -> None:
    abstract = "Owls were asked to count the mice in a box, and were paid in mice. " * 6
    found = list(read(page(layout([TWO[0], ("Owls", abstract)]).rstrip()[: -cut - 3])))
    assert [title for title, _ in pairs(found)] == ["Bridges of Paper", "Owls"]
    assert abstract.startswith(pairs(found)[1][1])
    assert not rejections(found)
    assert [w.where for w in warned(found)] == [f"pages/one.txt:{6 if layout is glued else 17}"]
    assert "cut off" in warned(found)[0].why


@pytest.mark.parametrize(
    "end", ["Done.", "(Done.)", 'Done."', "Done!", "Code: https://github.com/example/owls", "So it ends..."]
)
def test_a_page_that_ends_with_its_last_abstract_is_not_called_cut(end: str) -> None:
    found = list(read(page(glued([("Owls", "Owls were asked to count the mice in a box. " * 6 + end)]))))
    assert len(papers(found)) == 1
    assert not warned(found)


def test_a_line_that_cannot_be_read_takes_only_its_own_entry() -> None:
    lines = [Line(1, f"{BANNER}!"), Line(2, "Lost"), Line(3, "", "too long"), Line(4, TWO[0][0]), Line(5, TWO[0][1])]
    found = list(read(Page("p.txt", tuple(lines), iter(lines))))
    assert pairs(found) == [TWO[0]]
    assert [(r.where, r.why) for r in rejections(found)] == [("p.txt:3", "too long")]


def test_a_page_without_banner_is_of_no_known_layout() -> None:
    found = list(read(page("\n".join(TWO[0]))))
    assert not papers(found)
    assert ["no known layout" in r.why for r in rejections(found)] == [True]


def test_a_page_is_told_by_its_content_not_by_its_name() -> None:
    assert pairs(read(page(glued(TWO), "odd.jsonl"))) == list(TWO)


def test_a_saved_page_may_be_named_as_such() -> None:
    assert pairs(read(page("\n".join(TWO[0])), "saved-page")) == [TWO[0]]


# The documented limits: an entry is a line a title (at most 500 characters) and a line an abstract; an abstract of
# under 200 characters ends a sentence; no title is a date or another line of the header. "On" and "We" keep off those.
_line = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=240).map(stored)
_titles = _line.map(lambda text: stored(f"On {text}"))
_abstracts = _line.map(lambda text: stored(f"We {text}."))


@both_layouts
@given(entries=st.lists(st.tuples(_titles, _abstracts), max_size=8))
def test_any_entries_within_the_limits_read_back_the_same(layout: Layout, entries: list[tuple[str, str]]) -> None:
    found = list(read(page(layout(entries))))
    assert pairs(found) == entries
    assert len(found) == max(1, len(entries))


@given(text=st.lists(_line | _titles | _abstracts).map("\n".join) | st.text(max_size=300))
def test_any_text_is_read_without_failing_and_nothing_of_it_is_lost_silently(text: str) -> None:
    found = list(read(page(glued([TWO[0]]) + text)))
    assert pairs(found)[0] == TWO[0]
    lines = sum(bool(line.strip()) for line in glued([TWO[0]]).split("\n") + text.split("\n")) - 2
    entries, notices = len(papers(found)), len(rejections(found))
    assert 2 * entries + notices <= lines <= 2 * (entries + notices)
