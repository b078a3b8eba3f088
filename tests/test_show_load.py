"""Eight people at once on one chat, a model behind it: no error, nobody reads another, quick first words, flat memory.

CHAT_ROUNDS=60 asks as much as eight people ask in half an hour, a question each half minute.
"""

from __future__ import annotations

import json
import os
import re
import time
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
ROUNDS = int(os.environ.get("CHAT_ROUNDS", "3"))
FIRST_WORDS_S = 2.0
"""On a machine that does nothing else."""
TOKEN_S = 0.05
WARM_ROUNDS = 2 if ROUNDS < MAX_TURNS else MAX_TURNS
"""Until a conversation shows no more than it did before."""
GROWTH_MB = 25 if ROUNDS < MAX_TURNS else 10
"""Of all questions after that, together; less where there are many of them."""


@dataclass
class Person:
    """Talks to the chat as the page's script does, in a session of their own."""

    address: str
    name: str
    depth: str = "Quick"
    """Whose first words are those of the first call; else two calls come before."""
    waited_s: list[float] = field(default_factory=list)
    """Until the first words of each answer."""

    def converse(self, rounds: int) -> None:
        with httpx.Client(base_url=self.address, timeout=60) as client:
            config = client.get("/config").json()
            named = {c["props"].get("elem_id"): c["id"] for c in config["components"]}
            box, depth = named["question"], named["depth"]
            ask = next(d for d in config["dependencies"] if [box, "submit"] in [list(t) for t in d["targets"]])
            stands = {c["id"]: c["props"].get("value") for c in config["components"]}
            values = [stands[i] for i in ask["inputs"]]
            for n in range(rounds):
                question = f"which papers use the Hessian? asked by {self.name}, time {n}"
                put = {box: question, depth: self.depth}
                data = [put.get(i, value) for i, value in zip(ask["inputs"], values, strict=True)]
                self._ask(client, {"fn_index": ask["id"], "trigger_id": box, "data": data})

    def _ask(self, client: httpx.Client, event: dict[str, Any]) -> None:
        asked = {"event_data": None, "session_hash": self.name} | event
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


def all_talk(people: list[Person], rounds: int) -> None:
    with ThreadPoolExecutor(PEOPLE) as pool:
        list(pool.map(lambda person: person.converse(rounds), people))


def test_eight_people_at_once_are_served_apart_and_soon(path: Path) -> None:
    crowded = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))  # by whoever else works on this machine
    with (
        LLMServer(paced(healthy, TOKEN_S)) as server,
        served(path, WHICHPAPERS_MODEL_CALLS_AT_ONCE="16", **by(server)) as address,
    ):
        people = [Person(address, f"person{n}", "Thorough" if n % 2 else "Quick") for n in range(PEOPLE)]
        all_talk(people, WARM_ROUNDS)
        before = resident_mb(address.pid)
        for person in people:
            person.waited_s.clear()
        all_talk(people, ROUNDS)
        growth = resident_mb(address.pid) - before
    waited = sorted(wait for person in people if person.depth == "Quick" for wait in person.waited_s)
    print(f"{ROUNDS * PEOPLE} questions; first words of a quick answer after {waited[len(waited) // 2]:.2f} s (median),"
          f" {waited[-1]:.2f} s (greatest); resident memory {before:.0f} MB, then {growth:+.0f} MB")  # fmt: skip
    with Notes(path / "notes.db") as notes:
        for conversation in notes.conversations(""):
            turns = notes.turns("", conversation.id)
            assert len({turn.asked.question.partition(",")[0] for turn in turns}) == 1
            answers = [json.loads(turn.answer or "{}") for turn in turns]
            assert [answer["question"] for answer in answers] == [turn.asked.question for turn in turns]
            assert {answer["mode"] for answer in answers} == {"llm"}
        asked = [len(notes.turns("", conversation.id)) for conversation in notes.conversations("")]
    assert asked == [WARM_ROUNDS + ROUNDS] * PEOPLE
    assert waited[-1] < FIRST_WORDS_S * crowded
    assert growth < GROWTH_MB
