"""Saved answer, library -> News: what has come, changed or gone since, as far as it changes the answer.

A language model judges the abstracts that came since, and no other. The judge that needs none looks at them among all
papers, as it does for any question: so its news is what asking again would add.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from assistant.by_llm.asker import Asker
from assistant.by_llm.contradict import Contradiction, contradictions
from assistant.by_llm.sheets import packed, sheets
from assistant.llm.meter import Meter
from assistant.llm.records import Chat, ChatFailed
from assistant.pile import Pile
from assistant.records import Answer, Citation, CitedPaper, Mode, Quote
from assistant.saved import SavedAnswer
from assistant.understand import understand
from assistant.verify import stands

if TYPE_CHECKING:
    from assistant.assistant import Assistant

SCHEMA = 1
CONTRADICTION_TOKENS = 5_000
"""Of the new papers nearest to the question, which are read for contradictions."""
NEAREST = 20
NOT_JUDGED = "whether a new abstract contradicts a claim was not judged: that needs a language model"


@dataclass(frozen=True, slots=True)
class Found:
    """A new paper that satisfies the question."""

    paper: CitedPaper
    relevance: float
    """Probability that it does, in [0, 1]."""
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Altered:
    """A cited paper whose text is not what it was."""

    number: int
    """Of the citation."""
    paper: CitedPaper
    """As it is now."""
    lost: tuple[Quote, ...]
    """The quotes that stand no longer."""
    satisfies: bool
    """Whether its new text satisfies the question."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A cited paper, or one that was told as new since, that the library holds no longer."""

    number: int | None
    """Of the citation; None where there is none."""
    paper: CitedPaper
    """As it was."""


@dataclass(frozen=True, slots=True)
class Contradicted:
    """A claim that a new paper speaks against, as a language model reads both."""

    claim: str
    paper: CitedPaper
    quote: Quote


@dataclass(frozen=True, slots=True)
class News:
    """What changes in one saved answer; nothing where all tuples but `notices` are empty."""

    name: str
    question: str
    mode: Literal["offline", "llm"] | None
    """Who judged; None where there was nothing to judge."""
    new: int
    """Abstracts that came since, as far as the filter lets them through."""
    found: tuple[Found, ...]
    """Best first."""
    contradicted: tuple[Contradicted, ...]
    altered: tuple[Altered, ...]
    gone: tuple[Gone, ...]
    notices: tuple[str, ...]
    """What the reader should know of how this was found."""

    @property
    def changes(self) -> int:
        """How many there are."""
        return len(self.found) + len(self.contradicted) + len(self.altered) + len(self.gone)

    def to_dict(self) -> dict[str, Any]:
        """The news as plain JSON values."""
        return {"schema": SCHEMA, **asdict(self)}


