"""The command line: arguments -> calls, results -> stdout, errors -> one line on stderr and an exit code."""

from __future__ import annotations

from typing import NoReturn

import typer

from assistant.command import run
from assistant.commands import asking, library, mcp, programs
from assistant.errors import AssistantError
from ingest.errors import IngestError

app = typer.Typer(
    name="whichpapers",
    help="Ask a pile of abstracts which papers do what, and get each with the sentence that proves it.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

for command in (
    library.ingest,
    asking.ask,
    asking.replay,
    asking.table,
    asking.search,
    asking.verify,
    library.papers,
    asking.prompts,
    library.remove,
    library.merge,
    library.split,
    library.rebuild,
    library.doctor,
):  # in the order of --help
    app.command()(command)
app.command("eval", context_settings=programs.PASS_ON)(programs.evaluate)
app.command(context_settings=programs.PASS_ON)(programs.bench)
app.command(context_settings=programs.PASS_ON)(programs.chat)
app.command(context_settings=programs.PASS_ON)(programs.serve)
app.command()(mcp.mcp)


def main() -> NoReturn:
    """Runs the command line and exits: 0 done, 1 failed for a reason outside, 2 unusable arguments or input."""
    run(app, "whichpapers", IngestError, AssistantError)
