"""`kill -9` at each named step of adding, changing and removing: never half a state, and the same end."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest import Settings, ingest
from tests.conftest import SIX
from tests.fakes import WordEncoder
from tests.processes import run_module
from tests.test_crash import contents
from tests.trust.stepper import STEPS
from tests.trust.tier import some

NEW: tuple[dict[str, Any], ...] = (
    {"title": "Newts in Ponds", "abstract": "Newts swim in ponds at night. Ponds are wet."},
    {"title": "Owls over Woods", "abstract": "Owls are counted in woods. Lamps do not trouble them."},
)
CHANGED = {**SIX[2], "abstract": "Text blocks are read in an order. Nothing of the old text is left."}
ACTIONS: dict[str, tuple[dict[str, Any], ...]] = {
    "none": SIX,
    "add": (*SIX, *NEW),
    "change": (*SIX[:2], CHANGED, *SIX[3:]),
    "remove": SIX[:-1],
}
CASES = [(action, step) for step in STEPS for action in ACTIONS if action != "none"]
UNREACHED = {("remove", "first text written, not committed")}
"""Nothing is written there."""


@pytest.fixture(scope="module")
def six(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of six papers, not to be touched; what is read into any copy of it lies beside it."""
    library = tmp_path_factory.mktemp("six") / "library"
    done(library, source(library, "none"))
    return library


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory, six: Path) -> dict[str, Any]:
    """What the library holds before and after each action, when nobody is killed."""
    found = {}
    for action in ACTIONS:
        library = Path(shutil.copytree(six, tmp_path_factory.mktemp(action) / "library"))
        found[action] = done(library, source(six, action))
    assert [len(found[action][0]) for action in ACTIONS] == [6, 8, 6, 5]
    return found


def done(library: Path, given: Path) -> Any:
    """What a library holds after a file was read, whatever came of it before."""
    settings = Settings(library=library, encoder="words-64", offline=True)
    ingest(given, settings=settings, encoder=WordEncoder(), sync=True)
    return contents(library, settings)


def source(six: Path, action: str) -> Path:
    """The file that is read, always at the same place: else nothing counts as vanished from it."""
    path = six.parent / "papers.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in ACTIONS[action]), "utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("action", "step"), some(CASES, 7))
def test_a_writer_killed_at_a_step_leaves_the_old_or_the_new(  # noqa: PLR0917 (fixtures)
    action: str, step: str, six: Path, settings: Settings, ends: dict[str, Any],
    record_property: Callable[[str, object], None],
) -> None:  # fmt: skip
    path = Path(shutil.copytree(six, settings.library))
    given = source(six, action)
    ended = run_module("tests.trust.stepper", path, given, step)
    assert ended.code == (0 if (action, step) in UNREACHED else -signal.SIGKILL), ended.err
    papers, passages, words, vectors = contents(path, settings)
    states = {paper.id: {paper, *(p for p in ends[action][0] if p.id == paper.id)} for paper in ends["none"][0]}
    for paper in papers:
        assert paper in states.get(paper.id, ()) or paper in ends[action][0], "neither the old nor the new text"
    kept = {paper.id for paper in ends["none"][0]} & {paper.id for paper in ends[action][0]}
    assert kept <= {paper.id for paper in papers}, "an acknowledged paper is lost"
    assert words == vectors == len(papers) == len(passages)
    assert done(path, given) == ends[action]
    record_property("cases", 1)
