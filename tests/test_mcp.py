"""The MCP server, met by the official client: in this process, over pipes and over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError

from assistant import Answer, Assistant
from assistant.mcp_server import server_over
from ingest import Library, Settings, ingest
from tests import documented
from tests.fakes import ScriptedChat
from tests.processes import ROOT, environment, with_fake_encoder
from tests.serving import Held, six
from tests.test_ask import HESSIAN

ENVIRONMENT = environment(WHICHPAPERS_ENCODER="words-64")
BOUNDS = "which papers prove lower bounds for zeroth-order methods"


@pytest.fixture
def small(library: Library, settings: Settings) -> Assistant:
    return Assistant(library, settings)


def use(server: object, doing: Callable[[Client], Awaitable[Any]]) -> Any:
    async def using() -> Any:
        async with Client(server) as client:  # type: ignore[arg-type]  # a server, its address, or how to start it
            return await doing(client)

    return asyncio.run(using())


def call(server: object, tool: str, **arguments: object) -> Any:
    return use(server, lambda client: client.call_tool(tool, arguments))


def untimed(answer: dict[str, Any]) -> Any:
    return json.loads(json.dumps({**answer, "trace": {**answer["trace"], "seconds": None}}))


# --- what each tool gives --------------------------------------------------------------------------------------------


def test_ask_gives_the_answer_and_tells_its_stages(small: Assistant) -> None:
    told: list[tuple[float, str | None]] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        told.append((progress, message))

    arguments = {"question": HESSIAN, "mode": "offline", "where": "year >= 2021"}
    result = use(server_over(small), lambda client: client.call_tool("ask", arguments, progress_callback=tell))
    expected = small.ask(HESSIAN, mode="offline", where="year >= 2021")
    assert not result.is_error
    assert untimed(result.structured_content) == untimed(expected.to_dict())
    assert Answer.from_dict(result.structured_content).citations == expected.citations
    text, *links = result.content
    assert text.text.startswith(expected.text)
    assert [link.name for link in links] == [citation.paper.title for citation in expected.citations]
    assert [message.partition(":")[0] for _, message in told if message] == ["understand", "retrieve", "judge", "write"]
    assert [progress for progress, _ in told] == sorted({progress for progress, _ in told})


def test_a_conversation_goes_on(small: Assistant) -> None:
    history = [{"role": "user", "content": HESSIAN}, {"role": "assistant", "content": "Some do."}]
    result = call(server_over(small), "ask", question="which of them prune?", history=history)
    expected = small.ask("which of them prune?", history)
    assert result.structured_content["standalone_question"] == expected.standalone_question != "which of them prune?"


def test_search_table_paper_and_verify_give_what_python_gives(small: Assistant) -> None:
    async def all_four(client: Client) -> list[Any]:
        answer = (await client.call_tool("ask", {"question": HESSIAN})).structured_content
        return [
            await client.call_tool("search", {"query": BOUNDS, "k": 2, "where": "has_year"}),
            await client.call_tool("table", {"question": HESSIAN, "columns": ["accuracy", "bits"]}),
            await client.call_tool("paper", {"paper_id": "diffusion-sampling-in-ten-steps"}),
            await client.call_tool("verify", {"answer": answer}),
            await client.call_tool("verify", {"answer": {**(answer or {}), "text": "Nothing. [7]"}}),
        ]

    search, table, paper, verified, altered = use(server_over(small), all_four)
    hits = small.search(BOUNDS, 2, "has_year")
    assert search.structured_content == {"hits": json.loads(json.dumps([hit.to_dict() for hit in hits]))}
    assert [hit.paper.id in search.content[0].text for hit in hits] == [True, True]
    made = small.table(HESSIAN, ["accuracy", "bits"])
    assert table.structured_content["columns"] == ["accuracy", "bits"]
    assert [row["paper"]["id"] for row in table.structured_content["rows"]] == [row.paper.id for row in made.rows]
    assert paper.structured_content["abstract"].startswith("Sampling from diffusion models is slow.")
    assert paper.structured_content["abstract"] in paper.content[0].text
    assert verified.structured_content["problems"] == []
    assert verified.content[0].text.startswith("verified: ")
    assert "marker [7] resolves to no citation" in altered.structured_content["problems"]
    assert altered.content[0].text == "\n".join(altered.structured_content["problems"])


def test_every_result_is_of_the_form_that_its_tool_announces(small: Assistant) -> None:
    arguments: dict[str, dict[str, Any]] = {
        "ask": {"question": HESSIAN},
        "search": {"query": HESSIAN},
        "table": {"question": HESSIAN, "columns": ["bits"]},
        "paper": {"paper_id": "diffusion-sampling-in-ten-steps"},
        "verify": {"answer": small.ask(HESSIAN).to_dict()},
    }

    async def each(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == list(arguments)
        for tool in tools:
            assert set(tool.input_schema["required"]) == arguments[tool.name].keys()
            assert tool.output_schema
            assert tool.description
            assert tool.annotations
            assert tool.annotations.read_only_hint
            result = await client.call_tool(tool.name, arguments[tool.name])
            await client.session.validate_tool_result(tool.name, result)
            other = result.model_copy(update={"structured_content": {"other": 1}})
            with pytest.raises(RuntimeError, match="Invalid structured content"):
                await client.session.validate_tool_result(tool.name, other)

    use(server_over(small), each)


def test_papers_are_resources(small: Assistant) -> None:
    async def reading(client: Client) -> tuple[Any, Any, Any]:
        answer = await client.call_tool("ask", {"question": BOUNDS})
        template = (await client.list_resource_templates()).resource_templates[0]
        read = await client.read_resource(answer.content[1].uri)  # type: ignore[union-attr]  # a link
        with pytest.raises(MCPError, match=r"no paper with the id 'a/\.\./b'"):
            await client.read_resource("paper://a%2F..%2Fb")
        return answer, template, read

    answer, template, read = use(server_over(small), reading)
    paper = small.library.papers([answer.structured_content["citations"][0]["paper"]["id"]])[0]
    assert template.uri_template == "paper://{+paper_id}"
    assert read.contents[0].text.startswith(paper.title)
    assert read.contents[0].text.endswith(paper.abstract)


def test_any_id_is_one_link(settings: Settings, encoder: Any, write_jsonl: Callable[..., Path]) -> None:
    odd = "doi:10.1/A b?c#d%2F..é"
    ingest(
        write_jsonl({"id": odd, "title": "Odd", "abstract": "We study odd names."}), settings=settings, encoder=encoder
    )
    with Assistant.open(settings=settings, encoder=encoder) as assistant:

        async def follow(client: Client) -> Any:
            answer = await client.call_tool("ask", {"question": "which papers study odd names"})
            link: Any = answer.content[1]
            assert re.fullmatch(r"paper://[\w.%~-]+", link.uri, re.ASCII)
            return await client.read_resource(link.uri)

        assert use(server_over(assistant), follow).contents[0].text.startswith("Odd")


# --- what goes wrong -------------------------------------------------------------------------------------------------

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("ask", {"question": " "}, "the question is empty; ask for example: "),
    ("ask", {"question": "x" * 3000}, "the question has 3,000 characters"),
    ("ask", {"question": HESSIAN, "mode": "best"}, "mode is 'best'; expected one of auto, offline, llm"),
    ("ask", {"question": HESSIAN, "mode": "llm"}, "mode 'llm' needs a language model"),
    ("ask", {"question": HESSIAN, "depth": 3}, "argument 'depth' of tool 'ask': "),
    ("ask", {}, "argument 'question' of tool 'ask': Field required"),
    ("ask", {"question": HESSIAN, "history": [{"role": "system"}]}, "history is {'role': 'system'}; expected turns"),
    ("search", {"query": HESSIAN, "k": -3}, "k is -3; expected a whole number of at least 1"),
    ("search", {"query": HESSIAN, "where": "yeer > 1"}, "cannot read the filter 'yeer > 1'"),
    ("table", {"question": HESSIAN, "columns": []}, "columns is ''; expected 1 to 8 different names"),
    ("paper", {"paper_id": "none"}, "no paper with the id 'none'"),
    ("verify", {"answer": {}}, "not a saved answer: expected schema 1, found None"),
]


@pytest.mark.parametrize(("tool", "arguments", "line"), WRONG)
def test_an_error_is_the_tools_in_one_line(small: Assistant, tool: str, arguments: dict[str, Any], line: str) -> None:
    result = call(server_over(small), tool, **arguments)
    assert result.is_error
    assert result.structured_content is None
    assert result.content[0].text.startswith(line)
    assert len(result.content[0].text.splitlines()) == 1


def test_no_model_is_asked_at_a_price_that_was_not_accepted(library: Library, settings: Settings) -> None:
    chat = ScriptedChat(understand="no form at all", repair="nor this")
    server = server_over(Assistant(library, settings, chat))
    refused = call(server, "ask", question=HESSIAN, depth="exhaustive")
    assert refused.is_error
    assert "calls to the model" in refused.content[0].text
    assert not chat.asked
    accepted = call(server, "ask", question=HESSIAN, depth="exhaustive", accept_price=True)
    assert accepted.structured_content["mode"] == "offline"
    assert chat.asked


def test_an_answer_that_nobody_waits_for_is_given_up(six_papers: Path) -> None:
    async def impatient(client: Client) -> None:
        with anyio.move_on_after(60) as waiting:
            async with anyio.create_task_group() as asking:
                asking.start_soon(client.call_tool, "ask", {"question": HESSIAN})
                assert await anyio.to_thread.run_sync(Held.began.acquire, True, 30)
                asking.cancel_scope.cancel()
        assert not waiting.cancelled_caught

    with six(six_papers, Held) as assistant:
        use(server_over(assistant), impatient)
        assert Held.ended.acquire(timeout=30)


# --- over pipes and over HTTP ----------------------------------------------------------------------------------------


def over_pipes(path: Path) -> StdioServerParameters:
    arguments = ["-m", "tests.command", "mcp", "--library", str(path)]
    return StdioServerParameters(command=sys.executable, args=arguments, env=ENVIRONMENT, cwd=ROOT)


@contextmanager
def over_http(path: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.command", "mcp", "--http", "--port", "0", "--library", str(path)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr
        told = re.fullmatch(
            r"6 papers at (http://127\.0\.0\.1:\d+/mcp) \(interrupt to end\)\n", process.stderr.readline()
        )
        assert told
        yield told[1]
    finally:
        process.terminate()
        process.communicate(timeout=120)


@pytest.mark.slow
def test_over_pipes_and_over_http_the_answer_is_the_same(path: Path, small: Assistant) -> None:
    expected = untimed(small.ask(HESSIAN).to_dict())
    piped = call(over_pipes(path), "ask", question=HESSIAN)
    assert untimed(piped.structured_content) == expected
    with over_http(path) as url:
        assert untimed(call(url, "ask", question=HESSIAN).structured_content) == expected
        for headers, status in (
            ({"host": "papers.example"}, 421),
            ({"origin": "https://papers.example"}, 403),
            ({"host": "localhost.papers.example"}, 421),
        ):
            asked = httpx.post(url, json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, headers=headers, timeout=60)
            assert asked.status_code == status


@pytest.mark.slow
def test_stdout_holds_the_protocol_and_nothing_else(path: Path) -> None:
    about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    asked = {"name": "ask", "arguments": {"question": HESSIAN}, "_meta": {"progressToken": 1}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": about},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": asked},
        {"id": 3, "method": "tools/call", "params": {"name": "ask", "arguments": {"question": ""}}},
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.command", "mcp", "--library", str(path)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()
        told: list[dict[str, Any]] = []
        while not {1, 2, 3} <= {message.get("id") for message in told}:
            told.append(json.loads(process.stdout.readline()))
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "", "")
    assert all(message["jsonrpc"] == "2.0" for message in told)
    assert [message["method"] for message in told if "method" in message] == ["notifications/progress"] * 4


@pytest.mark.slow
def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path) -> None:
    ended = with_fake_encoder("mcp", "--library", tmp_path / "none")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
    assert "no library at" in ended.err


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_line(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = with_fake_encoder(
            "mcp", "--http", "--port", str(port), "--library", path, WHICHPAPERS_ENCODER="words-64"
        )
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith(f"whichpapers: cannot serve at 127.0.0.1 port {port}: ")
    assert len(ended.err.splitlines()) == 1


# --- the page --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_page_can_be_followed(
    sample_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    Path("my-library").symlink_to(sample_settings.library)
    documented.run("mcp")
    assert "papers** show this" in capfd.readouterr().out
    (arguments,) = re.findall(r"args=(\[.*\])", documented.blocks("mcp", "python")[0])
    for block in documented.blocks("mcp", "json"):
        (servers,) = json.loads(block).values()
        assert (servers["papers"]["command"], servers["papers"]["args"]) == ("whichpapers", json.loads(arguments))
