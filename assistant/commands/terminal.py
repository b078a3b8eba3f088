"""Events -> terminal: the options that commands share, and how they show progress, notices and answers."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

import assistant as answers
import ingest as libraries
from assistant.errors import NoStdout
from assistant.records import Answer, Event, Stage
from ingest.where import Matching, parse

if TYPE_CHECKING:
    from rich.progress import Progress

    from ingest import Paper
    from ingest.project import Progress as Report

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", "-l", help="Folder of the library [default: WHICHPAPERS_LIBRARY, else the user's data folder]."
    ),
]
WhereOption = Annotated[
    str | None, typer.Option("--where", help='Only papers of which this is true: "year >= 2023 and has_code".')
]
Form = Literal["text", "markdown", "json", "footnotes", "evidence", "bibtex", "csl", "ris", "csv"]
"""The names of `assistant.show.exports.FORMS`, which takes too long to import for --help."""
FormOption = Annotated[Form, typer.Option("--format", help="Form of the answer; evidence is a table in HTML.")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Make any call to another machine an error.")]
EngineOption = Annotated[
    Literal["here", "ray"] | None,
    typer.Option(help="What makes the vectors: this process, or Ray on many machines [default: WHICHPAPERS_ENGINE]."),
]


def followed(events: Iterator[Event]) -> Answer:
    """The answer at the end of `events`, their stages shown on a terminal as they pass."""
    shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns - 1
    for event in events:
        if isinstance(event, Answer):
            answer = event
        elif isinstance(event, Stage) and shown:
            print("\r\033[K" + f"{event.name}: {event.detail}"[:width], end="", file=sys.stderr, flush=True)
    if shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return answer


def check_stdout() -> None:
    """Raises NoStdout where a process was started without one: an answer would be lost."""
    if sys.stdout is None:
        raise NoStdout


def print_answer(answer: Answer, form: Form, papers: Iterable[Paper] = ()) -> None:
    """The result of a command, to stdout; what is told of its papers is the answer's, where they are not given."""
    from assistant import render  # noqa: PLC0415  (a quarter of a second, which --help should not take)

    check_stdout()
    if form == "text" and sys.stdout.isatty():
        from assistant.commands import colour  # noqa: PLC0415  (see above)

        colour.show(answer)
    elif form in ("text", "markdown"):
        print(render.markdown(answer) if form == "markdown" else render.plain(answer))
    else:
        from assistant.show.exports import FORMS  # noqa: PLC0415  (see above)

        print(FORMS[form].write(answer, {paper.id: paper for paper in papers}))


def say(line: str) -> None:
    """All that is no result, to stderr."""
    print(line, file=sys.stderr)


def print_lines(text: str) -> None:
    """A list to stdout; of nothing, nothing."""
    if text:
        print(text)


def matching_of(library: libraries.Library, where: str | None) -> Matching | None:
    """The papers that fit, None for all; what they were not asked of is told on stderr."""
    if not where:
        return None
    matching = library.matching(parse(where))
    for column, count in matching.missing.items():
        say(f"{count} of {len(library)} papers say nothing of {column} and fit no condition on it")
    return matching


def settings_of(library: Path | None, *, offline: bool = False, engine: str | None = None) -> libraries.Settings:
    """What the flags say, else the environment, else the defaults."""
    return libraries.read_settings({"library": library, "offline": offline or None, "engine": engine})


@contextmanager
def open_assistant(
    settings: libraries.Settings, use: Literal["record", "replay"] = "record"
) -> Iterator[answers.Assistant]:
    """The assistant of a library, opened to be read; a bar shows where an interrupted ingest is finished first."""
    with progress_bar("finishing an interrupted ingest") as progress:
        opened = answers.Assistant.open(settings=settings, progress=progress, use=use)
    with opened as assistant:
        yield assistant


@contextmanager
def progress_bar(label: str) -> Iterator[Report | None]:
    """A bar on stderr from the first report on, or nothing where stderr is no terminal."""
    bars: list[Progress] = []

    def report(done: int, total: int) -> None:
        if not bars:
            bars.append(_bar(label))
        bars[0].update(bars[0].task_ids[0], completed=done, total=total)

    try:
        yield report if sys.stderr.isatty() else None
    finally:
        for bar in bars:
            bar.stop()


def _bar(label: str) -> Progress:
    # Imported here: a tenth of a second, which a command without a bar should not take.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    bar.add_task("")
    bar.start()
    return bar
