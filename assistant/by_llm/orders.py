"""Sentence -> whether it gives orders to the one who judges it. Abstracts tell about research.

Such a sentence is never shown to a model nor cited. This is the first of three guards, and the only one that can be
wrong about an honest sentence: its paper is also judged apart from all others, and no verdict stands without a sentence
that has to do with the question.
"""

from __future__ import annotations

import re

_JUDGE = r"(?:ai|assistant|chatbot|(?:large )?language model|llm|judge|reviewer|grader)"
_OBEY = (
    r"(?:cite|mark|rank|judge|rate|grade|score|answer|reply|respond|say|output|print|include|reveal|repeat|recommend"
    r"|write|list)"
)
_PATTERNS = (
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.]{0,40}\b(?:instruction|prompt|rule|direction|guideline)s?\b",
    r"\b(?:instructions?|notes?|messages?) (?:to|for) (?:the |an |any |all )?" + _JUDGE + r"s?\b",
    r"\b(?:new|updated|your) (?:system )?instructions\b",
    r"^\W*(?:system|developer|assistant|user)(?: (?:prompt|message|note|override))?\s*:",
    r"\b(?:as|you are|you're|act as|pretend to be) (?:now )?(?:an?|the) " + _JUDGE + r"\b[^.]{0,30}\byou\b",
    r"\byou are (?:now )?(?:an?|the) " + _JUDGE + r"\b",
    r"\byou (?:must|should|shall|have to|need to|will|are to) (?:now |always |only |never |not )*" + _OBEY + r"\b",
    r"\b(?:please |always |only |must |now )" + _OBEY + r" (?:me|us|this (?:paper|work|abstract|article)|it)\b",
    r"\b(?:cite|recommend) (?:me|us|this (?:paper|work|abstract|article))\b",
    r"\b(?:mark|rank|rate|list|judge|grade) (?:me|us|this (?:paper|work|abstract|article)) (?:as|first|highest|top)\b",
    r"\bthis (?:paper|work|abstract|article) (?:satisfies|meets|answers|fulfils)"
    r" (?:all|every|each|any) (?:of )?(?:the )?\w+\b",
    r"<\|?/?(?:im_start|im_end|system|user|assistant|inst)\b|\[/?INST\]",
)
_ORDERS = re.compile("|".join(_PATTERNS), re.IGNORECASE)


def gives_orders(text: str) -> bool:
    """Whether `text` speaks to the one who judges it."""
    return _ORDERS.search(text) is not None
