"""Library -> lists: its papers, what an upload did, the conversations kept in it, and what to begin with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from assistant.show.cards import facts, places
from assistant.show.prose import link, plural
from ingest import IngestReport, Paper
from ingest.notes import Conversation
from ingest.records import Notice

PAGE = 40
"""Papers listed at once."""
MAX_NOTICES = 200
"""Rejections listed; the rest is counted."""

DARK = '<button type="button" id="dark" aria-label="Dark or light">◐</button>'
CONTROLS = """<div class="controls"><button type="button" id="narrow" aria-expanded="false" aria-controls="filters">
Filter</button><select id="shown" aria-label="Papers shown"><option value="">show all</option>
<option value="10">show 10</option><option value="25">show 25</option><option value="50">show 50</option></select>
</div>"""
"""Beside how a question is put: what opens the filters, and how many papers of an answer are shown."""
SAID = '<div id="said" role="status" aria-live="polite"></div>'
RATINGS = """<p class="quiet">What you called relevant can be scored with <code>whichpapers eval --cases FILE</code>.
<button type="button" id="ratings">Save my judgements</button></p>"""


def papers(found: Sequence[Paper], first: int, total: int | None, query: str) -> str:
    """A page of the library's papers.

    Args:
        found: The papers of this page.
        first: Position of the first of them, from 0.
        total: How many there are in all; None where all papers of the library are put in order, however far off.
        query: What they were looked up by, or "".
    """
    if not found:
        return f'<p class="quiet">Nothing found for <q>{escape(query)}</q>.</p>' if query else ""
    what = "nearest to your words first" if query else "by title"
    head = f"{first + 1:,} to {first + len(found):,}{'' if total is None else f' of {total:,}'}, {what}"
    rows = "".join(f"<li>{entry(paper, removable=True)}</li>" for paper in found)
    return f'<p class="quiet" role="status">{head}</p><ol class="shelf">{rows}</ol>'


def entry(paper: Paper, *, opened: bool = False, removable: bool = False) -> str:
    """A paper that opens to its abstract."""
    about = " · ".join([*facts(paper), f"seen in {places(paper)}"])
    address = link(paper.url)
    kind = '<p class="quiet">A digest in other words, not the authors’ abstract.</p>' if paper.digest else ""
    remove = f'<button type="button" data-removes="{escape(paper.id)}">Remove from the library</button>'
    button = remove if removable else ""
    return f"""<details class="paper"{" open" if opened else ""}><summary>
<strong dir="auto">{escape(paper.title)}</strong> <small>{about}</small></summary>
<p class="abstract" dir="auto">{escape(paper.abstract)}</p>{kind}
{f"<p>{address}</p>" if address else ""}{button}</details>"""


def report(done: IngestReport) -> str:
    """What an upload did to the library, and what of it was not taken, with the reason."""
    counts = "".join(
        f"<div><dt>{name}</dt><dd>{getattr(done, name):,}</dd></div>"
        for name in ("added", "merged", "updated", "unchanged", "rejected")
    )
    return f"""<section class="report" role="status"><p><strong>Entries read: {done.read:,},
in {done.seconds:.1f} s.</strong> The library holds {plural(done.works, "paper")} now.</p><dl>{counts}</dl>
{_notices("Not taken", done.rejections)}{_notices("Taken, but look at these", done.warnings)}</section>"""


def refused(why: str, notices: Sequence[Notice] = ()) -> str:
    """That an upload left the library as it was."""
    return (
        f'<section class="report refused" role="alert"><p><strong>Nothing was added.</strong> {escape(why)}</p>'
        f"{_notices('Not taken', notices)}</section>"
    )


def conversations(kept: Iterable[Conversation], current: int | None) -> str:
    """The conversations of a person, the one that is shown marked."""
    items = "".join(
        f"""<li{' class="current"' if one.id == current else ""}><button type="button" data-open="{one.id}" dir="auto"
{'aria-current="true"' if one.id == current else ""} title="{escape(one.title)}">{escape(one.title)}</button>
<button type="button" class="remove" data-remove="{one.id}" aria-label="Remove: {escape(one.title)}">×</button></li>"""
        for one in kept
    )
    return f'<ul class="conversations">{items}</ul>' if items else '<p class="quiet">No conversation yet.</p>'


def welcome(count: int, examples: Iterable[str], saved: Iterable[str]) -> str:
    """What an empty conversation shows: what can be asked here."""
    kept = "".join(_question(question) for question in saved)
    return f"""<div class="welcome"><h1>What would you like to know from {plural(count, "paper")}?</h1>
<p>You get every paper that satisfies your question, each with the sentence that proves it, or an honest no.</p>
<ul class="examples" aria-label="Examples">{"".join(map(_question, examples))}</ul>
{f'<h2>Questions you kept</h2><ul class="examples">{kept}</ul>' if kept else ""}</div>"""


def sources(origins: Iterable[str]) -> str:
    """What the box for a source offers."""
    options = "".join(f'<option value="{escape(origin)}"></option>' for origin in origins)
    return f'<datalist id="sources">{options}</datalist>'


def empty(path: str) -> str:
    """What a library without papers shows."""
    return f"""<div class="welcome" data-empty><h1>This library is empty</h1><p>Its folder is
<code>{escape(path)}</code>. Read the sample (digests of 595 machine-learning abstracts, about two minutes) to try it,
or add your own pages under Library.</p></div>"""


def status(count: int, model: str | None, why_not: str | None, *, kept: bool) -> str:
    """What answers here, in a line; how to change it one click away.

    Args:
        count: Papers in the library.
        model: Name of the language model, if there is one.
        why_not: Why there is none.
        kept: Whether conversations outlive the program.
    """
    by = f"model {escape(model)}" if model else "extractive mode: no language model"
    brief = f"{plural(count, 'paper')} · {by}{'' if kept else ' · history is not kept'}"
    told = "Every quote is checked against the papers, whoever writes."
    if not model:
        told = f"Answers are put together from the papers’ own sentences: {escape(why_not or '')}."
    lost = "" if kept else "<p>This library cannot be written: conversations are forgotten when the program ends.</p>"
    return f'<details class="status"><summary>{brief}</summary><p>{told}</p>{lost}</details>'


def quiet(text: str) -> str:
    """A remark."""
    return f'<p class="quiet">{escape(text)}</p>'


def _question(question: str) -> str:
    return f'<li><button type="button" data-ask="{escape(question)}" dir="auto">{escape(question)}</button></li>'


def _notices(title: str, notices: Sequence[Notice]) -> str:
    items = "".join(f"<li><code>{escape(n.where)}</code>: {escape(n.why)}</li>" for n in notices[:MAX_NOTICES])
    more = len(notices) - MAX_NOTICES
    rest = f"<li>and {more:,} more</li>" if more > 0 else ""
    return (
        f"<details open><summary>{title}: {len(notices):,}</summary><ul>{items}{rest}</ul></details>" if items else ""
    )
