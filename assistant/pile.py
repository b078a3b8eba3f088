"""Library, filter -> Pile: the papers that a question is put to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from assistant.compose import Notices
from ingest import Library
from ingest.where import Filter, parse


@dataclass(frozen=True, slots=True)
class Pile:
    """A library, or the part of it that a filter lets through."""

    library: Library
    where: Filter | None
    papers: int
    """How many there are."""
    notices: Notices
    """What the reader should know of the filter."""

    @classmethod
    def of(cls, library: Library, where: Filter | str | None) -> Self:
        """The papers of `library` that `where` lets through.

        Raises:
            BadFilter: `where` cannot be read.
        """
        if where is None:
            return cls(library, None, len(library), {})
        wanted = parse(where) if isinstance(where, str) else where
        matching = library.matching(wanted)
        counts = {"where": wanted.describe(), "papers": len(matching.ids), "all": len(library)}
        missing = ", ".join(f"{count} without {column}" for column, count in matching.missing.items())
        name = "notice_filter_missing" if missing else "notice_filter"
        return cls(library, wanted, len(matching.ids), {name: counts | ({"missing": missing} if missing else {})})
