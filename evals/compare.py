"""Two runs -> what changed: by measure with the chance that it is noise, and question by question."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assistant.compose import escape
from evals.errors import BadRun
from evals.measures import COSTS, MEASURES
from evals.records import Difference
from evals.statistics import difference, holm

NOISE = 0.05
"""A difference whose corrected p is above this may be noise."""
SHOWN = 20
"""Questions listed of those that got worse, and of those that got better."""


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run, as `scores.json` tells it."""

    name: str
    about: Mapping[str, Any]
    cases: Mapping[str, Mapping[str, Any]]
    """By case id."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A question whose measures differ between two runs."""

    id: str
    question: str
    measures: Mapping[str, tuple[float, float]]
    """Before and after, by name, those that differ; measures of cost left out."""
    gained: tuple[str, ...]
    """Titles cited in the second run alone, the relevant ones marked."""
    lost: tuple[str, ...]
    """Titles cited in the first run alone, the relevant ones marked."""

    @property
    def total(self) -> float:
        """The sum of the differences, by which questions are ordered."""
        return sum(after - before for before, after in self.measures.values())


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed from one run to another."""

    before: str
    after: str
    differences: Mapping[str, Difference]
    changed: tuple[Changed, ...]
    """Worst first."""
    left_out: int
    """Cases of either run that the other has not, or has with other gold."""
    settings: Mapping[str, tuple[Any, Any]]
    """What the runs depend on and differ in."""


def read_run(folder: Path) -> Run:
    """Reads the scores of a finished run.

    Raises:
        BadRun: The folder holds none.
    """
    try:
        data = json.loads((folder / "scores.json").read_text("utf-8"))
        return as_run(folder.name, data)
    except OSError as error:
        raise BadRun(folder, f"scores.json: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadRun(folder, f"scores.json is not of its form ({error})") from error


def as_run(name: str, data: Mapping[str, Any]) -> Run:
    """The run that scores in the form of `scores.json` tell of."""
    return Run(name, data["run"], {case["id"]: case for case in data["cases"]})


def compare(before: Run, after: Run) -> Comparison:
    """Compares two runs over the cases that both asked with the same gold.

    Raises:
        BadRun: There is no such case.
    """
    same = [(case, after.cases[i]) for i, case in before.cases.items() if _gold(case) == _gold(after.cases.get(i, {}))]
    if not same:
        raise BadRun(Path(after.name), f"it shares no case with {before.name!r}")
    found = {name: found for name in MEASURES if (found := _difference(name, same))}
    corrected = holm({name: value.p for name, value in found.items() if value.up or value.down})
    changed = [_changed(one, other) for one, other in same]
    settings = {
        name: (before.about.get(name), after.about.get(name))
        for name in sorted({*before.about, *after.about} - {"date", "notes"})
        if before.about.get(name) != after.about.get(name)
    }
    return Comparison(
        before.name,
        after.name,
        {name: replace(value, p_holm=corrected.get(name, 1.0)) for name, value in found.items()},
        tuple(sorted((c for c in changed if c.measures or c.gained or c.lost), key=lambda c: (c.total, c.id))),
        len({*before.cases, *after.cases}) - len(same),
        settings,
    )


def verdict(name: str, found: Difference) -> str:
    """In a word or three: what became of the measure `name`."""
    change = found.after - found.before
    if not found.up and not found.down:
        return "the same"
    if found.p_holm > NOISE:
        return "may be noise"
    return "better" if (change > 0) != (name in COSTS) else "worse"


def markdown(found: Comparison, *, questions: bool = True) -> str:
    """The comparison, for people; with the questions that changed, or the measures alone."""
    lines = [
        f"## {found.after} against {found.before}",
        "",
        f"{_cases(found)} p is of a paired sign-flip test, corrected (Holm) for the number of measures that differ;"
        f" above {NOISE} a difference may be noise.",
        "",
        "| measure | before | after | difference | 95 % interval | up | down | p | |",
        "| --- " * 9 + "|",
        *(_row(name, difference) for name, difference in found.differences.items()),
    ]
    if questions:
        lines += _settings(found.settings)
        lines += _questions("Worse", [c for c in found.changed if c.total < -1e-9])
        lines += _questions("Better", [c for c in reversed(found.changed) if c.total > 1e-9])
    return "\n".join(lines)


def _gold(case: Mapping[str, Any]) -> object:
    return (case.get("question"), case.get("relevant"))


def _difference(name: str, same: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> Difference | None:
    pairs = [(one["measures"].get(name), other["measures"].get(name)) for one, other in same]
    known = [(a, b) for a, b in pairs if isinstance(a, float | int) and isinstance(b, float | int)]
    return difference([a for a, _ in known], [b for _, b in known]) if known else None


def _changed(one: Mapping[str, Any], other: Mapping[str, Any]) -> Changed:
    measures = {}
    for name in MEASURES:
        before, after = one["measures"].get(name), other["measures"].get(name)
        if name not in COSTS and isinstance(before, float | int) and isinstance(after, float | int) and before != after:
            measures[name] = (before, after)
    return Changed(one["id"], one["question"], measures, _only(other, one), _only(one, other))


def _only(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, ...]:
    titles = [title for title in one["cited"] if title not in other["cited"]]
    return tuple(f"{title} (relevant)" if title in one["hits"] else title for title in titles)


def _cases(found: Comparison) -> str:
    left_out = f" {found.left_out} cases are not in both with the same gold, and left out." if found.left_out else ""
    return f"Over the cases of both runs, question by question.{left_out}"


def _row(name: str, found: Difference) -> str:
    change, interval = found.after - found.before, f"{found.low:+.3f} to {found.high:+.3f}"
    means = f"{found.before:.3f} | {found.after:.3f} | {change:+.3f} | {interval}"
    return f"| {name} | {means} | {found.up} | {found.down} | {found.p_holm:.4f} | {verdict(name, found)} |"


def _settings(settings: Mapping[str, tuple[Any, Any]]) -> list[str]:
    return ["", *(f"- {name}: {one!r} before, {other!r} after" for name, (one, other) in settings.items())]


def _questions(title: str, changed: Sequence[Changed]) -> list[str]:
    if not changed:
        return []
    lines = ["", f"### {title}: {len(changed)} questions"]
    for one in changed[:SHOWN]:
        measures = ", ".join(f"{name} {before:.2f} -> {after:.2f}" for name, (before, after) in one.measures.items())
        lines += ["", f"**{escape(one.id)}** {escape(one.question)}", f"- {measures}"]
        lines += [f"- now cited: {escape('; '.join(one.gained))}"] if one.gained else []
        lines += [f"- no longer cited: {escape('; '.join(one.lost))}"] if one.lost else []
    return lines
