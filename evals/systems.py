"""Case -> Reply: what can be evaluated; the seam for any system, and the assistant behind it."""

from __future__ import annotations

import time
from typing import Protocol

from assistant import Answer, Assistant, AssistantError
from assistant.records import Coverage, Depth, Mode
from evals.records import Case, Reply

RANKING_DEPTH = 50
"""How much of a ranking the measures look at."""


class System(Protocol):
    """Something that answers questions about the papers of a library."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def reply(self, case: Case) -> Reply:
        """Its answer; may be called from several threads at once. What fails for a reason outside is in the reply."""


class Product:
    """The assistant, asked as a user would."""

    name = "whichpapers"

    def __init__(self, assistant: Assistant, mode: Mode, depth: Depth) -> None:
        self._assistant, self._mode, self._depth = assistant, mode, depth

    def reply(self, case: Case) -> Reply:
        """See `System.reply`; the ranking is that of `search` for the question as the answer understood it.

        Raises:
            AssistantError: The question, the mode or the depth cannot be used.
        """
        started = time.perf_counter()
        try:
            answer = self._assistant.ask(case.question, case.history, self._mode, self._depth)
        except AssistantError as error:
            if error.exit_code != 1:
                raise
            return no_reply(case, str(error), time.perf_counter() - started)
        seconds = time.perf_counter() - started
        hits = self._assistant.search(answer.standalone_question, RANKING_DEPTH)
        return Reply(answer, tuple(hit.paper.id for hit in hits), seconds)


def no_reply(case: Case, failure: str, seconds: float | None = None) -> Reply:
    """The reply of a system that failed: it found nothing, and did not say that there is nothing."""
    answer = Answer(
        question=case.question, standalone_question=case.question, kind="none", mode="offline", model=None, text="",
        abstained=False, reason=None, claims=(), citations=(), near_misses=(), coverage=Coverage(0, 0, 0, 0),
    )  # fmt: skip
    return Reply(answer, (), seconds, failure)
