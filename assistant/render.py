"""Answer -> text for people: Markdown with its sources, or plain text for a terminal."""

from __future__ import annotations

import re

from assistant.compose import escape
from assistant.records import Answer, CitedPaper, PaperHit

_BOLD = re.compile(r"(?<!\\)\*\*")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")


def markdown(answer: Answer) -> str:
    """The answer's text, and where each cited paper was seen."""
    if not answer.citations:
        return answer.text
    sources = "\n".join(f"{c.number}. {escape(c.paper.title)} ({escape(_seen(c.paper))})" for c in answer.citations)
    return f"{answer.text}\n\n## Sources\n\n{sources}"


def plain(answer: Answer) -> str:
    """The same without markup."""
    text = re.sub(r"(?m)^> ", "", markdown(answer)).replace("## Sources", "Sources")
    return unescaped(_BOLD.sub("", text))


def unescaped(text: str) -> str:
    """What Markdown with escapes shows."""
    return _ESCAPE.sub(r"\1", text)


def ranking(hits: tuple[PaperHit, ...], *, explain: bool) -> str:
    """A line a paper: rank, similarity, title; with `explain`, how each arm ranks it."""
    lines = []
    for rank, hit in enumerate(hits, start=1):
        lines.append(f"{rank:>4}  {hit.similarity:.3f}  {hit.paper.title}")
        if explain:
            arms = (f"{name} #{arm.rank} ({arm.value:.3f})" for name, arm in sorted(hit.arms.items()))
            lines.append(" " * 13 + "; ".join(arms))
    return "\n".join(lines)


def _seen(paper: CitedPaper) -> str:
    places = ", ".join(f"{source.origin}:{source.line}" for source in paper.sources)
    return f"{paper.url}; {places}" if paper.url else places
