"""Answer -> cards: each cited paper with the sentences that prove it, marked inside the whole abstract."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from itertools import groupby

from assistant.records import Answer, Citation, CitedPaper, NearMiss, Quote, Removed
from assistant.show.prose import Prose, link, look_up, plural
from ingest import Paper

MAX_SOURCES = 3
"""Places where a paper was seen that a card names."""

_SURE = ((0.8, "clearly shows it"), (0.5, "likely shows it"), (0.0, "may show it"))


def proof(
    answer: Answer, prose: Prose, papers: Mapping[str, Paper], prefix: str, ratings: Mapping[str, bool | None]
) -> str:
    """The cards of an answer, and what was left out of it.

    Args:
        answer: Says which papers, and what of them.
        prose: Its text as it is shown, for the places where a card is used.
        papers: The library's papers by id; the abstract of one that is absent or has changed is not shown.
        prefix: Begins every id (see `prose`).
        ratings: Whether a citation is relevant, by id of the paper, where somebody said.
    """
    cards = "".join(
        _card(citation, papers.get(citation.paper.id), prose.markers.get(citation.number, ()), prefix,
              ratings.get(citation.paper.id), opened=citation.number == 1)
        for citation in answer.citations
    )  # fmt: skip
    head = f"<h3>Proof <small>{plural(len(answer.citations), 'paper')}</small></h3>" if cards else "<h3>Proof</h3>"
    body = f'<ol class="cards">{cards}</ol>' if cards else '<p class="quiet">No paper is cited.</p>'
    return head + body + _near(answer.near_misses, opened=not cards) + _removed(answer)


def marked(text: str, quotes: Iterable[Quote]) -> str:
    """`text` as HTML, with these spans of it marked; spans that overlap or touch are one."""
    inside = [False] * len(text)
    for quote in quotes:
        inside[quote.start : quote.end] = [True] * len(text[quote.start : quote.end])
    pieces = groupby(zip(inside, text, strict=True), key=lambda pair: pair[0])
    spans = ((is_marked, escape("".join(character for _, character in run))) for is_marked, run in pieces)
    return "".join(f"<mark>{span}</mark>" if is_marked else span for is_marked, span in spans)


def facts(paper: CitedPaper | Paper) -> Iterator[str]:
    """What is known of a paper beside its text, as HTML: authors, year."""
    if paper.authors:
        more = " and others" if len(paper.authors) > 3 else ""
        yield escape(", ".join(paper.authors[:3]) + more)
    if paper.year:
        yield str(paper.year)


def places(paper: CitedPaper | Paper) -> str:
    """Where a paper was seen, as HTML."""
    shown = [f"{escape(source.origin)}, line {source.line}" for source in paper.sources[:MAX_SOURCES]]
    if len(paper.sources) > MAX_SOURCES:
        shown.append(f"{len(paper.sources) - MAX_SOURCES} more")
    return "; ".join(shown)


def _card(  # noqa: PLR0913 (the parts of a card)
    citation: Citation, paper: Paper | None, uses: tuple[str, ...], prefix: str, good: bool | None, *, opened: bool
) -> str:
    cited, name = citation.paper, f"{prefix}-card-{citation.number}"
    about = [*facts(cited), escape(citation.role or ""), sureness(citation.relevance)]
    meta = " · ".join(filter(None, about))
    title = marked(cited.title, (quote for quote in citation.quotes if quote.field == "title"))
    address = link(cited.url)
    read = f"<dt>Link</dt><dd>{address}</dd>" if address else f"<dt>Search</dt><dd>{look_up(cited.title)}</dd>"
    return f"""<li class="card" id="{name}" tabindex="-1"><details{" open" if opened else ""}>
<summary><span class="number" aria-hidden="true">{citation.number}</span><span class="head">
<strong dir="auto">{title}</strong><small>{meta}</small></span></summary>
<p class="abstract" dir="auto">{_abstract(citation, paper)}</p>
<dl>{read}<dt>Seen in</dt><dd>{places(cited)}</dd>
<dt>Used</dt><dd>{_uses(uses)}</dd></dl>
{rating("Relevant", "Not relevant", cited.id, good)}</details></li>"""


def rating(yes: str, no: str, paper_id: str, good: bool | None) -> str:
    """Two buttons that say what somebody thinks; `paper_id` is "" for the whole answer."""
    buttons = (
        f'<button type="button" data-rate="{value}" data-paper="{escape(paper_id)}"'
        f' aria-pressed="{"true" if good is chosen else "false"}">{label}</button>'
        for label, value, chosen in ((yes, "yes", True), (no, "no", False))
    )
    return f'<div class="rating" role="group" aria-label="Your judgement">{"".join(buttons)}</div>'


def _abstract(citation: Citation, paper: Paper | None) -> str:
    quotes = [quote for quote in citation.quotes if quote.field == "abstract"]
    if paper is not None and paper.sha256 == citation.paper.sha256:
        return marked(paper.abstract, quotes)
    told = "<mark>" + "</mark> … <mark>".join(escape(quote.text) for quote in quotes) + "</mark>" if quotes else ""
    what = "is not in the library any more" if paper is None else "has changed in the library since"
    return f'{told} <em class="quiet">(this paper {what}; only the quotes are shown)</em>'


def sureness(relevance: float) -> str:
    """A probability in words, as HTML."""
    words = next(words for least, words in _SURE if relevance >= least)
    return f'<span title="estimated probability {relevance:.2f}">{words}</span>'


def _uses(uses: tuple[str, ...]) -> str:
    links = (
        f'<a class="use" href="#{use}" data-finds="{use}">{_ordinal(n)} mention</a>' for n, use in enumerate(uses, 1)
    )
    return ", ".join(links) or "nowhere in the text"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _near(misses: Iterable[NearMiss], *, opened: bool) -> str:
    items = [
        f'<li><strong dir="auto">{escape(miss.paper.title)}</strong>'
        f'<br><span class="quiet" dir="auto">{escape(miss.lacks)}</span></li>'
        for miss in misses
    ]
    if not items:
        return ""
    return (
        f'<details class="aside"{" open" if opened else ""}><summary>Nearest misses: {len(items)}</summary>'
        f"<ul>{''.join(items)}</ul></details>"
    )


def _removed(answer: Answer) -> str:
    told = list(_removals(answer.removed))
    if not told and answer.mode == "offline":
        return ""
    what = f"{'; '.join(told)}." if told else "Nothing had to be: every sentence of the draft could be proved."
    return f'<details class="aside"><summary>Taken out: {_total(answer.removed)}</summary><p>{what}</p></details>'


def _removals(removed: Removed) -> Iterator[str]:
    if removed.unsupported_claims:
        yield f"{plural(removed.unsupported_claims, 'sentence')} that no quote supports"
    if removed.unlocated_quotes:
        yield f"{plural(removed.unlocated_quotes, 'quote')} that no paper says word for word"
    if removed.unknown_keys:
        yield f"{plural(removed.unknown_keys, 'reference')} to a paper that was not shown to the model"


def _total(removed: Removed) -> int:
    return removed.unsupported_claims + removed.unlocated_quotes + removed.unknown_keys
