"""Sources -> library, again and again: the commands that bring in what is new, and tell what that changes."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

import ingest as libraries
from assistant.commands.library import tell_report
from assistant.commands.terminal import (
    LibraryOption,
    OfflineOption,
    open_assistant,
    progress_bar,
    say,
    settings_of,
)
from assistant.errors import BadOption
from ingest.errors import FetchRefused
from ingest.files import FETCHED

Mode = Literal["auto", "offline", "llm"]


def fetch(
    source: Annotated[
        str,
        typer.Argument(help='arxiv:QUERY, as in "arxiv:all:quantization AND cat:cs.LG"; hf:2024-05-01 or "hf:WORDS".'),
    ],
    most: Annotated[int, typer.Option("--max", min=1, max=50_000, help="At most this many papers.")] = 500,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Write the papers there as JSON Lines; ingest nothing."),
    ] = None,
    library: LibraryOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    offline: OfflineOption = False,
) -> None:
    """Fetch papers of arXiv or Hugging Face into a library; one that was interrupted goes on where it was."""
    from ingest import live  # noqa: PLC0415  (a tenth of a second, which --help should not take)

    settings = settings_of(library, offline=offline)
    if save and (save.is_dir() or not save.parent.is_dir()):
        raise BadOption("--save", str(save), "a file in a folder that there is")
    if settings.offline:
        raise FetchRefused(source, "offline no other machine is called")
    with progress_bar("fetching papers") as progress:
        found = live.fetch(source, most, settings.library / FETCHED, progress)
    if save:
        shutil.copyfile(found.path, save)
        return
    with progress_bar("encoding papers") as progress:
        tell_report(libraries.ingest([found], settings=settings, progress=progress), settings, as_json=as_json)


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of anything that ingest reads.")],
    library: LibraryOption = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Remove what the folder held before and no longer does.")
    ] = False,
    offline: OfflineOption = False,
) -> None:
    """Ingest a folder, and again whenever something in it changes, until Ctrl-C."""
    from ingest.watch import watch as watching  # noqa: PLC0415  (see fetch)

    settings = settings_of(library, offline=offline)
    try:
        for report in watching(folder, settings, sync=sync):
            if isinstance(report, libraries.IngestReport):
                tell_report(report, settings)
                sys.stdout.flush()
            else:
                say(str(report))
    except KeyboardInterrupt:
        say("stopped")


def news(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Names that ask --save was given [default: all].")
    ] = None,
    library: LibraryOption = None,
    mode: Annotated[Mode | None, typer.Option(help="auto, offline or llm [default: as each was asked].")] = None,
    seen: Annotated[bool, typer.Option("--seen", help="Tell only of what comes after this, the next time.")] = False,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="Form of the news.")] = "text",
    offline: OfflineOption = False,
) -> None:
    """Tell what changes the answers that `ask --save` keeps: papers that came, changed or went since."""
    from assistant import news as telling  # noqa: PLC0415  (a quarter of a second, which --help should not take)
    from assistant import saved  # noqa: PLC0415  (see above)

    settings = settings_of(library, offline=offline)
    with open_assistant(settings) as assistant:
        wanted = [saved.load(settings.library, name) for name in names or saved.names(settings.library)]
        if not wanted:
            say("no answer is saved; save one with: whichpapers ask QUESTION --save NAME")
        told = [assistant.news(answer, mode) for answer in wanted]
        if output == "json":
            print(json.dumps([news.to_dict() for news in told], ensure_ascii=False, indent=2))
        elif told:
            print(telling.plain(told))
        if seen:
            texts = assistant.library.store.texts()
            for answer, news in zip(wanted, told, strict=True):
                saved.save(settings.library, answer.knowing(texts, (found.paper for found in news.found)))
