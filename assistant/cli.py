"""The command line: arguments -> calls, results -> stdout, errors -> one line on stderr and an exit code."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

import assistant as answers
import ingest as libraries
from assistant.command import run
from assistant.errors import AnswerUnreadable, AssistantError, BadOption, VerificationFailed
from assistant.records import Answer, Event, Stage, Usage
from ingest.errors import IngestError, LibraryMissing, RecordsRejected, SourceMissing
from ingest.export import EXPORTS
from ingest.read import FORMATS
from ingest.rejected import REJECTED, reasons
from ingest.sources.fields import read_columns
from ingest.where import parse

if TYPE_CHECKING:
    from rich.progress import Progress

    from ingest.project import Progress as Report

app = typer.Typer(
    name="whichpapers",
    help="Ask a pile of abstracts which papers do what, and get each with the sentence that proves it.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

EXAMPLE = "which papers use Hessian approximations for quantization"
REPAIR = "finishing an interrupted ingest"
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""For a command that is a program of its own."""

LibraryOption = Annotated[
    Path | None,
    typer.Option(
        "--library", "-l", help="Folder of the library [default: WHICHPAPERS_LIBRARY, else the user's data folder]."
    ),
]
WhereOption = Annotated[
    str | None, typer.Option("--where", help='Only papers of which this is true: "year >= 2023 and has_code".')
]
FormOption = Annotated[Literal["text", "markdown", "json"], typer.Option("--format", help="Form of the answer.")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Make any call to another machine an error.")]


@app.command()
def ingest(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files of any format below, archives or folders of them; - for stdin.")
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
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 2 if anything is rejected.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    offline: OfflineOption = False,
) -> None:
    """Read papers into a library. Reading the same again changes nothing."""
    given = [*(paths or []), *([libraries.SAMPLE] if sample else [])]
    if not given:
        raise typer.TyperException("name a file or folder to read, or --sample")
    with _progress("encoding papers") as progress:
        settings = _settings(library, offline=offline)
        report = libraries.ingest(
            given,
            page_format=page_format,
            columns=read_columns(columns or []),
            sync=sync,
            settings=settings,
            progress=progress,
        )
    for notice in (*report.rejections[:20], *report.warnings[:20]):
        _say(f"{notice.where}: {notice.why}")
    if len(report.rejections) > 20:
        _say(f"... and {len(report.rejections) - 20:,} more rejected, all listed in {settings.library / REJECTED}:")
        for why, count in reasons(report.rejections)[:10]:
            _say(f"{count:>9,} x {why}")
    if as_json:
        print(json.dumps(report.to_dict(), ensure_ascii=False, indent=2))
    else:
        counts = ("added", "updated", "unchanged", "merged", "rejected")
        told = ", ".join(f"{getattr(report, name)} {name}" for name in counts)
        told += f", {report.left_out} left out as removed by hand" if report.left_out else ""
        told += f", {report.removed} gone from their source and removed" if report.removed else ""
        print(f"{report.read} entries read: {told}. The library holds {report.works} works.")
    if strict and report.rejections:
        raise RecordsRejected(report.rejections)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="A question in plain words.")],
    library: LibraryOption = None,
    mode: Annotated[str, typer.Option(help="auto, offline or llm.")] = "auto",
    depth: Annotated[str, typer.Option(help="quick, thorough or exhaustive: how many papers are judged.")] = "thorough",
    where: WhereOption = None,
    output: FormOption = "text",
    replay: Annotated[bool, typer.Option("--replay", help="Take the model's replies from the record alone.")] = False,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Also write the answer and all it was made of to this zip file.")
    ] = None,
    offline: OfflineOption = False,
) -> None:
    """Answer a question with every paper that satisfies it, each with the sentence that says so."""
    settings = _settings(library, offline=offline)
    if bundle and (bundle.is_dir() or not bundle.parent.is_dir()):
        raise BadOption("--bundle", str(bundle), "a file in a folder that there is")
    with (
        _progress(REPAIR) as progress,
        answers.Assistant.open(settings=settings, progress=progress, use="replay" if replay else "record") as assistant,
    ):
        if depth == "exhaustive" and assistant.model and mode != "offline":
            _say(_price(assistant.price(mode, depth, where)))  # type: ignore[arg-type]  # checked by ask itself
        from assistant.notes import Notes  # noqa: PLC0415  (half a second that --help should not take; ask needs it anyway)

        notes = Notes()
        asking = assistant.noted(notes) if bundle else assistant
        events = asking.stream(question, (), "llm" if replay else mode, depth, where)  # type: ignore[arg-type]
        answer = _followed(events)
    _print(answer, output)
    if bundle:
        from assistant import bundle as bundles  # noqa: PLC0415  (see above)

        bundles.write(bundles.of(notes, answer), bundle, settings.api_key)


