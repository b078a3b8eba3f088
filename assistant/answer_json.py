"""JSON -> Answer: checks a saved answer's form at the door."""

from __future__ import annotations

from functools import cache

from pydantic import TypeAdapter, ValidationError

from assistant.errors import AnswerUnreadable
from assistant.records import SCHEMA, Answer


def parse(data: object) -> Answer:
    """See `Answer.from_dict`."""
    if not isinstance(data, dict):
        raise AnswerUnreadable(f"expected a JSON object, found {type(data).__name__}")
    if data.get("schema") != SCHEMA:
        raise AnswerUnreadable(f"expected schema {SCHEMA}, found {data.get('schema')!r}")
    try:
        return _adapter().validate_python(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise AnswerUnreadable(f"field {place!r}: {first['msg']}") from error


@cache
def _adapter() -> TypeAdapter[Answer]:
    return TypeAdapter(Answer)
