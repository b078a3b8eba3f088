"""Text -> Filter: conditions on what sources say of a paper, as in `year >= 2023 and (has_code or venue ~ "acl")`.

    expression = term {"or" term};  term = factor {"and" factor}
    factor     = "not" factor | "(" expression ")" | flag | field operator value | field "in" "(" value {"," value} ")"

`~` asks whether a text contains the value; case does not matter. A value that a paper lacks fits no condition, be it
affirmed or denied: `not year = 2020` leaves out a paper of unknown year.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from ingest.errors import BadFilter

FIELDS = {
    "year": "year", "id": "id", "title": "title", "abstract": "abstract", "venue": "venue", "arxiv": "arxiv",
    "doi": "doi", "url": "url", "author": "authors", "category": "categories", "code": "code_urls", "source": "sources",
}  # fmt: skip
"""Name -> column."""
FLAGS = {
    "has_year": "year IS NOT NULL", "has_venue": "venue IS NOT NULL", "has_arxiv": "arxiv IS NOT NULL",
    "has_doi": "doi IS NOT NULL", "has_url": "url IS NOT NULL", "has_author": "authors <> '[]'",
    "has_category": "categories <> '[]'", "has_code": "code_urls <> '[]'", "has_abstract": "digest = 0",
}  # fmt: skip
"""Name -> SQL. `has_abstract`: the authors' own, not a digest in other words."""
MAX_CHARS = 2_000
MAX_DEPTH = 50

_ELEMENTS = {
    "authors": "value", "categories": "value", "code_urls": "value", "sources": "json_extract(value, '$.origin')",
}  # fmt: skip
"""Column of a JSON list -> what of an element is compared."""
_NUMBER_SIGNS = ("=", "!=", "<", "<=", ">", ">=")
_TEXT_SIGNS = ("=", "!=", "~")
_TOKEN = re.compile(r"""\s*(?:("[^"]*"|'[^']*')|(<=|>=|==|!=|<>|[=<>~(),])|([^\s=<>~!(),"']+))""")

Sql = tuple[str, list[str | int]]
"""A condition over the table of papers, and its parameters."""


class Condition(Protocol):
    """A node of an expression."""

    def describe(self) -> str:
        """An expression that reads back as this condition."""

    def sql(self) -> Sql:
        """This condition in SQL: unknown where a paper lacks the value."""

    def columns(self) -> Iterator[str]:
        """The columns whose values it compares."""


@dataclass(frozen=True, slots=True)
class Flag:
    """Whether a paper has something."""

    name: str

    def describe(self) -> str:
        """See `Condition`."""
        return self.name

    def sql(self) -> Sql:
        """See `Condition`."""
        return f"({FLAGS[self.name]})", []

    def columns(self) -> Iterator[str]:
        """See `Condition`."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field beside a value, or beside several of which one must fit."""

    field: str
    sign: str
    """One of the signs above, or "in"."""
    values: tuple[str | int, ...]

    def describe(self) -> str:
        """See `Condition`."""
        written = [str(value) if isinstance(value, int) else _quoted(value) for value in self.values]
        return (
            f"{self.field} in ({', '.join(written)})" if self.sign == "in" else f"{self.field} {self.sign} {written[0]}"
        )

    def sql(self) -> Sql:
        """See `Condition`."""
        column = FIELDS[self.field]
        values = [value.casefold() if isinstance(value, str) else value for value in self.values]
        if column not in _ELEMENTS:
            return f"({self._compared(column if self.field == 'year' else f'folded({column})')})", values
        negated, sign = ("NOT ", "=") if self.sign == "!=" else ("", self.sign)
        fits = Comparison(self.field, sign, self.values)._compared(f"folded({_ELEMENTS[column]})")
        fitting = f"{negated}EXISTS (SELECT 1 FROM json_each({column}) WHERE {fits})"  # noqa: S608 (constants only)
        return f"(CASE WHEN {column} = '[]' THEN NULL ELSE {fitting} END)", values

    def columns(self) -> Iterator[str]:
        """See `Condition`."""
        yield FIELDS[self.field]

    def _compared(self, operand: str) -> str:
        if self.sign == "~":
            return f"instr({operand}, ?) > 0"
        if self.sign == "in":
            return f"{operand} IN ({', '.join('?' * len(self.values))})"
        return f"{operand} {self.sign} ?"


@dataclass(frozen=True, slots=True)
class Joined:
    """Conditions that must all hold, or of which one must."""

    word: str
    """ "and" or "or"."""
    parts: tuple[Condition, ...]

    def describe(self) -> str:
        """See `Condition`."""
        return "(" + f" {self.word} ".join(part.describe() for part in self.parts) + ")"

    def sql(self) -> Sql:
        """See `Condition`."""
        each = [part.sql() for part in self.parts]
        return "(" + f" {self.word.upper()} ".join(text for text, _ in each) + ")", [v for _, vs in each for v in vs]

    def columns(self) -> Iterator[str]:
        """See `Condition`."""
        for part in self.parts:
            yield from part.columns()


