"""The JSON endpoints: each gives what Python gives, and tells what is wrong in one line."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from assistant import Answer, Assistant
from assistant.llm.records import ChatFailed
from assistant.serve.problems import BROKEN, Problem
from assistant.table import parse_columns
from ingest.errors import LibraryMissing
from tests.fakes import ScriptedChat
from tests.processes import with_fake_encoder
from tests.serving import serving, six
from tests.test_by_llm import QUESTION, script

DOWN = ChatFailed("unreachable", "nobody is there")


@pytest.fixture(scope="module")
def assistant(six_papers: Path) -> Iterator[Assistant]:
    with six(six_papers) as assistant:
        yield assistant


@pytest.fixture(scope="module")
def client(assistant: Assistant) -> Iterator[httpx.Client]:
    with serving(assistant) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture
def with_model(six_papers: Path) -> Callable[..., Any]:
    """A request to a library with a scripted model."""

    def post(chat: ScriptedChat, path: str, **body: Any) -> httpx.Response:
        with six(six_papers, chat=chat) as assistant, serving(assistant) as address:
            return httpx.post(address + path, json={"question": QUESTION} | body, timeout=60)

    return post


def timeless(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer's JSON, but for how long it took."""
    return answer | {"trace": answer["trace"] | {"seconds": None}}


def events(response: httpx.Response) -> list[tuple[str, Any]]:
    """Name and data of each server-sent event."""
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = [block.split("\n") for block in response.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def plain(value: object) -> Any:
    """What JSON makes of a value."""
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"depth": "quick", "mode": "offline"},
        {"where": "year >= 2022"},
        {"history": [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "Two do. [1]"}]},
    ],
)
def test_a_question_gets_the_answer_that_python_gives(
    client: httpx.Client, assistant: Assistant, options: dict[str, Any]
) -> None:
    given = client.post("/ask", json={"question": QUESTION} | options).json()
    assert timeless(given) == timeless(plain(assistant.ask(QUESTION, **options).to_dict()))
    assert Answer.from_dict(given).citations


def test_a_stream_tells_stages_and_text_and_ends_with_the_answer(client: httpx.Client, assistant: Assistant) -> None:
    told = events(client.post("/ask/stream", json={"question": QUESTION}))
    expected = list(assistant.stream(QUESTION))
    assert [name for name, _ in told] == [type(event).__name__.lower() for event in expected]
    assert [data for _, data in told[:-1]] == [asdict(event) for event in expected[:-1]]
    assert "".join(data["text"] for name, data in told if name == "token") == told[-1][1]["text"]
    assert timeless(told[-1][1]) == timeless(plain(assistant.ask(QUESTION).to_dict()))


def test_a_ranking_a_table_and_a_paper_are_those_of_python(client: httpx.Client, assistant: Assistant) -> None:
    hits = client.post("/search", json={"query": "hessian", "k": 3, "where": "has_year"}).json()
    assert hits == plain([hit.to_dict() for hit in assistant.search("hessian", 3, "has_year")])
    assert len(hits) == 3
    table = client.post("/table", json={"question": QUESTION, "columns": ["bits", "accuracy"]}).json()
    made = plain(asdict(assistant.table(QUESTION, parse_columns("bits, accuracy"))))
    assert (table["columns"], table["rows"]) == (made["columns"], made["rows"])
    assert table["rows"]
    found = client.get(f"/papers/{hits[0]['paper']['id']}").json()
    assert found == plain(asdict(assistant.library.papers([hits[0]["paper"]["id"]])[0]))


def test_an_answer_is_verified_and_an_altered_one_is_not(client: httpx.Client) -> None:
    answer = client.post("/ask", json={"question": QUESTION}).json()
    assert client.post("/verify", json=answer).json()["problems"] == []
    altered = json.loads(json.dumps(answer).replace("guides the rounding", "guides all rounding"))
    assert altered != answer
    told = client.post("/verify", json=altered).json()
    assert any("guides all rounding" in problem for problem in told["problems"])
    assert told["quotes"] > 0


