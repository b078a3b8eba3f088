"""Page -> components: what stands where. Beside `wire` and app.py the one module that knows Gradio."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import gradio as gr

from assistant.inquiry import MAX_QUESTION_CHARS
from assistant.records import Depth, Mode
from assistant.show import shelf
from assistant.show.narrow import Narrowing
from assistant.show.page import Page
from ingest.notes import Asked

FACES: dict[str, Mode] = {"Automatic": "auto", "Quotes only": "offline", "Language model": "llm"}
DEPTHS: dict[str, Depth] = {"Quick": "quick", "Thorough": "thorough", "Every paper": "exhaustive"}

Given: TypeAlias = dict[Any, Any]
"""What stands in components, by component."""

_EVENTS = "'select' 'delete' 'edit' 'retry' 'example_select' 'apply'"
"""That page.js causes: Gradio looks for their names in the script."""


@dataclass(frozen=True)
class Composer:
    """Where a question is written, and how it is put."""

    question: gr.Textbox
    ask: gr.Button
    stop: gr.Button
    mode: gr.Radio
    depth: gr.Radio
    price: gr.HTML
    since: gr.Textbox
    until: gr.Textbox
    source: gr.Textbox
    code: gr.Checkbox
    also: gr.Textbox
    sources: gr.HTML
    """What `source` offers to choose from."""

    @property
    def put(self) -> list[Any]:
        """What `filled` fills."""
        return [self.question, self.since, self.until, self.source, self.code, self.also]

    @staticmethod
    def filled(question: str, where: str = "") -> tuple[Any, ...]:
        """A question as it stands there, and an expression for which papers it is put to."""
        return question, "", "", "", False, where

    @property
    def inputs(self) -> set[Any]:
        """What `asked` reads."""
        return {self.question, self.mode, self.depth, self.since, self.until, self.source, self.code, self.also}

    def asked(self, given: Given, page: Page) -> Asked:
        """The question that stands there.

        Raises:
            BadFilter: See `Narrowing.where`.
        """
        since, until, source, also = (given[box] or "" for box in (self.since, self.until, self.source, self.also))
        where = Narrowing(since, until, source, given[self.code], also).where(page.sources())
        question = (given[self.question] or "").encode(errors="replace").decode()  # half a character may be sent
        return Asked(question.strip(), FACES[given[self.mode]], DEPTHS[given[self.depth]], where)


@dataclass(frozen=True)
class Comparison:
    """Where the papers of an answer are compared."""

    columns: gr.Textbox
    make: gr.Button
    made: gr.HTML


@dataclass(frozen=True)
class Shelf:
    """Where the library is added to and looked through."""

    upload: gr.File
    report: gr.HTML
    query: gr.Textbox
    before: gr.Button
    after: gr.Button
    at: gr.State
    """The page of the list, from 0."""
    papers: gr.HTML


def place(value: str | None = None, script: str = "", **options: Any) -> gr.HTML:
    """A place for our own HTML, in our own style.

    Args:
        value: What stands there first.
        script: The function of page.js that makes it do something.
        options: See `gr.HTML`.
    """
    if script:
        options["js_on_load"] = f"whichpapers.{script}(element, trigger, server, watch); // {_EVENTS}"
    return gr.HTML(value, apply_default_css=False, **options)


def side() -> tuple[gr.Button, gr.HTML]:
    """Beside everything: the button that begins a conversation, and those kept."""
    with gr.Sidebar(width=270, elem_id="side"):
        place('<p class="brand">which<b>papers</b></p>')
        new = gr.Button("New conversation", elem_id="new", size="sm")
        return new, place(script="conversations", elem_id="kept")


def top() -> gr.HTML:
    """Above everything: the status line."""
    with gr.Row(elem_id="top"):
        status = place(elem_id="status")
        place(shelf.DARK, elem_id="theme")
        return status


def composer(page: Page) -> Composer:
    """Below the conversation."""
    boxed, button = partial(gr.Textbox, container=False, show_label=False), partial(gr.Button, scale=0, min_width=72)
    one_line = partial(boxed, max_lines=1)
    with gr.Column(elem_id="composer"):
        with gr.Row(elem_id="asking"):
            question = boxed(label="Question", placeholder="Ask the papers", max_lines=6, elem_id="question",
                             max_length=MAX_QUESTION_CHARS, scale=8)  # fmt: skip
            ask = button("Ask", variant="primary", elem_id="ask")
            stop = button("Stop", elem_id="stop")
        with gr.Row(elem_id="filters"):
            since = one_line(label="From year", placeholder="from year", max_length=4, elem_id="since")
            until = one_line(label="To year", placeholder="to year", max_length=4, elem_id="until")
            source = one_line(label="Source", placeholder="source", max_length=500, elem_id="source")
            code = gr.Checkbox(label="has code", container=False, elem_id="code")
            also = one_line(label="Only papers where", placeholder='and: title ~ "sparse" or venue ~ "acl"',
                         max_length=2000, elem_id="also")  # fmt: skip
            sources = place(elem_id="sources-box")
        with gr.Row(elem_id="options"):
            mode = gr.Radio(list(FACES), value="Automatic", label="Who answers", elem_id="mode", container=False)
            depth = gr.Radio(list(DEPTHS), value="Thorough", label="How deep", elem_id="depth", container=False)
            place(shelf.CONTROLS, "controls", elem_id="controls")
            price = place(page.beforehand(Asked("")), elem_id="price")
    return Composer(question, ask, stop, mode, depth, price, since, until, source, code, also, sources)


def comparison() -> Comparison:
    """The tab of the table."""
    place(shelf.quiet("Compares the papers of the last answer. Name what to tell of each, set apart by commas; behind"
                      " each cell stands the sentence that says so."))  # fmt: skip
    with gr.Row(elem_id="comparing"):
        columns = gr.Textbox(label="Columns", placeholder="what was asked, or: bits per weight, speedup", scale=8,
                             show_label=False, elem_id="columns", container=False, max_length=1000)  # fmt: skip
        make = gr.Button("Compare", elem_id="compare", scale=0, min_width=100)
    return Comparison(columns, make, place(script="table", elem_id="table"))


def drawing() -> tuple[gr.HTML, gr.HTML]:
    """The tab of the map: the figure, and the paper of a point."""
    place(shelf.quiet("Papers that say alike lie together; numbers are what the last answer cites. Press one for its"
                      " abstract; double-click to come nearer, with Shift to go back."))  # fmt: skip
    return place(script="map", elem_id="map"), place(script="point", elem_id="point")


def library() -> Shelf:
    """The tab of the library, but for what its reader judged."""
    upload = gr.File(file_count="multiple", label="Add papers: each file is read by what is in it", elem_id="upload",
                     height=140)  # fmt: skip
    report = place(elem_id="report")
    with gr.Row(elem_id="finding"):
        query = gr.Textbox(label="Search the library", placeholder="Search the library", show_label=False,
                           elem_id="search", container=False, max_length=MAX_QUESTION_CHARS, scale=8)  # fmt: skip
        before = gr.Button("Back", elem_id="before", scale=0, min_width=72)
        after = gr.Button("More", elem_id="after", scale=0, min_width=72)
    return Shelf(upload, report, query, before, after, gr.State(0), place(script="papers", elem_id="papers"))
