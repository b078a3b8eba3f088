"""How an answer came about, told as spans and as lines: what is in them, and what is not unless it is asked for."""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from openinference.semconv.trace import MessageAttributes, OpenInferenceSpanKindValues, SpanAttributes
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from assistant import Answer, Assistant
from assistant.explain import explained
from assistant.llm.record import KeptLines, Recorded
from assistant.llm.records import ChatFailed
from assistant.story import Story
from assistant.tracing import tellers, trace
from ingest import Library, Settings
from ingest.errors import BadSetting
from ingest.settings import read_settings
from tests import documented
from tests.conftest import SIX
from tests.console import Console, console
from tests.fakes import ScriptedChat
from tests.processes import Ended, with_fake_encoder
from tests.test_by_llm import QUESTION, script

__all__ = ["console"]

STAGES = ["understand", "retrieve", "judge", "write", "verify"]
HESSIAN = "which papers use the Hessian?"
BROKEN = ChatFailed("timeout", "it did not answer in time")


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    yield InMemorySpanExporter()


@pytest.fixture
def traced(library: Library, settings: Settings, spans: InMemorySpanExporter) -> Callable[..., Assistant]:
    """An assistant whose spans go to `spans`."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(spans))

    def opened(chat: Any = None, *, text: bool = False) -> Assistant:
        tell = partial(trace, provider.get_tracer("test"), text=text)
        return Assistant(library, settings, chat).telling(tell)

    return opened


def facts(span: ReadableSpan) -> Mapping[str, Any]:
    return span.attributes or {}


def parents(found: tuple[ReadableSpan, ...]) -> dict[str, set[str]]:
    """The names of spans below each name."""
    names = {span.context.span_id: span.name for span in found if span.context}
    below: dict[str, set[str]] = {}
    for span in found:
        below.setdefault(names[span.parent.span_id] if span.parent else "", set()).add(span.name)
    return below


# --- spans -----------------------------------------------------------------------------------------------------------


def test_nothing_is_told_by_default(library: Library, settings: Settings) -> None:
    assert tellers(settings) == ()
    assert Assistant(library, settings)._tell == ()


def test_an_answer_by_a_model_is_a_tree_of_spans(traced: Callable[..., Assistant], spans: InMemorySpanExporter) -> None:
    answer = traced(script()).ask(QUESTION)
    found = spans.get_finished_spans()
    assert parents(found) == {
        "": {"ask"},
        "ask": set(STAGES),
        "understand": {"llm understand"},
        "judge": {"llm judge"},
        "write": {"llm answer_list"},
        "verify": {"llm verify"},
    }
    kinds = {span.name: facts(span)[SpanAttributes.OPENINFERENCE_SPAN_KIND] for span in found}
    assert {name for name, kind in kinds.items() if kind == "LLM"} == {n for n in kinds if n.startswith("llm ")}
    assert kinds["retrieve"] == OpenInferenceSpanKindValues.RETRIEVER.value
    assert set(kinds.values()) == {"CHAIN", "LLM", "RETRIEVER"}
    calls = [facts(span) for span in found if span.name.startswith("llm ")]
    assert {call[SpanAttributes.LLM_MODEL_NAME] for call in calls} == {"scripted"}
    for name, count in (
        (SpanAttributes.LLM_TOKEN_COUNT_PROMPT, answer.usage.prompt_tokens),
        (SpanAttributes.LLM_TOKEN_COUNT_COMPLETION, answer.usage.completion_tokens),
        (SpanAttributes.LLM_TOKEN_COUNT_TOTAL, answer.usage.prompt_tokens + answer.usage.completion_tokens),
    ):
        assert sum(call[name] for call in calls) == count > 0
    assert all(json.loads(call[SpanAttributes.LLM_INVOCATION_PARAMETERS])["temperature"] == 0 for call in calls)
    told = {span.name: facts(span) for span in found}
    assert (told["judge"]["whichpapers.judged"], told["judge"]["whichpapers.relevant"]) == (6, 2)
    assert (told["ask"]["whichpapers.mode"], told["ask"]["whichpapers.calls"]) == ("llm", 4)


def test_spans_last_as_long_as_what_they_tell_of(traced: Callable[..., Assistant], spans: InMemorySpanExporter) -> None:
    began_ns = time.time_ns()
    traced(script()).ask(QUESTION)
    ended_ns = time.time_ns()
    found = {span.name: span for span in spans.get_finished_spans()}
    for span in found.values():
        assert span.start_time is not None
        assert span.end_time is not None
        assert began_ns - 1_000_000 <= span.start_time <= span.end_time <= ended_ns + 1_000_000
    for earlier, later in pairwise(STAGES):
        assert found[earlier].end_time == found[later].start_time
    judging, call = found["judge"], found["llm judge"]
    assert judging.start_time <= call.start_time <= call.end_time <= judging.end_time  # type: ignore[operator]  # seen above


def everything(found: tuple[ReadableSpan, ...]) -> str:
    return "\n".join(span.to_json() for span in found)


def test_no_text_is_in_spans_unless_it_is_asked_for(
    traced: Callable[..., Assistant], spans: InMemorySpanExporter
) -> None:
    answer = traced(script()).ask(QUESTION)
    told = everything(spans.get_finished_spans()).casefold()
    private = [QUESTION, answer.text, *(claim.text for claim in answer.claims)]
    private += [word for paper in SIX for word in (paper["title"], *re.split(r"(?<=\.) ", paper["abstract"]))]
    assert not [text for text in private if text.casefold() in told]
    spans.clear()
    traced(script(), text=True).ask(QUESTION)
    found = {span.name: facts(span) for span in spans.get_finished_spans()}
    assert found["ask"][SpanAttributes.INPUT_VALUE] == QUESTION
    assert found["ask"][SpanAttributes.OUTPUT_VALUE] == answer.text
    judged = f"{SpanAttributes.LLM_INPUT_MESSAGES}.1.{MessageAttributes.MESSAGE_CONTENT}"
    assert SIX[0]["title"] in found["llm judge"][judged]
    assert found["llm judge"][f"{SpanAttributes.LLM_INPUT_MESSAGES}.0.{MessageAttributes.MESSAGE_ROLE}"] == "system"
    assert found["llm judge"][f"{SpanAttributes.LLM_OUTPUT_MESSAGES}.0.{MessageAttributes.MESSAGE_CONTENT}"]


def test_a_model_that_fails_and_the_offline_answer_are_one_trace(
    traced: Callable[..., Assistant], spans: InMemorySpanExporter
) -> None:
    answer = traced(script(judge=BROKEN)).ask(QUESTION)
    found = spans.get_finished_spans()
    assert answer.mode == "offline"
    assert len({span.context.trace_id for span in found if span.context}) == 1
    assert sorted(span.name for span in found if not span.name.startswith("llm ")) == sorted(
        ["ask", "understand", "retrieve", "judge", "understand", "retrieve", "judge", "write"]
    )
    (failed,) = [span for span in found if span.status.status_code is StatusCode.ERROR]
    assert (failed.name, failed.status.description) == ("llm judge", "timeout: it did not answer in time")
    assert [facts(span)["whichpapers.judged"] for span in found if "whichpapers.judged" in facts(span)] == [6]


def test_an_answer_that_is_none_is_a_trace_that_failed(
    traced: Callable[..., Assistant], spans: InMemorySpanExporter
) -> None:
    with pytest.raises(ChatFailed):
        traced(script(understand=BROKEN)).ask(QUESTION, mode="llm")
    root = spans.get_finished_spans()[-1]
    assert (root.name, root.status.description) == ("ask", "timeout: it did not answer in time")
    spans.clear()
    events = traced(script()).stream(QUESTION)
    next(events)
    events.close()  # type: ignore[attr-defined]  # it is a generator
    root = spans.get_finished_spans()[-1]
    assert (root.name, root.status.description) == ("ask", "broken off")


def test_a_reply_from_the_record_counts_no_tokens(
    traced: Callable[..., Assistant], spans: InMemorySpanExporter
) -> None:
    kept = KeptLines()
    traced(Recorded(script(), kept, "record")).ask(QUESTION)
    spans.clear()
    traced(Recorded(script(), kept, "reuse")).ask(QUESTION)
    calls = [facts(span) for span in spans.get_finished_spans() if span.name.startswith("llm ")]
    assert [call["whichpapers.attempts"] for call in calls] == [0] * 4
    assert not [name for call in calls for name in call if "token_count" in name]


# --- where they go ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("console", "console"),
        (" program ", "program"),
        ("http://localhost:4318", "http://localhost:4318/v1/traces"),
        ("https://collector.example/otlp/", "https://collector.example/otlp/v1/traces"),
        ("http://127.0.0.1:6006/v1/traces", "http://127.0.0.1:6006/v1/traces"),
    ],
)
def test_an_address_is_told_in_short(given: str, meant: str) -> None:
    assert read_settings({"tracing": given}).tracing == meant


@pytest.mark.parametrize(
    "given", ["yes", "localhost:4318", "ftp://host", "http://me:secret@host", "http://host/?key=1"]
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(BadSetting, match=r"setting tracing \(WHICHPAPERS_TRACING\) is"):
        read_settings({"tracing": given})


def test_offline_only_a_collector_on_this_machine_is_told() -> None:
    elsewhere = "https://collector.example"
    with pytest.raises(BadSetting, match="WHICHPAPERS_OFFLINE forbids calls to other machines"):
        tellers(read_settings({"tracing": elsewhere, "offline": True}))
    for place in ("http://127.0.0.1:9", "console", "program"):
        assert len(tellers(read_settings({"tracing": place, "offline": True}))) == 1
    assert len(tellers(read_settings({"tracing": elsewhere}))) == 1


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(BadSetting, match=r"install it with: pip install 'whichpapers\[tracing\]'"):
        tellers(read_settings({"tracing": "http://127.0.0.1:10"}))


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """A collector on this machine: its address, and what it was sent."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            received.append(ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", received
        server.shutdown()
        thread.join()


