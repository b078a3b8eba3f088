"""The list of protections itself: each names a test that is there, and a sample of them is seen to fail without."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.processes import ROOT
from tests.trust.off import PROTECTIONS, Protection
from tests.trust.plan import CHECKS
from tests.trust.results import Run, bound
from tests.trust.run import switched_off


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda protection: protection.name)
def test_each_protection_names_a_test_that_is_there(protection: Protection) -> None:
    file, _, name = protection.test.partition("::")
    assert re.search(rf"^def {re.escape(name.partition('[')[0])}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_each_check_names_files_that_are_there() -> None:
    for check in CHECKS:
        assert all((ROOT / test.partition("::")[0]).is_file() for test in check.tests), check


@pytest.mark.slow
@pytest.mark.parametrize(
    "protection", [PROTECTIONS[0], PROTECTIONS[4], PROTECTIONS[-1]], ids=lambda protection: protection.name
)
def test_without_a_protection_its_test_fails(
    protection: Protection, record_property: Callable[[str, object], None]
) -> None:
    caught = switched_off(protection, Run("short", "", datetime.now(UTC).isoformat()))
    assert caught.failed
    record_property("cases", 1)


def test_bounds_are_those_of_the_books() -> None:
    assert bound(0, 300) == pytest.approx(0.01)
    assert bound(0, 0) == bound(0, 1) == 1.0
    assert bound(5, 100) == pytest.approx(0.1118, abs=1e-3)  # Wilson's, worked by hand
