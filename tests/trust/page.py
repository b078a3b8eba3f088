"""Results -> docs/trust.md: what was promised, how hard it was tried, and what came of it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from tests.trust.off import PROTECTIONS
from tests.trust.plan import CHECKS
from tests.trust.results import Caught, Result, bound

PACKAGES = ("chromadb", "tantivy", "openai", "httpx", "gradio", "pydantic", "hypothesis", "pytest")
HEAD = """# What is promised, and how hard it was tried to break it

Written by `make trust` (`tests/trust/run.py`) from `docs/trust.json`; nothing here is written by hand. A failure is a
test that failed; the bound is the upper end of a 95 % interval of the share of such cases that would fail: 3/n where
none of n did (the rule of three), else Wilson's. It says nothing of cases of other kinds than those tried, which are
our own: [SECURITY.md](../SECURITY.md) says what is not defended.
"""


def page(results: Mapping[str, Result], caught: Mapping[str, Caught], minutes: float | None) -> str:
    """The page; `minutes` is how long a whole run took, if there was one."""
    shown = [(check, results[check.name]) for check in CHECKS if check.name in results]
    missing = [check.name for check in CHECKS if check.name not in results]
    runs = [result for _, result in shown]
    commits = sorted({r.commit for r in runs} | {c.commit for c in caught.values()})
    parts = [HEAD, "\n".join(_about(runs, commits, minutes)), _checks([r for _, r in shown], several=len(commits) > 1)]
    if missing:
        parts.append(f"Not run yet: {', '.join(missing)}.")
    parts += ["## The promises", "\n".join(f"- **{check.name}**: {check.promise}." for check, _ in shown)]
    parts += ["## What was measured on the way", "\n".join(_told(runs)) or "Nothing."]
    parts += ["## Probes", _probes(row for run in runs for row in run.rows)]
    parts += ["## Protections, each switched off", _protections(caught)]
    if skipped := [f"- {line}" for result in runs for line in result.skipped]:
        parts += ["## Left out", "\n".join(skipped)]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _about(runs: Iterable[Result], commits: Iterable[str], minutes: float | None) -> Iterator[str]:
    runs = list(runs)
    yield f"- Commit: {', '.join(commits)}."
    if runs:
        yield f"- Time: {min(r.at for r in runs)} to {max(r.at for r in runs)}."
        took = f"; the whole run took {minutes:.0f} minutes" if minutes else ""
        yield f"- In all: {sum(r.cases for r in runs):,} cases{took}."
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = f"{platform.system()} {platform.machine()}"
    yield f"- Machine: {os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {system}."
    yield f"- Versions: Python {sys.version.split()[0]}, {', '.join(f'{name} {version(name)}' for name in PACKAGES)}."


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "?")


def _checks(results: Iterable[Result], *, several: bool) -> str:
    more = [" commit |", " --- |"] if several else ["", ""]
    rows = [
        f"| promise | tier | tests | cases | failures | at most | seconds |{more[0]}",
        f"| --- | --- | ---: | ---: | ---: | ---: | ---: |{more[1]}",
    ]
    for r in results:
        own = f" {r.commit} |" if several else ""
        share = f"{100 * bound(r.failures, r.cases):.2g} %"
        rows.append(
            f"| {r.name} | {r.tier} | {r.tests} | {r.cases:,} | {r.failures} | {share} | {r.seconds:.0f} |{own}"
        )
    return "\n".join(rows)


def _told(runs: Iterable[Result]) -> Iterator[str]:
    return (f"- {result.name}: {told}" for result in runs for told in result.told)


def _probes(rows: Iterable[str]) -> str:
    head = "| sent to | what | expected | seen |\n| --- | --- | --- | --- |"
    return "\n".join([head, *(f"| {row} |" for row in rows)])


def _protections(caught: Mapping[str, Caught]) -> str:
    rows = ["| switched off | the test that fails then | did it? |", "| --- | --- | --- |"]
    for protection in PROTECTIONS:
        found = caught.get(protection.name)
        said = "not run yet" if found is None else "yes" if found.failed else "NO"
        rows.append(f"| {protection.name} | `{protection.test}` | {said} |")
    return "\n".join(rows)
