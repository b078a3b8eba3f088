"""One answer everywhere: each face gives the same answer to a question, and the same line for what is wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from mcp import Client

from assistant import Answer, Assistant, AssistantError, ask
from assistant.llama_index import LibraryQueryEngine
from assistant.mcp_server import server_over
from ingest import IngestError
from tests.processes import whichpapers
from tests.serving import serving
from tests.test_ask import HESSIAN, PIZZA

pytestmark = pytest.mark.slow

Told = dict[str, Any] | str
"""An answer as JSON, or the line that says what is wrong."""
Face = Callable[[Assistant, str, str | None], Told]


def by_call(assistant: Assistant, question: str, where: str | None) -> Told:
    return ask(question, assistant.settings.library, where=where).to_dict()


def by_stream(assistant: Assistant, question: str, where: str | None) -> Told:
    *_, answer = assistant.stream(question, where=where)
    assert isinstance(answer, Answer)
    return answer.to_dict()


def by_command(assistant: Assistant, question: str, where: str | None) -> Told:
    options = ["--where", where] if where else []
    ended = whichpapers("ask", question, "--format", "json", "--library", assistant.settings.library, *options)
    if ended.code:
        assert (ended.code, ended.out) == (2, "")
        return ended.err.removesuffix("\n").removeprefix("whichpapers: ")
    told: dict[str, Any] = json.loads(ended.out)
    return told


def by_llama_index(assistant: Assistant, question: str, where: str | None) -> Told:
    response: Any = LibraryQueryEngine(assistant, where=where).query(question)
    answer: dict[str, Any] = response.metadata["answer"]
    assert [source.node.node_id for source in response.source_nodes] == [c["paper"]["id"] for c in answer["citations"]]
    return answer


def by_mcp(assistant: Assistant, question: str, where: str | None) -> Told:
    async def calling() -> Any:
        async with Client(server_over(assistant)) as client:
            return await client.call_tool("ask", {"question": question, "where": where})

    result = asyncio.run(calling())
    told: Told = result.content[0].text if result.is_error else result.structured_content
    return told


def by_http(assistant: Assistant, question: str, where: str | None) -> Told:
    with serving(assistant) as url:
        told = httpx.post(f"{url}/ask", json={"question": question, "where": where}, timeout=60).json()
    return str(told["error"]) if "error" in told else told


def by_openai(assistant: Assistant, question: str, where: str | None) -> Told:
    asked = {"model": "whichpapers", "messages": [{"role": "user", "content": question}], "where": where}
    with serving(assistant) as url:
        told = httpx.post(f"{url}/v1/chat/completions", json=asked, timeout=60).json()
    return str(told["error"]["message"]) if "error" in told else told["whichpapers"]


FACES: dict[str, Face] = {
    "Python, one-off": by_call,
    "Python, streamed": by_stream,
    "command line": by_command,
    "LlamaIndex": by_llama_index,
    "MCP": by_mcp,
    "HTTP": by_http,
    "OpenAI's protocol": by_openai,
}
each_face = pytest.mark.parametrize("face", FACES)


@pytest.fixture(scope="module", params=["sample_settings", "pages_settings"])
def library(request: pytest.FixtureRequest) -> Iterator[Assistant]:
    """An assistant of the sample, and one of the real pages."""
    with Assistant.open(settings=request.getfixturevalue(request.param)) as assistant:
        yield assistant


@pytest.fixture(scope="module")
def expected(library: Assistant) -> dict[str, dict[str, Any]]:
    """What `Assistant.ask` gives."""
    return {question: comparable(library.ask(question).to_dict()) for question in (HESSIAN, PIZZA)}


def comparable(answer: Told) -> dict[str, Any]:
    """All of an answer but how long it took, as plain JSON values."""
    assert isinstance(answer, dict), answer
    plain: dict[str, Any] = json.loads(json.dumps(answer))
    plain["trace"].pop("seconds")
    return plain


@each_face
@pytest.mark.parametrize("question", [HESSIAN, PIZZA])
def test_each_face_gives_the_same_answer(
    library: Assistant, expected: dict[str, dict[str, Any]], face: str, question: str
) -> None:
    answer = comparable(FACES[face](library, question, None))
    assert answer["citations"] == expected[question]["citations"]
    assert answer == expected[question]
    assert answer["abstained"] == (question == PIZZA) == (not answer["citations"])


@each_face
@pytest.mark.parametrize(("question", "where"), [(" ", None), ("x" * 2_001, None), (HESSIAN, "yeer > 2020")])
def test_each_face_says_what_is_wrong_in_the_same_line(
    sample: Assistant, face: str, question: str, where: str | None
) -> None:
    with pytest.raises((AssistantError, IngestError)) as wrong:
        sample.ask(question, where=where)
    try:
        told = FACES[face](sample, question, where)
    except (AssistantError, IngestError) as error:
        told = str(error)
    assert told == str(wrong.value)
    assert len(str(told).splitlines()) == 1


@pytest.fixture(scope="module")
def sample(request: pytest.FixtureRequest) -> Iterator[Assistant]:
    with Assistant.open(settings=request.getfixturevalue("sample_settings")) as assistant:
        yield assistant
