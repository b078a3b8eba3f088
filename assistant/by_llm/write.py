"""Judged sheets -> sentences of an answer, by a language model: streamed, each with the sentences it cites.

The model writes a sentence a line, ending in markers such as [7.2]: sentence 2 of paper 7. A marker that names nothing
we gave it is dropped and counted; a sentence left without any is no sentence of the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assistant.by_llm.asker import Asker
from assistant.by_llm.judge import fields
from assistant.by_llm.sheets import Sheet
from assistant.llm.tokens import count
from assistant.records import Query, Quote
from prompts import render

MAX_TOKENS = 2_500
MAX_LINE_CHARS = 1_500
NOT_STATED = "NOT STATED"

_MARKER = re.compile(r"\s*\[((?:\d+\.\d+|\d+)(?:\s*[,;]\s*(?:\d+\.\d+|\d+))*)\]")
_OPENING = re.compile(r"^(?:[-*•]\s+)?(?:(?:PAPER\s+)?(\d+)\s*:\s+)?", re.IGNORECASE)
_RULE = re.compile(r"^\|[\s:|-]+\|?$")


@dataclass(frozen=True, slots=True)
class Reference:
    """A sentence that the answer cites."""

    sheet: Sheet
    quote: Quote


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of an answer, or a row of a table."""

    about: int | None
    """The paper that an item of a list is about, by key; None elsewhere."""
    text: str
    """Without markers."""
    references: tuple[Reference, ...]

    @property
    def is_row(self) -> bool:
        """Whether it is a row of a table."""
        return self.text.startswith("|")


@dataclass(slots=True)
class Dropped:
    """What the model wrote and nobody can prove, as it is counted."""

    unknown_keys: int = 0
    unsupported: int = 0
    not_stated: bool = False
    """The model said that the papers do not tell."""


def write(asker: Asker, query: Query, sheets: Sequence[Sheet], dropped: Dropped) -> Iterator[Line]:
    """The lines of the answer to `query` from the papers of `sheets`, best first, as they come.

    Raises:
        ChatFailed: The model broke off. Lines may have been yielded before.
    """
    known = {sheet.key: sheet for sheet in sheets}
    papers = "\n\n".join(sheet.text for sheet in sheets)
    for raw in asker.lines(_prompt(query), MAX_TOKENS, **fields(query, papers)):
        if raw.strip("*_. ") == NOT_STATED:
            dropped.not_stated = True
        elif line := read(raw[:MAX_LINE_CHARS], known, dropped):
            yield line


def overhead_tokens(query: Query) -> int:
    """Tokens that the prompt costs beside its papers."""
    return count(render("rules")) + count(render(_prompt(query), **fields(query, "")))


def _prompt(query: Query) -> str:
    return "answer_list" if query.kind == "list" else "answer"


def read(raw: str, known: Mapping[int, Sheet], dropped: Dropped) -> Line | None:
    """A line of the model's text, or None where nothing in it is proved."""
    if not raw or _RULE.match(raw):
        return None
    opening = _OPENING.match(raw)
    about = int(opening[1]) if opening and opening[1] else None
    body = raw[opening.end() :] if opening else raw
    references = tuple(dict.fromkeys(_references(_MARKER.findall(body), known, dropped)))
    text = " ".join(_MARKER.sub("", body).split())
    if about is not None:
        references = tuple(each for each in references if each.sheet.key == about)
    if not text.strip("*_|.:# "):
        return None
    if not references and not text.startswith("|"):
        dropped.unsupported += 1
        return None
    return Line(about, text, references)


def _references(markers: Iterable[str], known: Mapping[int, Sheet], dropped: Dropped) -> Iterator[Reference]:
    for name in (part.strip() for marker in markers for part in re.split(r"[,;]", marker)):
        key, _, number = name.partition(".")
        sheet = known.get(int(key))
        quote = sheet.quote(int(number)) if sheet and number else None
        if sheet and quote:
            yield Reference(sheet, quote)
        else:
            dropped.unknown_keys += 1
