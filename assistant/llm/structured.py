"""Request -> value of a given form: asks for JSON, reads it tolerantly, and gives the model one chance to mend it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from assistant.llm.forms import schema
from assistant.llm.json_text import NotJson, values, whole_items
from assistant.llm.records import Chat, ChatFailed, Message, Reply, Request, whole
from prompts import render

Form = TypeVar("Form", bound=BaseModel)

_SHOWN_CHARS = 6_000
"""Of a reply that is sent back to be mended."""


@dataclass(frozen=True, slots=True)
class Structured(Generic[Form]):
    """A reply in the form asked for."""

    value: Form
    replies: tuple[Reply, ...]
    """What it took: one, or two where the first was sent back."""
    salvaged: bool = False
    """True when the reply was cut off and `value` has only the items that were whole."""


def structured(chat: Chat, request: Request, form: type[Form]) -> Structured[Form]:
    """Asks `chat` for a reply of the form `form`; `request.form` is set here.

    Raises:
        ChatFailed: See `Chat.stream`; `nonsense` when two replies did not have the form, `cut_off` when the second
            was cut off before anything was whole.
    """
    asked = replace(request, form=schema(form))
    replies = [whole(chat, asked)]
    try:
        try:
            value, salvaged = read(replies[0], form)
        except NotJson as error:
            again = _again(asked, replies[0], str(error))
            replies.append(whole(chat, again))
            value, salvaged = _read_last(replies[1], form, again.max_tokens)
    except ChatFailed as failure:
        failure.replies = tuple(replies)
        raise
    return Structured(value, tuple(replies), salvaged)


def _read_last(reply: Reply, form: type[Form], max_tokens: int) -> tuple[Form, bool]:
    try:
        return read(reply, form)
    except NotJson:
        # The cause would quote the reply, which may quote the request.
        if reply.complete:
            raise ChatFailed("nonsense", "its replies did not have the form asked for", calls=0) from None
        raise ChatFailed("cut_off", f"its reply did not fit into {max_tokens} tokens", calls=0) from None


def read(reply: Reply, form: type[Form]) -> tuple[Form, bool]:
    """The value in a reply, and whether it is only the whole part of one that was cut off.

    Raises:
        NotJson: It does not have the form; the message is for the model.
    """
    try:
        return _value(values(reply.text), form), False
    except NotJson:
        if reply.complete:
            raise
    return _value((whole_items(reply.text),), form), True


def _again(asked: Request, first: Reply, why: str) -> Request:
    if not first.complete:
        return replace(asked, max_tokens=2 * asked.max_tokens)
    half = _SHOWN_CHARS // 2
    shown = first.text if len(first.text) <= _SHOWN_CHARS else f"{first.text[:half]}\n...\n{first.text[-half:]}"
    told = (Message("assistant", shown), Message("user", render("repair", error=why)))
    return replace(asked, messages=(*asked.messages, *told))


def _value(found: tuple[Any, ...], form: type[Form]) -> Form:
    """The last of `found` that has the form to the letter, else the last that has it with keys too many."""
    why = "it holds no JSON object of the form asked for"
    candidates = [item for value in reversed(found) for item in _readings(value, form)]
    strictness: tuple[Literal["forbid", "ignore"], ...] = ("forbid", "ignore")
    for extra in strictness:
        for candidate in candidates:
            try:
                return form.model_validate(candidate, extra=extra)
            except ValidationError as error:
                why = _told(error)
    raise NotJson(why)


def _readings(value: Any, form: type[BaseModel]) -> Iterator[Any]:
    """`value` as it is, without an object around it, or with the one that was left out."""
    keys = {name for field, info in form.model_fields.items() for name in (field, info.alias) if name}
    if isinstance(value, list) and len(form.model_fields) == 1:
        yield {next(iter(form.model_fields.values())).alias or next(iter(form.model_fields)): value}
    elif isinstance(value, dict) and keys & value.keys():
        yield value
    elif isinstance(value, dict) and len(value) == 1:
        inner = next(iter(value.values()))
        if isinstance(inner, dict) and keys & inner.keys():
            yield inner


def _told(error: ValidationError) -> str:
    wrong = [
        f"{'.'.join(map(str, item['loc'])) or 'the object'}: {item['msg']}"
        for item in error.errors(include_url=False, include_context=False)[:5]
    ]
    return "; ".join(wrong)[:800]
