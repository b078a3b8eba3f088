"""Scores, bounds -> verdicts: a TOML file of bounds, checked, and told as JUnit XML for continuous integration.

```toml
[measures."recall@50"]
min = 0.9
[types.list.list_f1]
min = 0.5
```
"""

from __future__ import annotations

import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.errors import BadGate
from evals.records import Score

MAX_UNSCORED = 0.02
"""A measure of which more of the cases could not be scored breaks its bound: its mean tells too little."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a measure must be."""

    group: str
    """"all", or a type of case."""
    measure: str
    least: float | None
    most: float | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A bound, and why it is broken."""

    bound: Bound
    broken: str | None
    """None when it holds."""


def read_gate(path: Path, measures: Sequence[str]) -> list[Bound]:
    """Reads a file of bounds.

    Args:
        path: TOML: tables `measures.NAME` and `types.TYPE.NAME`, each with `min`, `max` or both.
        measures: The names of all measures.

    Raises:
        BadGate: It cannot be read, holds no bound, or names a measure that is none.
    """
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadGate(path, str(error)) from error
    if surplus := set(data) - {"measures", "types"}:
        raise BadGate(path, f"unknown table {sorted(surplus)[0]!r}")
    groups = {"all": data.get("measures", {}), **data.get("types", {})}
    bounds = [bound for group, tables in groups.items() for bound in _bounds(path, group, tables)]
    if not bounds:
        raise BadGate(path, "it holds no bound")
    for bound in bounds:
        if bound.measure not in measures:
            raise BadGate(path, f"no measure is called {bound.measure!r}; they are {', '.join(measures)}")
    return bounds


def check(bounds: Sequence[Bound], groups: Mapping[str, Mapping[str, Score]]) -> list[Checked]:
    """Holds the scores of each group against bounds. A measure that no case scores, or too few, breaks its bound."""
    return [Checked(bound, _broken(bound, groups.get(bound.group, {}).get(bound.measure))) for bound in bounds]


def broken(checked: Sequence[Checked]) -> list[str]:
    """What does not hold, in a few words each."""
    return [f"{one.bound.measure} ({one.bound.group}) {one.broken}" for one in checked if one.broken]


def junit(checked: Sequence[Checked]) -> str:
    """The verdicts as JUnit XML, a test case a bound."""
    failures = sum(one.broken is not None for one in checked)
    suite = ET.Element("testsuite", name="whichpapers eval", tests=str(len(checked)), failures=str(failures))
    for one in checked:
        case = ET.SubElement(suite, "testcase", classname=f"gate.{one.bound.group}", name=one.bound.measure)
        if one.broken:
            ET.SubElement(case, "failure", message=one.broken)
    ET.indent(suite)
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _bounds(path: Path, group: str, tables: Any) -> Iterator[Bound]:
    if not isinstance(tables, dict):
        raise BadGate(path, f"{group!r} is no table")
    for name, limits in tables.items():
        if not isinstance(limits, dict) or not limits or set(limits) - {"min", "max"}:
            raise BadGate(path, f"{name!r} needs min or max, and nothing else")
        for limit in limits.values():
            if isinstance(limit, bool) or not isinstance(limit, int | float):
                raise BadGate(path, f"{name!r} is bounded by {limit!r}, which is no number")
        yield Bound(group, name, limits.get("min"), limits.get("max"))


def _broken(bound: Bound, found: Score | None) -> str | None:
    if found is None or found.mean is None:
        return "is scored for no case"
    if found.unscored > MAX_UNSCORED * (found.n + found.unscored):
        return f"could not be scored for {found.unscored} of {found.n + found.unscored} cases"
    if bound.least is not None and found.mean < bound.least:
        return f"is {found.mean:.4f}, below {bound.least}"
    if bound.most is not None and found.mean > bound.most:
        return f"is {found.mean:.4f}, above {bound.most}"
    return None
