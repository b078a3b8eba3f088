"""Papers -> topics: the phrases that tell a group of papers from the rest, and questions a library can be asked."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from assistant.question_words import SAYS_NOTHING
from ingest import Paper

LABEL_PHRASES = 2
EXAMPLES = 4

_TOKEN = re.compile(r"(?:https?://|www\.)\S+|(?P<word>[a-zA-Z][a-zA-Z-]*[a-zA-Z])|[^\w\s]")
"""A link, a word, or a mark; links and marks part the words beside them."""
_USUAL = """
    ai approach approaches based better data dataset datasets deep demonstrate effective efficient existing
    experiments framework high improve improves including large learn learning machine method methods model models
    network networks neural novel outperforms performance prior problem results significantly simple state-of-the-art
    system task tasks technique techniques thus two three one well while first second many achieves achieve across
    without toward existing real general various such often further however recent recently previous called time
    same number set training trained train algorithm algorithms
"""
_COMMON = SAYS_NOTHING.union(_USUAL.split())
"""What any abstract of this field says."""


def phrases(paper: Paper) -> frozenset[str]:
    """The words of a paper and the pairs of neighbours, in small letters, without those that say nothing."""
    found: set[str] = set()
    before = ""
    for token in _TOKEN.finditer(f"{paper.title}. {paper.abstract}"):
        told = token["word"] or ""
        word = told if told.isupper() else told.lower()  # an acronym stays one
        says = word.lower() not in SAYS_NOTHING and len(word) > 2
        if says and word.lower() not in _COMMON:
            found.add(word)
        if says and before and not {word.lower(), before.lower()} <= _COMMON:
            found.add(f"{before} {word}")
        before = word if says else ""
    return frozenset(found)


def labels(groups: Sequence[Sequence[Paper]]) -> list[str]:
    """For each group of papers, the phrases that most tell it from the others, for people to read."""
    inside = [Counter(phrase for paper in group for phrase in phrases(paper)) for group in groups]
    everywhere = sum(inside, Counter[str]())
    total = sum(map(len, groups))
    return [_label(counts, everywhere, len(group), total) for counts, group in zip(inside, groups, strict=True)]


def examples(papers: Sequence[Paper]) -> list[str]:
    """Questions that these papers should be able to answer, in the words of their titles."""
    in_titles = Counter(phrase for paper in papers for phrase in phrases(Paper(paper.id, paper.title, "")))
    in_texts = Counter(phrase for paper in papers for phrase in phrases(paper))
    least, most = (3, max(3, len(papers) // 20)) if len(papers) > 60 else (1, len(papers))
    often = (phrase for phrase, count in in_titles.items() if " " in phrase and least <= count <= most)
    chosen: list[str] = []
    for phrase in sorted(often, key=lambda phrase: (-in_titles[phrase], -in_texts[phrase], phrase)):
        if not any(set(phrase.split()) & set(other.split()) for other in chosen):
            chosen.append(_whole(phrase, papers))
    forms = ("which papers are about {}?", "which papers use {}?", "how do the papers on {} differ?", "who studies {}?")
    asked = [form.format(phrase) for form, phrase in zip(forms, chosen, strict=False)]
    return asked[:EXAMPLES]


def _whole(phrase: str, papers: Sequence[Paper]) -> str:
    """`phrase` with the word that most often follows it in titles, if that is most of the time."""
    follows = re.compile(rf"\b{re.escape(phrase)}(?:s\b)?(?:[ -]([a-z]+))?", re.IGNORECASE)
    after = Counter(found[1] for paper in papers for found in follows.finditer(paper.title))
    word, count = after.most_common(1)[0] if after else (None, 0)
    most = word and count > after.total() / 2 and word.lower() not in SAYS_NOTHING
    return f"{phrase} {word.lower()}" if word and most else phrase


def _label(counts: Counter[str], everywhere: Counter[str], size: int, total: int) -> str:
    def weight(phrase: str) -> float:
        share, usual = counts[phrase] / size, everywhere[phrase] / total
        return share * math.log(share / usual + 1e-9) * (2.0 if " " in phrase else 1.0)

    least = 2 if size > 3 else 1
    ranked = sorted((p for p in counts if counts[p] >= least), key=lambda phrase: (-weight(phrase), phrase))
    chosen: list[str] = []
    for phrase in ranked:
        if not any(_alike(phrase, other) for other in chosen):
            chosen.append(phrase)
        if len(chosen) == LABEL_PHRASES:
            break
    return ", ".join(chosen) or "other"


def _alike(phrase: str, other: str) -> bool:
    stems = {word[:5].lower() for word in other.split()}
    return any(word[:5].lower() in stems for word in phrase.split())
