"""Cases -> scores on the terminal and in a folder: `whichpapers eval`, or `python -m evals`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from assistant import Assistant, AssistantError
from assistant.command import run as run_command
from evals.cases import OWN_CASES, read_cases
from evals.errors import EvalsError
from evals.records import Outcome
from evals.report import table, write
from evals.run import run
from ingest import IngestError
from ingest.settings import read_settings

command = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command.command()
def evaluate(
    library: Annotated[Path | None, typer.Option("--library", "-l", help="Folder of the library.")] = None,
    cases: Annotated[list[Path] | None, typer.Option(help="File of judged questions; may be repeated.")] = None,
    mode: Annotated[str, typer.Option(help="auto, offline or llm.")] = "auto",
    depth: Annotated[str, typer.Option(help="quick, thorough or exhaustive.")] = "thorough",
    out: Annotated[Path | None, typer.Option(help="Folder for scores.json and report.md.")] = None,
) -> None:
    """Ask judged questions, print the measures, and write them to a folder."""
    settings = read_settings({"library": library})
    with Assistant.open(settings=settings) as assistant:
        asked = read_cases(cases or [OWN_CASES], assistant.library)
        outcomes: list[Outcome] = []
        for outcome in run(assistant, asked, mode, depth):  # type: ignore[arg-type]  # ask checks them
            outcomes.append(outcome)
            if sys.stderr.isatty():
                print(f"\r{len(outcomes)} of {len(asked)}", end="", file=sys.stderr)
        folder = out or settings.library / "evals"
        print(table(write(folder, assistant, outcomes)))
    print(f"written: {folder / 'scores.json'}, {folder / 'report.md'}", file=sys.stderr)


def main() -> NoReturn:
    """Runs the evaluation and exits: 0 done, 2 unusable arguments or input."""
    run_command(command, "whichpapers eval", AssistantError, EvalsError, IngestError)


if __name__ == "__main__":
    main()
