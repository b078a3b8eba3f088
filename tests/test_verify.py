"""verify: an answer that holds is proved, and one changed character anywhere is found."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import pytest

from assistant import Answer, verify
from assistant.compose import compose
from assistant.records import Coverage, Judgement, Quote, Verdict
from ingest import Library, Settings


@pytest.fixture
def answer(library: Library) -> Answer:
    papers = list(library.store.every_paper())[:3]
    judgements = [
        Judgement(
            p,
            0.9,
            True,
            (Quote(p.abstract[:30], 0, 30, "abstract"), Quote(p.title, 0, len(p.title), "title")),
            None,
            None,
        )
        for p in papers[:2]
    ]
    judgements.append(Judgement(papers[2], 0.1, False, (), None, "it lacks all"))
    coverage = Coverage(papers=6, retrieved=3, judged=3, relevant=2)
    draft = compose("list", Verdict(tuple(judgements), None), coverage, {})
    return Answer(
        question="q", standalone_question="q", kind="list", mode="offline", model=None, text=draft.text,
        abstained=False, reason=None, claims=draft.claims, citations=draft.citations, near_misses=draft.near_misses,
        coverage=coverage,
    )  # fmt: skip


def problems(answer: Answer, library: Library) -> str:
    return "; ".join(verify(answer, library).problems)


def test_an_answer_as_given_is_proved(answer: Answer, library: Library) -> None:
    found = verify(answer, library)
    assert (found.citations, found.quotes, found.problems) == (2, 4, ())
    assert verify(Answer.from_dict(answer.to_dict()), library).problems == ()


def test_one_altered_character_of_a_quote_is_found(answer: Answer, library: Library) -> None:
    data = answer.to_dict()
    quote = data["citations"][0]["quotes"][0]
    for index in range(len(quote["text"])):
        changed = quote["text"][:index] + chr(ord(quote["text"][index]) + 1) + quote["text"][index + 1 :]
        quotes = ({**quote, "text": changed}, *data["citations"][0]["quotes"][1:])
        citations = ({**data["citations"][0], "quotes": quotes}, *data["citations"][1:])
        assert "quote" in problems(Answer.from_dict({**data, "citations": citations}), library)


@pytest.mark.parametrize("field", ["title", "abstract"])
@pytest.mark.parametrize("rank", [0, 2, 5])
def test_one_altered_character_of_the_library_is_found(
    answer: Answer, library: Library, settings: Settings, field: str, rank: int
) -> None:
    paper = list(library.store.every_paper())[rank]
    with sqlite3.connect(settings.library / "library.db") as db:
        text = getattr(paper, field)
        db.execute(f"UPDATE papers SET {field} = ? WHERE id = ?", [text[:-1] + "!", paper.id])  # noqa: S608
    db.close()
    assert paper.id in problems(answer, library)


def test_offsets_outside_the_text_are_found(answer: Answer, library: Library) -> None:
    first = answer.citations[0]
    for start, end in ((-1, 29), (0, 10**9), (30, 0), (5, 5)):
        moved = replace(first, quotes=(replace(first.quotes[0], start=start, end=end),))
        assert "quote" in problems(replace(answer, citations=(moved, answer.citations[1])), library)


def test_markers_and_citations_must_match(answer: Answer, library: Library) -> None:
    assert "[9] resolves to no citation" in problems(replace(answer, text=answer.text + " [9]"), library)
    assert "[2] is not used" in problems(replace(answer, text=answer.text.replace("[2]", "")), library)
    swapped = answer.text.replace("[1]", "[x]").replace("[2]", "[1]").replace("[x]", "[2]")
    assert "not by first use" in problems(replace(answer, text=swapped), library)
    shifted = tuple(replace(c, number=c.number + 1) for c in answer.citations)
    assert "numbered [2, 3]" in problems(replace(answer, citations=shifted), library)


def test_a_claim_must_cite_what_is_there(answer: Answer, library: Library) -> None:
    assert "cites [7]" in problems(replace(answer, claims=(replace(answer.claims[0], citations=(7,)),)), library)
    assert "without a citation" in problems(replace(answer, claims=(replace(answer.claims[0], citations=()),)), library)


def test_a_claim_with_no_quote_behind_it_is_found(answer: Answer, library: Library) -> None:
    bare = (replace(answer.citations[0], quotes=()), answer.citations[1])
    assert "no quote shows it" in problems(replace(answer, citations=bare), library)


def test_a_paper_that_left_the_library_is_found(answer: Answer, library: Library) -> None:
    first = answer.citations[0]
    gone = replace(first, paper=replace(first.paper, id="gone"))
    assert "no paper 'gone'" in problems(replace(answer, citations=(gone, answer.citations[1])), library)
