"""Arguments -> MCP server: a library as tools of another program, over its pipes or over HTTP."""

from __future__ import annotations

import socket
from contextlib import closing
from typing import Annotated

import typer

from assistant.commands.terminal import LibraryOption, OfflineOption, open_assistant, say, settings_of
from assistant.serve.errors import CannotListen


def mcp(
    library: LibraryOption = None,
    http: Annotated[bool, typer.Option("--http", help="Serve HTTP on this machine, not stdin and stdout.")] = False,
    port: Annotated[int, typer.Option(help="Port for --http; 0 for any that is free.", min=0, max=65535)] = 8765,
    offline: OfflineOption = False,
) -> None:
    """Give a library to programs that speak MCP, as tools; docs/mcp.md tells how to set them up."""
    with open_assistant(settings_of(library, offline=offline)) as assistant:
        from assistant import mcp_server  # noqa: PLC0415  (a second, which --help should not take)

        server = mcp_server.server_over(assistant)
        if not http:
            server.run()  # stdout is the protocol's alone: while it runs, all that is printed goes to stderr
            return
        with closing(_listening(port)) as listening:
            bound = listening.getsockname()[1]
            say(f"{len(assistant.library)} papers at http://127.0.0.1:{bound}/mcp (interrupt to end)")
            mcp_server.http_server(server, bound).run(sockets=[listening])


def _listening(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise CannotListen("127.0.0.1", port, error.strerror or str(error)) from error