@dataclass(frozen=True, slots=True)
class Denied:
    """A condition that must not hold."""

    part: Condition

    def describe(self) -> str:
        """See `Condition`."""
        return f"not {self.part.describe()}"

    def sql(self) -> Sql:
        """See `Condition`."""
        text, values = self.part.sql()
        return f"(NOT {text})", values

    def columns(self) -> Iterator[str]:
        """See `Condition`."""
        return self.part.columns()


@dataclass(frozen=True, slots=True)
class Filter:
    """What `--where` says."""

    condition: Condition

    def describe(self) -> str:
        """The filter as an expression that reads back as the same filter."""
        return self.condition.describe()

    def columns(self) -> tuple[str, ...]:
        """The columns it compares, once each, in order."""
        return tuple(dict.fromkeys(self.condition.columns()))


@dataclass(frozen=True, slots=True)
class Matching:
    """The papers that a filter lets through."""

    ids: frozenset[str]
    missing: dict[str, int]
    """Column -> how many papers of the library lack the value that is compared, where some do."""


def parse(expression: str) -> Filter:
    """Reads an expression.

    Raises:
        BadFilter: It is not of the form above.
    """
    parser = _Parser(expression)
    condition = parser.joined("or", 0)
    if parser.peek() is not None:
        raise parser.refused("and, or, or the end")
    return Filter(condition)


class _Parser:
    """The tokens of one expression, read from left to right."""

    def __init__(self, expression: str) -> None:
        self._expression, self._place = expression, 0
        if len(expression) > MAX_CHARS:
            raise self.refused(f"at most {MAX_CHARS:,} characters")

    def joined(self, word: str, depth: int) -> Condition:
        """Terms joined by "or", each of factors joined by "and"."""
        part: Callable[[], Condition] = (
            (lambda: self.joined("and", depth)) if word == "or" else lambda: self.factor(depth)
        )
        parts = [part()]
        while self.took(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Joined(word, tuple(parts))

    def factor(self, depth: int) -> Condition:
        """One condition, denied or not."""
        if depth > MAX_DEPTH:
            raise self.refused(f"at most {MAX_DEPTH} conditions within each other")
        if self.took("not"):
            return Denied(self.factor(depth + 1))
        if self.took("("):
            inner = self.joined("or", depth + 1)
            self.must(")")
            return inner
        name = (self.peek() or "").lower()
        if name in FLAGS:
            self.took(name)
            return Flag(name)
        if name not in FIELDS:
            raise self.refused(f"not, (, one of {', '.join(FLAGS)}, or a field: {', '.join(FIELDS)}")
        self.took(name)
        return self.comparison(name)

    def comparison(self, field: str) -> Comparison:
        """What follows a field."""
        if self.took("in"):
            self.must("(")
            values = [self.value(field)]
            while self.took(","):
                values.append(self.value(field))
            self.must(")")
            return Comparison(field, "in", tuple(values))
        signs = _NUMBER_SIGNS if field == "year" else _TEXT_SIGNS
        sign = {"==": "=", "<>": "!="}.get(self.peek() or "", self.peek())
        if sign is None or sign not in signs:
            raise self.refused(f"one of {' '.join(signs)} or in")
        self.took(self.peek() or "")
        return Comparison(field, sign, (self.value(field),))

    def value(self, field: str) -> str | int:
        """A year, or text, which needs quotes where it has blanks or signs."""
        token = self.peek()
        if token is None or token in ("(", ")", ",", "=", "<", ">", "~", "<=", ">=", "!=", "==", "<>"):
            raise self.refused("a value")
        text = token[1:-1] if token[0] in "\"'" else token
        if field == "year" and not (text.isascii() and text.isdigit() and len(text) == 4):
            raise self.refused("a year of four digits")
        self.took(token)
        return int(text) if field == "year" else text

    def peek(self) -> str | None:
        """The next token, or None at the end."""
        if not self._expression[self._place :].strip():
            return None
        found = _TOKEN.match(self._expression, self._place)
        if found is None:
            raise self.refused("a closing quote, or a word")
        return found[found.lastindex or 0]

    def took(self, token: str) -> bool:
        """Goes past `token` if it comes next; words in any case."""
        here = self.peek()
        if here is None or here.lower() != token.lower():
            return False
        found = _TOKEN.match(self._expression, self._place)
        self._place = found.end() if found else self._place
        return True

    def must(self, token: str) -> None:
        """Goes past `token`, which must come next."""
        if not self.took(token):
            raise self.refused(token)

    def refused(self, expected: str) -> BadFilter:
        """The error that says what was expected here."""
        rest = self._expression[self._place :]
        return BadFilter(self._expression, len(self._expression) - len(rest.lstrip()), expected)


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'
