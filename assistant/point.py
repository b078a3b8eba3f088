"""Question, answer -> question: papers of the answer that it points at, as [2] or the first two, by their titles."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TITLE = re.compile(r"(?:^|\s)(?:-|From) \*\*(.+?)\*\*")
"""How an answer names its papers (prompts/item.md and others), in the order of their numbers."""
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_ORDINALS = ("first", "second", "third", "fourth", "fifth")
_COUNTS = ("two", "three", "four", "five")
_POINTS = re.compile(
    r"\[(?P<number>\d{1,3})\]"
    rf"|\bthe (?P<place>{'|'.join(_ORDINALS)}|last)"
    rf"(?: (?P<count>{'|'.join(_COUNTS)})(?: (?:ones|papers))?| (?:one|paper)|(?=\W*$|,? (?:and|or)\b))\b",
    re.IGNORECASE,
)


def named(question: str, answer: str) -> str:
    """`question` with titles in place of what points at papers of `answer` (its text); as it is where none is meant."""
    titles = [_ESCAPE.sub(r"\1", title) for title in _TITLE.findall(answer)]
    return _POINTS.sub(lambda found: " and ".join(_meant(found, titles)) or found[0], question)


def _meant(found: re.Match[str], titles: list[str]) -> Iterator[str]:
    for place in _places(found, len(titles)):
        if place in range(len(titles)):
            yield f"“{titles[place]}”"


def _places(found: re.Match[str], papers: int) -> range:
    """Places of the papers meant, from 0; some may not be there."""
    if found["number"]:
        return range(int(found["number"]) - 1, int(found["number"]))
    count = 2 + _COUNTS.index(found["count"].lower()) if found["count"] else 1
    place = found["place"].lower()
    start = papers - count if place == "last" else _ORDINALS.index(place)
    return range(start, start + count)
