"""Library -> library: the commands that fill one, list it, mend it and look after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

import ingest as libraries
from assistant.commands.terminal import (
    EngineOption,
    LibraryOption,
    OfflineOption,
    WhereOption,
    matching_of,
    print_lines,
    progress_bar,
    say,
    settings_of,
)
from ingest.errors import LibraryMissing, RecordsRejected
from ingest.export import EXPORTS
from ingest.read import FORMATS
from ingest.rejected import REJECTED, reasons
from ingest.sources.fields import read_columns


def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(help="Files of any format below, archives or folders of them; - for stdin; with --fetch, URLs."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Read the sample: digests of 595 abstracts.")] = False,
    library: LibraryOption = None,
    page_format: Annotated[str, typer.Option("--format", help=f"One of {', '.join(FORMATS)}.")] = "auto",
    columns: Annotated[
        list[str] | None,
        typer.Option("--column", help="What a table calls one of our fields, as title=Name; may be given again."),
    ] = None,
    sync: Annotated[
        bool, typer.Option("--sync", help="Remove what these sources held before and no longer do.")
    ] = False,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Fetch what is named by a URL; what it gave is kept beside the library.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 if anything is rejected.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    engine: EngineOption = None,
    offline: OfflineOption = False,
) -> None:
    """Read papers into a library. Reading the same again changes nothing."""
    given: list[Path | str] = [*(paths or []), *([libraries.SAMPLE] if sample else [])]
    if not given:
        raise typer.TyperException("name a file or folder to read, or --sample")
    with progress_bar("encoding papers") as progress:
        settings = settings_of(library, offline=offline, engine=engine)
        report = libraries.ingest(
            given,
            page_format=page_format,
            columns=read_columns(columns or []),
            sync=sync,
            fetch=fetch,
            settings=settings,
            progress=progress,
        )
    tell_report(report, settings, as_json=as_json)
    if strict and report.rejections:
        raise RecordsRejected(report.rejections)


def tell_report(report: libraries.IngestReport, settings: libraries.Settings, *, as_json: bool = False) -> None:
    """What an ingest did to stdout, what it met to stderr."""
    for notice in (*report.rejections[:20], *report.warnings[:20]):
        say(f"{notice.where}: {notice.why}")
    if len(report.rejections) > 20:
        say(f"... and {len(report.rejections) - 20:,} more rejected, all listed in {settings.library / REJECTED}:")
        for why, count in reasons(report.rejections)[:10]:
            say(f"{count:>9,} x {why}")
    if as_json:
        print(json.dumps(report.to_dict(), ensure_ascii=False, indent=2))
    else:
        counts = ("added", "updated", "unchanged", "merged", "rejected")
        told = ", ".join(f"{getattr(report, name)} {name}" for name in counts)
        told += f", {report.left_out} left out as removed by hand" if report.left_out else ""
        told += f", {report.removed} gone from their source and removed" if report.removed else ""
        print(f"{report.read} entries read: {told}. The library holds {report.works} works.")


def papers(
    library: LibraryOption = None,
    export: Annotated[
        Literal["bibtex", "csl", "csv", "jsonl", "ris"] | None, typer.Option(help="Print in this form.")
    ] = None,
    where: WhereOption = None,
) -> None:
    """List the papers of a library, or export them."""
    settings = settings_of(library)
    with libraries.Library.open(settings.library, settings) as opened:
        matching = matching_of(opened, where)
        every = (paper for paper in opened.store.every_paper() if matching is None or paper.id in matching.ids)
        print_lines(EXPORTS[export](every) if export else "\n".join(f"{paper.id}\t{paper.title}" for paper in every))


def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as `whichpapers papers` lists them.")],
    library: LibraryOption = None,
) -> None:
    """Remove papers from a library; reading their sources again does not bring them back."""
    with _changing(library) as opened:
        opened.remove(ids)
        say(f"removed {len(set(ids))}; the library holds {len(opened)} works")


def merge(
    ids: Annotated[list[str], typer.Argument(metavar="ID ID...", help="The first one's id stays.")],
    library: LibraryOption = None,
) -> None:
    """Make one paper of several that are one work; reading their sources again does not undo it."""
    if len(set(ids)) < 2:
        raise typer.TyperException("name two ids or more")
    with _changing(library) as opened:
        print(opened.merge(ids))


def split(
    paper_id: Annotated[str, typer.Argument(metavar="ID", help="A paper that is told by several sources.")],
    library: LibraryOption = None,
) -> None:
    """Make a paper of each different text of one; reading their sources again does not undo it."""
    with _changing(library) as opened:
        print("\n".join(opened.split(paper_id)))


def rebuild(library: LibraryOption = None, engine: EngineOption = None, offline: OfflineOption = False) -> None:
    """Make both indexes anew from the library's database, with the encoder that is set now."""
    settings = settings_of(library, offline=offline, engine=engine)
    if not (settings.library / "library.db").is_file():
        raise LibraryMissing(settings.library)
    with (
        libraries.Library.open_to_write(settings.library, settings, remake=True) as opened,
        progress_bar("encoding papers") as progress,
    ):
        opened.catch_up(progress)
        print(f"rebuilt: {len(opened)} works, {len(opened.vectors)} vectors, encoder {opened.encoder.name}")


def doctor(library: LibraryOption = None) -> None:
    """Say what is installed, what the library holds, and whether it is sound."""
    from assistant import doctor as health  # noqa: PLC0415  (see ask)

    settings = settings_of(library)
    findings = health.examine(settings)
    print("\n".join(f"{finding.what:<14} {finding.found}" for finding in findings))
    if any(not finding.sound for finding in findings):
        raise typer.Exit(2)


@contextmanager
def _changing(library: Path | None) -> Iterator[libraries.Library]:
    """A library that there is, open to write; its indexes are brought up at the end."""
    settings = settings_of(library)
    if not (settings.library / "library.db").is_file():
        raise LibraryMissing(settings.library)
    with libraries.Library.open_to_write(settings.library, settings) as opened:
        yield opened
        opened.catch_up()
