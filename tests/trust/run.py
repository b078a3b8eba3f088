"""Checks -> docs/trust.md: `python -m tests.trust.run [--tier long] [--only NAME ...]`; what `make trust` runs.

Each check is written to docs/trust.json as soon as it is done; the page is made of that file, and of nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from tests.processes import ROOT, environment
from tests.trust.off import PROTECTIONS, Protection
from tests.trust.page import page
from tests.trust.plan import CHECKS, Check
from tests.trust.results import Caught, Result, Run, failed, read

FILE = ROOT / "docs" / "trust.json"
LONG = {"TRUST_TIER": "long", "TRUST_EXAMPLES": "500", "TRUST_KILLS": "100", "TRUST_SOAK": "2000"}
SHORT = {"TRUST_TIER": "short", "TRUST_KILLS": "6"}
TIMEOUT_S = 3_600
"""Of one test, in the long tier."""
AT_ONCE = 3
"""Checks that run at the same time, but for those that hold times to a bar: on two cores, as many tests only wait."""
WITHOUT_S = 120
"""Of a test whose protection is off: some wait for ever then."""


def main() -> int:
    """Runs what was asked for; 1 if a promise was broken, or a test let a protection be switched off."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=["short", "long"], default="long")
    parser.add_argument(
        "--only", nargs="*", default=[], help="names of checks; 'protections', of the long tier, for these"
    )
    given = parser.parse_args()
    variables = LONG if given.tier == "long" else SHORT
    wanted = given.only or [*(check.name for check in CHECKS), *(["protections"] if given.tier == "long" else [])]
    kept, began, run = Kept.read(), time.monotonic(), partial(_now, given.tier)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        running: list[Future[Any]] = []
        running += [pool.submit(tried, c, variables, run()) for c in kept.longest_first() if c.name in wanted]
        running += [pool.submit(switched_off, p, run()) for p in PROTECTIONS if "protections" in wanted]
        for done in as_completed(running):
            kept.add(done.result())
    for check in CHECKS:
        if check.name in wanted and check.alone:
            kept.add(tried(check, variables, run()))
    kept.write(None if given.only else (time.monotonic() - began) / 60)
    return 1 if kept.broken() else 0


@dataclass
class Kept:
    """What docs/trust.json holds."""

    results: dict[str, Result]
    caught: dict[str, Caught]
    minutes: float | None

    @classmethod
    def read(cls) -> Kept:
        """As far as it goes."""
        told = json.loads(FILE.read_text("utf-8")) if FILE.is_file() else {}
        results = {name: Result(**_tuples(value)) for name, value in told.get("results", {}).items()}
        caught = {name: Caught(**value) for name, value in told.get("caught", {}).items()}
        return cls(results, caught, told.get("minutes"))

    def longest_first(self) -> list[Check]:
        """The checks that need not run alone, by how long each took before: so that none is waited for at the end."""
        took = {name: result.seconds for name, result in self.results.items()}
        return sorted((check for check in CHECKS if not check.alone), key=lambda check: -took.get(check.name, 0.0))

    def add(self, one: Result | Caught) -> None:
        """Keeps and tells it."""
        if isinstance(one, Result):
            self.results[one.name] = one
            print(f"{one.name}: {one.cases:,} cases, {one.failures} failures, {one.seconds:.0f} s", flush=True)
        else:
            self.caught[one.protection] = one
            print(f"off: {one.protection}: {'caught' if one.failed else 'NOT CAUGHT'} by {one.test}", flush=True)
        self.write(None)

    def write(self, minutes: float | None) -> None:
        """Writes file and page; `minutes` is how long all of it took."""
        self.minutes = minutes or self.minutes
        results, caught = ({n: asdict(one) for n, one in kept.items()} for kept in (self.results, self.caught))
        told = {"minutes": self.minutes, "results": results, "caught": caught}
        FILE.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
        FILE.with_suffix(".md").write_text(page(self.results, self.caught, self.minutes), "utf-8")

    def broken(self) -> bool:
        """Whether a promise was broken, or a test let a protection be switched off."""
        checks, protections = {check.name for check in CHECKS}, {protection.name for protection in PROTECTIONS}
        broken = any(result.failures for name, result in self.results.items() if name in checks)
        return broken or any(not caught.failed for name, caught in self.caught.items() if name in protections)


def tried(check: Check, variables: Mapping[str, str], run: Run) -> Result:
    """Runs the tests of a check."""
    with _pytest(["-p", "tests.trust.counting", "-o", f"timeout={TIMEOUT_S}", *check.tests], variables) as junit:
        return read(junit, check.name, run)


def switched_off(protection: Protection, run: Run) -> Caught:
    """Runs the test of a protection while that is off."""
    began = time.monotonic()
    options = ["-p", "tests.trust.off", "-x", "-o", f"timeout={WITHOUT_S}"]
    with _pytest([*options, protection.test], SHORT | {"TRUST_OFF": protection.name}) as junit:
        seconds = round(time.monotonic() - began, 1)
        return Caught(protection.name, protection.test, failed(junit), seconds, run.commit, run.at)


@contextmanager
def _pytest(arguments: Sequence[str], variables: Mapping[str, str]) -> Iterator[Path]:
    """The report of a run of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "junit.xml"
        report = ["-p", "no:cacheprovider", f"--junitxml={junit}", "-o", "junit_family=xunit1"]
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "--no-header",
            "--tb=short",
            "--show-capture=no",
            *report,
            *arguments,
        ]
        ended = subprocess.run(command, cwd=ROOT, env=environment(**variables), capture_output=True, check=False)
        if "TRUST_OFF" not in variables and ended.returncode:
            print(ended.stdout.decode()[-6_000:], ended.stderr.decode()[-2_000:], file=sys.stderr)
        yield junit


def _now(tier: str) -> Run:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True).stdout.decode().strip()  # noqa: S607

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!docs/trust.md", ":!docs/trust.json")
    commit = git("rev-parse", "--short=10", "HEAD") + (" with changes" if changed else "")
    return Run(tier, commit, datetime.now(UTC).isoformat(timespec="minutes"))


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
