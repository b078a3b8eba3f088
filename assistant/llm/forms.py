"""Form -> JSON Schema and words: how a model is told what its reply has to look like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from assistant.llm.json_text import canonical
from assistant.llm.records import Message
from prompts import render

_NOT_STRICT = frozenset({"title", "default", "examples", "minLength", "maxLength", "uniqueItems"})
"""Words of JSON Schema that servers which enforce a schema refuse or do without; our own check keeps to them."""


def schema(form: type[BaseModel]) -> Mapping[str, Any]:
    """The JSON Schema of `form` as servers that enforce one want it: every key required, no other allowed."""
    strict: dict[str, Any] = _strict(form.model_json_schema())
    return strict


def with_form(messages: tuple[Message, ...], form: Mapping[str, Any]) -> tuple[Message, ...]:
    """`messages` with the form of the reply in words, for a server that cannot be told otherwise."""
    *first, last = messages
    return (*first, Message(last.role, f"{last.content}\n\n{render('form', schema=canonical(form))}"))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made: dict[str, Any] = {}
    for word, value in node.items():
        if word in {"properties", "$defs"}:  # maps of names, not of words of JSON Schema
            made[word] = {name: _strict(inner) for name, inner in value.items()}
        elif word not in _NOT_STRICT:
            made[word] = _strict(value)
    if node.get("type") == "object" and "properties" in node:
        made |= {"additionalProperties": False, "required": list(node["properties"])}
    return made
