"""Gradio's request, event -> who asks and for what; beside `layout` and app.py the one module that knows Gradio."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import gradio as gr

from assistant.errors import AssistantError
from assistant.show.page import Reader
from assistant.show.plain import plain
from ingest import IngestError
from ingest.files import Located


def private(event: Any, function: Any, **options: Any) -> Any:
    """Wires an event, so that only the page can cause it."""
    return event(function, api_visibility="private", **options)


@contextmanager
def telling() -> Iterator[None]:
    """Tells the reader what cannot be done, and why."""
    try:
        yield
    except (AssistantError, IngestError) as error:
        raise gr.Error(plain(error), print_exception=False) from error


def served(method: Callable[[Mapping[str, Any], str], Any]) -> Callable[..., Any]:
    """A method as a function that the page's script may call; it learns who calls."""

    @wraps(method, assigned=("__name__", "__doc__"), updated=())
    def call(said: dict[str, Any], request: gr.Request) -> Any:
        # Gradio gives no user here, but lets nobody in who is not logged in: the cookie names a user it knows.
        served, names = request.app, ("access-token", "access-token-unsecure")
        if served.auth_dependency:
            return method(said, served.auth_dependency(request) or "")
        tokens = [request.cookies.get(f"{name}-{served.cookie_id}") for name in names]
        return method(said, next((served.tokens[token] for token in tokens if token in served.tokens), ""))

    del call.__wrapped__  # its signature is its own
    return call


def reader(request: gr.Request) -> Reader:
    """Who sends a request."""
    return Reader(request.username or "", request.session_hash or "")


def said(event: gr.EventData) -> dict[str, Any]:
    """What the page's script sends with an event."""
    return dict(event._data or {})


def uploaded(paths: Iterable[str]) -> list[Located]:
    """Files that were uploaded, to be called by their names: the folder of each is Gradio's, and says nothing."""
    return [Located(Path(path), Path(path).name) for path in paths]


def number(event: gr.EventData, name: str) -> int:
    """A number that it sends; 0 where there is none."""
    return int(said(event).get(name) or 0)
