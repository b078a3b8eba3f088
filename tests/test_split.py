"""Paper -> Passages: sentences as spans."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.clean import stored
from ingest.records import Paper
from ingest.split import MAX_SENTENCE_CHARS, passage_text, sentence_spans, split

_pieces = st.sampled_from(
    ["We", "prove", "it", "e.g.", "i.e.", "et al.", "cf.", "Fig.", "3.", "4.5", "U.S.", "Mr.", "...", "?", "!", ".",
     ")", '"', "’", "[1]", "(a)", "\n", "  ", "é", "图。", "https://a.io/b.", "x" * 1200, "Yes!", ";", "A.", "a"]
)  # fmt: skip
_texts = (
    st.text(max_size=300) | st.lists(_pieces, max_size=40).map(" ".join) | st.lists(_pieces, max_size=20).map("".join)
)


@example("a" * 2500)
@example(("word " * 250 + "end. ") * 3)
@given(text=_texts)
def test_spans_hold_all_but_white_space_in_order_without_overlap(text: str) -> None:
    spans = sentence_spans(text)
    cursor = 0
    for start, end in spans:
        assert cursor <= start < end <= len(text)
        assert not text[cursor:start].strip()
        assert text[start:end] == text[start:end].strip()
        assert end - start <= MAX_SENTENCE_CHARS
        cursor = end
    assert not text[cursor:].strip()


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("We follow Smith et al. The bound is tight.", 1),
        ("Methods (e.g. Newton's) are fast. They need memory.", 2),
        ("It works, i.e. It converges. We prove it.", 2),
        ("See Fig. 3 for this. See Sec. 4 for that.", 2),
        ("We descend w.r.t. Each coordinate. It is fast.", 2),
        ("It was shown by J. Smith that it works. We extend it.", 2),
        ("The rate is 0.5 on average. It beats 3.2 of before.", 2),
        ("Does it scale? It does! We show how.", 3),
        ('He said "No." Then he left.', 2),
        ("Code is at https://github.com/a/b.git. We thank all.", 2),
        ("One sentence without an end", 1),
        ("It holds. (See the proof.) It is tight.", 3),
        ("It holds for convex f. and for g.", 1),
        ("A scheme (Lee, J. Sci. Comput. 2023) is stable. We extend it.", 2),
        ("It holds on (0, 1]. We show (by induction) more.", 2),
    ],
)
def test_sentences_are_cut_where_they_end_and_not_inside_abbreviations(text: str, count: int) -> None:
    assert [text[start:end] for start, end in sentence_spans(text)] != []
    assert len(sentence_spans(text)) == count


def test_an_overlong_sentence_is_cut_at_white_space() -> None:
    text = "word " * 500 + "end."
    parts = [text[start:end] for start, end in sentence_spans(text)]
    assert len(parts) == 3
    assert all(set(part.split()) <= {"word", "end."} for part in parts)


def test_passages_are_the_whole_and_then_its_sentences() -> None:
    paper = Paper("p", "T", "One is here. Two is there.")
    assert [(p.paper_id, p.ordinal, p.start, p.end) for p in split(paper)] == [
        ("p", 0, 0, 26), ("p", 1, 0, 12), ("p", 2, 13, 26),
    ]  # fmt: skip


@given(abstract=_texts.map(stored))
def test_ordinals_run_from_zero(abstract: str) -> None:
    passages = split(Paper("p", "T", abstract))
    assert [p.ordinal for p in passages] == list(range(len(passages)))
    assert (passages[0].start, passages[0].end) == (0, len(abstract))


def test_what_is_encoded_is_title_and_sentence_as_plain_words() -> None:
    paper = Paper("p", r"The Fr\'echet Mean", r"One. Two $\alpha$ three.")
    assert passage_text(paper, split(paper)[2]) == "The Fréchet Mean. Two alpha three."