def asked(path: Path, *arguments: str, **variables: str) -> Ended:
    ended = with_fake_encoder(
        "ask", HESSIAN, "--offline", "--library", path, *arguments, WHICHPAPERS_ENCODER="words-64", **variables
    )
    assert ended.code == 0, ended
    return ended


@pytest.mark.slow
def test_the_command_line_sends_its_spans_and_prints_the_same(path: Path) -> None:
    plain = asked(path)
    with collector() as (url, received):
        nowhere = "http://127.0.0.1:9"  # a proxy, which is not used
        traced = asked(path, WHICHPAPERS_TRACING=url, HTTP_PROXY=nowhere, http_proxy=nowhere)
    assert (traced.out, traced.err) == (plain.out, "")
    (resource,) = [each for request in received for each in request.resource_spans]
    assert ("service.name", "whichpapers") in [(a.key, a.value.string_value) for a in resource.resource.attributes]
    names = [span.name for scope in resource.scope_spans for span in scope.spans]
    assert sorted(names) == sorted(["ask", "understand", "retrieve", "judge", "write"])
    assert HESSIAN.encode() not in b"".join(request.SerializeToString() for request in received)


@pytest.mark.slow
def test_a_collector_that_is_down_costs_seconds_and_no_answer(path: Path) -> None:
    began = time.monotonic()
    ended = asked(path, WHICHPAPERS_TRACING="http://127.0.0.1:9")
    assert time.monotonic() - began < 60
    assert "papers" in ended.out
    assert len(ended.err.splitlines()) == 1
    assert "Failed to export spans" in ended.err


