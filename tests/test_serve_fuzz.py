"""Requests made up from the server's own OpenAPI description, right and wrong: it answers as it says, or says no.

`HTTP_FUZZ_EXAMPLES` sets how many for each endpoint and kind; CI takes few.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import load_all_checks
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.serving import serving, six

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("HTTP_FUZZ_EXAMPLES", "8"))
ENDPOINTS = 10
FORMS = 6
"""Those that take a body."""


@pytest.fixture(scope="module")
def described(six_papers: Path) -> Iterator[BaseSchema]:
    load_all_checks()
    with six(six_papers) as assistant, serving(assistant) as address:
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_the_server_answers_as_it_says_or_says_no(described: BaseSchema, mode: GenerationMode) -> None:
    operations = [found.ok() for found in described.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == ENDPOINTS
    if mode is GenerationMode.NEGATIVE:
        operations = [operation for operation in operations if operation.body]  # a name in a path cannot be wrong
        assert len(operations) == FORMS
    assert sum(fuzzed(operation, mode) for operation in operations) >= len(operations)


def fuzzed(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode) -> int:
    """Asks one endpoint; how often."""
    asked = []

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        response = case.call(timeout=30)
        asked.append(response.status_code)
        # What the schema allows may still be no question, no filter or no answer: 422 says so in one line.
        case.validate_response(response, excluded_checks=[positive_data_acceptance])
        assert response.headers["x-content-type-options"] == ["nosniff"]
        if response.status_code >= 400:
            told = response.json()["error"]
            line = told["message"] if isinstance(told, dict) else told
            assert line
            assert "\n" not in line
            assert "Traceback" not in line

    print(operation.label, mode.value)  # shown with a failure
    ask()
    return len(asked)
