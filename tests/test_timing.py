"""Bars of time: what is too slow misses them, whatever the machine; what was slow once does not."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest

from tests.processes import run_code
from tests.timing import AGAIN, of_children, on_time, slowness, within


def burn(told: Path, *seconds: float) -> int:
    """Takes the next of `seconds` of a processor, the last one again and again; tells which call it was."""
    with told.open("a") as file:
        file.write("x")
    call = len(told.read_text("utf-8"))
    until = time.process_time() + seconds[min(call, len(seconds)) - 1]
    while time.process_time() < until:
        pass
    return call


def test_what_is_too_slow_is_tried_three_times_and_fails(tmp_path: Path) -> None:
    told = tmp_path / "calls"
    with pytest.raises(AssertionError, match=r"expected 0\.01 s at most"):
        within(0.01, partial(burn, told, 0.3))
    assert len(told.read_text("utf-8")) == 1 + AGAIN


def test_what_was_slow_once_passes_in_a_process_of_its_own(tmp_path: Path) -> None:
    told = tmp_path / "calls"
    assert within(0.3, partial(burn, told, 0.5, 0.01)) == 1
    assert len(told.read_text("utf-8")) == 2
    assert within(0.3, partial(burn, told, 0.0)) == 3


def test_a_clock_on_the_wall_counts_waiting_too(tmp_path: Path) -> None:
    slow, once = tmp_path / "slow", tmp_path / "once"
    with pytest.raises(AssertionError, match="at most"):
        on_time(0.1, 0.01, lambda: burn(slow, 0.6))
    assert len(slow.read_text("utf-8")) == 1 + AGAIN
    assert on_time(0.0, 0.02, lambda: burn(once, 0.6, 0.0)) > 1


def test_the_time_of_other_processes_is_theirs() -> None:
    with pytest.raises(AssertionError, match="at most"):
        within(0.05, partial(run_code, "sum(n * n for n in range(5_000_000))"), of_children)
    within(0.05, partial(time.sleep, 0.1))


def test_a_machine_is_never_quicker_than_usual() -> None:
    assert slowness() >= 1
