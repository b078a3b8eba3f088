"""pytest's report -> Result: what a check tried, how often it failed, and what that bounds."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

Z = 1.96


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a check."""

    name: str
    tests: int
    cases: int
    failures: int
    """Tests that failed, or could not be run."""
    skipped: tuple[str, ...]
    """Tests that were left out, each with its reason."""
    seconds: float
    told: tuple[str, ...]
    """What tests measured, in words."""
    tier: str
    commit: str
    at: str
    """UTC."""
    rows: tuple[str, ...] = ()
    """Of the table of probes."""


@dataclass(frozen=True, slots=True)
class Caught:
    """What came of switching a protection off."""

    protection: str
    test: str
    failed: bool
    """Whether the test failed then, as it must."""
    seconds: float
    commit: str
    at: str


def bound(failures: int, cases: int) -> float:
    """Upper end of the 95 % interval of the share of failures, in [0, 1].

    For none in n: 3/n, the rule of three (Hanley and Lippman-Hand, JAMA 1983); else Wilson's interval (JASA 1927).
    """
    if cases <= 0:
        return 1.0
    if failures == 0:
        return min(1.0, 3 / cases)
    share = failures / cases
    spread = Z * math.sqrt(share * (1 - share) / cases + Z**2 / (4 * cases**2))
    return min(1.0, (share + Z**2 / (2 * cases) + spread) / (1 + Z**2 / cases))


@dataclass(frozen=True, slots=True)
class Run:
    """When and on what a check was run."""

    tier: str
    commit: str
    at: str


def failed(junit: Path) -> bool:
    """Whether a test failed, by what it asserts: one that could not be set up tells nothing."""
    return any(case.find("failure") is not None for case in ET.parse(junit).getroot().iter("testcase"))  # noqa: S314


def read(junit: Path, name: str, run: Run) -> Result:
    """The result that pytest wrote."""
    cases = list(ET.parse(junit).getroot().iter("testcase"))  # noqa: S314 (our own file)
    skipped = [
        f"{_name(case)}: {reason.get('message', '').partition(chr(10))[0]}"
        for case in cases
        for reason in case.findall("skipped")
    ]
    return Result(
        name,
        tests=len(cases) - len(skipped),
        cases=sum(_tried(case) for case in cases if case.find("skipped") is None),
        failures=sum(case.find("failure") is not None or case.find("error") is not None for case in cases),
        skipped=tuple(skipped),
        seconds=round(sum(float(case.get("time", "0")) for case in cases), 1),
        told=tuple(dict.fromkeys(told for case in cases for told in _properties(case, "told"))),
        tier=run.tier,
        commit=run.commit,
        at=run.at,
        rows=tuple(row for case in cases for row in _properties(case, "row")),
    )


def _name(case: ET.Element) -> str:
    return f"{case.get('classname', '')}.{case.get('name', '')}"


def _tried(case: ET.Element) -> int:
    numbers = list(map(int, _properties(case, "cases")))
    return sum(numbers) if numbers else 1


def _properties(case: ET.Element, name: str) -> Iterable[str]:
    return [found.get("value", "") for found in case.iter("property") if found.get("name") == name]
