"""Question -> aspects and names: the phrases left when the words that only ask are taken out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate, product
from math import prod

from assistant.question_words import SAYS_NOTHING

_TOKEN = re.compile(r"[^\W_]+(?:[-'’*+/.][^\W_]+)*\*?|\S")
"""A word, with what ties its parts together (K-FAC, Newton's, 3.5), or a mark."""

_MODELLED_ON = re.compile(r"-(?:style|like|type|based|aware)$", re.IGNORECASE)
"""What may follow a name without being part of it."""
_OR = re.compile(r"(?:, )?(?:or|/)(?: (?:a|an|any|by|for|from|in|of|on|other|some|the|to|with))*")
"""What stands between two phrases of which either will do; those before, parted by commas alone, will do as well."""
_MAX_WAYS = 8
"""With more, all phrases are sought together."""


def aspects(text: str) -> tuple[str, ...]:
    """The phrases that name the subject of `text`, in order; of "convex or smooth functions" both functions."""
    return tuple(phrase for group in _groups(text) for phrase in group)


def ways(text: str) -> tuple[tuple[int, ...], ...]:
    """The sets of aspects, by position, that `text` wants together: of those joined by "or" one in each set."""
    sizes = [len(group) for group in _groups(text)]
    starts = accumulate(sizes, initial=0)
    if prod(sizes) > _MAX_WAYS:
        return (tuple(range(sum(sizes))),)
    either = (range(start, start + size) for start, size in zip(starts, sizes, strict=False))
    return tuple(filter(None, product(*either)))


def names(text: str) -> Iterator[str]:
    """The words of `text` written as names are: with a capital not at a sentence's start, or letters and digits."""
    starts = True
    for found in _TOKEN.findall(text):
        word = _MODELLED_ON.sub("", found)
        inner = any(letter.isupper() for letter in word[1:]) or (
            any(map(str.isdigit, word)) and any(map(str.isalpha, word))
        )
        if (inner or (word[:1].isupper() and not starts)) and word.lower() not in SAYS_NOTHING:
            yield word
        starts = found in ".?!:"


def phrases(text: str) -> Iterator[tuple[str, str]]:
    """The phrases of `text` as they stand, each with the words and marks between the one before and itself."""
    phrase, between = list[str](), list[str]()
    for token in (*_TOKEN.findall(text), ""):
        if token[:1].isalnum() and token.lower() not in SAYS_NOTHING:
            phrase.append(token)
            continue
        if phrase:
            yield " ".join(phrase), " ".join(between)
            phrase, between = [], []
        between.append(token.lower())


def _groups(text: str) -> list[list[str]]:
    """The aspects of `text`: those of which either will do in one group."""
    groups: list[list[str]] = []
    listed = 0
    for phrase, between in phrases(text):
        if groups and _OR.fullmatch(between):
            either = [one for group in groups[-1 - listed :] for one in group]
            shared = [] if "other" in between else phrase.split()[1:]
            groups[-1 - listed :] = [[*(_completed(one, shared) for one in either), phrase]]
            listed = 0
        else:
            listed = listed + 1 if groups and between == "," else 0
            groups.append([phrase])
    return groups


def _completed(phrase: str, shared: list[str]) -> str:
    """A word before "or" with what is said after it of both: "convex" of "convex or smooth functions"."""
    return phrase if " " in phrase else " ".join([phrase, *shared])
