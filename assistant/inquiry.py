"""Question, conversation -> Inquiry: cleaned, once everything is found to be in range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from assistant.errors import BadOption, BadQuestion
from assistant.records import Depth, Inquiry, Mode, Turn
from ingest.clean import stored

MAX_QUESTION_CHARS = 2_000


def checked(question: str, history: Sequence[Turn], mode: Mode, depth: Depth) -> Inquiry:
    """The question and the conversation, cleaned, once all arguments are found to be in range.

    Raises:
        BadQuestion, BadOption: See `Assistant.stream`.
    """
    for name, value, known in (("mode", mode, get_args(Mode)), ("depth", depth, get_args(Depth))):
        if value not in known:
            raise BadOption(name, value, f"one of {', '.join(known)}")
    form = "turns of the form {'role': 'user' or 'assistant', 'content': text}"
    if not isinstance(history, Iterable):
        raise BadOption("history", history, form)
    history = tuple(history)
    for turn in history:
        if (
            not isinstance(turn, Mapping)
            or turn.get("role") not in ("user", "assistant")
            or not isinstance(turn.get("content"), str)
        ):
            raise BadOption("history", turn, form)
    turns = tuple({"role": turn["role"], "content": stored(turn["content"])} for turn in history)
    return Inquiry(cleaned(question), turns, mode, depth)


def cleaned(question: str) -> str:
    """The question as it is asked.

    Raises:
        BadQuestion: It is no text, or empty, or too long.
    """
    if not isinstance(question, str):
        raise BadQuestion(f"the question is {question!r:.60}, not text")
    text = stored(question)
    if not text:
        raise BadQuestion("the question is empty")
    if len(text) > MAX_QUESTION_CHARS:
        raise BadQuestion(f"the question has {len(text):,} characters, at most {MAX_QUESTION_CHARS:,} are read")
    return text
