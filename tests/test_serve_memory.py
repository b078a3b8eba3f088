"""Many questions: the server's memory stays as it is. `HTTP_QUESTIONS` sets how many; CI takes few."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.serving import process
from tests.test_show_load import resident_mb

pytestmark = pytest.mark.slow

QUESTIONS = int(os.environ.get("HTTP_QUESTIONS", "100"))
WARM = 50
"""Questions until everything that is kept is there."""
GROWTH_MB = 15
SUBJECTS = ("the Hessian", "pruning", "diffusion", "lower bounds", "scanned pages", "zebras")
PATHS = ("/ask", "/ask/stream", "/table", "/v1/chat/completions")


def ask(client: httpx.Client, n: int) -> int:
    question, path = f"which papers of part {n} use {SUBJECTS[n % len(SUBJECTS)]}?", PATHS[n % len(PATHS)]
    body = {
        "/table": {"question": question, "columns": ["method"]},
        "/v1/chat/completions": {"model": "whichpapers", "messages": [{"role": "user", "content": question}]},
    }
    return client.post(path, json=body.get(path, {"question": question}), timeout=120).status_code


def test_many_questions_leave_memory_as_it_was(path: Path) -> None:
    library = Path(os.environ.get("HTTP_LIBRARY", path))
    module, encoder = ("assistant.serve", "") if library != path else ("tests.serving", "words-64")
    with (
        process("--library", library, module=module, WHICHPAPERS_ENCODER=encoder) as (address, running),
        httpx.Client(base_url=address, timeout=60) as client,
        ThreadPoolExecutor(4) as pool,
    ):
        assert set(pool.map(lambda n: ask(client, n), range(WARM))) == {200}
        before = resident_mb(running.pid)
        assert set(pool.map(lambda n: ask(client, n), range(WARM, WARM + QUESTIONS))) == {200}
        growth = resident_mb(running.pid) - before
    print(f"{QUESTIONS} questions: resident memory {before:.0f} MB, then {growth:+.1f} MB")
    assert growth < GROWTH_MB
