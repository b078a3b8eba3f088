"""Answer -> page: the chat, by `python app.py` or `whichpapers chat`. Turns events into what Gradio shows, no more."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeAlias

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import gradio as gr
import typer
from starlette.middleware import Middleware

from assistant import AssistantError
from assistant.ask import MAX_QUESTION_CHARS
from assistant.command import run
from assistant.errors import NoModel
from assistant.feedback import collect
from assistant.llm.open import why_not
from assistant.records import Depth, Mode, Usage
from assistant.show import shelf
from assistant.show.desk import Desk
from assistant.show.guard import LOOPBACK, Door, Guard
from assistant.show.map import svg
from assistant.show.table import table
from assistant.show.turn import live, spent, thread
from ingest import SAMPLE, IngestError
from ingest.errors import NothingReadable
from ingest.notes import Asked, Turn
from ingest.settings import read_settings

MAX_AT_ONCE = 8
MAX_WAITING = 64
MAX_UPLOAD = "32mb"
MAX_SESSIONS = 200
"""Pages open at once whose state is kept; each holds what it last showed, about a megabyte."""
SHOW = Path(__file__).parent / "assistant" / "show"
FACES: dict[str, Mode] = {"Automatic": "auto", "Quotes only": "offline", "Language model": "llm"}
DEPTHS: dict[str, Depth] = {"Quick": "quick", "Thorough": "thorough", "Every paper": "exhaustive"}
ON_LOAD = "whichpapers.{0}(element, trigger, server, watch); // 'select' 'delete' 'edit' 'retry' 'example_select'"

Shown: TypeAlias = Any
"""What a component is given: its value, or gr.update(...)."""

command = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class NotLoopback(AssistantError):
    """The page was to be served to other machines without a password."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"--host {host!r} lets other machines in: set a password in WHICHPAPERS_PASSWORD, or leave --host out"
        )


