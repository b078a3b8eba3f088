"""The comparison with other systems: who is asked what, how often, and how it is counted."""

from __future__ import annotations

import json
import random
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from assistant import Answer, Assistant
from assistant.llm.tokens import count
from assistant.records import Depth
from evals.peer_reader import Reader, UnknownPrompt, by_judgements
from evals.peer_run import PeerFailed, Told, lay_out, told
from evals.peer_server import Call, ModelServer, most_at_once
from evals.peer_systems import CANNOT, NOT_SAID, PEERS, stay_here
from evals.peer_waits import BEFORE_FIRST_MS, Wait, waits
from evals.peers import HEAD, chosen, report
from evals.records import Case
from ingest import Library, Settings, ingest
from prompts import render
from tests.conftest import SIX
from tests.fakes import WordEncoder
from tests.libraries import WORDS
from tests.timing import slowness

QUESTION = "which papers use the Hessian for quantization"
CURVATURE, TRACES = "Curvature-Guided Weight Rounding", "Mixed Precision from Hessian Traces"
SHEETS = """\
PAPER 1 (2023)
[1.0] Reading Order of Scanned Pages
[1.1] Text blocks must be read in order.
END

PAPER 2
[2.0] Mixed Precision from Hessian Traces
[2.1] Layers differ.
[2.3] The trace of the Hessian tells how a layer bears quantization.
END"""
CASES = (
    {
        "id": "1", "type": "list", "question": QUESTION,
        "relevant": [{"title": CURVATURE, "grade": 2}, {"title": TRACES, "grade": 2}],
    },
    {"id": "2", "type": "unanswerable", "question": "how long do tomatoes boil?", "relevant": []},
    {
        "id": "3", "type": "factoid", "question": "how many queries does a zeroth-order method need at least?",
        "relevant": [{"title": "Lower Bounds for Zeroth-Order Methods", "grade": 2}],
    },
)  # fmt: skip


