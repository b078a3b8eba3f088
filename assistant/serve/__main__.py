"""Library -> server: `whichpapers serve`, or `python -m assistant.serve`."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Annotated, NoReturn

import typer
import uvicorn

from assistant.command import run
from assistant.commands.terminal import LibraryOption, OfflineOption, open_assistant, say, settings_of
from assistant.errors import AssistantError
from assistant.serve.api import application
from assistant.serve.errors import MIN_KEY_CHARS, CannotListen, NotLoopback, WeakKey
from assistant.serve.gate import Gate
from assistant.serve.line import Line
from assistant.show.guard import LOOPBACK
from ingest.errors import IngestError

MAX_CONNECTIONS = 500
GRACE_S = 5
"""How long answers may take to end when the server is told to."""

command = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command.command()
def serve(
    library: LibraryOption = None,
    host: Annotated[str, typer.Option(help="Address to serve at; other than loopback only with a key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 for any that is free.", min=0, max=65535)] = 8000,
    key: Annotated[
        str, typer.Option(envvar="WHICHPAPERS_SERVE_KEY", help="Answer only requests that bring this key.")
    ] = "",
    at_once: Annotated[int, typer.Option(help="Most requests answered at the same time.", min=1, max=64)] = 4,
    waiting: Annotated[int, typer.Option(help="Most requests that wait for that.", min=0, max=400)] = 64,
    seconds: Annotated[
        float, typer.Option(help="Most seconds that an answer may take, waiting included.", min=1)
    ] = 600,
    offline: OfflineOption = False,
) -> None:
    """Serve a library over HTTP, at http://127.0.0.1:8000, until interrupted; docs/http.md tells how to ask it."""
    if key and not (len(key) >= MIN_KEY_CHARS and key.isascii() and key.isprintable() and " " not in key):
        raise WeakKey
    if host not in LOOPBACK and not key:
        raise NotLoopback(host)
    with (
        closing(_listening(host, port)) as listening,
        open_assistant(settings_of(library, offline=offline)) as assistant,
        closing(Line(at_once, waiting, seconds)) as line,
    ):
        app = Gate(application(assistant, line, keyed=bool(key)), key or None, LOOPBACK if host in LOOPBACK else ())
        name, bound = f"[{host}]" if ":" in host else host, listening.getsockname()[1]
        say(f"{len(assistant.library)} papers at http://{name}:{bound} (interrupt to end)")
        server(app).run(sockets=[listening])


def server(app: Gate) -> uvicorn.Server:
    """A server of `app` that says nothing of itself, and logs nothing but faults."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_S,
        )
    )


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        why = (error.strerror or str(error)).partition(" (")[0]  # the address follows, which the message tells itself
        raise CannotListen(host, port, why) from error


def main() -> NoReturn:
    """Runs the server and exits: 0 done, 1 the address is taken, 2 unusable arguments or library."""
    run(command, "whichpapers serve", AssistantError, IngestError)


if __name__ == "__main__":
    main()
