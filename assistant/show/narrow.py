"""What a reader sets on the page -> filter: the expression that `ingest.where` reads."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ingest.where import Comparison, Condition, parse


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which papers a reader asks, control by control; an empty one leaves none out."""

    since: str = ""
    """First year."""
    until: str = ""
    """Last year."""
    source: str = ""
    """Where a paper was seen, in full or in part."""
    code: bool = False
    """Only those whose source names their code."""
    also: str = ""
    """An expression."""

    def where(self, sources: Collection[str]) -> str:
        """The expression that says all of it; empty for all papers.

        Args:
            sources: Those of the library; any other is taken for a part of one.

        Raises:
            BadFilter: A year is none, or the expression cannot be read.
        """
        return " and ".join(condition.describe() for condition in self._conditions(sources))

    def _conditions(self, sources: Collection[str]) -> Iterator[Condition]:
        source = self.source.strip()
        if self.since.strip():
            yield parse(f"year >= {self.since}").condition
        if self.until.strip():
            yield parse(f"year <= {self.until}").condition
        if source:
            yield Comparison("source", "=" if source in sources else "~", (source,))
        if self.code:
            yield parse("has_code").condition
        if self.also.strip():
            yield parse(self.also).condition
