"""The chat: a thin face that shows what the assistant streams, served to this machine alone."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

import app  # noqa: TID251 (its own test)
from assistant import Assistant
from assistant.render import markdown
from ingest import Library, Settings
from tests.test_ask import HESSIAN


@pytest.fixture
def assistant(library: Library, settings: Settings) -> Assistant:
    return Assistant(library, settings)


def test_the_reply_grows_and_ends_as_the_answer_in_markdown(assistant: Assistant) -> None:
    shown = list(app.responder(assistant)(HESSIAN, []))
    answer = assistant.ask(HESSIAN)
    assert shown[-1] == markdown(answer)
    text = [piece for piece in shown if not piece.startswith("_")]
    assert all(later.startswith(earlier.rstrip()) for earlier, later in pairwise(text))


def test_a_refused_question_is_told_not_raised(assistant: Assistant) -> None:
    assert "the question is empty" in list(app.responder(assistant)(" ", []))[-1]


def test_history_is_read_from_every_form_that_gradio_sends() -> None:
    history: list[dict[str, Any]] = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": [{"type": "text", "text": "two"}], "metadata": None},
        {"role": "system", "content": "never"},
        {"role": "user", "content": None},
    ]
    assert app.turns(history)[:2] == [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    assert all(turn["role"] in ("user", "assistant") for turn in app.turns(history))
    assert len(app.turns(history * 50)) <= app.MAX_HISTORY_TURNS
