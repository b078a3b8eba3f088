"""Question -> Query: what a question is about, what it leaves aside, and what kind of answer it wants.

A follow-up that leans on the conversation is read together with the user's turns it leans on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from assistant.phrases import aspects, names, phrases, ways
from assistant.point import named
from assistant.records import Kind, Query

_LEFT_ASIDE = re.compile(
    r"(?:^|,\s*)(?:but\s+)?(?:leaving|setting|putting)\s+(?P<object>[^,?.;]+?)\s+aside\b,?"
    r"|,?\s*\b(?:but not|not counting|not including|(?:(?:that|which) (?:is|are) )?not(?= (?:about|on|related to) )"
    r"|without counting|excluding|except(?:ing)?(?:\s+for)?|other than|apart from|aside from|besides"
    r"|leaving (?:out|aside)|ignoring)\s+(?:(?:those|the ones|papers|works?|ones|anything"
    r"|that|which|about|on|for|are|is|related to|deal(?:ing)? with)\s+)*(?P<rest>[^,?.;)]+)",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|never)\b|n['’]t\b", re.IGNORECASE)
_OF_SOURCES = re.compile(
    r"\b(?:[Ww]ho (?:wrote|published)|published (?:by|in|on|at|since|after|before|between)"
    r"|(?:papers|works?|studies|articles)(?: are| were)? (?:by|from|in|of|since|after|before)"
    r" (?:[A-Z][a-z]+ [A-Z]\w+|(?:19|20)\d\d)"
    r"|(?:since|after|before|until) (?:19|20)\d\d)\b"
)
"""What sources say of a paper beside its text."""
_COMPARES = re.compile(
    r"\b(?:compar(?:e|es|ed|ing|ison)|contrast(?:s|ed|ing)?|differ(?:s|ences?)?|versus|vs)\b",
    re.IGNORECASE,
)
_LISTS = re.compile(
    r"\b(?:papers?|abstracts?|works?|studies|articles?|methods|approaches|techniques|anyone|anybody|someone|who|list)\b"
    r"|(?:^|[:;.?!]\s*)(?:is|are) there (?:any|some)|\banything (?:on|about|regarding|concerning)\b",
    re.IGNORECASE,
)
_OF_ONE_PAPER = re.compile(
    r"\b(?:in|of|by|from) (?:the|this|that|its|their)(?: [\w-]+){0,2} (?:paper|abstract|work|study|article)\b",
    re.IGNORECASE,
)
"""Says where a fact is looked for, and asks for no list."""
_OF_ORIGIN = re.compile(
    r"\b(?:(?:which|what) (?:paper|work|study|article)|who) (?:\w+ )?"
    r"(?:introduced?|introduces|proposed|presented|coined|invented)\b",
    re.IGNORECASE,
)
"""Asks for the one paper that something comes from."""
_INTERROGATIVE = r"(?:how|what|which|why|when|where|whose|is|are|can|could|does|do|did|has|have|will)\b"
_OPENS = re.compile(rf"(?:^|[:;.?!]\s*)(?:(?:to|for|in|at|on|with|by|from)\s+)?{_INTERROGATIVE}", re.IGNORECASE)
_WITHIN = re.compile(rf"(?:[,-]\s*|\b(?:to|for|in|at|on|with|by)\s+){_INTERROGATIVE}", re.IGNORECASE)
"""Asks in a sentence that ends in a question mark; else it may open a relative clause."""
_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|fast|slow|long|large|big|far|often|quickly)\b|\bwith (?:what|which) (?:accuracy|speed|error)\b"
    r"|\b(?:what|which) (?:[\w-]+ ){0,3}(?:accuracy|speed|throughput|rate|improvement|percentage|share|number|ratio"
    r"|factor|size|score|error|cost|gain)\b",
    re.IGNORECASE,
)
_GOES_ON = re.compile(r"^(?:and|but|so|or|what (?:if|about)|how about|why not)\b", re.IGNORECASE)
_POINTS_BACK = re.compile(
    r"\b(?:its?|they|them|their|those|these|this|such(?! as)"
    r"|the (?:same|opposite|former|latter|others?)"
    r"|the (?:first|second|third|last)(?: (?:ones?|papers?|two|three)|(?=\W*$)))\b"
    r"|(?:^|\b(?:of|for|in|on|with|by|from|to|about|like|than|is|are|was|does|do|did|can|could|why)\s+)that\b",
    re.IGNORECASE,
)
"""What stands for something said before; "that" only where it does not open a clause, as in "papers that use"."""
_OF_ITS_OWN = re.compile(
    r"\b(?:papers?|abstracts?|works?|studies|articles?|anyone|anybody|someone|who)\b"
    r"|^(?:what|who) (?:is|are|was) (?!the\b)",
    re.IGNORECASE,
)
"""A question with these is whole, however few its other words."""
_MAX_CONTEXT = 3
"""Earlier questions that a follow-up is read after."""
_MIN_OWN_WORDS = 3
"""With fewer words of its own a follow-up leans on the conversation, and a pronoun points out of the question."""


def understand(question: str, history: Sequence[Mapping[str, str]] = ()) -> Query:
    """Reads `question` in the light of `history` (turns with "role" and "content", oldest first)."""
    said = {role: [turn["content"] for turn in history if turn["role"] == role] for role in ("user", "assistant")}
    text = named(question, "".join(said["assistant"][-1:]))
    text = stand_alone(text, said["user"] if text == question else ())
    sought, excluded = _set_aside(text)
    return Query(
        text=text,
        kind=_kind(text),
        sought=sought,
        aspects=aspects(sought) or (sought,),
        ways=ways(sought) or ((0,),),
        excluded=excluded,
        names=tuple(names(sought)),
        asks_number=_kind(text) == "fact" and _ASKS_NUMBER.search(text) is not None,
    )


def says_not(query: Query) -> bool:
    """Whether a list is wanted by what papers do not do, in other forms than those of what is left aside."""
    return query.kind == "list" and _NOT.search(query.sought) is not None


def asks_of_sources(query: Query) -> bool:
    """Whether it asks by whom, when or where papers were published, which their texts do not say."""
    return _OF_SOURCES.search(query.text) is not None


def stand_alone(question: str, asked_before: Sequence[str]) -> str:
    """`question` after the questions before it, oldest first, if it leans on them."""
    context = asked_before[-_MAX_CONTEXT:] if _leans(question) else ()
    return " ".join(" ".join((*context, question)).split())


def _leans(question: str) -> bool:
    own = _own_words(question)
    if not own or _GOES_ON.search(question):
        return True
    if own < _MIN_OWN_WORDS and not _OF_ITS_OWN.search(question) and not any(names(question)):
        return True
    return any(_own_words(question[: found.start()]) < _MIN_OWN_WORDS for found in _POINTS_BACK.finditer(question))


def _own_words(text: str) -> int:
    return sum(len(phrase.split()) for phrase, _ in phrases(text))


def _set_aside(text: str) -> tuple[str, tuple[str, ...]]:
    excluded = tuple(found["object"] or found["rest"] for found in _LEFT_ASIDE.finditer(text))
    sought = " ".join(_LEFT_ASIDE.sub(" ", text).split())
    return (sought, excluded) if aspects(sought) else (text, ())


def _kind(text: str) -> Kind:
    if _COMPARES.search(text):
        return "compare"
    if _OF_ORIGIN.search(text):
        return "fact"
    if _LISTS.search(_OF_ONE_PAPER.sub("", text)) or not _asks(text):
        return "list"
    return "fact"


def _asks(text: str) -> bool:
    return bool(_OPENS.search(text) or ("?" in text and _WITHIN.search(text)))
