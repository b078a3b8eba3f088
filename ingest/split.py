"""Paper -> Passages: the whole abstract, then each of its sentences, as character spans.

Sentences come from LlamaIndex's Punkt splitter; pieces that it cut inside an abbreviation are joined again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from ingest.clean import searchable
from ingest.records import Paper, Passage

if TYPE_CHECKING:
    from collections.abc import Callable

_OPEN_ENDED = re.compile(
    r"(?:\b(?:e\.g|i\.e|et al|etc|cf|vs|resp|approx|w\.r\.t|a\.k\.a|viz|ca|"
    r"Figs?|Tabs?|Eqs?|Secs?|Refs?|Nos?|Thm|Prop|Dr|St)\."
    r"|\b[A-Z]\.)\s*$"
)
MAX_SENTENCE_CHARS = 1_000
"""A longer piece (a list, a table pasted into an abstract) is cut at white space: encoders read 256 tokens at most."""

_CONTINUES = re.compile(r"\s*(?:[a-z,;:)\]]|\[\d)")
_INSIDE, _CLOSES = re.compile(r"\([^()]*$"), re.compile(r"[^()]{0,200}\)")
"""No sentence ends inside parentheses that are closed soon after."""


def split(paper: Paper) -> tuple[Passage, ...]:
    """Cuts `paper` into passages: ordinal 0 spans the abstract; 1..n span its sentences without white space around."""
    whole = Passage(paper.id, 0, 0, len(paper.abstract))
    spans = sentence_spans(paper.abstract)
    return (whole, *(Passage(paper.id, ordinal, start, end) for ordinal, (start, end) in enumerate(spans, start=1)))


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The sentences of `text` as [start, end) character offsets, in order; together they hold all but white space."""
    spans: list[tuple[int, int]] = []
    cursor = 0
    for piece in _punkt()(text):
        start = text.index(piece, cursor)
        cursor = start + len(piece)
        if spans and _goes_on(text[slice(*spans[-1])], text, start):
            spans[-1] = (spans[-1][0], cursor)
        else:
            spans.append((start, cursor))
    short = (part for start, end in spans for part in _cut(text, start, end))
    stripped = ((end - len(text[start:end].lstrip()), start + len(text[start:end].rstrip())) for start, end in short)
    return [(start, end) for start, end in stripped if end > start]


def _goes_on(sentence: str, text: str, start: int) -> bool:
    """Whether what Punkt took for a `sentence` goes on in `text` from `start`."""
    if _OPEN_ENDED.search(sentence) or _CONTINUES.match(text, start):
        return True
    return bool(_INSIDE.search(sentence) and _CLOSES.match(text, start))


def _cut(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > MAX_SENTENCE_CHARS:
        space = text.rfind(" ", start + 1, start + MAX_SENTENCE_CHARS)
        middle = space if space > 0 else start + MAX_SENTENCE_CHARS
        yield start, middle
        start = middle
    yield start, end


def sentences(passages: Sequence[Passage]) -> Sequence[Passage]:
    """The sentences among a paper's `passages`; the whole abstract where it has none."""
    return passages[min(1, len(passages) - 1) :]


def passage_text(paper: Paper, passage: Passage) -> str:
    """What is encoded for `passage`: the title, then its span of the abstract, both as searchable text."""
    return f"{searchable(paper.title)}. {searchable(paper.abstract[passage.start : passage.end])}"


@cache
def _punkt() -> Callable[[str], list[str]]:
    # Imported on first use: it takes a second, and only an ingest that finds new text needs it.
    from llama_index.core.node_parser.text.utils import split_by_sentence_tokenizer  # noqa: PLC0415

    return split_by_sentence_tokenizer()
