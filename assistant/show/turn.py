"""Turn -> article: a question, its answer on the left and the proof on the right; and how it looks on the way there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape

from assistant.records import Answer, Event, Stage, Token
from assistant.show.cards import proof, rating
from assistant.show.exports import FORMS
from assistant.show.figures import covered, spent
from assistant.show.prose import plural, prose
from ingest import Paper
from ingest.notes import Asked

_DOING = {
    "understand": "Reading the question",
    "retrieve": "Looking through the library",
    "judge": "Judging",
    "write": "Writing",
    "verify": "Checking every quote",
}
_OVER = (10, 25, 50)
"""Numbers of papers that can be shown at once (`shelf.CONTROLS`); the rest is a press away."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A turn, and all that its article tells."""

    id: int
    asked: Asked
    answer: Answer | None
    ending: str = ""
    """Why there is no answer."""
    papers: Mapping[str, Paper] = field(default_factory=dict)
    """The library's, by id, as far as the answer cites them."""
    ratings: Mapping[str, bool | None] = field(default_factory=dict)
    saved: bool = False
    """Whether the question is kept at hand."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an answer is."""

    stages: tuple[Stage, ...] = ()
    """Those begun, in order, each as it was last told."""
    text: str = ""

    def after(self, event: Event) -> Progress:
        """How far it is once `event` has come."""
        if isinstance(event, Token):
            return replace(self, text=self.text + event.text)
        if not isinstance(event, Stage):
            return self
        again = bool(self.stages) and self.stages[-1].name == event.name
        return replace(self, stages=(*(self.stages[:-1] if again else self.stages), event))


def thread(turns: Sequence[Shown], conversation: int | None, earlier: int = 0) -> str:
    """Turns of a conversation, and how many were before them."""
    articles = "".join(article(turn, last=turn is turns[-1]) for turn in turns)
    told = f'{plural(earlier, "earlier question")}: <a href="?c={conversation}&amp;all=1">show all</a>'
    before = f'<p class="quiet">{told}</p>' if earlier else ""
    return f'<div class="thread" data-conversation="{conversation or ""}">{before}{articles}</div>'


def article(turn: Shown, *, last: bool = True) -> str:
    """A turn that is over."""
    prefix = f"t{turn.id}"
    if turn.answer is None:
        body = f'<p class="ended" role="status">{escape(turn.ending)}</p>'
    else:
        text = prose(turn.answer.text, prefix, {citation.number for citation in turn.answer.citations})
        cards = proof(turn.answer, text, turn.papers, prefix, turn.ratings)
        count = len(turn.answer.citations)
        over = "".join(f" over{least}" for least in _OVER if count > least)
        rest = f'<p class="rest"><button type="button" data-all>Show all {count} papers</button></p>' if over else ""
        looked = covered(turn.answer.coverage, turn.answer.trace.settings.get("where"))
        listed = " list" if turn.answer.kind == "list" else ""
        body = f"""<div class="pair{over}"><section class="answer" aria-label="Answer">
<div class="prose{listed}" dir="auto">{text.html}</div>{rest}
{_follow_up(turn.answer)}<p class="coverage">{looked}</p>
{_effort(turn.answer)}{_tools(turn)}</section>
<aside class="proof" aria-label="Proof" tabindex="0">{cards}</aside></div>"""
    return f"""<article class="turn" data-turn="{turn.id}"{' data-last="true"' if last else ""}>
{_asked(turn)}{body}</article>"""


def live(question: str, progress: Progress, seconds: float) -> str:
    """A turn that is not over: the stages begun, and the text so far."""
    steps = "".join(
        f"<li{' class=now' if stage is progress.stages[-1] else ''}>{_told(stage)}</li>" for stage in progress.stages
    )
    text = f'<div class="prose" dir="auto">{prose(progress.text, "live", ()).html}</div>' if progress.text else ""
    return f"""<article class="turn live" aria-busy="true"><header class="asked"><h2 dir="auto">{escape(question)}</h2>
</header><ol class="stages" aria-label="Progress">{steps}<li class="clock">{seconds:.1f} s</li></ol>{text}</article>"""


def editing(question: str) -> str:
    """That the question in the box will take the place of one that was asked, and how to leave that be."""
    return f"""<p class="quiet editing" role="status">You are editing <q dir="auto">{escape(question)}</q>: what you ask
takes its place. <button type="button" data-leave>Leave it as it is</button></p>"""


def _asked(turn: Shown) -> str:
    only = f"<small>only papers where {escape(turn.asked.filter)}</small>" if turn.asked.filter else ""
    star = f'<button type="button" data-save aria-pressed="{"true" if turn.saved else "false"}">Keep question</button>'
    return f"""<header class="asked"><h2 dir="auto">{escape(turn.asked.question)} {only}</h2><div class="tools">{star}
<button type="button" data-do="edit">Edit</button><button type="button" data-do="retry">Ask again</button></div>
</header>"""


def _told(stage: Stage) -> str:
    what = _DOING[stage.name]
    if stage.total:
        share = f'<progress value="{stage.done}" max="{stage.total}" aria-label="{what}"></progress>'
        return f"{what} {stage.done:,} of {stage.total:,} {share}"
    return f"{what}: {escape(stage.detail)}" if stage.detail and stage.name in ("retrieve", "judge") else what


def _follow_up(answer: Answer) -> str:
    if answer.standalone_question == answer.question:
        return ""
    return f'<p class="quiet">Understood as: <q dir="auto">{escape(answer.standalone_question)}</q></p>'


def _effort(answer: Answer) -> str:
    seconds = answer.trace.seconds
    by = f"written by {answer.model}" if answer.model else "no language model: quotes only"
    total = f"{sum(seconds.values()):.1f} s" if seconds else ""
    summary = " · ".join(filter(None, (total, escape(by), spent(answer.usage))))
    rows = "".join(f"<li>{escape(_DOING.get(name, name))}: {value:.2f} s</li>" for name, value in seconds.items())
    return f'<details class="effort"><summary>{summary}</summary><ul>{rows}</ul></details>'


def _tools(turn: Shown) -> str:
    forms = [(name, form.name) for name, form in FORMS.items()] + [("bundle", "Replay bundle")]
    exports = "".join(
        f'<button type="button" data-export="{form}" aria-label="Save as {name}">{name}</button>'
        for form, name in forms
    )
    menu = f'<details class="menu"><summary>Save as</summary><div>{exports}</div></details>'
    copy = '<button type="button" data-copy>Copy</button>'
    useful = rating("Useful", "Not useful", "", turn.ratings.get(""))
    return f'<footer class="tools"><div role="group" aria-label="Take it with you">{copy}{menu}</div>{useful}</footer>'
