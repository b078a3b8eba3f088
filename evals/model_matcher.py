"""Statements, evidence -> support, by a language model: the matcher for those who have one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from assistant.llm.records import Chat, ChatFailed, Message, Request
from assistant.llm.structured import structured
from prompts import render, sha256

PROMPT = "eval_support"
_VALUES = {"full": 1.0, "partial": 0.5, "none": 0.0}
"""The three grades of the TREC RAG tracks, and what each counts."""
_TOKENS_BASE, _TOKENS_A_STATEMENT = 1_000, 40


class _Verdict(BaseModel):
    statement: int
    support: Literal["full", "partial", "none"]


class _Verdicts(BaseModel):
    verdicts: list[_Verdict]


class ModelMatcher:
    """Asks a model about all statements on an answer at once. What its reply does not tell clearly is unscored."""

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self.name = f"{chat.model} (prompt {sha256(PROMPT)[:8]})"

    def support(self, statements: Sequence[str], evidence: Sequence[str]) -> tuple[float | None, ...]:
        """See `Matcher.support`.

        Raises:
            ChatFailed: The model cannot be asked; one that talks nonsense leaves the statements unscored instead.
        """
        if not statements or not evidence:
            return (0.0,) * len(statements)
        texts, asked = (json.dumps(dict(enumerate(listed, 1)), ensure_ascii=False) for listed in (evidence, statements))
        message = Message("user", render(PROMPT, texts=texts, statements=asked))
        request = Request(PROMPT, (message,), _TOKENS_BASE + _TOKENS_A_STATEMENT * len(statements))
        try:
            verdicts = structured(self._chat, request, _Verdicts).value.verdicts
        except ChatFailed as failure:
            if failure.kind not in ("nonsense", "cut_off"):
                raise
            verdicts = []
        return tuple(_said(verdicts, number) for number in range(1, 1 + len(statements)))


def _said(verdicts: Sequence[_Verdict], number: int) -> float | None:
    """The verdict on a statement, None where there is none or there are two that differ."""
    found = {_VALUES[verdict.support] for verdict in verdicts if verdict.statement == number}
    return found.pop() if len(found) == 1 else None