def test_health_tells_how_many_papers_there_are(client: httpx.Client) -> None:
    assert client.get("/health").json() == {"status": "ok", "papers": 6, "model": None}


def test_papers_that_another_process_reads_are_found_at_once_and_disturb_nobody(
    path: Path, write_jsonl: Callable[..., Path]
) -> None:
    new = write_jsonl({"title": "Zebra Stripes", "abstract": "Why zebra stripes are as they are."}, name="new.jsonl")
    search, over = {"query": "zebra stripes", "k": 1}, threading.Event()
    with (
        six(path.parent) as assistant,
        serving(assistant) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):

        def ask() -> set[int]:
            statuses = {client.post("/ask", json={"question": QUESTION}).status_code}
            while not over.is_set():
                statuses.add(client.post("/ask", json={"question": QUESTION}).status_code)
            return statuses

        assert client.post("/search", json=search).json()[0]["paper"]["title"] != "Zebra Stripes"
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(ask) for _ in range(2)]
            ended = with_fake_encoder("ingest", new, "--library", path, WHICHPAPERS_ENCODER="words-64")
            over.set()
        assert ended.code == 0, ended
        assert [future.result() for future in asked] == [{200}, {200}]
        assert client.post("/search", json=search).json()[0]["paper"]["title"] == "Zebra Stripes"
        assert client.get("/health").json()["papers"] == 7


