"""Cases -> scores on the terminal and in a folder: `whichpapers eval`, or `python -m evals`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from typer.core import TyperCommand

from assistant import AssistantError
from assistant.command import run as run_command
from evals.beir import rank_collections
from evals.cases import OWN_CASES
from evals.compare import compare, markdown, read_run
from evals.errors import BadOption, EvalsError
from evals.evaluate import Plan, evaluate
from evals.from_use import write_cases
from evals.journal import Progress as Report
from ingest import IngestError
from ingest.settings import read_settings

if TYPE_CHECKING:
    from typer._click.core import Context

SEVERAL = ("--cases", "--types", "--compare", "--beir")
"""Options that may be followed by several values."""


class _Spread(TyperCommand):
    """A command of which `--cases A B` is `--cases A --cases B`."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args))


command = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@command.command(cls=_Spread)
def evaluate_cases(
    library: Annotated[Path | None, typer.Option("--library", "-l", help="Folder of the library.")] = None,
    cases: Annotated[list[Path] | None, typer.Option(help="Files of judged questions [default: our own].")] = None,
    types: Annotated[list[str] | None, typer.Option(help="Ask the cases of these types only.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Ask the first so many cases only.")] = None,
    mode: Annotated[str, typer.Option(help="auto, offline or llm.")] = "auto",
    depth: Annotated[str, typer.Option(help="quick, thorough or exhaustive.")] = "thorough",
    workers: Annotated[int, typer.Option(min=1, help="Questions asked at a time; more than one distorts times.")] = 1,
    judge: Annotated[
        Literal["auto", "words", "model"], typer.Option(help="Who judges nuggets; auto: the model, where one is set.")
    ] = "auto",
    answers: Annotated[Path | None, typer.Option(help="Score these answers of another system, JSON lines.")] = None,
    baselines: Annotated[bool, typer.Option("--baselines", help="Ask plain retrieval the same too.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of results [default: evals in the library's].")] = None,
    compare_with: Annotated[
        list[Path] | None,
        typer.Option("--compare", help="An earlier run's folder; of two, ask nothing."),
    ] = None,
    beir: Annotated[
        list[Path] | None, typer.Option(help="Rank these retrieval collections instead (folders in BEIR's form).")
    ] = None,
    from_use: Annotated[
        Path | None, typer.Option(help="Write the library's ratings and saved questions to this file, as cases.")
    ] = None,
    owner: Annotated[str, typer.Option(help="Whose ratings, where people log in.")] = "",
    gate: Annotated[Path | None, typer.Option(help="TOML file of bounds; exit 1 when one is broken.")] = None,
) -> None:
    """Ask judged questions, print the measures, and write scores.json, report.md and report.html to a folder.

    A run that was interrupted goes on where it was when it is started again.
    """
    before = compare_with or []
    if len(before) > 2:
        raise BadOption("--compare", len(before), "one folder, or two")
    if len(before) == 2:
        print(markdown(compare(*map(read_run, before))))
        return
    settings = read_settings({"library": library})
    if from_use:
        collected = write_cases(settings, owner, from_use)
        print(f"{len(collected.cases)} cases written to {from_use}; {len(collected.left_out)} questions left out")
        for question in collected.left_out:
            print(f"not known what would answer: {question}", file=sys.stderr)
        return
    if beir:
        with _progress("reading and ranking") as progress:
            print(rank_collections(beir, settings, out or settings.library / "evals" / "beir", progress))
        return
    plan = Plan(
        settings=settings, cases=tuple(cases or [OWN_CASES]), types=tuple(types or ()),
        limit=limit, mode=mode, depth=depth, workers=workers, judge=judge, answers=answers, baselines=baselines,
        out=out, before=before[0] if before else None, gate=gate,
    )  # fmt: skip
    with _progress("asking") as progress:
        done = evaluate(plan, progress)
    print(done.told)
    print(f"written: {', '.join(str(done.folder / name) for name in done.files)}", file=sys.stderr)
    done.raise_if_broken()


def spread(arguments: list[str]) -> list[str]:
    """Repeats an option of SEVERAL before each of the values that follow it."""
    told: list[str] = []
    option: str | None = None
    for argument in arguments:
        if argument.startswith("-"):
            option = argument if argument in SEVERAL else None
        elif option and told[-1] != option:
            told.append(option)
        told.append(argument)
    return told


@contextmanager
def _progress(label: str) -> Iterator[Report | None]:
    """A bar with the time left on stderr, or nothing where stderr is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def main() -> NoReturn:
    """Runs the evaluation and exits: 0 done, 1 a gate is broken or a disk refuses, 2 unusable arguments or input."""
    run_command(command, "whichpapers eval", AssistantError, EvalsError, IngestError)


if __name__ == "__main__":
    main()