def case(number: int, question: str = QUESTION, grades: Mapping[str, int] | None = None) -> tuple[Case, dict[str, int]]:
    return Case(str(number), "list", question, (), None, (), grades or {}, ()), {}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a library of six papers, by the encoder that processes of their own open it with, and the cases."""
    folder = tmp_path_factory.mktemp("peers")
    (folder / "six.jsonl").write_text("".join(json.dumps(record) + "\n" for record in SIX), "utf-8")
    (folder / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in CASES), "utf-8")
    ingest(folder / "six.jsonl", settings=Settings(library=folder / "library", offline=True))
    return folder


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer(Reader(), WordEncoder()) as opened:
        yield opened


def laid_out(sample: Path, *asked: tuple[Case, dict[str, int]]) -> Path:
    with Library.open(sample / "library", Settings(library=sample / "library", offline=True)) as library:
        lay_out(sample, library, asked)
    return sample


# --- the reader -------------------------------------------------------------------------------------------------------


def ours(prompt: str, **fields: object) -> str:
    return f"{render('rules')}\n{render(prompt, **fields)}"


ASKED = {"question": QUESTION, "criteria": f"1. {QUESTION}", "papers": SHEETS}
THEIRS = {
    "naive": (
        "Be brief.\nContext information is below.\n-----\n{}\n-----\nGiven that, answer.\nQuery: {}\nAnswer: ",
        "Reading Order\nText blocks must be read.\n\nHessian Traces\nLayers differ. The Hessian guides quantization.",
    ),
    "sources": (
        "Source 1:\nred\nBelow are several numbered sources of information:\n------\n{}\n------\nQuery: {}\nAnswer: ",
        "Source 1:\nReading Order\nText must be read.\n\nSource 2:\nTraces\nThe Hessian in quantization.",
    ),
    "summary": (
        "Give relevance_score.\nExcerpt from paper2: Traces\n\n---\n\n{}\n\n---\n\nQuestion: {}",
        "Hessian Traces\nLayers differ. The Hessian guides quantization.",
    ),
    "contexts": (
        "Answer.\nContext:\n\n{}\n\nValid Keys: pqac-1, pqac-2\n\n---\n\nQuestion: {}\n\nWrite an answer",
        "pqac-1: Text must be read.\nFrom Reading Order\n\npqac-2: The Hessian guides quantization.\nFrom Traces",
    ),
}
SAYS = {
    "naive": "The Hessian guides quantization.",
    "sources": "The Hessian in quantization. [2]",
    "summary": '{"summary": "The Hessian guides quantization.", "relevance_score": 10}',
    "contexts": "The Hessian guides quantization. (pqac-2).",
}
REFUSES = {
    "naive": NOT_SAID,
    "sources": NOT_SAID,
    "summary": '{"summary": "", "relevance_score": 0}',
    "contexts": f"{CANNOT}.",
}


def test_in_our_prompts_it_names_the_paper_and_the_sentence_that_has_the_words() -> None:
    form, judged = Reader().reply(ours("judge", **ASKED))
    assert form == "judge"
    assert json.loads(judged) == {"papers": [{"paper": 2, "meets": [1], "role": None, "sentences": [3]}]}
    said = "The trace of the Hessian tells how a layer bears quantization. [2.3]"
    assert Reader().reply(ours("answer_list", **ASKED)) == ("answer_list", f"2: {said}")
    assert Reader().reply(ours("answer", **ASKED)) == ("answer", said)
    other = {**ASKED, "question": "which papers boil tomatoes"}
    assert Reader().reply(ours("answer", **other))[1] == "NOT STATED"


def test_it_supports_only_what_the_cited_lines_say() -> None:
    claims = (
        "SENTENCE 1: Layers differ.\n  cites: Layers differ.\nEND\n\n"
        "SENTENCE 4: Layers rhyme.\n  cites: Layers differ.\nEND"
    )
    form, text = Reader().reply(ours("verify", claims=claims))
    assert (form, json.loads(text)) == ("verify", {"supported": [1], "unsupported": [4]})


@pytest.mark.parametrize("form", THEIRS)
def test_in_the_prompts_of_others_it_says_the_same_in_their_form(form: str) -> None:
    prompt, context = THEIRS[form]
    assert Reader().reply(prompt.format(context, QUESTION)) == (form, SAYS[form])
    assert Reader().reply(prompt.format(context, "which papers boil tomatoes")) == (form, REFUSES[form])


def test_a_reader_that_never_errs_goes_by_the_grades_of_the_case() -> None:
    reader = Reader(by_judgements([case(1, grades={"Reading order of  scanned pages": 1})]))
    judged = json.loads(reader.reply(ours("judge", **ASKED))[1])
    assert [paper["paper"] for paper in judged["papers"]] == [1]


def test_a_prompt_that_nobody_taught_it_is_refused(server: ModelServer) -> None:
    with pytest.raises(UnknownPrompt, match="Write a poem"):
        Reader().reply("Write a poem")
    body = {"messages": [{"role": "user", "content": "Write a poem"}]}
    assert httpx.post(f"{server.url}/chat/completions", json=body).status_code == 400
    assert server.calls == []


# --- what is counted --------------------------------------------------------------------------------------------------


def test_a_stream_says_and_counts_what_a_whole_reply_does(server: ModelServer) -> None:
    body = {"messages": [{"role": "user", "content": ours("answer", **ASKED)}]}
    whole = httpx.post(f"{server.url}/chat/completions", json=body).json()
    streamed = httpx.post(f"{server.url}/chat/completions", json={**body, "stream": True}).text
    events = [json.loads(line[6:]) for line in streamed.splitlines() if line.startswith("data: {")]
    text = "".join(event["choices"][0]["delta"].get("content", "") for event in events)
    assert text == whole["choices"][0]["message"]["content"]
    assert events[-1]["usage"] == whole["usage"]
    assert [call.completion_tokens for call in server.calls] == [count(text)] * 2
    assert server.calls[0].prompt_tokens == whole["usage"]["prompt_tokens"] > count(SHEETS)


def test_embeddings_are_those_of_the_encoder(server: ModelServer) -> None:
    told_rows = httpx.post(f"{server.url}/embeddings", json={"input": ["a", "b"]}).json()["data"]
    assert [row["embedding"] for row in told_rows] == WordEncoder().encode(["a", "b"]).tolist()


def test_what_the_server_counts_is_what_the_answers_say_they_cost(sample: Path, server: ModelServer) -> None:
    done = told("thorough", laid_out(sample, case(1), case(2, "how long do tomatoes boil?")), server)
    usages = [line["answer"]["usage"] for line in done.lines]
    assert len(done.calls) == sum(usage["calls"] for usage in usages) >= 5
    for kind in ("prompt_tokens", "completion_tokens"):
        assert sum(getattr(call, kind) for call in done.calls) == sum(usage[kind] for usage in usages)
    assert {cited["paper"]["title"] for cited in done.lines[0]["answer"]["citations"]} == {CURVATURE, TRACES}
    assert done.lines[1]["answer"]["abstained"]


def test_only_what_overlaps_is_at_once() -> None:
    calls = [Call("judge", came, ended, 0, 0) for came, ended in ((0, 2), (1, 3), (2, 4), (1.5, 1.8))]
    assert most_at_once(calls) == 3
    assert most_at_once(calls[::2]) == 1
    assert most_at_once([]) == 0


def test_a_rival_that_is_not_there_says_what_to_install(sample: Path, server: ModelServer) -> None:
    if find_spec("paperqa"):
        pytest.skip("paper-qa is installed here")
    with pytest.raises(PeerFailed, match="no module 'paperqa'; get it with: pip install 'paper-qa'"):
        told("paper_qa", laid_out(sample, case(1)), server)
    with pytest.raises(PeerFailed, match="'no-such-python' cannot be run"):
        told("paper_qa", sample, server, "no-such-python")


def test_a_system_that_calls_another_machine_is_stopped() -> None:
    for event, arguments in (
        ("socket.getaddrinfo", ("example.org", 443, 0, 0, 0)),
        ("socket.connect", (None, ("192.0.2.1", 80))),
    ):
        with pytest.raises(PermissionError, match="is another machine"):
            stay_here(event, arguments)
    stay_here("socket.connect", (None, ("127.0.0.1", 80)))
    stay_here("open", ("example.org",))


def test_questions_are_spread_over_the_cases_that_stand_alone() -> None:
    asked = [case(number) for number in range(10)]
    asked[3] = (replace(asked[3][0], history=({"role": "user", "content": "before"},)), {})
    assert [item[0].id for item in chosen(asked, 3)] == ["0", "4", "7"]
    assert len(chosen(asked, 99)) == 9


@pytest.mark.slow
def test_the_table_has_a_row_for_every_system(sample: Path) -> None:
    options = Namespace(library=sample / "library", cases=sample / "cases.jsonl", count=3, paper_qa=sys.executable)
    before = sorted((path.name, path.stat().st_mtime) for path in (sample / "library").rglob("*.db"))
    text = report(options, WordEncoder())
    assert sorted((path.name, path.stat().st_mtime) for path in (sample / "library").rglob("*.db")) == before
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    assert rows.count(list(HEAD)) == 2
    by_system = {row[0]: row for row in rows}  # of the second table: the reader that never errs
    assert set(by_system) >= {peer.what for peer in PEERS.values()}
    assert by_system[PEERS["llama_index"].what][1] == "1.0"
    assert by_system[PEERS["llama_index_citations"].what][HEAD.index("list_f1")] == "1.00 (1)"
    assert by_system[PEERS["thorough"].what][HEAD.index("abstention_recall")] == "1.00 (1)"
    assert "commit " in text
    if not find_spec("paperqa"):
        assert "pip install 'paper-qa'" in by_system[PEERS["paper_qa"].what][1]


# --- what is waited for -----------------------------------------------------------------------------------------------


def test_a_wait_is_read_from_both_clocks() -> None:
    line = {"started": 10.0, "first_words": 12.0, "ended": 15.0}
    calls = [Call("judge", 10.1, 11.0, 0, 0), Call("judge", 10.2, 11.0, 0, 0), Call("answer", 11.1, 14.0, 0, 0)]
    (wait,) = waits(Told((*calls, Call("judge", 16.0, 17.0, 0, 0)), (line,), {}))
    assert replace(wait, before_first_ms=round(wait.before_first_ms)) == Wait(100, 2.0, 5.0, 2)


def test_our_own_work_before_the_first_request_keeps_to_its_bar(sample: Path, server: ModelServer) -> None:
    settings = Settings(library=sample / "library", base_url=server.url, model="scripted", offline=True)

    def before_first_ms(assistant: Assistant, question: str) -> float:
        asked, started = len(server.calls), time.monotonic()
        assistant.ask(question, mode="llm", depth="quick")
        return (server.calls[asked].came - started) * 1_000

    with Assistant.open(settings=settings) as assistant:
        assistant.ask(QUESTION, mode="llm", depth="quick")
        took = min(before_first_ms(assistant, f"{QUESTION} of {word}") for word in WORDS[:3])
    assert took <= BEFORE_FIRST_MS * slowness(time.monotonic)


@pytest.fixture
def sixty(settings: Settings, write_jsonl: Callable[..., Path]) -> Settings:
    """Settings of a library of sixty papers that belong together, more than go into one prompt."""
    draw = random.Random(5)  # noqa: S311 (seeded)
    fillers = (" ".join(f"{word}{draw.randrange(999)}" for word in WORDS) for _ in range(60))
    records = [{"title": f"Hessian {text[:40]}", "abstract": f"Quantization: {text}."} for text in fillers]
    ingest(write_jsonl(*records), settings=settings, encoder=WordEncoder())
    return settings


def asked_of(server: ModelServer, settings: Settings, depth: Depth) -> Answer:
    settings = settings.model_copy(update={"base_url": server.url, "model": "scripted"})
    with Assistant.open(settings=settings, encoder=WordEncoder()) as assistant:
        return assistant.ask(QUESTION, mode="llm", depth=depth)


def test_a_quick_answer_prepares_one_paper_more_than_it_shows(
    sixty: Settings, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared: list[str] = []

    def counted(text: str) -> int:
        prepared.append(text)
        return count(text)

    monkeypatch.setattr("assistant.by_llm.sheets.count_tokens", counted)
    shown = asked_of(server, sixty, "quick").coverage.judged
    assert 5 < shown < 60
    assert len(prepared) == shown + 1


@pytest.mark.parametrize("at_once", [1, 3])
def test_judge_calls_run_side_by_side_up_to_the_limit(at_once: int, sixty: Settings) -> None:
    with ModelServer(Reader(lambda *_: 0.0), WordEncoder(), token_s=0.05) as server:
        asked_of(server, sixty.model_copy(update={"model_calls_at_once": at_once}), "thorough")
    judged = [call for call in server.calls if call.form == "judge"]
    assert len(judged) > 3
    assert most_at_once(judged) == at_once
