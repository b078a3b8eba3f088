"""A pytest plugin for the run: properties are tried as often as TRUST_EXAMPLES says, and their examples counted."""

from __future__ import annotations

import os
from collections.abc import Generator

import hypothesis
import pytest
from hypothesis import is_hypothesis_test


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """After tests/conftest.py has chosen its profile."""
    if examples := os.environ.get("TRUST_EXAMPLES"):
        hypothesis.settings.register_profile("trust", hypothesis.settings(), max_examples=int(examples))
        hypothesis.settings.load_profile("trust")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Counts what a property was tried with."""
    yield
    test = getattr(item, "obj", None)
    if is_hypothesis_test(test):
        own = getattr(test, "_hypothesis_internal_use_settings", None) or hypothesis.settings()
        item.user_properties.append(("cases", own.max_examples))