@app.command()
def replay(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A file that ask --bundle wrote.")],
    output: FormOption = "text",
) -> None:
    """Give a bundled answer again, made anew from its own texts and replies alone, and prove that it is the same."""
    from assistant import bundle as bundles  # noqa: PLC0415  (see ask)
    from assistant import replay as again  # noqa: PLC0415  (see ask)

    _print(again.replay(bundles.read(bundle)), output)
    _say("replayed: equal to the recorded answer in every byte")


@app.command()
def table(
    question: Annotated[str, typer.Argument(help="A question in plain words.")],
    columns: Annotated[str, typer.Option(help='What to tell of each paper: "method, bit width, headline result".')],
    library: LibraryOption = None,
    mode: Annotated[str, typer.Option(help="auto, offline or llm.")] = "auto",
    depth: Annotated[str, typer.Option(help="quick, thorough or exhaustive.")] = "thorough",
    where: WhereOption = None,
    output: Annotated[Literal["markdown", "csv"], typer.Option("--format", help="Form of the table.")] = "markdown",
    offline: OfflineOption = False,
) -> None:
    """Answer a question with a table: a row a paper, and behind each cell the sentence that states it."""
    from assistant import table as form  # noqa: PLC0415  (a quarter of a second, which --help should not take)

    settings, named = _settings(library, offline=offline), form.parse_columns(columns)
    with _progress(REPAIR) as progress, answers.Assistant.open(settings=settings, progress=progress) as assistant:
        made = assistant.table(question, named, mode, depth, where)  # type: ignore[arg-type]  # checked by ask itself
    print(form.as_csv(made) if output == "csv" else form.markdown(made))


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="Words or a question.")],
    k: Annotated[int, typer.Option("-k", help="At most this many papers.")] = 50,
    library: LibraryOption = None,
    where: WhereOption = None,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="Form of the ranking.")] = "text",
    explain: Annotated[bool, typer.Option("--explain", help="Show how each arm of retrieval ranks a paper.")] = False,
    offline: OfflineOption = False,
) -> None:
    """Rank papers for a query, without judging them."""
    settings = _settings(library, offline=offline)
    with _progress(REPAIR) as progress, answers.Assistant.open(settings=settings, progress=progress) as assistant:
        hits = assistant.search(query, k, where)
    from assistant import render  # noqa: PLC0415  (see ask)

    if output == "json":
        print(json.dumps([hit.to_dict() for hit in hits], ensure_ascii=False, indent=2))
    else:
        print(render.ranking(hits, explain=explain))


@app.command()
def verify(
    answer_file: Annotated[Path, typer.Argument(metavar="ANSWER.json", help="An answer saved by ask --format json.")],
    library: LibraryOption = None,
) -> None:
    """Prove a saved answer again: every marker, every quote, every text, against the library, with no model."""
    try:
        data = json.loads(answer_file.read_text("utf-8"))
    except OSError as error:
        raise SourceMissing(answer_file) from error
    except (ValueError, RecursionError) as error:
        raise AnswerUnreadable(f"{str(answer_file)!r} holds no JSON") from error
    settings = _settings(library)
    answer = Answer.from_dict(data)
    with libraries.Library.open(settings.library, settings) as opened:
        found = answers.verify(answer, opened)
    for problem in found.problems:
        _say(problem)
    if found.problems:
        raise VerificationFailed(found.problems)
    print(f"verified: {found.citations} citations, {found.quotes} quotes, each the library's own text")


@app.command()
def papers(
    library: LibraryOption = None,
    export: Annotated[Literal["bibtex", "csv", "jsonl"] | None, typer.Option(help="Print in this form.")] = None,
    where: WhereOption = None,
) -> None:
    """List the papers of a library, or export them."""
    settings = _settings(library)
    with libraries.Library.open(settings.library, settings) as opened:
        matching = opened.matching(parse(where)) if where else None
        every = (paper for paper in opened.store.every_paper() if matching is None or paper.id in matching.ids)
        for column, count in matching.missing.items() if matching else ():
            _say(f"{count} of {len(opened)} papers say nothing of {column} and fit no condition on it")
        print(EXPORTS[export](every) if export else "\n".join(f"{paper.id}\t{paper.title}" for paper in every))


@app.command()
def prompts(
    name: Annotated[str | None, typer.Argument(help="One of the names that this command lists without it.")] = None,
    question: Annotated[str, typer.Option(help="The question to show it on.")] = EXAMPLE,
    library: LibraryOption = None,
) -> None:
    """List the texts that a language model is sent, or print one as it is sent, on papers of the library."""
    from assistant.by_llm import example  # noqa: PLC0415  (a quarter of a second, which --help should not take)

    if name is None:
        print("\n".join(example.stages()))
        return
    if name not in example.stages():
        raise BadOption("NAME", name, f"one of {', '.join(example.stages())}")
    settings = _settings(library)
    with libraries.Library.open(settings.library, settings) as opened:
        print(example.rendered(opened, name, question))


