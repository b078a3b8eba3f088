"""Eight people at once on one chat, a model behind it: no error, nobody reads another, quick first words, flat memory.

CHAT_ROUNDS=60 asks as much as eight people ask in half an hour, a question each half minute.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from assistant.show.desk import MAX_TURNS
from ingest.notes import Notes
from tests.browser import by, served
from tests.llm_server import LLMServer, paced
from tests.test_llm_answers import healthy

pytestmark = pytest.mark.slow

PEOPLE = 8
ROUNDS = int(os.environ.get("CHAT_ROUNDS", "2"))
FIRST_WORDS_S = 2.0
"""On a machine that does nothing else."""
TOKEN_S = 0.05
WARM_ROUNDS = 2 if ROUNDS < MAX_TURNS else MAX_TURNS
"""Until a conversation shows no more than it did before."""
GROWTH_MB = 25 if ROUNDS < MAX_TURNS else 10
"""Of all questions after that, together; less where there are many of them."""


def event(config: dict[str, Any], session: str, **put: object) -> dict[str, Any]:
    """What the page's script sends when a question is asked, and other values `put` where it has its own."""
    named = {c["props"].get("elem_id"): c["id"] for c in config["components"]}
    ask = next(d for d in config["dependencies"] if [named["question"], "submit"] in [list(t) for t in d["targets"]])
    stands = {c["id"]: c["props"].get("value") for c in config["components"]}
    stands |= {named[name]: value for name, value in put.items()}
    asked = {"fn_index": ask["id"], "trigger_id": named["question"], "data": [stands[i] for i in ask["inputs"]]}
    return {**asked, "event_data": None, "session_hash": session}


@dataclass
class Person:
    """Talks to the chat as the page's script does, in a session of their own."""

    address: str
    name: str
    depth: str = "Quick"
    """Whose first words are those of the first call; else two calls come before."""
    waited_s: list[float] = field(default_factory=list)
    """Until the first words of each answer."""

    def converse(self, rounds: Iterable[int]) -> None:
        with httpx.Client(base_url=self.address, timeout=60) as client:
            config = client.get("/config").json()
            for n in rounds:
                question = f"which papers use the Hessian? asked by {self.name}, time {n}"
                self._ask(client, event(config, self.name, question=question, depth=self.depth))

    def _ask(self, client: httpx.Client, asked: dict[str, Any]) -> None:
        began, waited = time.monotonic(), None
        client.post("/gradio_api/queue/join", json=asked).raise_for_status()
        with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.name}) as messages:
            for line in messages.iter_lines():
                message = json.loads(line.removeprefix("data:")) if line else {}
                if waited is None and 'prose\\" dir' in line:  # of the turn that is not over
                    waited = time.monotonic() - began
                if message.get("msg") == "process_completed":
                    assert message["success"], message
                    break
        assert waited is not None
        self.waited_s.append(waited)


def resident_mb(pid: int) -> float:
    told = Path(f"/proc/{pid}/status").read_text("utf-8")
    found = re.search(r"VmRSS:\s+(\d+)", told)
    assert found
    return int(found[1]) / 1024


def all_talk(people: list[Person], rounds: Callable[[], Iterable[int]]) -> None:
    with ThreadPoolExecutor(len(people)) as pool:
        list(pool.map(lambda person: person.converse(rounds()), people))


def kept_apart(library: Path) -> list[int]:
    """How many questions each conversation holds: all by one person, each with its own answer, by the model."""
    with Notes(library / "notes.db") as notes:
        talks = [notes.turns("", conversation.id) for conversation in notes.conversations("")]
    for turns in talks:
        assert len({turn.asked.question.partition(",")[0] for turn in turns}) == 1
        answers = [json.loads(turn.answer or "{}") for turn in turns]
        assert [answer["question"] for answer in answers] == [turn.asked.question for turn in turns]
        assert {answer["mode"] for answer in answers} == {"llm"}
    return list(map(len, talks))


def test_eight_people_at_once_are_served_apart_and_soon(path: Path) -> None:
    crowded = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # by whoever else works on this machine
    with (
        LLMServer(paced(healthy, TOKEN_S)) as server,
        served(path, **by(server)) as address,
    ):
        people = [Person(address, f"person{n}", "Thorough" if n % 2 else "Quick") for n in range(PEOPLE)]
        all_talk(people, lambda: range(WARM_ROUNDS))
        before = resident_mb(address.pid)
        for person in people:
            person.waited_s.clear()
        all_talk(people, lambda: range(ROUNDS))
        growth = resident_mb(address.pid) - before
    waited = sorted(wait for person in people if person.depth == "Quick" for wait in person.waited_s)
    print(f"{ROUNDS * PEOPLE} questions; first words of a quick answer after {waited[len(waited) // 2]:.2f} s (median),"
          f" {waited[-1]:.2f} s (greatest); resident memory {before:.0f} MB, then {growth:+.0f} MB")  # fmt: skip
    assert kept_apart(path) == [WARM_ROUNDS + ROUNDS] * PEOPLE
    assert waited[-1] < FIRST_WORDS_S * crowded
    assert growth < GROWTH_MB