class Page:
    """The chat page over one desk: what each of its events does."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._running: dict[str, threading.Event] = {}
        """What stops the answer that a session is waiting for, by session."""

    # --- the conversation ----------------------------------------------------------------------------------------

    def respond(  # noqa: PLR0913, PLR0917 (Gradio passes each component's value by its place)
        self, question: str, conversation: int | None, mode: str, depth: str, only: str, request: gr.Request
    ) -> Iterator[tuple[Shown, ...]]:
        """Answers a question; yields (question box, conversation, thread, live turn, list of conversations, stop)."""
        asked = Asked(question.strip(), FACES[mode], DEPTHS[depth], only.strip())
        if not asked.question:
            raise gr.Error("Ask something first.", print_exception=False)
        kept = "" if conversation is None else gr.skip()
        yield from self._answered(asked, conversation, kept, request)

    def _answered(
        self, asked: Asked, conversation: int | None, kept: Shown, request: gr.Request
    ) -> Iterator[tuple[Shown, ...]]:
        owner, stopped = _owner(request), threading.Event()
        self._running[request.session_hash or ""] = stopped
        turn = self.desk.notes.ask(owner, conversation, asked)
        for progress, seconds in self.desk.answer(owner, turn, stopped):
            now = live(asked.question, progress, seconds)
            yield "", turn.conversation, kept, now, gr.skip(), gr.update(interactive=True)
        yield "", *self.opened(turn.conversation, owner), gr.update(interactive=False)

    def stop(self, request: gr.Request) -> None:
        """Gives up the answer that this session is waiting for."""
        if stopped := self._running.get(request.session_hash or ""):
            stopped.set()

    def again(
        self, event: gr.EventData, mode: str, depth: str, only: str, request: gr.Request
    ) -> Iterator[tuple[Shown, ...]]:
        """Asks a turn's question again, in its place, the way that is set now."""
        owner = _owner(request)
        turn = self._cut(event, owner)
        before = thread(self.desk.shown(owner, turn.conversation), turn.conversation)
        asked = Asked(turn.asked.question, FACES[mode], DEPTHS[depth], only.strip())
        yield from self._answered(asked, turn.conversation, before, request)

    def edit(self, event: gr.EventData, request: gr.Request) -> tuple[Shown, ...]:
        """Takes a turn, and all after it, back into the question box."""
        turn = self._cut(event, _owner(request))
        return turn.asked.question, *self.opened(turn.conversation, _owner(request))

    def _cut(self, event: gr.EventData, owner: str) -> Turn:
        turn = self.desk.notes.turn(owner, _number(event, "turn"))
        if turn is None:
            raise gr.Error("This question is gone.", print_exception=False)
        self.desk.notes.cut(owner, turn.id)
        return turn

    def opened(self, conversation: int | None, owner: str) -> tuple[Shown, ...]:
        """(conversation, thread, live turn, list of conversations)."""
        notes = self.desk.notes
        if conversation is not None and not notes.owns(owner, conversation):
            conversation = None
        turns = self.desk.shown(owner, conversation)
        saved = notes.saved_questions(owner)
        begin = shelf.welcome(len(self.desk), self.desk.examples(), saved) if not turns else ""
        shown = begin + thread(turns, conversation) if len(self.desk) else shelf.empty(str(self.desk.settings.library))
        return conversation, shown, "", shelf.conversations(notes.conversations(owner), conversation)

    def new(self, request: gr.Request) -> tuple[Shown, ...]:
        """An empty conversation."""
        return self.opened(None, _owner(request))

    def example(self, event: gr.EventData) -> str:
        """Puts a question into the box, for its reader to send or to change."""
        return str(_said(event).get("question"))

    def select(self, event: gr.EventData, request: gr.Request) -> tuple[Shown, ...]:
        """Opens a conversation."""
        return self.opened(_number(event, "conversation"), _owner(request))

    def remove(self, event: gr.EventData, conversation: int | None, request: gr.Request) -> tuple[Shown, ...]:
        """Removes a conversation; the one that is shown stays, if it is another."""
        self.desk.notes.remove(_owner(request), _number(event, "conversation"))
        return self.opened(conversation, _owner(request))

    def load(self, request: gr.Request) -> tuple[Shown, ...]:
        """What a page shows when it is opened: the conversation that its address names, or none."""
        wanted = str(request.query_params.get("c", ""))
        shown = self.opened(int(wanted[:18]) if wanted.isascii() and wanted.isdigit() else None, _owner(request))
        return *shown, *self.state()

    def state(self) -> tuple[Shown, ...]:
        """(status line, button that reads the sample, papers): what depends on the library alone."""
        desk = self.desk
        model = desk.assistant.model if len(desk) else None
        return (
            shelf.status(len(desk), model, why_not(desk.settings), kept=desk.notes.kept or not len(desk)),
            gr.update(visible=not len(desk)),
            desk.browse("", 0),
        )

    # --- what its buttons ask for --------------------------------------------------------------------------------

    def rate(self, said: dict[str, Any], owner: str) -> bool:
        """Keeps a judgement on an answer, or on a paper that it cites."""
        good = {"yes": True, "no": False}.get(str(said["value"]))
        return self.desk.notes.rate(owner, int(said["turn"]), str(said["paper"])[:500], good=good)

    def keep(self, said: dict[str, Any], owner: str) -> bool:
        """Keeps a question at hand, or no more."""
        turn = self.desk.notes.turn(owner, int(said["turn"]))
        if turn:
            self.desk.notes.save_question(owner, turn.asked.question, saved=bool(said["saved"]))
        return turn is not None

    def file(self, said: dict[str, Any], owner: str) -> list[str] | None:
        """An answer as a file: name and text."""
        found = self.desk.file(owner, int(said["turn"]), str(said["form"]))
        return list(found) if found else None

    def ratings(self, _said: dict[str, Any], owner: str) -> list[str]:
        """All judgements of this person, as evaluation cases: name and text."""
        found = collect(self.desk.notes, self.desk.assistant.library, owner).lines() if len(self.desk) else ""
        return ["rated-cases.jsonl", found]

    # --- map and library -----------------------------------------------------------------------------------------

    def map(self, conversation: int | None, request: gr.Request) -> str:
        """The map, with the papers of the last answer pointed out."""
        if not len(self.desk):
            return '<p class="quiet">There is nothing to draw yet.</p>'
        answer = self.desk.last_answer(_owner(request), conversation)
        return svg(self.desk.map(), {c.paper.id: c.number for c in answer.citations} if answer else {})

    def point(self, event: gr.EventData) -> str:
        """The paper of a point."""
        paper = self.desk.paper(str(_said(event).get("paper")))
        return shelf.entry(paper, opened=True) if paper else ""

    def read(self, paths: list[str] | None, progress: gr.Progress = gr.Progress()) -> Iterator[tuple[Shown, ...]]:  # noqa: B008 (Gradio finds it so)
        """Adds uploaded files; yields (report, upload box, status line, sample button, papers)."""
        if not paths:
            return
        progress(0, desc="reading")
        try:
            done = self.desk.read(paths, lambda at, of: progress((at, of), desc="encoding papers", unit="papers"))
            told = shelf.report(done)
        except NothingReadable as error:
            told = shelf.refused("No paper was found in what you gave.", error.rejections)
        except IngestError as error:
            told = shelf.refused(str(error))
        yield told, None, *self.state()

    def drop(self, event: gr.EventData) -> tuple[Shown, ...]:
        """Removes a paper; gives (status line, sample button, papers)."""
        try:
            self.desk.remove(str(_said(event).get("paper")))
        except IngestError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return self.state()

    def table(self, columns: str, conversation: int | None, request: gr.Request) -> str:
        """The papers of the last answer, compared."""
        answer = self.desk.last_answer(_owner(request), conversation)
        if answer is None or not answer.citations:
            return '<p class="quiet">Ask something first: the table compares the papers of the last answer.</p>'
        try:
            return table(self.desk.table(answer, columns))
        except (AssistantError, IngestError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    def sample(self, request: gr.Request, progress: gr.Progress = gr.Progress()) -> Iterator[tuple[Shown, ...]]:  # noqa: B008 (see read)
        """Reads the sample into an empty library; yields what `read` and `opened` do."""
        for report, box, *state in self.read([str(SAMPLE)], progress):
            yield report, box, *state, *self.opened(None, _owner(request))


@dataclass(frozen=True)
class Talk:
    """The components of a conversation."""

    conversation: gr.State
    kept: gr.HTML
    """The list of conversations."""
    new: gr.Button
    thread: gr.HTML
    """Turns that are over."""
    now: gr.HTML
    """The turn that is not."""
    sample: gr.Button
    question: gr.Textbox
    mode: gr.Radio
    depth: gr.Radio
    only: gr.Textbox
    ask: gr.Button
    stop: gr.Button

    @property
    def where(self) -> list[Any]:
        """What `Page.opened` gives values to."""
        return [self.conversation, self.thread, self.now, self.kept]


def build(desk: Desk) -> gr.Blocks:
    """Lays the page out and wires its events."""
    page, blocks = (
        Page(desk),
        gr.Blocks(title="whichpapers", fill_width=True, analytics_enabled=False, delete_cache=(3600, 3600)),
    )
    with blocks:
        with gr.Sidebar(width=270, elem_id="side"):
            _html('<p class="brand">which<b>papers</b></p>')
            new = gr.Button("New conversation", elem_id="new", size="sm")
            kept = _html(js_on_load=ON_LOAD.format("conversations"), elem_id="kept")
        with gr.Row(elem_id="top"):
            status = _html(elem_id="status")
            _html('<button type="button" id="dark" aria-label="Dark or light">◐</button>', elem_id="theme")
        with gr.Tabs():
            with gr.Tab("Ask"):
                talk = _talk(page, kept, new)
            with gr.Tab("Table"):
                _table(page, talk.conversation)
            with gr.Tab("Map") as map_tab:
                _map(page, map_tab, talk.conversation)
            with gr.Tab("Library"):
                box, report, listed = _library(page)
        _html('<div id="said" role="status" aria-live="polite"></div>', elem_id="said-box")
        state = [status, talk.sample, listed]
        reading = {"concurrency_limit": 1, "concurrency_id": "read", "show_progress_on": report}
        _private(box.upload, page.read, inputs=box, outputs=[report, box, *state], **reading)
        filled = [report, box, *state, *talk.where]
        _private(listed.delete, page.drop, outputs=state, concurrency_id="read")
        reading["show_progress_on"] = talk.thread
        _private(talk.sample.click, page.sample, outputs=filled, **reading)
        _private(blocks.load, page.load, outputs=[*talk.where, *state], show_progress="hidden")
    return blocks


def _talk(page: Page, kept: gr.HTML, new: gr.Button) -> Talk:
    functions = [_served(page.rate), _served(page.keep), _served(page.file)]
    thread = _html(js_on_load=ON_LOAD.format("thread"), elem_id="talk", server_functions=functions)
    sample = gr.Button("Read the sample", variant="primary", visible=False, elem_id="sample")
    talk = Talk(gr.State(None), kept, new, thread, _html(elem_id="now"), sample, *_composer(page.desk))
    wire = partial(_private, show_progress="hidden")
    answering = {"concurrency_limit": MAX_AT_ONCE, "concurrency_id": "answer"}
    answering |= {"outputs": [talk.question, *talk.where, talk.stop]}
    for asked in (talk.question.submit, talk.ask.click):
        inputs = [talk.question, talk.conversation, talk.mode, talk.depth, talk.only]
        wire(asked, page.respond, inputs=inputs, **answering)
    wire(thread.retry, page.again, inputs=[talk.mode, talk.depth, talk.only], **answering)
    wire(thread.edit, page.edit, outputs=[talk.question, *talk.where])
    wire(thread.example_select, page.example, outputs=talk.question)
    wire(talk.stop.click, page.stop, queue=False)
    wire(kept.select, page.select, outputs=talk.where)
    wire(kept.delete, page.remove, inputs=talk.conversation, outputs=talk.where)
    wire(new.click, page.new, outputs=talk.where)
    return talk


def _composer(desk: Desk) -> tuple[gr.Textbox, gr.Radio, gr.Radio, gr.Textbox, gr.Button, gr.Button]:
    """Where questions are written: box, mode, depth, filter, ask, stop."""
    with gr.Column(elem_id="composer"):
        with gr.Row(elem_id="asking"):
            question = gr.Textbox(
                label="Question", show_label=False, placeholder="Ask the papers", lines=1, max_lines=6,
                max_length=MAX_QUESTION_CHARS, elem_id="question", container=False, scale=8,
            )  # fmt: skip
            ask = gr.Button("Ask", variant="primary", elem_id="ask", scale=0, min_width=72)
            stop = gr.Button("Stop", interactive=False, elem_id="stop", scale=0, min_width=72)
        with gr.Row(elem_id="options"):
            mode = gr.Radio(list(FACES), value="Automatic", label="Who answers", elem_id="mode", container=False)
            depth = gr.Radio(list(DEPTHS), value="Thorough", label="How deep", elem_id="depth", container=False)
            only = gr.Textbox(label="Only papers where", placeholder="filter: year >= 2020",
                              show_label=False, container=False, max_length=2000, elem_id="filter")  # fmt: skip
            price = _html(_price(desk, "Automatic", "Thorough"), elem_id="price")
        for control in (mode, depth):
            _private(control.change, partial(_price, desk), inputs=[mode, depth], outputs=price, show_progress="hidden")
    return question, mode, depth, only, ask, stop


def _table(page: Page, conversation: gr.State) -> None:
    _html(
        '<p class="quiet">Compares the papers of the last answer. Name what to tell of each, set apart by commas;'
        " behind each cell stands the sentence that says so.</p>"
    )
    with gr.Row(elem_id="comparing"):
        columns = gr.Textbox(label="Columns", value="method, data, result", show_label=False, elem_id="columns",
                             container=False, max_length=1000, scale=8)  # fmt: skip
        make = gr.Button("Compare", elem_id="compare", scale=0, min_width=100)
    made = _html(js_on_load=ON_LOAD.format("table"), elem_id="table")
    for event in (columns.submit, make.click):
        _private(event, page.table, inputs=[columns, conversation], outputs=made, concurrency_limit=2)


def _map(page: Page, tab: gr.Tab, conversation: gr.State) -> None:
    _html(
        '<p class="quiet">Papers that say alike lie together; numbers are what the last answer cites. Press one for its'
        " abstract; double-click to come nearer, with Shift to go back.</p>"
    )
    drawing = _html(js_on_load=ON_LOAD.format("map"), elem_id="map")
    paper = _html(elem_id="point")
    _private(tab.select, page.map, inputs=conversation, outputs=drawing, concurrency_limit=1)
    _private(drawing.select, page.point, outputs=paper, show_progress="hidden")


def _library(page: Page) -> tuple[gr.File, gr.HTML, gr.HTML]:
    """Upload box, its report, the list of papers."""
    box = gr.File(
        file_count="multiple", label="Add papers: each file is read by what is in it",
        elem_id="upload", height=140,
    )  # fmt: skip
    report = _html(elem_id="report")
    with gr.Row(elem_id="finding"):
        query = gr.Textbox(label="Search the library", placeholder="Search the library", show_label=False,
                           elem_id="search", container=False, max_length=MAX_QUESTION_CHARS, scale=8)  # fmt: skip
        before = gr.Button("Back", elem_id="before", scale=0, min_width=72)
        after = gr.Button("More", elem_id="after", scale=0, min_width=72)
    listed = _html(js_on_load=ON_LOAD.format("papers"), elem_id="papers")
    at = gr.State(0)
    for event, step in ((query.submit, None), (before.click, -1), (after.click, 1)):
        _private(event, partial(_turn_page, page.desk, step), inputs=[query, at], outputs=[listed, at])
    _html(
        '<p class="quiet">What you called relevant can be scored with <code>whichpapers eval --cases FILE</code>.'
        ' <button type="button" id="ratings">Save my judgements</button></p>',
        js_on_load="element.querySelector('#ratings').addEventListener('click',"
        " async () => whichpapers.save(...(await server.ratings({}))));",
        server_functions=[_served(page.ratings)],
    )
    return box, report, listed


def _turn_page(desk: Desk, step: int | None, query: str, at: int) -> tuple[str, int]:
    wanted = 0 if step is None else max(0, at + step)
    listed = desk.browse(query, wanted)
    return (listed, wanted) if "<li>" in listed or wanted == 0 else (desk.browse(query, at), at)


def _price(desk: Desk, mode: str, depth: str) -> str:
    """What an answer will take at most, before it is asked for."""
    try:
        usage = desk.assistant.price(FACES[mode], DEPTHS[depth]) if len(desk) else Usage()
    except NoModel:
        return '<p class="quiet">No language model is configured: see above.</p>'
    told = f"At most about {spent(usage)}" if usage.calls else "No cost: no model takes part"
    return f'<p class="quiet">{told}.</p>'


def _private(event: Any, function: Any, **options: Any) -> Any:
    """Wires an event that only this page can cause."""
    return event(function, api_visibility="private", **options)


def _html(value: str | None = None, **options: Any) -> gr.HTML:
    """A place for our own HTML, in our own style."""
    return gr.HTML(value, apply_default_css=False, **options)


def _served(method: Callable[[dict[str, Any], str], Any]) -> Callable[..., Any]:
    """A method as a function that the page's script may call; it learns who calls."""

    @wraps(method, assigned=("__name__", "__doc__"), updated=())
    def call(said: dict[str, Any], request: gr.Request) -> Any:
        # Gradio gives no user here, but lets nobody in who is not logged in: the cookie names a user it knows.
        served, names = request.app, ("access-token", "access-token-unsecure")
        tokens = [request.cookies.get(f"{name}-{served.cookie_id}") for name in names]
        return method(said, next((served.tokens[token] for token in tokens if token in served.tokens), ""))

    del call.__wrapped__  # its signature is its own
    return call


def _owner(request: gr.Request) -> str:
    return request.username or ""


def _said(event: gr.EventData) -> dict[str, Any]:
    return dict(event._data or {})


def _number(event: gr.EventData, name: str) -> int:
    return int(_said(event).get(name) or 0)


@command.command()
def serve(
    library: Annotated[Path | None, typer.Option("--library", "-l", help="Folder of the library.")] = None,
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 7860,
    host: Annotated[
        str, typer.Option(help="Address to serve at; other than loopback only with a password.")
    ] = "127.0.0.1",
    user: Annotated[str, typer.Option(envvar="WHICHPAPERS_USER", help="Name to log in with.")] = "reader",
    password: Annotated[str, typer.Option(envvar="WHICHPAPERS_PASSWORD", help="Ask for this password.")] = "",
) -> None:
    """Serve the chat on this machine, at http://127.0.0.1:PORT, until interrupted."""
    if host not in LOOPBACK and not password:
        raise NotLoopback(host)
    launch(Desk(read_settings({"library": library})), host, port, Door(user, password) if password else None)


def launch(desk: Desk, host: str, port: int, door: Door | None) -> None:
    """Serves the page until interrupted."""
    guard = Middleware(Guard, hosts=LOOPBACK if host in LOOPBACK else ())
    try:
        build(desk).queue(max_size=MAX_WAITING, api_open=False).launch(
            server_name=host,
            server_port=port,
            share=False,
            auth=door,
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