@app.command()
def remove(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as `whichpapers papers` lists them.")],
    library: LibraryOption = None,
) -> None:
    """Remove papers from a library; reading their sources again does not bring them back."""
    with _changing(library) as opened:
        opened.remove(ids)
        _say(f"removed {len(set(ids))}; the library holds {len(opened)} works")


@app.command()
def merge(
    ids: Annotated[list[str], typer.Argument(metavar="ID ID...", help="The first one's id stays.")],
    library: LibraryOption = None,
) -> None:
    """Make one paper of several that are one work; reading their sources again does not undo it."""
    if len(set(ids)) < 2:
        raise typer.TyperException("name two ids or more")
    with _changing(library) as opened:
        print(opened.merge(ids))


@app.command()
def split(
    paper_id: Annotated[str, typer.Argument(metavar="ID", help="A paper that is told by several sources.")],
    library: LibraryOption = None,
) -> None:
    """Make a paper of each different text of one; reading their sources again does not undo it."""
    with _changing(library) as opened:
        print("\n".join(opened.split(paper_id)))


@app.command()
def rebuild(library: LibraryOption = None, offline: OfflineOption = False) -> None:
    """Make both indexes anew from the library's database, with the encoder that is set now."""
    settings = _settings(library, offline=offline)
    if not (settings.library / "library.db").is_file():
        raise LibraryMissing(settings.library)
    with (
        libraries.Library.open_to_write(settings.library, settings, remake=True) as opened,
        _progress("encoding papers") as progress,
    ):
        opened.catch_up(progress)
        print(f"rebuilt: {len(opened)} works, {len(opened.vectors)} vectors, encoder {opened.encoder.name}")


@app.command()
def doctor(library: LibraryOption = None) -> None:
    """Say what is installed, what the library holds, and whether it is sound."""
    from assistant import doctor as health  # noqa: PLC0415  (see ask)

    settings = _settings(library)
    findings = health.examine(settings)
    print("\n".join(f"{finding.what:<14} {finding.found}" for finding in findings))
    if any(not finding.sound for finding in findings):
        raise typer.Exit(2)


@app.command("eval", context_settings=PASS_ON)
def evaluate(context: typer.Context) -> None:
    """Score the assistant on judged questions; `whichpapers eval --help` tells its options."""
    _become("evals", context.args)


@app.command(context_settings=PASS_ON)
def bench(context: typer.Context) -> None:
    """Measure speed and memory beside plain LlamaIndex; `whichpapers bench --help` tells its options."""
    _become("evals.bench", context.args)


@app.command(context_settings=PASS_ON)
def chat(context: typer.Context) -> None:
    """Open the chat, a page for the browsers of this machine; `whichpapers chat --help` tells its options."""
    _become("app", context.args)


def main() -> NoReturn:
    """Runs the command line and exits: 0 done, 1 failed for a reason outside, 2 unusable arguments or input."""
    run(app, "whichpapers", IngestError, AssistantError)


def _become(module: str, arguments: list[str]) -> NoReturn:
    """Goes on as another program, one that is built on this package and that this package must not import."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 (our own program)


def _followed(events: Iterator[Event]) -> Answer:
    """The answer at the end of `events`, their stages shown on a terminal as they pass."""
    shown = sys.stderr.isatty()
    for event in events:
        if isinstance(event, Answer):
            answer = event
        elif isinstance(event, Stage) and shown:
            print(f"\r\033[K{event.name}: {event.detail[:70]}", end="", file=sys.stderr, flush=True)
    if shown:
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    return answer


def _print(answer: Answer, output: Literal["text", "markdown", "json"]) -> None:
    from assistant import render  # noqa: PLC0415  (a quarter of a second, which --help should not take)

    if output == "json":
        print(answer.to_json())
    else:
        print(render.markdown(answer) if output == "markdown" else render.plain(answer))


def _price(usage: Usage) -> str:
    cost = "price unknown" if usage.cost_usd is None else f"about {usage.cost_usd:.2f} USD"
    tokens = f"{usage.prompt_tokens:,} tokens to read and {usage.completion_tokens:,} to write"
    return f"at most {usage.calls} calls to the model, {tokens}, {cost}"


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _settings(library: Path | None, *, offline: bool = False) -> libraries.Settings:
    return libraries.read_settings({"library": library, "offline": offline or None})


@contextmanager
def _changing(library: Path | None) -> Iterator[libraries.Library]:
    """A library that there is, open to write; its indexes are brought up at the end."""
    settings = _settings(library)
    if not (settings.library / "library.db").is_file():
        raise LibraryMissing(settings.library)
    with libraries.Library.open_to_write(settings.library, settings) as opened:
        yield opened
        opened.catch_up()


@contextmanager
def _progress(label: str) -> Iterator[Report | None]:
    """A bar on stderr, or nothing where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    # Imported here: a tenth of a second, which a command without a bar should not take.
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield lambda done, total: _show(bar, done, total)


def _show(bar: Progress, done: int, total: int) -> None:
    task = bar.task_ids[0] if bar.task_ids else bar.add_task("", total=total)
    bar.update(task, completed=done, total=total)
