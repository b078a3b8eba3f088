"""Question -> Query, by a language model: standing alone, with the conditions that a paper must meet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, Field

from assistant.by_llm.asker import Asker
from assistant.by_llm.sheets import neutral
from assistant.records import Kind, Query
from assistant.understand import understand as read_offline
from ingest.clean import stored

MAX_TOKENS = 500
_MAX_TURNS = 6
_MAX_TURN_CHARS = 600

Phrase = Annotated[str, Field(min_length=1, max_length=500)]


class Plan(BaseModel):
    """What the model makes of a question."""

    question: str = Field(min_length=1, max_length=2_000)
    kind: Kind
    criteria: list[Phrase] = Field(min_length=1, max_length=4)
    alternatives: list[Phrase] = Field(max_length=6)


def understand(asker: Asker, question: str, turns: Sequence[Mapping[str, str]]) -> Query:
    """Reads `question` in the light of the conversation, oldest turn first.

    Raises:
        ChatFailed: The model gave no usable reply.
    """
    said = (f"{turn['role']}: {neutral(turn['content'])[:_MAX_TURN_CHARS]}" for turn in turns[-_MAX_TURNS:])
    plan = asker.form(
        "understand", Plan, MAX_TOKENS, history="\n".join(said) or "(none)", question=neutral(question)
    )  # fmt: skip
    text = (stored(plan.question) or question) if turns else question
    return replace(
        read_offline(text),
        kind=plan.kind,
        criteria=tuple(map(neutral, plan.criteria)),
        alternatives=tuple(stored(phrase) for phrase in plan.alternatives if stored(phrase)),
    )
