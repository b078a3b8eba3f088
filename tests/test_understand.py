"""understand: aspects, kinds, what is left aside, follow-ups."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.phrases import aspects, names, ways
from assistant.question_words import SAYS_NOTHING
from assistant.understand import asks_of_sources, understand


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("which papers use Hessian approximations for quantization", ["Hessian approximations", "quantization"]),
        ("Does K-FAC beat Newton's method?", ["K-FAC beat Newton's method"]),
        ("GMP*: pruning, and sparsity", ["GMP*", "pruning", "sparsity"]),
        ("which of them is it?", []),
    ],
)
def test_aspects_are_the_phrases_between_words_that_only_ask(question: str, expected: list[str]) -> None:
    assert list(aspects(question)) == expected


@pytest.mark.parametrize(
    ("question", "named", "wanted"),
    [
        ("pruning for vision", ["pruning", "vision"], ((0, 1),)),
        ("bounds for Muon or Shampoo", ["bounds", "Muon", "Shampoo"], ((0, 1), (0, 2))),
        ("convex or smooth functions", ["convex functions", "smooth functions"], ((0,), (1,))),
        ("MRI or other medical scans", ["MRI", "medical scans"], ((0,), (1,))),
        (
            "trust, governance, or regulation of AI",
            ["trust", "governance", "regulation", "AI"],
            ((0, 3), (1, 3), (2, 3)),
        ),
        ("photos / videos", ["photos", "videos"], ((0,), (1,))),
        ("trust, or whether it pays", ["trust", "pays"], ((0, 1),)),
        ("a1 or b1 and a2 or b2 and a3 or b3 and a4 or b4", [f"{x}{n}" for n in range(1, 5) for x in "ab"], None),
        ("or", [], ()),
    ],
)
def test_of_what_or_joins_one_will_do(
    question: str, named: list[str], wanted: tuple[tuple[int, ...], ...] | None
) -> None:
    assert list(aspects(question)) == named
    assert ways(question) == (wanted if wanted is not None else (tuple(range(8)),))


@given(st.text(max_size=200))
def test_any_text_can_be_understood(text: str) -> None:
    query = understand(text)
    assert query.text == " ".join(text.split())
    assert query.aspects
    assert {place for way in query.ways for place in way} == set(range(len(query.aspects)))
    assert all(word.lower() not in SAYS_NOTHING for aspect in aspects(query.sought) for word in aspect.split(" "))


@pytest.mark.parametrize("verb", ["study", "analyse", "analyze", "investigate", "examine"])
def test_what_any_paper_does_is_no_part_of_the_subject(verb: str) -> None:
    assert understand(f"which papers {verb} the Shampoo optimizer?").aspects == ("Shampoo optimizer",)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Which paper introduced Trained Rank Pruning?", "fact"),
        ("who first proposed matrix-free curvature?", "fact"),
        ("which papers introduced pruning methods", "list"),
        ("which papers use Hessian approximations for quantization", "list"),
        ("neural operators for PDEs", "list"),
        ("has anyone trained a transformer backwards?", "list"),
        ("What throughput does the fastest one reach?", "fact"),
        ("Diagnosing illness from speech: for which disorders is evidence thin?", "fact"),
        ("Compare how these systems order blocks.", "compare"),
        ("How do GPTQ and HAWQ differ?", "compare"),
        ("Is there anything on attacks against federated learning?", "list"),
        ("is there a limit to how far weights can be compressed?", "fact"),
        ("telling twins apart by how they walk", "list"),
        ("If twins are told apart, by how much do errors fall?", "fact"),
        ("by how much do errors fall", "fact"),
        ("what is the batch size in the original paper", "fact"),
        ("what work is there beside the original paper", "list"),
    ],
)
def test_the_wording_tells_the_kind(question: str, kind: str) -> None:
    assert understand(question).kind == kind


@pytest.mark.parametrize(
    ("question", "sought", "excluded"),
    [
        ("Leaving tabular data aside, what is boosting used for?", "what is boosting used for?", ("tabular data",)),
        ("privacy papers on streams, not counting those about training", "privacy papers on streams", ("training",)),
        ("pruning methods other than magnitude pruning", "pruning methods", ("magnitude pruning",)),
        ("excluding everything", "excluding everything", ()),
        ("pruning papers not about LLMs", "pruning papers", ("LLMs",)),
        ("pruning papers that are not about language models", "pruning papers", ("language models",)),
        ("training that does not need gradients", "training that does not need gradients", ()),
        ("which papers are not about pruning?", "which papers are not about pruning?", ()),
        ("is it fast but not accurate?", "is it fast ?", ("accurate",)),
    ],
)
def test_what_is_left_aside_is_not_sought(question: str, sought: str, excluded: tuple[str, ...]) -> None:
    query = understand(question)
    assert (query.sought, query.excluded) == (sought, excluded)


def test_names_are_told_by_their_letters() -> None:
    found = names("Why is K-FAC used with a GPT-style model? The ResNet-50 of Anna Smith is in no list.")
    assert list(found) == ["K-FAC", "GPT", "ResNet-50", "Anna", "Smith"]


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("How many watts does it draw?", True),
        ("What top-1 accuracy is reached?", True),
        ("How many papers study dogs?", False),
        ("Why does it fail?", False),
    ],
)
def test_some_questions_want_a_number(question: str, asks: bool) -> None:
    assert understand(question).asks_number is asks


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("which papers are by Ada Lovelace?", True),
        ("papers by Ada Lovelace", True),
        ("who wrote HAWQ?", True),
        ("Which papers were published after 2021?", True),
        ("pruning since 2020", True),
        ("papers in 2023 on pruning", True),
        ("which papers from Google Research use pruning", True),
        ("ordering text written by hand", False),
        ("papers of interest on networks before training", False),
        ("works by pruning weights", False),
    ],
)
def test_what_only_sources_say_is_told_apart(question: str, asks: bool) -> None:
    assert asks_of_sources(understand(question)) is asks


def _turns(*contents: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[i % 2], "content": content} for i, content in enumerate(contents)]


@pytest.mark.parametrize("follow_up", ["Does it work without labels?", "And on graphs?", "Why?"])
def test_a_follow_up_is_read_after_the_questions_it_leans_on(follow_up: str) -> None:
    query = understand(follow_up, _turns("Who orders point clouds?", "Two papers do.", "By learning?", "Yes."))
    assert query.text == f"Who orders point clouds? By learning? {follow_up}"


@pytest.mark.parametrize(
    "follow_up",
    [
        "Does it work without labels?",
        "And on graphs?",
        "Why?",
        "with code?",
        "how fast?",
        "what is the accuracy?",
        "is there more of that kind?",
        "how do the first two differ?",
        "can such models be trained faster?",
        "any other papers?",
    ],
)
def test_what_is_no_question_by_itself_leans(follow_up: str) -> None:
    assert understand(follow_up, _turns("Who orders point clouds?", "Two papers do.")).text != follow_up


@pytest.mark.parametrize(
    "question",
    [
        "Which papers prove lower bounds for convex optimization?",
        "which papers use LoRA?",
        "what is quantization?",
        "What does GPTQ do?",
        "who trains on graphs?",
        "papers that use K-FAC",
        "which papers show that large batches hurt?",
        "which papers train large networks and then prune them?",
        "which methods such as Shampoo keep the second moment of gradients?",
    ],
)
def test_a_question_on_something_else_stands_alone(question: str) -> None:
    assert understand(question, _turns("Who orders point clouds?", "Two papers do.")).text == question


ANSWER = (
    "**2 of 9 papers** show this.\n\n- **Net\\_A: Fast**\n“It is.” [1]\n\n- **B\\*-Trees**\n“They are.” [2] “So.” [3]"
)


@pytest.mark.parametrize(
    ("follow_up", "text"),
    [
        ("tell me more about [2]", "tell me more about “B*-Trees”"),
        ("how do the first two differ?", "how do “Net_A: Fast” and “B*-Trees” differ?"),
        ("what accuracy does the first one report?", "what accuracy does “Net_A: Fast” report?"),
        ("does the last paper say so?", "does “B*-Trees” say so?"),
        ("compare the second and the first", "compare “B*-Trees” and “Net_A: Fast”"),
    ],
)
def test_papers_of_the_answer_that_are_pointed_at_are_named(follow_up: str, text: str) -> None:
    for answer in (ANSWER, " ".join(ANSWER.split())):
        assert understand(follow_up, _turns("Which trees are fast?", answer)).text == text


@pytest.mark.parametrize(
    "follow_up", ["tell me more about [7]", "is the first order method fast on graphs with weights?"]
)
def test_what_points_at_no_paper_stays_as_it_is(follow_up: str) -> None:
    assert understand(follow_up, _turns("Which trees are fast?", ANSWER)).text.endswith(follow_up)
