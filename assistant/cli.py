"""The command line: arguments -> calls, results -> stdout, errors -> one line on stderr and an exit code."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

from assistant.command import run
from assistant.commands import asking, library, mcp, programs, updating
from assistant.commands.examples import epilog
from assistant.errors import AssistantError
from ingest.errors import IngestError

app = typer.Typer(
    name="whichpapers",
    context_settings={"help_option_names": ["-h", "--help"]},
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
    asking.export,
    library.papers,
    asking.prompts,
    updating.fetch,
    updating.watch,
    updating.news,
    library.remove,
    library.merge,
    library.split,
    library.rebuild,
    library.doctor,
):  # in the order of --help
    app.command(epilog=epilog(command.__name__))(command)
app.command("eval", context_settings=programs.PASS_ON)(programs.evaluate)
app.command(context_settings=programs.PASS_ON)(programs.bench)
app.command(context_settings=programs.PASS_ON)(programs.chat)
app.command(context_settings=programs.PASS_ON)(programs.serve)
app.command()(mcp.mcp)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415  (only this option needs it)

        print(f"whichpapers {version('whichpapers')}")
        raise typer.Exit


@app.callback()
def about(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Ask a pile of abstracts which papers do what, and get each with the sentence that proves it."""
    del version


def main() -> NoReturn:
    """Runs the command line and exits: 0 done, 1 failed for a reason outside, 2 unusable arguments or input."""
    run(app, "whichpapers", IngestError, AssistantError)