def news(assistant: Assistant, saved: SavedAnswer, chat: Chat | None, mode: Mode) -> News:
    """What has changed since `saved` was saved; `mode` says what becomes of a failure of `chat`.

    Raises:
        ChatFailed: In mode `llm`.
    """
    texts = assistant.library.store.texts()
    fresh = frozenset(paper_id for paper_id, sha256 in texts.items() if not saved.knows(sha256))
    pile = assistant.among(fresh).pile(saved.where)
    judged = _Judged(None, (), ())
    if pile.about.papers:
        judged = _by_model(assistant, pile, saved, chat, mode) if chat else _by_rules(assistant, saved, NOT_JUDGED)
    answer = judged.answer
    cited = {citation.paper.id: citation for citation in answer.citations} if answer else {}
    altered, gone = _citations(assistant, saved.answer, texts, cited)
    gone += tuple(Gone(None, paper) for paper in saved.told if paper.id not in texts and not _held(paper, texts))
    known = {change.paper.id for change in altered}
    return News(
        name=saved.name,
        question=saved.answer.question,
        mode=answer.mode if answer else None,
        new=pile.about.papers,
        found=tuple(Found(c.paper, c.relevance, c.quotes) for i, c in cited.items() if i in fresh and i not in known),
        contradicted=tuple(
            Contradicted(found.claim, CitedPaper.of(found.paper), found.quote) for found in judged.against
        ),
        altered=altered,
        gone=gone,
        notices=judged.notices,
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What was made of the new abstracts."""

    answer: Answer | None
    against: tuple[Contradiction, ...]
    notices: tuple[str, ...]


def _by_model(assistant: Assistant, pile: Pile, saved: SavedAnswer, chat: Chat, mode: Mode) -> _Judged:
    try:
        against = _against(pile, saved, chat)
        confined = assistant.among(pile.ids or frozenset())
        return _Judged(confined.ask(_question(saved), (), "llm", saved.depth, saved.where), against, ())
    except ChatFailed as failure:
        if mode == "llm":
            raise
        return _by_rules(
            assistant, saved, f"the language model took no part ({failure.kind}: {failure.why})", NOT_JUDGED
        )


def _by_rules(assistant: Assistant, saved: SavedAnswer, *notices: str) -> _Judged:
    return _Judged(assistant.ask(_question(saved), (), "offline", saved.depth, saved.where), (), notices)


def _question(saved: SavedAnswer) -> str:
    """The question as it stands alone: the conversation that it came from is not kept."""
    return saved.answer.standalone_question


def _against(pile: Pile, saved: SavedAnswer, chat: Chat) -> tuple[Contradiction, ...]:
    claims = tuple(dict.fromkeys(claim.text for claim in saved.answer.claims))
    if not claims:
        return ()
    nearest = pile.find(understand(_question(saved)), NEAREST)
    read = packed(sheets(pile, nearest), CONTRADICTION_TOKENS)
    return contradictions(Asker(chat, Meter()), _question(saved), claims, read)


def _citations(
    assistant: Assistant, answer: Answer, texts: dict[str, str], cited: dict[str, Citation]
) -> tuple[tuple[Altered, ...], tuple[Gone, ...]]:
    """The citations whose papers changed, and those whose papers went. A text that has another id now is neither."""
    altered, gone = [], []
    for citation in answer.citations:
        was = citation.paper
        if _held(was, texts):
            continue
        now = assistant.library.store.paper(was.id)
        if now is None:
            gone.append(Gone(citation.number, was))
        else:
            lost = tuple(quote for quote in citation.quotes if not stands(quote, now))
            altered.append(Altered(citation.number, CitedPaper.of(now), lost, was.id in cited))
    return tuple(altered), tuple(gone)


def _held(paper: CitedPaper, texts: dict[str, str]) -> bool:
    """Whether the text of a paper is there as it was, under whatever id."""
    return paper.sha256 in texts.values()


def plain(told: Sequence[News]) -> str:
    """The news as text for a terminal."""
    return "\n\n".join("\n".join(_lines(news)) for news in told)


def _lines(news: News) -> Iterator[str]:
    by = "by a language model" if news.mode == "llm" else "without a language model"
    judged = _counted(news.new, "new abstract") + (f" judged {by}" if news.new else "")
    yield f"{news.name}: {news.question} ({judged}; {_counted(news.changes, 'change')})"
    for found in news.found:
        yield f"  new: {found.paper.title}"
        yield from (f"    “{quote.text}”" for quote in found.quotes)
    for against in news.contradicted:
        yield f"  contradicted: {against.claim}"
        yield f"    by {against.paper.title}: “{against.quote.text}”"
    for change in news.altered:
        yield f"  its text changed: [{change.number}] {change.paper.title}" + (
            "" if change.satisfies else "; it shows no longer what was asked"
        )
        yield from (f"    no longer there: “{quote.text}”" for quote in change.lost)
    for gone in news.gone:
        yield "  gone: " + (f"[{gone.number}] " if gone.number else "") + gone.paper.title
    yield from (f"  ({notice})" for notice in news.notices)


def _counted(count: int, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count or 'no'} {noun}s"
