"""Answer -> page: the chat, by `python app.py` or `whichpapers chat`. Turns events into what Gradio shows, no more."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr
import typer
from starlette.middleware import Middleware

from assistant import AssistantError
from assistant.command import run
from assistant.show import layout, shelf
from assistant.show.desk import Desk
from assistant.show.door import Door, Named, entrance
from assistant.show.guard import LOOPBACK, Guard
from assistant.show.layout import DEPTHS, FACES, Composer, Given, Shelf, place
from assistant.show.page import Page
from assistant.show.plain import plain
from assistant.show.wire import number, private, reader, said, served, telling, uploaded
from ingest import SAMPLE, IngestError
from ingest.files import Located
from ingest.settings import read_settings

MAX_AT_ONCE = 8
MAX_WAITING = 64
MAX_UPLOAD = "32mb"
MAX_SESSIONS = 200
"""Pages open at once whose state is kept: some 150 kilobytes each."""
SHOW = Path(__file__).parent / "assistant" / "show"

command = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def build(desk: Desk) -> gr.Blocks:
    """Lays the page out and wires its events.

    An event gives a value to each of its outputs every time: of an output that is skipped, or updated by `gr.update`,
    and given a value later, Gradio 6.31 keeps every value for as long as the page is open.
    """
    page = Page(desk)
    blocks = gr.Blocks(title="whichpapers", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600))
    with blocks:
        new, kept = layout.side()
        status = layout.top()
        with gr.Tabs():
            with gr.Tab("Ask", elem_id="asks"):
                functions = [served(page.rate), served(page.keep), served(page.file)]
                thread = place(script="thread", elem_id="talk", server_functions=functions)
                now = place(script="now", elem_id="now")
                sample = gr.Button("Read the sample", variant="primary", elem_id="sample")
                composer = layout.composer(page)
                conversation = gr.State(None)  # inside a tab: what stands beside tabs, Gradio counts as one
                talk = [conversation, thread, now, kept, gr.State(None)]
            with gr.Tab("Table"):
                _compare(page, conversation, thread)
            with gr.Tab("Map") as map_tab:
                _draw(page, map_tab, conversation)
            with gr.Tab("Library"):
                books = layout.library()
                place(shelf.RATINGS, script="ratings", server_functions=[served(page.ratings)])
        place(shelf.SAID, elem_id="said-box")
        filled = _ask(page, talk, composer)
        _choose(page, talk, new)
        state = [status, books.papers, books.at, composer.sources]
        changed = _browse(page, books, state)
        begun = _begin(page, books, sample, [*talk, *state])
        opened = _open(page, blocks, [*talk, *state])
        _price(page, composer, [event.then for event in (*filled, *changed, begun, opened)])
    return blocks


# --- the conversation ------------------------------------------------------------------------------------------------


def _ask(page: Page, talk: Sequence[Any], composer: Composer) -> Sequence[Any]:
    """Wires questions; returns what fills the boxes."""
    conversation, thread, now, _, editing = talk
    c, wire = composer, partial(private, show_progress="hidden")
    answering = {"concurrency_limit": MAX_AT_ONCE, "concurrency_id": "answer", "outputs": talk}

    def ask(given: Given, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        with telling():
            asked = c.asked(given, page)
            yield from map(astuple, page.ask(reader(request), given[conversation], asked, given[editing]))

    def again(event: gr.EventData, mode: str, depth: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
        with telling():
            yield from map(astuple, page.again(reader(request), number(event, "turn"), FACES[mode], DEPTHS[depth]))

    def edit(event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        with telling():
            asked, view = page.edit(reader(request), number(event, "turn"))
        return *c.filled(asked.question, asked.filter), *astuple(view)

    def leave(conversation: int | None, request: gr.Request) -> tuple[Any, ...]:
        with telling():
            return *c.filled(""), *astuple(page.choose(reader(request), conversation))

    def example(event: gr.EventData) -> str:
        return str(said(event).get("question"))

    def stop(request: gr.Request) -> None:
        page.stop(reader(request))

    for asked in (c.question.submit, c.ask.click):
        wire(asked, ask, inputs={conversation, editing, *c.inputs}, **answering)
    wire(now.apply, None, js="() => ''", outputs=c.question)  # the question is taken, the next one can be written
    wire(thread.retry, again, inputs=[c.mode, c.depth], **answering)
    edited = wire(thread.edit, edit, outputs=[*c.put, *talk])
    left = wire(now.delete, leave, inputs=conversation, outputs=[*c.put, *talk])
    wire(thread.example_select, example, outputs=c.question)
    wire(c.stop.click, stop, queue=False)
    return edited, left


def _price(page: Page, composer: Composer, after: Sequence[Any]) -> None:
    def price(given: Given) -> str:
        try:
            return page.beforehand(composer.asked(given, page))
        except (AssistantError, IngestError) as error:
            return shelf.quiet(plain(error))

    c = composer
    changes = [*after, c.mode.change, c.depth.change, c.code.change]
    changes += [event for box in (c.since, c.until, c.source, c.also) for event in (box.blur, box.submit)]
    for change in changes:
        options = {"trigger_mode": "always_last", "show_progress": "hidden"}
        private(change, price, inputs=c.inputs, outputs=c.price, **options)


def _choose(page: Page, talk: Sequence[Any], new: gr.Button) -> None:
    conversation, _, _, kept, _ = talk
    wire = partial(private, outputs=talk, show_progress="hidden")

    def select(event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        with telling():
            return astuple(page.choose(reader(request), number(event, "conversation")))

    def remove(event: gr.EventData, conversation: int | None, request: gr.Request) -> tuple[Any, ...]:
        with telling():
            return astuple(page.remove(reader(request), number(event, "conversation"), conversation))

    def begin(request: gr.Request) -> tuple[Any, ...]:
        with telling():
            return astuple(page.choose(reader(request), None))

    wire(kept.select, select)
    wire(kept.delete, remove, inputs=conversation)
    wire(new.click, begin)


def _open(page: Page, blocks: gr.Blocks, shown: Sequence[Any]) -> Any:
    """Wires what a page shows when it is opened: the conversation that its address names, or none."""

    def load(request: gr.Request) -> tuple[Any, ...]:
        wanted = str(request.query_params.get("c", ""))
        conversation = int(wanted[:18]) if wanted.isascii() and wanted.isdigit() else None
        view = page.opened(reader(request).owner, conversation, whole="all" in request.query_params)
        return *astuple(view), *_state(page)

    return private(blocks.load, load, outputs=shown, show_progress="hidden")


# --- table, map and library ------------------------------------------------------------------------------------------


def _compare(page: Page, conversation: gr.State, thread: gr.HTML) -> None:
    table = layout.comparison()

    def compare(columns: str, conversation: int | None, request: gr.Request) -> str:
        try:
            return page.table(reader(request).owner, conversation, columns)
        except (AssistantError, IngestError) as error:  # told where the table would stand: Gradio marks a failed place
            return shelf.quiet(plain(error))

    for event in (table.columns.submit, table.make.click):
        private(event, compare, inputs=[table.columns, conversation], outputs=table.made, concurrency_limit=2)
    private(thread.change, None, js="() => ''", outputs=table.made)  # it was of what was shown before


def _draw(page: Page, tab: gr.Tab, conversation: gr.State) -> None:
    drawing, paper = layout.drawing()

    def draw(conversation: int | None, request: gr.Request) -> str:
        return page.map(reader(request).owner, conversation)

    def point(event: gr.EventData) -> str:
        return page.point(str(said(event).get("paper")))

    private(tab.select, draw, inputs=conversation, outputs=drawing, concurrency_limit=1)
    private(drawing.select, point, outputs=paper, show_progress="hidden")


def _browse(page: Page, books: Shelf, state: Sequence[Any]) -> Sequence[Any]:
    """Wires the library; returns what changes it."""

    def find(query: str) -> tuple[str, int]:
        return page.turned(query, 0, 0)

    def read(paths: list[str] | None, query: str, progress: gr.Progress = gr.Progress()) -> Iterator[tuple[Any, ...]]:  # noqa: B008 (Gradio finds it so)
        if paths:
            yield _read(page, uploaded(paths), progress), None, *_state(page, query)

    def drop(event: gr.EventData, query: str) -> tuple[Any, ...]:
        with telling():
            page.desk.remove(str(said(event).get("paper")))
        return _state(page, query)

    private(books.query.submit, find, inputs=books.query, outputs=[books.papers, books.at])
    for event, step in ((books.before.click, -1), (books.after.click, 1)):
        turn = partial(page.turned, step=step)
        private(event, turn, inputs=[books.query, books.at], outputs=[books.papers, books.at])
    reading = {"concurrency_limit": 1, "concurrency_id": "read", "show_progress_on": books.report}
    outputs = [books.report, books.upload, *state]
    added = private(books.upload.upload, read, inputs=[books.upload, books.query], outputs=outputs, **reading)
    dropped = private(books.papers.delete, drop, inputs=books.query, outputs=state, concurrency_id="read")
    return added, dropped


def _begin(page: Page, books: Shelf, sample: gr.Button, shown: Sequence[Any]) -> Any:
    """Wires the sample's button, which an empty library has."""

    def read(request: gr.Request, progress: gr.Progress = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008 (see above)
        told = _read(page, [SAMPLE], progress)
        return told, *astuple(page.opened(reader(request).owner, None)), *_state(page)

    reading = {"concurrency_limit": 1, "concurrency_id": "read", "show_progress_on": shown[1]}
    return private(sample.click, read, outputs=[books.report, *shown], **reading)


def _read(page: Page, paths: Sequence[Path | Located], progress: gr.Progress) -> str:
    progress(0, desc="reading")
    return page.read(paths, lambda at, of: progress((at, of), desc="encoding papers", unit="papers"))


def _state(page: Page, query: str = "") -> tuple[Any, ...]:
    """(status line, papers, which page of them, sources)."""
    state = page.state(query)
    return state.status, state.papers, 0, state.sources


@command.command()
def serve(  # noqa: PLR0913, PLR0917 (an option is a parameter)
    library: Annotated[Path | None, typer.Option("--library", "-l", help="Folder of the library.")] = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 7860,
    host: Annotated[
        str, typer.Option(help="Address to serve at; other than loopback only with a password.")
    ] = "127.0.0.1",
    user: Annotated[str, typer.Option(envvar="WHICHPAPERS_USER", help="Name to log in with.")] = "reader",
    password: Annotated[str, typer.Option(envvar="WHICHPAPERS_PASSWORD", help="Ask for this password.")] = "",
    user_header: Annotated[
        str,
        typer.Option(envvar="WHICHPAPERS_USER_HEADER", help="Header by which a proxy before the page names the user."),
    ] = "",
) -> None:
    """Serve the chat on this machine, at http://127.0.0.1:PORT, until interrupted."""
    door = entrance(host, (user, password), user_header)
    launch(Desk(read_settings({"library": library})), host, port, door)


def launch(desk: Desk, host: str, port: int, door: Door | Named | None) -> None:
    """Serves the page until interrupted."""
    named = isinstance(door, Named)  # by a proxy, which may be called by any name
    guard = Middleware(Guard, hosts=LOOPBACK if host in LOOPBACK and not named else ())
    who = {"auth_dependency": door} if named else {"auth": door}
    try:
        build(desk).queue(max_size=MAX_WAITING, api_open=False).launch(
            server_name=host,
            server_port=port,
            share=False,
            **who,
            theme=gr.themes.Base(primary_hue="indigo", neutral_hue="slate", font=["Plex", "system-ui", "sans-serif"]),
            css=(SHOW / "page.css").read_text("utf-8"),
            head=f"<script>{(SHOW / 'page.js').read_text('utf-8')}</script>",
            max_file_size=MAX_UPLOAD,
            app_kwargs={"middleware": [guard]},
            footer_links=[],
            run_history=False,
            state_session_capacity=MAX_SESSIONS,
        )
    finally:
        desk.close()


def main() -> NoReturn:
    """Runs the chat and exits: 0 done, 2 unusable arguments or library."""
    run(command, "whichpapers chat", AssistantError, IngestError)


if __name__ == "__main__":
    main()
