"""Sixteen people for minutes, a hundred questions in one moment: answered or refused, none mixed up, memory flat."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import MAX_AT_ONCE, MAX_WAITING  # noqa: TID251 (its own test)
from tests.browser import by, served
from tests.llm_server import Act, LLMServer, Received, paced, says
from tests.test_llm_answers import OPENINGS, healthy
from tests.test_show_load import TOKEN_S, Person, all_talk, event, kept_apart, resident_mb
from tests.trust.tier import LONG

pytestmark = pytest.mark.slow

PEOPLE, BURST = 16, 100
WARM_S, SECONDS = 90, 210
BARE_S = 60
"""Until whoever asks the bare chat gives up."""
GROWTH_MB = 25
PLAIN = "It ranks layers by the trace of the Hessian, and gives more bits to those that need them. " * 2
"""What the model says to those who ask it straight: about as much as it writes of two papers."""


def scripted(received: Received) -> Act:
    """A model that serves our chat and a bare one."""
    return healthy(received) if any(opening in received.text for opening in OPENINGS.values()) else says(PLAIN)


def for_seconds(seconds: float) -> Callable[[], Iterable[int]]:
    """Rounds until so many seconds have passed."""
    ends = time.monotonic() + seconds
    return lambda: takewhile(lambda _: time.monotonic() < ends, count())


def shares(waits: list[float]) -> str:
    waits = sorted(waits)
    return f"{waits[len(waits) // 2]:.1f} s (median), {waits[int(0.95 * len(waits))]:.1f} s (95 %)"


@dataclass
class Asker:
    """One of those who ask at the same moment."""

    name: str
    status: int = 0
    told: str = ""
    """Why it was refused; else the conversation as the page shows it in the end."""
    seconds: float = 0.0
    """From the moment when the model began to reply."""

    def ask(self, client: httpx.Client, config: dict[str, Any]) -> None:
        question = f"which papers use the Hessian? asked by {self.name}, time 0"
        asked = event(config, self.name, question=question, depth="Quick")
        joined = client.post("/gradio_api/queue/join", json=asked)
        self.status, self.told = joined.status_code, joined.text

    def wait(self, client: httpx.Client, began: float) -> None:
        if self.status == 200:
            with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.name}) as messages:
                ended = next(line for line in messages.iter_lines() if "process_completed" in line)
            self.told = json.loads(ended.removeprefix("data:"))["output"]["data"][1]
            self.seconds = time.monotonic() - began


def burst(address: str, go: threading.Event) -> list[Asker]:
    """What becomes of a hundred questions, all asked before the model says a word."""
    askers = [Asker(f"burst{n:03}") for n in range(BURST)]
    with (
        httpx.Client(base_url=address, timeout=280, limits=httpx.Limits(max_connections=BURST)) as client,
        ThreadPoolExecutor(BURST) as pool,
    ):
        config = client.get("/config").json()
        list(pool.map(lambda asker: asker.ask(client, config), askers))
        go.set()
        began = time.monotonic()
        list(pool.map(lambda asker: asker.wait(client, began), askers))
    return askers


@pytest.mark.skipif(not LONG, reason="tests/test_show_load.py has eight people, and takes seconds")
def test_sixteen_people_are_served_for_minutes_apart_and_in_flat_memory(
    path: Path, record_property: Callable[[str, object], None]
) -> None:
    with (
        LLMServer(paced(scripted, TOKEN_S)) as server,
        served(path, WHICHPAPERS_MODEL_CALLS_AT_ONCE="16", **by(server)) as address,
    ):
        people = [Person(address, f"person{n}") for n in range(PEOPLE)]
        all_talk(people, for_seconds(WARM_S))
        before = resident_mb(address.pid)
        all_talk(people, for_seconds(SECONDS))
        growth = resident_mb(address.pid) - before
    asked = sum(kept_apart(path))
    assert asked == sum(len(person.waited_s) for person in people) >= PEOPLE
    assert growth < GROWTH_MB
    record_property("cases", asked)
    record_property("told", f"{PEOPLE} people for {WARM_S + SECONDS} s: {asked:,} questions, all answered, none mixed"
                    f" up; first words after {shares([wait for person in people for wait in person.waited_s])};"
                    f" resident memory {before:.0f} MB, and {growth:+.0f} MB after {SECONDS} s more")  # fmt: skip


def test_of_a_hundred_questions_at_once_each_is_answered_or_refused_and_none_mixed_up(
    path: Path, record_property: Callable[[str, object], None]
) -> None:
    go = threading.Event()

    def held(received: Received) -> Act:
        go.wait(280)
        return scripted(received)

    with LLMServer(held) as server, served(path, WHICHPAPERS_MODEL_TIMEOUT_S="290", **by(server)) as address:
        askers = burst(address, go)
        Person(address, "afterwards").converse(range(1))
    answered = [asker for asker in askers if asker.status == 200]
    refused = [asker for asker in askers if asker.status == 503]
    assert (len(answered), len(refused)) == (MAX_AT_ONCE + MAX_WAITING, BURST - MAX_AT_ONCE - MAX_WAITING)
    assert {json.loads(asker.told)["detail"].partition(".")[0] for asker in refused} == {"Queue is full"}
    for asker in answered:
        assert set(re.findall(r"asked by \w+", asker.told)) == {f"asked by {asker.name}"}
    assert kept_apart(path) == [1] * (len(answered) + 1)
    record_property("cases", BURST)
    record_property("told", f"{BURST} questions at once: {len(answered)} answered after"
                    f" {shares([asker.seconds for asker in answered])}, {len(refused)} refused with 503 (“Queue is"
                    " full”, which the page tells as: busy, please try again); answers as ever afterwards")  # fmt: skip


def by_bare(address: str, name: str, ends: float) -> float | None:
    """Seconds until the whole reply of a bare chat was there; None where it was not by then."""
    began = time.monotonic()
    with httpx.Client(base_url=address, timeout=max(1.0, ends - began)) as client:
        try:
            event_id = client.post("/gradio_api/call/reply", json={"data": [name]}).json()["event_id"]
            with client.stream("GET", f"/gradio_api/call/reply/{event_id}") as lines:
                for line in lines.iter_lines():
                    if time.monotonic() > ends:
                        return None
                    if line == "event: complete":
                        return time.monotonic() - began
        except httpx.TimeoutException:
            return None
    raise AssertionError("the bare chat ended without a reply")


@pytest.mark.skipif(not LONG, reason="a comparison, made in the long tier")
def test_what_a_bare_chat_interface_does_with_as_many(
    path: Path, record_property: Callable[[str, object], None]
) -> None:
    with (
        LLMServer(paced(scripted, TOKEN_S)) as server,
        served(path, module="tests.trust.bare", **by(server)) as address,
        ThreadPoolExecutor(BURST) as pool,
    ):
        by_bare(address, "warm", time.monotonic() + BARE_S)
        for people in (PEOPLE, BURST):
            ends = time.monotonic() + BARE_S
            waits = list(pool.map(lambda n, ends=ends: by_bare(address, f"person{n}", ends), range(people)))
            done = [wait for wait in waits if wait is not None]
            record_property("told", f"a bare Gradio ChatInterface over the same model, {people} questions at once:"
                            f" {len(done)} answered within {BARE_S} s, after {shares(done)}; none refused")  # fmt: skip
            assert done
        record_property("told", f"the bare chat's resident memory: {resident_mb(address.pid):.0f} MB")
    record_property("cases", 0)
