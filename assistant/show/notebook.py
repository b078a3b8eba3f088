"""Answer, PaperHit -> HTML: how they show themselves in a notebook. Nothing of it runs, and nothing is loaded."""

from __future__ import annotations

from html import escape

from assistant.records import Answer, Citation, PaperHit
from assistant.show.cards import facts, marked, places, sureness
from assistant.show.figures import covered
from assistant.show.prose import link, prose


def answer_html(answer: Answer) -> str:
    """The answer's text, what was looked at, and a proof to unfold for each paper that it cites."""
    text = prose(answer.text, "", ()).html
    looked = covered(answer.coverage, answer.trace.settings.get("where"))
    proofs = "".join(map(_proof, answer.citations))
    return f'<div dir="auto">{text}<p><small>{looked}</small></p>{proofs}</div>'


def hit_html(hit: PaperHit) -> str:
    """A paper of a ranking, the sentences nearest to the query marked inside its title and abstract."""
    title, abstract = (
        marked(text, (quote for quote in hit.evidence if quote.field == field))
        for field, text in (("title", hit.paper.title), ("abstract", hit.paper.abstract))
    )
    about = _about(*facts(hit.paper), f"similarity {hit.similarity:.3f}", link(hit.paper.address), places(hit.paper))
    return f'<div dir="auto"><strong>{title}</strong><br>{about}<p>{abstract}</p></div>'


def _proof(citation: Citation) -> str:
    cited = citation.paper
    quotes = "".join(f"<blockquote><mark>{escape(quote.text)}</mark></blockquote>" for quote in citation.quotes)
    about = _about(*facts(cited), escape(citation.role or ""), sureness(citation.relevance), link(cited.url))
    head = f"[{citation.number}] {escape(cited.title)}"
    return f"<details><summary>{head}</summary>{about}<br><small>{places(cited)}</small>{quotes}</details>"


def _about(*told: str) -> str:
    return f"<small>{' · '.join(filter(None, told))}</small>"