@pytest.mark.slow
def test_on_the_console_spans_go_to_stderr(path: Path) -> None:
    ended = asked(path, WHICHPAPERS_TRACING="console")
    assert "openinference" not in ended.out
    assert ended.err.count('"openinference.span.kind"') == 5


# --- the same for people ---------------------------------------------------------------------------------------------


def told_of(library: Library, settings: Settings, chat: ScriptedChat | None, **options: Any) -> tuple[Answer, str]:
    stories: list[Story] = []
    answer = Assistant(library, settings, chat).telling(stories.append).ask(QUESTION, **options)
    return answer, explained(stories[0])


def shape(text: str) -> list[str]:
    return [re.sub(r" +", " ", re.sub(r" +\d+\.\d{3} s", "", line)) for line in text.splitlines()]


def test_the_story_of_an_offline_answer(library: Library, settings: Settings) -> None:
    answer, told = told_of(library, settings, None, where="year >= 2021")
    assert shape(told) == [
        f"understand {QUESTION}",
        "retrieve 3 papers, 3 retrieved",
        f"judge 3 judged, {answer.coverage.relevant} relevant",
        f"write {len(answer.citations)} cited, {sum(len(c.quotes) for c in answer.citations)} quotes",
        "in all offline, no calls to a model",
    ]


def test_the_story_of_an_answer_by_a_model(library: Library, settings: Settings) -> None:
    answer, told = told_of(library, settings, script())
    usage = answer.usage
    lines = shape(told)
    assert [line.split()[0] for line in lines] == [
        "understand", "understand", "retrieve", "judge", "judge", "write", "answer_list", "verify", "verify", "in",
    ]  # fmt: skip
    tokens = f"{usage.prompt_tokens:,} tokens read, {usage.completion_tokens:,} written"
    assert lines[-1] == f"in all llm, 4 calls to a model, {tokens}, price unknown"
    assert lines[4].startswith(" judge scripted, ")


def test_the_story_tells_what_failed(library: Library, settings: Settings) -> None:
    _, told = told_of(library, settings, script(judge=BROKEN))
    assert " judge failed (timeout): it did not answer in time" in shape(told)
    assert shape(told)[-1].startswith("in all offline, ")


@pytest.mark.slow
def test_explain_tells_it_on_stderr(path: Path) -> None:
    plain, explaining = asked(path), asked(path, "--explain")
    assert explaining.out == plain.out
    assert [line.split()[0] for line in explaining.err.splitlines()] == [
        "understand",
        "retrieve",
        "judge",
        "write",
        "in",
    ]


def test_the_page_can_be_followed(console: Console) -> None:
    for block in documented.blocks("tracing", "console"):
        for line in block.splitlines():
            assert "6 papers" in console(line.removeprefix("$ ")) or line.startswith("$ export ")
    shown = shape(documented.blocks("tracing", "text")[0])
    assert [line.split()[0] for line in shown] == ["understand", "retrieve", "judge", "write", "in"]
