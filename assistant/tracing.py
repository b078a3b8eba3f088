"""Story -> spans: OpenTelemetry's, with OpenInference's attributes, so that any tool for traces can show an answer.

Attributes: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md. They hold no question, no
abstract and no reply unless `WHICHPAPERS_TRACING_TEXT` is set.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache, partial
from typing import TYPE_CHECKING

from opentelemetry.trace import StatusCode, Tracer, get_tracer, set_span_in_context

from assistant.llm.records import SAMPLING, ChatFailed, Message
from assistant.story import Call, Story, Tell, results
from ingest import Settings
from ingest.errors import BadSetting
from ingest.settings import is_loopback, variable

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

Attributes = dict[str, str | int | float | bool]

KIND = "openinference.span.kind"
NAME = "whichpapers"
EXPORT_TIMEOUT_S = 3
"""A collector that is down keeps no command waiting longer."""


def tellers(settings: Settings) -> tuple[Tell, ...]:
    """What is to be told each story by these settings: nothing, by default.

    Raises:
        BadSetting: The spans may not go where they should, or packages for that are missing.
    """
    if settings.tracing is None:
        return ()
    if settings.offline and settings.tracing.startswith("http") and not is_loopback(settings.tracing):
        raise _bad(settings, "WHICHPAPERS_OFFLINE forbids calls to other machines; expected a collector on this one")
    try:
        return (partial(trace, _tracer(settings.tracing), text=settings.tracing_text),)
    except ImportError as error:
        raise _bad(settings, f"{error.name} is missing; install it with: pip install 'whichpapers[tracing]'") from error


def trace(tracer: Tracer, story: Story, *, text: bool) -> None:
    """Makes the spans of a story: one for the answer, in it one for each stage, in those one for each call.

    Args:
        tracer: Makes them.
        story: Over.
        text: Whether they may hold what was asked, read and answered.
    """
    root = tracer.start_span("ask", attributes=_of_story(story, text=text), start_time=story.began_ns)
    for step, result in results(story):
        inside = tracer.start_span(step.name, set_span_in_context(root), start_time=step.began_ns)
        inside.set_attribute(KIND, "RETRIEVER" if step.name == "retrieve" else "CHAIN")
        inside.set_attributes({f"{NAME}.{name}": count for name, count in result.items()})
        if text:
            inside.set_attribute(f"{NAME}.detail", step.detail)
        for call in step.calls:
            _trace_call(tracer, set_span_in_context(inside), call, text=text)
        inside.end(step.ended_ns)
    if story.failed:
        root.set_status(StatusCode.ERROR, story.failed)
    root.end(story.ended_ns)


def _trace_call(tracer: Tracer, inside: Context, call: Call, *, text: bool) -> None:
    span = tracer.start_span(f"llm {call.request.stage}", inside, start_time=call.began_ns)
    span.set_attributes(_of_call(call, text=text))
    if isinstance(call.outcome, ChatFailed):
        # Its line holds no key and no text of the request.
        span.set_status(StatusCode.ERROR, f"{call.outcome.kind}: {call.outcome.why}")
    span.end(call.ended_ns)


def _of_story(story: Story, *, text: bool) -> Attributes:
    found: Attributes = {KIND: "CHAIN", f"{NAME}.depth": story.inquiry.depth}
    answer = story.answer
    if text:
        found |= {"input.value": story.inquiry.question, "output.value": answer.text if answer else ""}
    if answer:
        usage = {f"{NAME}.{name}": value for name, value in asdict(answer.usage).items() if value is not None}
        found |= {f"{NAME}.mode": answer.mode, f"{NAME}.kind": answer.kind, **usage}
    return found


def _of_call(call: Call, *, text: bool) -> Attributes:
    reply, asked = call.outcome, {"max_tokens": call.request.max_tokens, **SAMPLING}
    found: Attributes = {KIND: "LLM", "llm.invocation_parameters": json.dumps(asked)}
    if text:
        found |= _messages("llm.input_messages", call.request.messages)
    if isinstance(reply, ChatFailed):
        return found
    found |= {"llm.model_name": reply.model, f"{NAME}.attempts": reply.calls}
    if reply.calls:  # one that came from the record has cost nothing now
        prompt, completion = reply.prompt_tokens, reply.completion_tokens
        counts = {"prompt": prompt, "completion": completion, "total": prompt + completion}
        found |= {f"llm.token_count.{name}": count for name, count in counts.items()}
    if text:
        found |= _messages("llm.output_messages", (Message("assistant", reply.text),))
    return found


def _messages(name: str, messages: Iterable[Message]) -> Attributes:
    return {
        f"{name}.{place}.message.{field}": value
        for place, message in enumerate(messages)
        for field, value in (("role", message.role), ("content", message.content))
    }


def _tracer(where: str) -> Tracer:
    if where == "program":
        return get_tracer(NAME)
    from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor  # noqa: PLC0415  (an extra)

    if where == "console":
        return _provider(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stderr))).get_tracer(NAME)
    return _sending(where).get_tracer(NAME)


@cache
def _sending(url: str) -> TracerProvider:
    """One for each address in a process; what it holds is sent when the process ends, at the latest."""
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415  (an extra)

    return _provider(BatchSpanProcessor(_exporter(url)))


def _provider(processor: SpanProcessor) -> TracerProvider:
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415  (an extra)
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415  (an extra)

    provider = TracerProvider(resource=Resource.create({"service.name": NAME}))
    provider.add_span_processor(processor)
    return provider


def _exporter(url: str) -> SpanExporter:
    import requests  # noqa: PLC0415  (an extra)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  (an extra)

    session = requests.Session()
    session.trust_env = False  # no proxy
    session.max_redirects = 0  # and nowhere else
    logging.getLogger(OTLPSpanExporter.__module__).setLevel(
        logging.ERROR
    )  # a collector that is down is one line, not five
    return OTLPSpanExporter(url, timeout=EXPORT_TIMEOUT_S, session=session)


def _bad(settings: Settings, why: str) -> BadSetting:
    return BadSetting("tracing", variable("tracing"), settings.tracing, why)
