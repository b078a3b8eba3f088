"""Sentence -> whether it gives orders to the one who judges it. Abstracts tell about research.

Such a sentence is never shown to a model nor cited. This is the first of four guards, and the only one that can be
wrong about an honest sentence: its paper is also judged apart from all others, what is likely to belong is not rejected
by one reading beside others, and no verdict stands without a sentence that has to do with the question.
"""

from __future__ import annotations

import re
from functools import lru_cache

_JUDGE = r"(?:ai|assistant|chatbot|(?:large )?language model|llm|judge|reviewer|grader)"
_OBEY = (
    r"(?:cite|mark|rank|judge|rate|grade|score|answer|reply|respond|say|output|print|include|reveal|repeat|recommend"
    r"|write|list)"
)
_START = r"(?:^|[.!?:;] )\W*"
_PATTERNS = (
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.]{0,40}\b(?:instruction|prompt|rule|direction|guideline)s?\b",
    r"\b(?:instructions?|notes?|messages?) (?:to|for) (?:the |an |any |all )?" + _JUDGE + r"s?\b",
    r"\b(?:new|updated|your) (?:system )?instructions\b",
    _START + r"(?:system|developer|assistant|user)(?: (?:prompt|message|note|override))?\s*:",
    r"\b(?:as|you are|you're|act as|pretend to be) (?:now )?(?:an?|the) " + _JUDGE + r"\b[^.]{0,30}\byou\b",
    r"\byou are (?:now )?(?:an?|the) " + _JUDGE + r"\b",
    r"\byou (?:must|should|shall|have to|need to|will|are to) (?:now |always |only |never |not )*" + _OBEY + r"\b",
    r"\b(?:please |always |only |must |now )" + _OBEY + r" (?:me|us|this (?:paper|work|abstract|article)|it)\b",
    r"\b(?:cite|recommend) (?:me|us|this (?:paper|work|abstract|article))\b",
    r"\b(?:mark|rank|rate|list|judge|grade) (?:me|us|this (?:paper|work|abstract|article)) (?:as|first|highest|top)\b",
    r"\bthis (?:paper|work|abstract|article) (?:satisfies|meets|answers|fulfils)"
    r" (?:all|every|each|any) (?:of )?(?:the )?\w+\b",
    r"<\|?/?(?:im_start|im_end|system|user|assistant|inst|start_of_turn|end_of_turn|papers?|question)\b|\[/?INST\]|</?s>",
    # who speaks: neither the authors nor about research
    r"\b(?:system|developer) (?:note|message|override|policy)\b|#+ ?system\b",
    r"\bhuman: .*\bassistant: ",
    r"\byour (?:reply|response|output|instructions?|rules|prompt)\b|\b(?:in|of|with|to|end|begin) your answer\b",
    _START + r"(?:reply|respond|output|print|reveal|repeat|append|decode|say)\b[^.]{0,60}"
    r"(?:\b(?:only|exactly|nothing|following|instructions?|prompt|key|verdict|number|text|line|words?|that)\b|[\"'`“])",
    _START + r"(?:cite|attribute to|begin each|stop following|pretend|act as|disregard|send the|list all)\b",
    _START + r"forget (?:the|all|every|what (?:you|was)|your)\b",
    r"\bthe correct (?:output|answer|reply|response) is ?[:\"'“{\[]",
    # of other papers: what no abstract says of those beside it
    r"\b(?:leave out|discard|reject\w*|drop|exclude|keep|mark|judge)\b[^.]{0,40}\b(?:all|every|any|this|other)"
    r" (?:other )?(?:paper|article)s?\b",
    r"\b(?:other|these) (?:paper|article)s\b[^.]{0,60}\b(?:irrelevant|left out|retracted|meets? (?:no|any) condition)",
    r"\b(?:any|the) " + _JUDGE + r" (?:that lists|shall|is to)\b",
    # what has the form of what we send or receive
    r"\[\d+\.\d+\]|^\W*PAPER \d|\bEND PAPER \d|```",
    r"[{,]\s*\"(?:papers|supported|unsupported|criteria|meets|sentences)\"\s*:",
    r"!\[[^\]]*\][(\[]|<(?:img|script|iframe|style|svg|object|embed|video|input|a href)\b|<!--",
    # what is not for people to read
    r"(?<![\w/.-])(?=\w*\d)(?=\w*[A-Z])[A-Za-z0-9+/]{48,}={0,2}(?![\w/])|(?:\b[0-9a-f]{2} ){12}",
    # the first pattern in other languages
    r"\bignor\w+\b[^.]{0,40}\b(?:anweisung|instruccion|consigne|istruzion|instruç)\w*",
    r"忽略.{0,12}(?:指示|指令|提示)|игнорир\w+.{0,40}(?:указани|инструкц)",
)
_ORDERS = re.compile("|".join(_PATTERNS), re.IGNORECASE)


@lru_cache(20_000)  # a sixth of a millisecond each, and the same papers come up again and again
def gives_orders(text: str) -> bool:
    """Whether `text` speaks to the one who judges it."""
    return _ORDERS.search(text) is not None
