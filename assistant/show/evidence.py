"""Answer -> table of evidence: one HTML file that needs nothing beside it and runs nothing, to read, print or send."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from assistant.records import Answer, Citation, NearMiss, Quote
from assistant.show.cards import facts, marked, places, sureness
from assistant.show.figures import covered
from assistant.show.prose import link
from ingest import Paper

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; background: #fff; max-width: 75rem; margin: 2rem auto;
       padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .6rem .8rem; border-bottom: 1px solid #ccc; }
blockquote { margin: 0 0 .6rem; padding-left: .8rem; border-left: 3px solid #888; }
mark { background: #ffec99; color: inherit; }
small, footer { color: #555; }
@media (prefers-color-scheme: dark) {
  body { color: #eee; background: #1b1b1b; } mark { background: #6b5900; } small, footer { color: #bbb; }
}
"""


def evidence(answer: Answer, papers: Mapping[str, Paper]) -> str:
    """A row for each cited paper: what it is, how surely it shows what was asked for, and the sentences that show it.

    Args:
        answer: Any; an honest no has the papers that came nearest, and what each lacks.
        papers: The library's, by id: where a paper is as it was cited, its abstract is there to unfold.
    """
    rows = "".join(_row(citation, papers.get(citation.paper.id)) for citation in answer.citations)
    head = '<tr><th scope="col">#</th><th scope="col">Paper</th><th scope="col">Evidence</th></tr>'
    found = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>" if rows else ""
    reason = f"<p>{escape(answer.reason)}</p>" if answer.reason else ""
    notices = "".join(f"<p><small>{escape(notice)}</small></p>" for notice in answer.notices)
    looked = covered(answer.coverage, answer.trace.settings.get("where"))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(answer.question)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>
<body><h1 dir="auto">{escape(answer.question)}</h1>
<p>{looked}</p>{reason}{found}{_nearest(answer.near_misses)}{notices}
<footer><p>Every quote is the library's own text, at the characters that are told. Judged {_by(answer)}.</p></footer>
</body></html>"""


def _row(citation: Citation, paper: Paper | None) -> str:
    cited = citation.paper
    title = marked(cited.title, (quote for quote in citation.quotes if quote.field == "title"))
    told = [*facts(cited), escape(citation.role or ""), sureness(citation.relevance), link(cited.url), places(cited)]
    about = "<br>".join(f"<small>{line}</small>" for line in told if line)
    quotes = "".join(
        f'<blockquote dir="auto">{escape(quote.text)} <small>{_place(quote)}</small></blockquote>'
        for quote in citation.quotes
    )
    whole = ""
    if paper is not None and paper.sha256 == cited.sha256:
        what = "Digest" if paper.digest else "Abstract"
        text = marked(paper.abstract, (quote for quote in citation.quotes if quote.field == "abstract"))
        whole = f'<details><summary>{what}</summary><p dir="auto">{text}</p></details>'
    return f"""<tr id="p{citation.number}"><td>{citation.number}</td>
<td><strong dir="auto">{title}</strong><br>{about}</td><td>{quotes}{whole}</td></tr>
"""


def _place(quote: Quote) -> str:
    return f"{quote.field}, characters {quote.start} to {quote.end}"


def _nearest(misses: tuple[NearMiss, ...]) -> str:
    items = "".join(
        f'<li dir="auto"><strong>{escape(miss.paper.title)}</strong><br>{escape(miss.lacks)}</li>' for miss in misses
    )
    return f"<h2>What came nearest, and what it lacks</h2><ul>{items}</ul>" if items else ""


def _by(answer: Answer) -> str:
    return f"by {escape(answer.model)}" if answer.model else "without a language model"
