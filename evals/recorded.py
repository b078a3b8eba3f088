"""Recorded verdicts -> Chat: a careful reader's replies to the real prompts, replayed wherever the same papers come up.

    python -m evals.recorded --library LIBRARY

A reader answered the prompts of thorough answers to judged questions by hand, over the real pages, without having seen
the judgements (evals/recorded/README.md). What was said of each paper is kept by its title, so that it can be replayed
whatever batch the paper comes in. The sentences of the answers are not kept, being near to the abstracts' own words:
replayed, each is the sentences that it cited.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assistant import Assistant
from assistant.llm.records import Reply, Request
from assistant.llm.tokens import count, count_messages
from evals.cases import OWN_CASES, read_cases
from evals.examine import Examiner
from evals.records import Outcome
from evals.report import table
from evals.run import run, scores
from evals.systems import Product
from ingest.settings import read_settings

RECORD = Path(__file__).with_name("recorded") / "thorough.jsonl"

_SHEET = re.compile(r"^PAPER (\d+).*?\n(.*?)\nEND$", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^\[\d+\.(\d+)\] (.*)$", re.MULTILINE)
_ASKED = (re.compile(r"^A reader asks: (.*)$", re.MULTILINE), re.compile(r"^The reader now asks:\n(.*)$", re.MULTILINE))
_SENTENCE = re.compile(r"^SENTENCE (\d+): ", re.MULTILINE)

Sheets = Mapping[str, tuple[int, Mapping[int, str]]]
"""By title: the number of a paper in a prompt, and its lines by theirs."""


class RecordedReader:
    """Answers as the reader did; a `Chat`. Of papers that the reader was not shown it says nothing."""

    model = "recorded"

    def __init__(self, file: Path = RECORD) -> None:
        self.cases = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        self._by_question = {name: case for case in self.cases for name in (case["question"], case["plan"]["question"])}

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """See `Chat.stream`."""
        prompt = request.messages[-1].content
        text = self._verified(prompt) if request.stage == "verify" else self._replied(request.stage, prompt)
        yield text
        yield Reply(text, self.model, count_messages(request.messages), count(text), local=True)

    def _replied(self, stage: str, prompt: str) -> str:
        asked = next(found[1] for pattern in _ASKED if (found := pattern.search(prompt)))
        case = self._by_question[asked]
        if stage == "understand":
            return json.dumps(case["plan"])
        shown = {lines[0]: (key, lines) for key, lines in _shown(prompt)}
        return _judged(case, shown) if stage == "judge" else _written(case, shown)

    def _verified(self, prompt: str) -> str:
        """All supported: a replayed sentence is what it cites; what the reader found unsupported is left out before."""
        return json.dumps({"supported": [int(number) for number in _SENTENCE.findall(prompt)], "unsupported": []})


def outcomes(assistant: Assistant, reader: RecordedReader) -> list[Outcome]:
    """What `assistant`, answering by `reader`, makes of the recorded cases."""
    ids = {case["id"] for case in reader.cases}
    asked = [item for item in read_cases([OWN_CASES], assistant.library) if item[0].id in ids]
    found = run(Product(assistant, "llm", "thorough"), asked, Examiner(assistant.library))
    return sorted(found, key=lambda outcome: outcome.case.id)


def main() -> None:
    """Replays, and prints the measures."""
    parser = argparse.ArgumentParser(description="Replay the recorded answers.")
    parser.add_argument("--library", type=Path, required=True)
    settings = read_settings({"library": parser.parse_args().library})
    reader = RecordedReader()
    with Assistant.open(settings=settings, chat=reader) as assistant:
        found = outcomes(assistant, reader)
    print(table(scores(found)))
    refused = [outcome.reply.answer.abstained for outcome in found if not outcome.relevant]
    print(f"\n{len(found)} cases; {sum(refused)} of {len(refused)} without an answer here were refused.")


def _shown(prompt: str) -> Iterator[tuple[int, dict[int, str]]]:
    for key, body in _SHEET.findall(prompt):
        yield int(key), {int(number): text for number, text in _LINE.findall(body)}


def _judged(case: Mapping[str, Any], shown: Sheets) -> str:
    said = [{"paper": key} | case["papers"][title] for title, (key, _) in shown.items() if title in case["papers"]]
    return json.dumps({"papers": said})


def _written(case: Mapping[str, Any], shown: Sheets) -> str:
    """The recorded lines, as far as their papers are here."""
    lines = []
    for place, line in enumerate(case["lines"]):
        cited = [(title, number) for title, number in line["cites"] if number in shown.get(title, (0, {}))[1]]
        if place in case["unsupported"] or not cited:
            continue
        opening = f"{shown[line['about']][0]}: " if line["about"] in shown else ""
        text = " ".join(shown[title][1][number] for title, number in cited)
        lines.append(opening + text + "".join(f" [{shown[title][0]}.{number}]" for title, number in cited))
    return "\n".join(lines) or "NOT STATED"


if __name__ == "__main__":
    main()