@pytest.mark.parametrize(
    ("path", "body", "status", "line"),
    [
        ("/ask", {"question": " "}, 422, "the question is empty"),
        ("/ask", {"question": "x" * 2_001}, 422, "the question has 2,001 characters"),
        ("/ask", {}, 422, "question: field required"),
        ("/ask", [], 422, "expected a JSON object"),
        ("/ask", {"question": "x", "depht": "quick"}, 422, "depht: extra inputs are not permitted"),
        ("/ask", {"question": "x", "depth": "deep"}, 422, "depth: input should be 'quick'"),
        ("/ask", {"question": "x", "mode": "llm"}, 422, "mode 'llm' needs a language model"),
        ("/ask", {"question": "x", "where": "yeer > 3"}, 422, "cannot read the filter 'yeer > 3'"),
        ("/ask", {"question": "x", "history": [{"role": "king", "content": ""}]}, 422, "history.0.role: "),
        ("/ask", {"question": "x", "history": [{"role": "user", "content": "x"}] * 101}, 422, "history: "),
        ("/ask/stream", {"question": ""}, 422, "the question is empty"),
        ("/search", {"query": "x", "k": 0}, 422, "k: input should be greater than or equal to 1"),
        ("/search", {"query": "x", "k": 1_001}, 422, "k: input should be less than or equal to 1000"),
        ("/search", {"query": "x", "k": "5"}, 422, "k: input should be a valid integer"),
        ("/table", {"question": "x", "columns": []}, 422, "columns: list should have at least 1 item"),
        ("/table", {"question": "x", "columns": ["a", "a"]}, 422, "expected 1 to 8 different names"),
        ("/verify", {"schema": 2}, 422, "not a saved answer: expected schema 1, found 2"),
        ("/nowhere", {}, 404, "there is nothing here"),
        ("/health", {}, 405, "POST is not for this endpoint"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(
    client: httpx.Client, path: str, body: Any, status: int, line: str
) -> None:
    response = client.post(path, json=body)
    told = response.json()
    assert response.status_code == status
    assert set(told) == {"error"}
    assert line in told["error"]
    assert "\n" not in told["error"]


@pytest.mark.parametrize(
    "body", [b'{"question":', b"\xff", b'{"question": ' + b"[" * 100_000, b'{"a": 1' + b"0" * 5_000]
)
def test_what_is_no_json_is_told(client: httpx.Client, body: bytes) -> None:
    response = client.post("/ask", content=body, headers={"content-type": "application/json"})
    assert response.status_code == 400
    assert response.json()["error"].startswith("the body is no JSON")


def test_a_form_that_any_web_page_can_send_is_not_read(client: httpx.Client) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        response = client.post("/ask", content=b'{"question": "x"}', headers={"content-type": kind})
        assert response.status_code == 422
        assert "Content-Type: application/json" in response.json()["error"]


def test_an_unknown_paper_is_told(client: httpx.Client) -> None:
    response = client.get("/papers/no/such")
    assert (response.status_code, "'no/such'" in response.json()["error"]) == (404, True)


def test_no_path_that_a_client_names_is_opened(client: httpx.Client, tmp_path: Path) -> None:
    canary = tmp_path / "canary.json"
    canary.write_text("{}", "utf-8")
    opened: list[str] = []
    listens = [True]

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if listens and event in ("open", "os.listdir", "os.scandir"):
            opened.append(str(arguments[0]))

    sys.addaudithook(hear)
    name = str(canary)
    for body in ({"question": name}, {"question": "x", "where": f'title = "{name}"'}, {"question": f"file://{name}"}):
        client.post("/ask", json=body)
        client.post("/table", json=body | {"columns": [name]})
    for path in (f"/papers/{name}", f"/v1/models/{name}", name, f"/papers/..%2f..%2f{name}"):
        client.get(path)
    client.post("/verify", json={"schema": 1, "question": name})
    client.post("/v1/chat/completions", json={"model": name, "messages": [{"role": "user", "content": name}]})
    assert not [path for path in opened if "canary" in path]
    canary.read_text("utf-8")
    assert [path for path in opened if "canary" in path]  # else the check above could not fail
    listens.clear()


def test_a_language_model_answers_over_http_as_in_python(with_model: Callable[..., httpx.Response]) -> None:
    answer = with_model(script(), "/ask", mode="llm").json()
    assert (answer["mode"], answer["model"], len(answer["citations"])) == ("llm", "scripted", 2)


def test_a_model_that_is_down_is_told_and_in_auto_gone_without(with_model: Callable[..., httpx.Response]) -> None:
    for path in ("/ask", "/ask/stream"):
        response = with_model(ScriptedChat(understand=DOWN), path, mode="llm")
        if path == "/ask":
            assert response.status_code == 502
            assert "nobody is there" in response.json()["error"]
        else:
            assert events(response)[-1] == ("error", {"error": str(DOWN)})
    answer = with_model(ScriptedChat(understand=DOWN), "/ask").json()
    assert answer["mode"] == "offline"
    assert any("nobody is there" in notice for notice in answer["notices"])


@pytest.mark.parametrize("more", [{}, {"columns": ["bits"]}])
def test_an_exhaustive_answer_tells_its_price_until_it_is_accepted(
    with_model: Callable[..., httpx.Response], more: dict[str, Any]
) -> None:
    path = "/table" if more else "/ask"
    refused = with_model(ScriptedChat(), path, depth="exhaustive", **more)
    assert refused.status_code == 402
    assert refused.json()["price"]["calls"] > 1
    assert '"accept_price": true' in refused.json()["error"]
    assert with_model(ScriptedChat(), path, depth="exhaustive", mode="offline", **more).status_code == 200
    if not more:
        accepted = with_model(script(), path, depth="exhaustive", accept_price=True)
        assert accepted.json()["trace"]["settings"]["depth"] == "exhaustive"


def test_a_broken_library_shows_the_client_no_path(six_papers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with six(six_papers) as assistant, serving(assistant) as address:
        assistant.library.store.close()
        response = httpx.post(f"{address}/ask", json={"question": QUESTION}, timeout=60)
    assert (response.status_code, response.json()) == (500, {"error": BROKEN})
    assert Problem.of(LibraryMissing(six_papers)).told("/ask") == {"error": BROKEN}
    assert str(six_papers) in capsys.readouterr().err


def test_one_page_tells_of_all_endpoints_and_needs_nothing_from_elsewhere(client: httpx.Client) -> None:
    page, described = client.get("/").text, client.get("/openapi.json").json()
    for path in described["paths"]:
        assert path in page
    assert "papers/{paper_id}" in page
    assert "<script" not in page
    assert "http://" not in page.replace("http://127", "")
    assert "https://" not in page
