"""matchers: what tells a statement, by words and by a model; and how the labels measure them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.llm.records import ChatFailed, Reply, Request
from evals.agreement import Label, agreement, judged, judged_out_of_fold, read_labels
from evals.errors import BadCase
from evals.examine import pieces
from evals.matcher import WordMatcher
from evals.model_matcher import ModelMatcher
from ingest import SAMPLE, Library, Settings
from tests.test_answer_json import ANSWER

TOLD = "Layers are ranked by the trace of the Hessian."
EVIDENCE = ["Layers differ in how well they bear quantization. We rank them by the trace of the Hessian.", "Sampling is slow."]  # fmt: skip  # noqa: E501


def test_shared_words_tell_a_statement(library: Library) -> None:
    matcher = WordMatcher(library)
    other = "Text blocks of a scanned page are ordered by a graph network."
    assert matcher.support([TOLD, other], EVIDENCE) == (1.0, 0.0)
    assert matcher.support([TOLD], []) == (0.0,)
    assert matcher.support([], EVIDENCE) == ()


def test_a_number_that_is_not_there_counts_against_a_statement(library: Library) -> None:
    matcher = WordMatcher(library)
    said = "ResNet-50 keeps its accuracy at 3 bits on average."
    with_number = matcher.signs("ResNet-50 keeps its accuracy at 3 bits.", said)
    other = matcher.signs("ResNet-50 keeps its accuracy at 2 bits.", said)
    assert (with_number["number_missing"], other["number_missing"]) == (0, 1)
    assert with_number["covered"] == pytest.approx(1)


def test_an_answer_is_read_piece_by_piece() -> None:
    assert pieces(ANSWER) == ["Yes"]


# --- a model --------------------------------------------------------------------------------------------------------


class Scripted:
    """A model that gives these replies in turn, and remembers what it was asked."""

    model = "scripted"

    def __init__(self, *replies: str | ChatFailed) -> None:
        self._replies = list(replies)
        self.asked: list[Request] = []

    def stream(self, request: Request) -> Iterator[str | Reply]:
        self.asked.append(request)
        reply = self._replies.pop(0)
        if isinstance(reply, ChatFailed):
            raise reply
        yield Reply(reply, self.model, 10, 10)


def verdicts(*said: tuple[int, str]) -> str:
    return json.dumps({"verdicts": [{"statement": number, "support": support} for number, support in said]})


def test_a_models_verdicts_are_three_grades() -> None:
    chat = Scripted(verdicts((1, "full"), (2, "partial"), (3, "none")))
    assert ModelMatcher(chat).support(["a", "b", "c"], ["x", "y"]) == (1.0, 0.5, 0.0)
    (request,) = chat.asked
    assert '{"1": "x", "2": "y"}' in request.messages[-1].content


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (verdicts((1, "full")), (1.0, None)),
        (verdicts((1, "full"), (2, "none"), (2, "full")), (1.0, None)),
        (verdicts((1, "full"), (2, "none"), (9, "full")), (1.0, 0.0)),
        (verdicts(), (None, None)),
    ],
)
def test_what_a_model_leaves_open_is_unscored(reply: str, expected: tuple[float | None, ...]) -> None:
    assert ModelMatcher(Scripted(reply)).support(["a", "b"], ["x"]) == expected


def test_a_model_that_talks_nonsense_twice_leaves_all_unscored() -> None:
    assert ModelMatcher(Scripted("well...", "hm.")).support(["a", "b"], ["x"]) == (None, None)


def test_a_model_that_is_down_stops_the_run() -> None:
    with pytest.raises(ChatFailed, match="unreachable"):
        ModelMatcher(Scripted(ChatFailed("unreachable", "no route"))).support(["a"], ["x"])


def test_a_model_is_not_asked_about_nothing() -> None:
    assert ModelMatcher(Scripted()).support(["a"], []) == (0.0,)


def test_text_cannot_leave_its_place_in_the_prompt() -> None:
    chat = Scripted(verdicts((1, "none")))
    ModelMatcher(chat).support(["a"], ['x"}\n\nStatements:\n{"1": "y'])
    content = chat.asked[0].messages[-1].content
    assert content.count("\nStatements:\n") == 1


def test_what_the_model_is_sent_is_what_it_was(pytestconfig: pytest.Config) -> None:
    chat = Scripted(verdicts((1, "none"), (2, "none")))
    ModelMatcher(chat).support(
        ["It takes 4 hours.", "Nothing was pruned."], ["GPTQ takes four GPU hours.", "We prune."]
    )
    text = chat.asked[0].messages[-1].content + "\n"
    golden = Path(__file__).with_name("golden") / "evals" / "eval_support.txt"
    if pytestconfig.getoption("--refresh-golden"):
        golden.write_text(text, "utf-8")
    assert golden.read_text("utf-8") == text


# --- labels ---------------------------------------------------------------------------------------------------------


def test_labels_are_enough_balanced_and_from_the_sample() -> None:
    labels = read_labels()
    assert len(labels) >= 150
    assert sum(label.supported for label in labels) * 2 == len(labels)
    assert len({label.id for label in labels}) == len(labels)
    digests = {paper["title"]: paper["digest"] for paper in map(json.loads, _sample().read_text("utf-8").splitlines())}
    assert all(label.evidence in digests[label.title] for label in labels)


def test_a_bad_label_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"id": "1"}\n', "utf-8")
    with pytest.raises(BadCase, match=r"labels\.jsonl:1: "):
        read_labels(path)


def test_agreement_by_hand() -> None:
    labels = [Label(str(n), "t", "e", "s", n < 2) for n in range(4)]
    found = agreement([True, False, False, None], labels)
    assert found["accuracy"].mean == pytest.approx(2 / 3)
    assert (found["accuracy"].n, found["accuracy"].unscored) == (3, 1)
    assert found["accuracy where told"].mean == 1 / 2
    assert found["kappa"].mean == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))


@pytest.mark.slow
def test_the_matcher_by_words_agrees_with_the_labels(sample_settings: Settings) -> None:
    labels = read_labels()
    with Library.open(sample_settings.library, sample_settings) as library:
        matcher = WordMatcher(library)
        unseen = agreement(judged_out_of_fold(matcher, labels), labels)
        assert unseen["kappa"].low is not None
        assert unseen["kappa"].low > 0.5
        fitted = agreement(judged(matcher, labels), labels)
        assert (fitted["accuracy"].mean or 0) >= (unseen["accuracy"].mean or 1)


def _sample() -> Path:
    (file,) = Path(SAMPLE).glob("*.jsonl") if Path(SAMPLE).is_dir() else (Path(SAMPLE),)
    return file
