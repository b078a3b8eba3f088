"""Outcome -> a line, and back: outcomes are kept as they come, so that an interrupted run goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from assistant import Answer
from evals.cases import Asked
from evals.records import Case, Outcome, Reply

Progress = Callable[[int, int], None]
"""Called with (cases done, cases to do)."""


class Journal:
    """The outcomes of a run that is not finished. Its first line says what the run depends on.

    A whole run takes its journal away: asking again asks again.
    """

    def __init__(self, path: Path, identity: Mapping[str, object]) -> None:
        """Keeps outcomes at `path`; those of a run with another `identity` that lie there are dropped."""
        self._path = path
        self._identity = json.loads(json.dumps(identity))

    def resume(
        self, asked: Asked, ask: Callable[[Asked], Iterator[Outcome]], progress: Progress | None = None
    ) -> list[Outcome]:
        """Asks those of `asked` that have no outcome yet.

        Args:
            asked: All cases.
            ask: Yields the outcomes of cases as they come, in any order.
            progress: Called with (cases done, cases to do).

        Returns:
            The outcomes, in the order of `asked`.
        """
        found = self.kept(asked)
        for outcome in ask([(case, relevant) for case, relevant in asked if case.id not in found]):
            found[outcome.case.id] = outcome
            self.keep(outcome)
            if progress:
                progress(len(found), len(asked))
        return [found[case.id] for case, _ in asked]

    def kept(self, asked: Asked) -> dict[str, Outcome]:
        """The outcomes of an interrupted run for those of `asked` that are the same cases still, by case id."""
        wanted = {case_sha256(case, relevant): (case, relevant) for case, relevant in asked}
        found: dict[str, Outcome] = {}
        for line in list(self._lines()):
            if line["case"] in wanted and line["failure"] is None:
                case, relevant = wanted[line["case"]]
                found[case.id] = _outcome(line, case, relevant)
        self._path.write_text(json.dumps({"run": self._identity}) + "\n", "utf-8")
        for outcome in found.values():
            self.keep(outcome)
        return found

    def keep(self, outcome: Outcome) -> None:
        """Adds an outcome; it is on its way to the disk when this returns."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(_line(outcome), ensure_ascii=False) + "\n")

    def finish(self) -> None:
        """Takes the journal away."""
        self._path.unlink(missing_ok=True)

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The lines of a run with this identity, up to one that was cut off."""
        try:
            lines = self._path.read_text("utf-8").splitlines()
            read = [json.loads(line) for line in lines[:1]]
        except (OSError, ValueError):
            return
        if read != [{"run": self._identity}]:
            return
        for line in lines[1:]:
            try:
                yield json.loads(line)
            except ValueError:
                return


def case_sha256(case: Case, relevant: Mapping[str, int]) -> str:
    """Hash of everything in a case: the same hash, the same question with the same gold."""
    plain = [asdict(case), sorted(relevant.items())]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _line(outcome: Outcome) -> dict[str, object]:
    reply = outcome.reply
    return {
        "case": case_sha256(outcome.case, outcome.relevant),
        "answer": reply.answer.to_dict(),
        "ranking": reply.ranking,
        "seconds": reply.seconds,
        "failure": reply.failure,
        "missed": outcome.missed,
        "invalid_quotes": outcome.invalid_quotes,
        "told": outcome.told,
        "grounded": outcome.grounded,
    }


def _outcome(line: Mapping[str, Any], case: Case, relevant: Mapping[str, int]) -> Outcome:
    ranking = None if line["ranking"] is None else tuple(line["ranking"])
    reply = Reply(Answer.from_dict(line["answer"]), ranking, line["seconds"])
    judged = (tuple(line["missed"]), line["invalid_quotes"], tuple(line["told"]), tuple(line["grounded"]))
    return Outcome(case, relevant, reply, *judged)
