"""verify: an answer that holds is proved, and one changed character anywhere is found."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from typing import Any, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Answer, Assistant, verify
from assistant.by_llm.draft import Parts, Supported, as_prose
from assistant.by_llm.sheets import Sheet
from assistant.by_llm.write import Dropped, read
from assistant.compose import Draft, compose
from assistant.records import Coverage, Judgement, Kind, PaperHit, Quote, Removed, Trace, Verdict
from assistant.verify_text import strays
from ingest import Library, Paper, Settings
from ingest.records import Source


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


def saved(draft: Draft, kind: Kind = "list", mode: str = "offline", relevant: int = 2) -> Answer:
    """What `assistant.ask` makes of a draft."""
    return Answer(
        question="q", standalone_question="q", kind="none" if draft.abstained_because else kind,
        mode=cast(Any, mode), model="m" if mode == "llm" else None, text=draft.text,
        abstained=draft.abstained_because is not None, reason=draft.reason, claims=draft.claims,
        citations=draft.citations, near_misses=draft.near_misses, coverage=Coverage(6, 3, 3, relevant),
        notices=draft.notices,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("” [1]", "” It wins a prize. [1]"),
        ("  “We quantize", "  It wins a prize. “We quantize"),
        ("\n- **", "\nIt wins a prize.\n- **"),
        ("- **Diffusion", "- **Fusion"),
        ("quantize", "equalize"),
        ("“We quantize", "We quantize"),
        (" [2]", " [1] [2]"),
        ("2 of 6 papers", "2 of 9 papers"),
        ("\n  “Diffusion Sampling in Ten Steps” [2]", ""),
    ],
)
def test_a_text_that_says_more_less_or_else_than_its_claims_is_found(
    answer: Answer, library: Library, old: str, new: str
) -> None:
    assert old in answer.text
    assert problems(replace(answer, text=answer.text.replace(old, new, 1)), library)


def test_a_sentence_at_the_end_is_found(answer: Answer, library: Library) -> None:
    assert "'It wins.'" in problems(replace(answer, text=answer.text + " It wins."), library)
    assert "'> It wins.'" in problems(replace(answer, text=answer.text + "\n\n> It wins."), library)


def test_an_offline_claim_that_is_no_quote_is_found_though_the_text_says_it_too(
    answer: Answer, library: Library
) -> None:
    said = answer.claims[0].text
    claims = (replace(answer.claims[0], text="It wins."), *answer.claims[1:])
    altered = replace(answer, text=answer.text.replace(said, "It wins."), claims=claims)
    assert problems(altered, library) == "claim of an offline answer is no quote of [1]: 'It wins.'"


@pytest.mark.parametrize(
    "told",
    [{"abstained": True}, {"kind": "none"}, {"reason": "None does."}, {"citations": (), "claims": ()}, {"mode": "llm"}],
)
def test_whether_there_is_an_answer_cannot_be_told_in_two_ways(
    answer: Answer, library: Library, told: dict[str, Any]
) -> None:
    assert re.search("told in two ways|and the model None", problems(replace(answer, **told), library))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("authors", ("N. Body",)),
        ("year", 1999),
        ("url", "https://x.example"),
        ("sources", (Source("forged.txt", 1, "T"),)),
    ],
)
def test_what_is_told_of_a_paper_is_what_the_library_tells(
    answer: Answer, library: Library, field: str, value: object
) -> None:
    first, *others = answer.citations
    altered = replace(first, paper=replace(first.paper, **cast(dict[str, Any], {field: value})))
    assert f"[1]: {field} of paper" in problems(replace(answer, citations=(altered, *others)), library)
    (miss,) = answer.near_misses
    missed = replace(miss, paper=replace(miss.paper, **cast(dict[str, Any], {field: value})))
    assert f"{field} of paper" in problems(replace(answer, near_misses=(missed,)), library)
    less = replace(first, paper=replace(first.paper, authors=(), year=None, url=None))
    assert "of paper" not in problems(replace(answer, citations=(less, *others)), library)


@pytest.mark.parametrize(
    "counts", [{"papers": 1_000_000}, {"papers": 2}, {"retrieved": 7}, {"judged": 4}, {"relevant": 1}, {"relevant": 3}]
)
def test_counts_that_cannot_be_are_found(answer: Answer, library: Library, counts: dict[str, int]) -> None:
    made = replace(answer.coverage, **cast(dict[str, Any], counts))
    assert re.search("cannot be|the library held|counts 3 as", problems(replace(answer, coverage=made), library))


def test_papers_that_left_since_do_not_count_against_an_answer(answer: Answer, library: Library) -> None:
    text = answer.text.replace("of 6 papers", "of 9 papers")
    of_nine = replace(answer, text=text, coverage=replace(answer.coverage, papers=9))
    assert "9 papers were asked of the 6" in problems(of_nine, library)
    assert not problems(replace(of_nine, trace=Trace(library={"papers": "9"})), library)


def test_what_frames_claims_is_left_alone_where_other_wordings_framed_them(answer: Answer, library: Library) -> None:
    reworded = replace(answer, text=answer.text.replace("show this", "do so"))
    assert "show" not in answer.text or "do so" in problems(reworded, library)
    older = replace(reworded, trace=Trace(prompts={"list": "0" * 64}))
    assert not problems(older, library)
    assert problems(replace(older, text=older.text.replace("” [1]", "” Or so. [1]", 1)), library)


@pytest.mark.parametrize("question", ["which papers use the Hessian?", "at how many bits?", "compare solvers", "pizza"])
def test_no_true_answer_is_doubted(library: Library, settings: Settings, question: str) -> None:
    for where in (None, "year >= 2021"):
        answer = Assistant(library, settings).ask(question, where=where)
        assert problems(Answer.from_dict(answer.to_dict()), library) == ""


HOSTILE = st.one_of(st.text(max_size=60), st.text("ab “”[]()1|*_\\`<>&;-.#:", min_size=1, max_size=30))


@given(titles=st.lists(HOSTILE, min_size=2, max_size=2), texts=st.lists(HOSTILE, min_size=2, max_size=2))
def test_whatever_papers_say_an_offline_answer_is_framed_claims(titles: list[str], texts: list[str]) -> None:
    papers = [Paper(str(n), f"{' '.join(titles[n].split())}.", f"{' '.join(texts[n].split())}.") for n in (0, 1)]
    judgements = tuple(
        Judgement(p, 0.9, True, (Quote(p.abstract, 0, len(p.abstract), "abstract"),), None, None) for p in papers
    )
    for kind in get_args(Kind):
        draft = compose(kind, Verdict(judgements, None), Coverage(6, 3, 3, 2), {"notice_extractive": {}})
        assert list(strays(saved(draft, kind))) == []
    missed = tuple(replace(j, satisfied=False, lacks=j.paper.abstract) for j in judgements)
    draft = compose("list", Verdict(missed, "nothing_found"), Coverage(6, 3, 3, 0), {})
    assert list(strays(saved(draft, relevant=0))) == []


@given(said=st.lists(st.tuples(HOSTILE, st.sampled_from(["[1.1]", "[2.1]", "[1.1] [2.1]"])), min_size=1, max_size=5))
def test_whatever_a_model_writes_a_comparison_is_framed_claims(said: list[tuple[str, str]]) -> None:
    sheets = {str(n): _sheet(n) for n in (1, 2)}
    known = {sheet.key: sheet for sheet in sheets.values()}
    raw = [f"{' '.join(text.split())} {marker}" for text, marker in said]
    lines = [line for line in (read(each, known, Dropped()) for each in ["| a | b |", *raw]) if line]
    verdict = Verdict(
        tuple(Judgement(s.paper, 0.9, True, s.quotes[1:], None, None) for s in sheets.values()), None
    )  # fmt: skip
    parts = Parts(sheets, verdict, Coverage(6, 3, 3, 2), [Supported(line, 1.0) for line in lines], {}, Removed())
    assert list(strays(saved(as_prose(parts), "compare", "llm"))) == []


def _sheet(key: int) -> Sheet:
    paper = Paper(str(key), "A title", "It does so.")
    quotes = (Quote(paper.title, 0, 7, "title"), Quote(paper.abstract, 0, 11, "abstract"))
    return Sheet(key, PaperHit(paper, 0.5, (), {}), quotes, frozenset(), "", 0)
