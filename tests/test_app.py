"""The chat: events and answers into components, to this machine alone unless there is a password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest

import app  # noqa: TID251 (its own test)
from assistant import Assistant
from assistant.show.desk import Desk
from ingest import Library, Settings
from tests.fakes import WordEncoder
from tests.processes import run_module


@pytest.fixture
def desk(path: Path, settings: Settings, encoder: WordEncoder) -> Iterator[Desk]:
    desk = Desk(settings, encoder, lambda wanted: Assistant(Library.open(path, wanted, encoder), wanted))
    yield desk
    desk.close()


def test_the_whole_page_is_wired_to_nothing_that_others_may_call(desk: Desk) -> None:
    async def build() -> gr.Blocks:
        return app.build(desk)

    blocks = asyncio.run(build())  # Gradio makes itself a loop where none runs, and leaves it open
    assert len(blocks.fns) > 10
    assert {function.api_visibility for function in blocks.fns.values()} == {"private"}


def test_other_machines_are_let_in_with_a_password_only(path: Path) -> None:
    ended = run_module("app", "--library", path, "--host", "0.0.0.0")  # noqa: S104 (that is refused)
    assert ended.code == 2
    assert "WHICHPAPERS_PASSWORD" in ended.err
    assert ended.err.count("\n") == 1
