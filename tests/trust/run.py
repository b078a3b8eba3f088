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
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.processes import ROOT, environment
from tests.trust.off import PROTECTIONS, Protection
from tests.trust.page import page
from tests.trust.plan import CHECKS, Check
from tests.trust.results import Caught, Result, Run, failed, read

FILE = ROOT / "docs" / "trust.json"
LONG = {"TRUST_TIER": "long", "TRUST_EXAMPLES": "500", "TRUST_KILLS": "100", "TRUST_SOAK": "2000"}
SHORT = {"TRUST_TIER": "short"}
TIMEOUT_S = 2_400
"""Of one test, in the long tier."""
WITHOUT_S = 120
"""Of a test whose protection is off: some wait for ever then."""


def main() -> int:
    """Runs what was asked for; 1 if a promise was broken, or a test let a protection be switched off."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--tier", choices=["short", "long"], default="long")
    parser.add_argument("--only", nargs="*", default=[], help="names of checks; 'protections' for these")
    given = parser.parse_args()
    variables = LONG if given.tier == "long" else SHORT
    wanted = given.only or [*(check.name for check in CHECKS), "protections"]
    known = {"results": {}, "caught": {}} | (json.loads(FILE.read_text("utf-8")) if FILE.is_file() else {})
    results: dict[str, Result] = {name: _result(value) for name, value in known["results"].items()}
    caught: dict[str, Caught] = {name: Caught(**value) for name, value in known["caught"].items()}
    for check in CHECKS:
        if check.name in wanted:
            results[check.name] = tried(check, variables, _now(given.tier))
            print(_line(results[check.name]), flush=True)
            _write(results, caught)
    for protection in PROTECTIONS:
        if "protections" in wanted:
            caught[protection.name] = switched_off(protection, _now(given.tier))
            print(_line_of(caught[protection.name]), flush=True)
            _write(results, caught)
    named = {check.name for check in CHECKS}, {protection.name for protection in PROTECTIONS}
    broken = [r for n, r in results.items() if n in named[0] and r.failures]
    missed = [c for n, c in caught.items() if n in named[1] and not c.failed]
    return 1 if broken or missed else 0


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
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", "--tb=short", *report, *arguments]
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


def _result(value: dict[str, object]) -> Result:
    told, skipped = value["told"], value["skipped"]
    assert isinstance(told, list)
    assert isinstance(skipped, list)
    return Result(**value | {"told": tuple(told), "skipped": tuple(skipped)})  # type: ignore[arg-type]  # our own file


def _write(results: Mapping[str, Result], caught: Mapping[str, Caught]) -> None:
    told = {"results": {n: asdict(r) for n, r in results.items()}, "caught": {n: asdict(c) for n, c in caught.items()}}
    FILE.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    FILE.with_suffix(".md").write_text(page(results, caught), "utf-8")


def _line(result: Result) -> str:
    return f"{result.name}: {result.cases:,} cases, {result.failures} failures, {result.seconds:.0f} s"


def _line_of(caught: Caught) -> str:
    return f"off: {caught.protection}: {'caught' if caught.failed else 'NOT CAUGHT'} by {caught.test}"


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
