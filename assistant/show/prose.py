"""Answer -> HTML: its text, in which every marker opens the card of what it cites, and nothing else does anything."""

from __future__ import annotations

import re
from collections.abc import Collection, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any
from urllib.parse import quote_plus, urlsplit

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

_MARKER = re.compile(r"\[(\d{1,5})\]")


@dataclass(frozen=True, slots=True)
class Prose:
    """An answer's text as HTML."""

    html: str
    markers: dict[int, tuple[str, ...]]
    """Ids of the elements that mark each citation, by its number, in order."""


def prose(text: str, prefix: str, numbers: Collection[int]) -> Prose:
    """Renders an answer's Markdown. Tags, links and images in it are shown as they stand, and do nothing.

    Args:
        text: Markdown with markers such as [1].
        prefix: Begins every id; that of the card of citation 1 is f"{prefix}-card-1".
        numbers: Of the citations that have a card; any other marker stays text.
    """
    found: dict[int, list[str]] = {}
    html = _markdown().render(text, {"prefix": prefix, "numbers": numbers, "found": found})
    return Prose(html, {number: tuple(ids) for number, ids in found.items()})


def look_up(title: str) -> str:
    """A search for a paper whose source gives no address: it may find nothing, and claims nothing."""
    return link(f"https://arxiv.org/search/?searchtype=title&query={quote_plus(title)}")


def link(address: str | None) -> str:
    """A link that shows where it leads; empty for anything but a web address."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return ""
    if not address or parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    return f'<a href="{escape(address)}" target="_blank" rel="noopener noreferrer nofollow">{escape(address)}</a>'


def plural(count: int, noun: str) -> str:
    """A count and its noun: "1 paper", "1,200 papers"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


@cache
def _markdown() -> MarkdownIt:
    """Only what an answer's text is made of is known to it; links, images and HTML are not."""
    parser = MarkdownIt("zero", {"html": False, "breaks": True, "maxNesting": 12})
    parser.enable(["blockquote", "heading", "list", "table"])
    parser.enable(["backticks", "balance_pairs", "emphasis", "entity", "escape", "newline", "fragments_join"])
    parser.inline.ruler.before("escape", "marker", _marker)
    parser.add_render_rule("marker", _render_marker)
    return parser


def _marker(state: StateInline, silent: bool) -> bool:
    found = _MARKER.match(state.src, state.pos)
    if not found or int(found[1]) not in state.env["numbers"]:
        return False
    if not silent:
        state.push("marker", "", 0).content = found[1]
    state.pos = found.end()
    return True


def _render_marker(
    _renderer: Any, tokens: Sequence[Token], index: int, _options: Any, env: MutableMapping[str, Any]
) -> str:
    number, prefix = int(tokens[index].content), env["prefix"]
    ids = env["found"].setdefault(number, [])
    ids.append(f"{prefix}-use-{number}-{len(ids) + 1}")
    return (
        f'<a class="cite" id="{ids[-1]}" href="#{prefix}-card-{number}" data-opens="{prefix}-card-{number}"'
        f' aria-label="Proof {number}">{number}</a>'
    )
