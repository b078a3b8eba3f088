"""What fuzzing found (tests/fuzz): every input that reached something new, or broke a reader once, is borne now."""

from __future__ import annotations

import pytest

from tests.fuzz.corpus import CORPUS, inputs, seeds
from tests.fuzz.targets import Broken, check, encode
from tests.processes import run_code

INPUTS = dict(inputs())


def test_the_corpus_is_small_and_holds_what_broke_once() -> None:
    assert CORPUS.stat().st_size < 300_000
    assert len(INPUTS) > 500
    assert sum(name.startswith("broken-") for name in INPUTS) >= 3


def test_every_input_ends_in_papers_or_reasons_in_two_seconds_and_a_gigabyte() -> None:
    """Each as its own reader and as another takes it; in a process of its own, for its peak of memory.

    `check` measures the processor time of each.
    """
    ended = run_code(
        "from pathlib import Path\n"
        "from tests.fuzz.corpus import inputs, seeds\n"
        "from tests.fuzz.targets import TARGETS, check\n"
        "import logging, sys; logging.disable()\n"
        "for place, (name, content) in enumerate((*seeds(), *inputs())):\n"
        "    print(name, file=sys.stderr)\n"  # the last one is told with a failure
        "    check(content), check(bytes([place % len(TARGETS)]) + content[1:])\n"
        "print(Path('/proc/self/status').read_text('utf-8').partition('VmHWM:')[2].split()[0])"
    )
    assert ended.code == 0, ended.err[-1_000:]
    assert int(ended.out.split()[-1]) < 1_000_000


def test_the_check_itself_tells_good_from_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in seeds():
        assert check(content) >= 1, name
    monkeypatch.setattr("tests.fuzz.targets.MAX_CPU_S", -1.0)
    with pytest.raises(Broken, match="took"):
        check(encode("csv", b"title,abstract\nOwls,They count.\n"))
    monkeypatch.undo()
    monkeypatch.setattr("tests.fuzz.targets.read", lambda *_: iter(["no paper"]))
    with pytest.raises(Broken, match="neither paper nor notice"):
        check(encode("csv", b"title"))
