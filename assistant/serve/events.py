"""Event -> bytes: what `Assistant.stream` yields, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict

from starlette.responses import StreamingResponse

from assistant.errors import AssistantError
from assistant.records import Answer, Event
from assistant.serve.problems import Problem
from ingest.errors import IngestError


class EventStream(StreamingResponse):
    """A response of server-sent events, which proxies pass on as they come."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        super().__init__(events, headers={"x-accel-buffering": "no"})


def told(event: Event) -> bytes:
    """An event under its own name: stage, token or answer."""
    data = event.to_dict() if isinstance(event, Answer) else asdict(event)
    return sent(data, type(event).__name__.lower())


def sent(data: object, name: str | None = None) -> bytes:
    """`data` as one event."""
    named = f"event: {name}\n" if name else ""
    return f"{named}data: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def streaming(
    results: AsyncIterator[Event | None], tell: Callable[[Event], bytes], path: str, ending: bytes = b""
) -> EventStream:
    """Responds with results as they come.

    Args:
        results: What goes wrong before the first is raised here, so that the status can say so.
        tell: A result as events.
        path: Of the request, for the form of an error that comes later.
        ending: What follows the last result.
    """
    first = await anext(results)

    async def pieces() -> AsyncIterator[bytes]:
        yield tell(first) if first is not None else b": waiting\n\n"
        try:
            async for result in results:
                yield tell(result) if result is not None else b": waiting\n\n"
            yield ending
        except (AssistantError, IngestError) as error:
            yield sent(Problem.of(error).told(path), None if ending else "error")

    return EventStream(pieces())
