"""ask: the contract of the Python call, over a small library, the sample, and the real pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assistant import Answer, Assistant, Stage, Token, verify
from assistant.errors import BadOption, BadQuestion, NoModel
from assistant.inquiry import MAX_QUESTION_CHARS
from assistant.phrases import names
from ingest import Library, Settings
from ingest.errors import LibraryClosed
from tests.test_answer_json import CONTRACT

HESSIAN = "which papers use Hessian approximations for quantization"
PIZZA = "Where can I get the best pizza in Naples?"


@pytest.fixture
def small(library: Library, settings: Settings) -> Assistant:
    return Assistant(library, settings)


@pytest.fixture(scope="session")
def sample(sample_settings: Settings) -> Iterator[Assistant]:
    with Assistant.open(settings=sample_settings) as assistant:
        yield assistant


@pytest.fixture(scope="session")
def pages(pages_settings: Settings) -> Iterator[Assistant]:
    with Assistant.open(settings=pages_settings) as assistant:
        yield assistant


def test_stream_yields_stages_then_the_text_then_the_answer(small: Assistant) -> None:
    events = list(small.stream(HESSIAN))
    assert [e.name for e in events if isinstance(e, Stage)] == ["understand", "retrieve", "judge", "write"]
    answer = events[-1]
    assert isinstance(answer, Answer)
    assert "".join(e.text for e in events if isinstance(e, Token)) == answer.text
    assert sum(isinstance(e, Answer) for e in events) == 1


def test_ask_gives_what_stream_ends_with(small: Assistant) -> None:
    *_, streamed = small.stream(HESSIAN)
    asked = small.ask(HESSIAN).to_dict()
    assert isinstance(streamed, Answer)
    expected = streamed.to_dict()
    for answer in (asked, expected):
        answer["trace"]["seconds"] = None
    assert asked == expected


@pytest.mark.parametrize(
    "given",
    [{"history": ["x"]}, {"history": 5}, {"history": [None]}, {"history": "abc"}, {"where": 5}, {"where": ["a"]}],
)
def test_what_is_of_no_form_at_all_is_named_in_a_line(small: Assistant, given: dict[str, Any]) -> None:
    with pytest.raises(BadOption, match=f"^{next(iter(given))} is .*; expected ") as raised:
        small.ask(HESSIAN, **given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("k", ["3", 2.5, None, 0])
def test_a_k_that_is_no_count_is_named_in_a_line(small: Assistant, k: Any) -> None:
    with pytest.raises(BadOption, match=f"^k is {k!r}; expected a whole number"):
        small.search(HESSIAN, k)


def test_a_question_that_is_no_text_is_named_in_a_line(small: Assistant) -> None:
    with pytest.raises(BadQuestion, match=r"^the question is 5, not text"):
        small.ask(5)  # type: ignore[arg-type]  # what a caller without types may do


def test_a_closed_assistant_says_so(small: Assistant) -> None:
    answer = small.ask(HESSIAN)
    small.close()
    small.close()
    calls: tuple[Callable[[], object], ...] = (
        lambda: small.ask(HESSIAN),
        lambda: small.search(HESSIAN),
        lambda: small.table(HESSIAN, ["bits"]),
        lambda: small.tabulated(answer, ["bits"]),
    )
    for call in calls:
        with pytest.raises(LibraryClosed, match="was closed"):
            call()


def test_an_answer_says_how_it_was_made(small: Assistant) -> None:
    answer = small.ask(HESSIAN)
    assert set(answer.to_dict()) >= CONTRACT
    assert answer.mode == "offline"
    assert answer.model is None
    assert any("no language model" in notice for notice in answer.notices)
    assert answer.trace.library["papers"] == "6"
    assert answer.trace.prompts
    assert answer.coverage.papers == 6
    assert set(answer.trace.seconds) == {"understand", "retrieve", "judge", "write"}


@pytest.mark.parametrize(
    ("question", "read"),
    [("which papers do not use the Hessian?", False), ("weights of networks, but not the Hessian", True)],
)
def test_a_not_that_is_not_read_is_told(small: Assistant, question: str, read: bool) -> None:
    assert any("was not read" in notice for notice in small.ask(question).notices) is not read


@pytest.mark.parametrize("question", ["", "   \n", "x" * (MAX_QUESTION_CHARS + 1)])
def test_a_question_that_cannot_be_asked_is_refused(small: Assistant, question: str) -> None:
    with pytest.raises(BadQuestion, match="ask for example"):
        small.ask(question)
    with pytest.raises(BadQuestion):
        small.search(question)


@pytest.mark.parametrize(
    "options", [{"mode": "magic"}, {"depth": "deep"}, {"history": [{"role": "system", "content": "x"}]}]
)
def test_an_option_out_of_range_is_refused(small: Assistant, options: dict[str, Any]) -> None:
    with pytest.raises(BadOption, match="expected"):
        small.ask(HESSIAN, **options)


def test_mode_llm_without_a_model_is_refused(small: Assistant) -> None:
    with pytest.raises(NoModel):
        small.ask(HESSIAN, mode="llm")


@pytest.mark.parametrize("k", [0, -3])
def test_search_refuses_a_count_below_one(small: Assistant, k: int) -> None:
    with pytest.raises(BadOption, match="at least 1"):
        small.search(HESSIAN, k)


def test_search_ranks_at_most_k_papers_best_first(small: Assistant) -> None:
    hits = small.search("Hessian quantization", 3)
    assert len(hits) == 3
    assert [hit.similarity for hit in hits] == sorted((hit.similarity for hit in hits), reverse=True)
    assert all(0 <= hit.similarity <= 1 for hit in hits)
    assert hits[0].paper.title in ("Curvature-Guided Weight Rounding", "Mixed Precision from Hessian Traces")


@pytest.mark.parametrize(
    "question",
    [
        "?",
        "!!!",
        "[1] [2] **x** <b>",
        "the of and",
        "日本語の質問",
        "a" * 500,
        "\x00\u202e\ud800x",
        "' OR 1=1 --",
        'title:"x" AND (',
    ],
)
def test_any_text_gets_a_proved_answer(small: Assistant, question: str) -> None:
    answer = small.ask(question)
    assert verify(answer, small.library).problems == ()


@pytest.mark.slow
@pytest.mark.parametrize("question", [HESSIAN, "How do samplers for diffusion models differ?", "What is NOTEARS?"])
def test_sample_answers_are_proved_and_say_they_quote_digests(sample: Assistant, question: str) -> None:
    answer = sample.ask(question)
    assert not answer.abstained
    assert verify(answer, sample.library).problems == ()
    assert any("digests" in notice for notice in answer.notices)
    assert "digests" in answer.text
    assert all(citation.paper.digest for citation in answer.citations)


@pytest.mark.slow
def test_sample_knows_no_pizza(sample: Assistant) -> None:
    answer = sample.ask(PIZZA)
    assert answer.abstained
    assert answer.kind == "none"
    assert answer.reason
    assert not answer.citations


@pytest.mark.slow
def test_a_name_that_a_paper_holds_is_found_however_rare(sample: Assistant) -> None:
    holders: dict[str, str] = {}
    for paper in sample.library.store.every_paper():
        holders |= dict.fromkeys(names(f"{paper.title}. {paper.abstract}"), paper.id)
    words = sample.library.words
    rare = sorted(name for name in holders if [words.document_frequency(t) for t in words.terms(name)] == [1])
    for name in random.Random(0).sample(rare, 30):  # noqa: S311 (seeded)
        for question in (f"which papers use {name}?", f"what is {name}?"):
            answer = sample.ask(question)
            assert not answer.abstained, question
            assert holders[name] in [citation.paper.id for citation in answer.citations], question


NINE = (
    "VPTQ", "Augmenting Hessians with Inter-Layer Dependencies", "HAWQ: Hessian", "GPTQ:", "Q-BERT:", "SqueezeLLM:",
    "APTQ:", "HAWQ-V2:", "RSQ:",
)  # fmt: skip


@pytest.mark.slow
def test_the_real_pages_give_the_hessian_papers(pages: Assistant) -> None:
    answer = pages.ask(HESSIAN)
    titles = [citation.paper.title for citation in answer.citations]
    found = {name for name in NINE if any(title.startswith(name) for title in titles)}
    assert len(found) >= 8, set(NINE) - found
    assert len(titles) - len(found) <= 6, titles
    assert verify(answer, pages.library).problems == ()


@pytest.mark.slow
def test_the_real_pages_know_no_pizza(pages: Assistant) -> None:
    answer = pages.ask(PIZZA)
    assert answer.abstained
    assert answer.reason
