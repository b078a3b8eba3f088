"""The same question asked by other processes, whose hashes, clocks, languages and folders differ: the same bytes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.processes import with_fake_encoder
from tests.test_by_llm import QUESTION

pytestmark = pytest.mark.slow

WORLDS: tuple[Mapping[str, str], ...] = (
    {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    {"PYTHONHASHSEED": "20077", "TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONUTF8": "1"},
)


def asked(library: Path, world: Mapping[str, str]) -> str:
    """An answer as JSON, without the seconds that it took."""
    ended = with_fake_encoder(
        "ask", QUESTION, "--library", library, "--format", "json", WHICHPAPERS_ENCODER="words-64", **world
    )
    assert ended.code == 0, ended.err
    answer = json.loads(ended.out)
    del answer["trace"]["seconds"]
    return json.dumps(answer)


def test_an_answer_is_the_same_whatever_process_gives_it(
    path: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    elsewhere = Path(shutil.copytree(path, tmp_path / "another folder" / "library"))
    answers = {asked(library, world) for library, world in zip((path, elsewhere), WORLDS, strict=True)}
    assert len(answers) == 1
    record_property("cases", 2)
