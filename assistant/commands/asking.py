"""Question -> stdout: the commands that ask a library, and those on what it answered."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

import assistant as answers
import ingest as libraries
from assistant.commands.terminal import (
    FormOption,
    LibraryOption,
    OfflineOption,
    WhereOption,
    check_stdout,
    followed,
    matching_of,
    open_assistant,
    print_answer,
    print_lines,
    say,
    settings_of,
)
from assistant.errors import AnswerUnreadable, BadOption, VerificationFailed
from assistant.records import Answer, Usage

EXAMPLE = "which papers use Hessian approximations for quantization"
_CALL_S = 10
"""A round figure for the time that is foretold: nobody knows how fast a model answers before it does."""

SavedArgument = Annotated[
    Path, typer.Argument(metavar="ANSWER.json", help="An answer saved by ask --format json; - for stdin.")
]


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
    save: Annotated[
        str | None,
        typer.Option("--save", metavar="NAME", help="Keep the answer, to be told by `news` what changes it."),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Tell on stderr how the answer came about.")] = False,
    offline: OfflineOption = False,
) -> None:
    """Answer a question with every paper that satisfies it, each with the sentence that says so."""
    check_stdout()
    settings = settings_of(library, offline=offline)
    _check_places(bundle, save)
    with open_assistant(settings, "replay" if replay else "record") as assistant:
        if depth == "exhaustive" and assistant.model and mode != "offline":
            say(_price(assistant.price(mode, depth, where), settings.model_calls_at_once))  # type: ignore[arg-type]  # checked by ask itself
        from assistant.transcript import Transcript  # noqa: PLC0415  (half a second, which --help should not take)

        transcript = Transcript()
        asking = assistant.transcribed(transcript) if bundle else assistant
        asking = _explaining(asking) if explain else asking
        events = asking.stream(question, (), "llm" if replay else mode, depth, where)  # type: ignore[arg-type]
        answer = followed(events)
        papers = _cited(answer, assistant.library)
        if save:
            _keep(assistant.library, save, answer)
    print_answer(answer, output, papers)
    if bundle:
        from assistant import bundle as bundles  # noqa: PLC0415  (see above)

        bundles.write(bundles.of(transcript, answer), bundle, settings.api_key)


def replay(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A file that ask --bundle wrote.")],
    output: FormOption = "text",
) -> None:
    """Give a bundled answer again, made anew from its own texts and replies alone, and prove that it is the same."""
    from assistant import bundle as bundles  # noqa: PLC0415  (see ask)
    from assistant import replay as again  # noqa: PLC0415  (see ask)

    print_answer(again.replay(bundles.read(bundle)), output)
    say("replayed: equal to the recorded answer in every byte")


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

    settings, named = settings_of(library, offline=offline), form.parse_columns(columns)
    with open_assistant(settings) as assistant:
        made = assistant.table(question, named, mode, depth, where)  # type: ignore[arg-type]  # checked by ask itself
    if output == "markdown":
        print(form.markdown(made))
        return
    if made.answer.reason:
        say(made.answer.reason)
    print(form.as_csv(made), end="")


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
    settings = settings_of(library, offline=offline)
    with open_assistant(settings) as assistant:
        hits = assistant.search(query, k, where)
        matching_of(assistant.library, where)
    from assistant import render  # noqa: PLC0415  (see ask)

    if output == "json":
        print(json.dumps([hit.to_dict() for hit in hits], ensure_ascii=False, indent=2))
    else:
        print_lines(render.ranking(hits, explain=explain))


def verify(
    answer_file: SavedArgument,
    library: LibraryOption = None,
) -> None:
    """Prove a saved answer again: every marker, every quote, every text, against the library, with no model."""
    settings, answer = settings_of(library), _saved(answer_file)
    with libraries.Library.open(settings.library, settings) as opened:
        found = answers.verify(answer, opened)
    for problem in found.problems:
        say(problem)
    if found.problems:
        raise VerificationFailed(found.problems)
    print(f"verified: {found.citations} citations, {found.quotes} quotes, each the library's own text")


def export(
    answer_file: SavedArgument,
    output: FormOption,
    library: LibraryOption = None,
) -> None:
    """Give a saved answer in another form: references, footnotes, a table of its evidence."""
    settings, answer = settings_of(library), _saved(answer_file)
    if (settings.library / "library.db").is_file():
        with libraries.Library.open(settings.library, settings) as opened:
            papers = _cited(answer, opened)
    else:
        papers = ()
        say(f"no library at {str(settings.library)!r}: of its papers is told what the answer tells")
    print_answer(answer, output, papers)


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
    settings = settings_of(library)
    with libraries.Library.open(settings.library, settings) as opened:
        print(example.rendered(opened, name, question))


def _check_places(bundle: Path | None, save: str | None) -> None:
    """Raises BadOption where an answer could not be kept as it is wanted."""
    if bundle and (bundle.is_dir() or not bundle.parent.is_dir()):
        raise BadOption("--bundle", str(bundle), "a file in a folder that there is")
    if save is not None:
        from assistant import saved  # noqa: PLC0415  (see ask)

        saved.check_name(save)


def _keep(library: libraries.Library, name: str, answer: Answer) -> None:
    """Saves an answer, and its question among those that the chat has at hand."""
    from assistant import saved  # noqa: PLC0415  (see ask)
    from ingest.notes import Notes  # noqa: PLC0415  (see ask)

    path = saved.save(library.path, saved.of(name, answer, library.store.texts()))
    with Notes(library.path / "notes.db") as notes:
        notes.save_question("", answer.question, saved=True)
    say(f"saved in {path}; what changes it tells: whichpapers news")


def _explaining(assistant: answers.Assistant) -> answers.Assistant:
    from assistant.explain import explained  # noqa: PLC0415  (see ask)

    return assistant.telling(lambda story: say(explained(story)))


def _price(usage: Usage, at_once: int) -> str:
    minutes = usage.calls / at_once * _CALL_S / 60
    cost = "price unknown" if usage.cost_usd is None else f"about {usage.cost_usd:.2f} USD"
    tokens = f"{usage.prompt_tokens:,} tokens to read and {usage.completion_tokens:,} to write"
    time = f"some {minutes:.0f} minutes, {at_once} calls at a time, if each takes {_CALL_S} seconds"
    return f"at most {usage.calls} calls to the model, {tokens}, {cost}; {time}"


def _saved(answer_file: Path) -> Answer:
    if answer_file == Path("-") and sys.stdin is None:
        raise AnswerUnreadable("stdin is closed")
    try:
        text = sys.stdin.buffer.read() if answer_file == Path("-") else answer_file.read_bytes()
        return Answer.from_dict(json.loads(text.decode()))
    except OSError as error:
        raise AnswerUnreadable(f"{str(answer_file)!r} cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise AnswerUnreadable(f"{str(answer_file)!r} holds no JSON") from error


def _cited(answer: Answer, library: libraries.Library) -> tuple[libraries.Paper, ...]:
    return library.papers(citation.paper.id for citation in answer.citations)
