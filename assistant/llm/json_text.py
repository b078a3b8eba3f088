"""Text -> JSON values: reads what models write for JSON, fenced, in prose, with commas too many, or cut off.

It mends form only and invents nothing: what is doubtful (a key twice, NaN, brackets that do not match) is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NoReturn

MAX_CHARS = 1_000_000
"""A longer text is not read."""
MAX_DEPTH = 32
"""Nor one with more brackets inside each other."""
_MAX_STARTS = 50
"""How many opening brackets that lead to nothing are tried: prose has them too."""

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"|["{}\[\],]', re.DOTALL)
_CLOSES = {"{": "}", "[": "]"}


class NotJson(ValueError):
    """The text holds no JSON that can be read; the message says why, for the model that wrote it."""


def canonical(value: object) -> str:
    """`value` as JSON, the same for the same value."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def values(text: str) -> tuple[Any, ...]:
    """The JSON objects and arrays in `text`, in order, but not those within others.

    Raises:
        NotJson: There is none.
    """
    found, why, within = [], "it holds no JSON object", False
    for span in _spans(text):
        within |= span.end is None
        try:
            value = _loads(span.mended) if span.end is not None else None
        except ValueError as error:
            why = f"its JSON cannot be read: {error}"
            continue
        # A list behind a bracket that is not closed may be an inner one of something that broke off.
        if isinstance(value, dict) or (isinstance(value, list) and not within):
            found.append(value)
    if not found:
        raise NotJson(why)
    return tuple(found)


def whole_items(text: str) -> Any:
    """The JSON in a text that was cut off, with the items of its list that are whole.

    Raises:
        NotJson: There is no list in it, or no item is whole.
    """
    for span in _spans(text):
        if span.rescued is not None:
            try:
                return _loads(span.rescued)
            except ValueError:
                continue
    raise NotJson("it was cut off before its first item was whole")


@dataclass(frozen=True, slots=True)
class _Span:
    """From an opening bracket to the closing one, or to the text's end."""

    end: int | None
    """None if it is not closed."""
    mended: str
    rescued: str | None
    """As far as the last whole item of the outermost list, closed; None if there is no such."""


def _spans(text: str) -> Iterator[_Span]:
    if len(text) > MAX_CHARS:
        raise NotJson(f"it is longer than {MAX_CHARS:,} characters")
    start, tried = _opening(text, 0), 0
    while start is not None and tried < _MAX_STARTS:
        span = _scan(text, start)
        yield span
        tried += span.end is None
        start = _opening(text, start + 1 if span.end is None else span.end)


def _opening(text: str, start: int) -> int | None:
    found = re.compile(r"[{\[]").search(text, start)
    return found.start() if found else None


def _scan(text: str, start: int) -> _Span:
    brackets = _Brackets()
    for token in _TOKENS.finditer(text, start):
        mark, at = token.group(), token.start()
        if mark in _CLOSES:
            brackets.open(mark)
        elif mark == ",":
            brackets.comma(at)
        elif mark in "}]":
            if not brackets.close(mark, at, text):
                break
            if not brackets.open_ones:
                return _Span(at + 1, _without(text, start, at + 1, brackets.surplus), None)
        elif mark == '"':
            break  # a string that does not end
    return _Span(None, "", brackets.rescued(text, start))


class _Brackets:
    """The brackets that are open as one reads on, and what to leave out or to fall back on."""

    def __init__(self) -> None:
        self.open_ones: list[str] = []
        self.surplus: list[int] = []
        """Where commas stand before a closing bracket."""
        self._comma = -1
        self._rescue: tuple[int, str] | None = None
        """Up to where items of the outermost list are whole, and what would close it there."""

    def open(self, mark: str) -> None:
        self.open_ones.append(mark)
        if len(self.open_ones) > MAX_DEPTH:
            raise NotJson(f"its brackets are more than {MAX_DEPTH} deep")

    def comma(self, at: int) -> None:
        self._comma = at
        self._item_ends(at)

    def close(self, mark: str, at: int, text: str) -> bool:
        """Whether `mark` closes what is open."""
        if mark != _CLOSES[self.open_ones.pop()]:
            return False
        if self._comma >= 0 and not text[self._comma + 1 : at].strip():
            self.surplus.append(self._comma)
        self._item_ends(at + 1)
        return True

    def _item_ends(self, at: int) -> None:
        if self.open_ones and self.open_ones[-1] == "[" and self.open_ones.count("[") == 1:
            self._rescue = at, "".join(_CLOSES[bracket] for bracket in reversed(self.open_ones))

    def rescued(self, text: str, start: int) -> str | None:
        if self._rescue is None:
            return None
        end, closing = self._rescue
        return _without(text, start, end, self.surplus) + closing


def _without(text: str, start: int, end: int, surplus: list[int]) -> str:
    edges = [start - 1, *(at for at in surplus if at < end), end]
    return "".join(text[before + 1 : after] for before, after in pairwise(edges))


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise NotJson("a key stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise NotJson(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise NotJson(f"{text[:20]} is out of range")
    return value
