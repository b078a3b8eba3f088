"""The chain's stages that need judgement, done without a language model: rules, fitted weights, verbatim sentences."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from assistant.compose import Draft, Notices, compose, digest_notice
from assistant.pile import Ground
from assistant.records import Coverage, Depth, PaperHit, Query, Stage, Token, Usage, Verdict
from assistant.understand import asks_of_sources, says_not, understand

CANDIDATES: Mapping[Depth, int | None] = {"quick": 50, "thorough": 150, "exhaustive": None}
"""Papers to judge; None for every paper of the library."""


@dataclass(frozen=True, slots=True)
class OfflineReasoner:
    """Answers from the papers by themselves; see `assistant.ask.Reasoner`."""

    ground: Ground
    depth: Depth
    fallback: str | None = None
    """Why a language model that was wanted took no part."""
    spent: Usage = field(default_factory=Usage)
    """What was asked of it all the same."""
    mode: Literal["offline"] = "offline"
    model: None = None

    def understand(self, question: str, turns: Sequence[Mapping[str, str]]) -> Query:
        """Reads the question by its words."""
        return understand(question, turns)

    def find(self, query: Query) -> tuple[PaperHit, ...]:
        """Ranks candidates."""
        return self.ground.find(query, CANDIDATES[self.depth] or max(1, self.ground.about.papers))

    def judge(self, query: Query, hits: Sequence[PaperHit]) -> Generator[Stage, None, Verdict]:
        """Judges them all at once."""
        yield Stage("judge", f"{len(hits)} of {self.ground.about.papers} papers", 0, len(hits))
        return self.ground.judge(query, hits)

    def write(self, query: Query, verdict: Verdict, coverage: Coverage) -> Generator[Stage | Token, None, Draft]:
        """Puts the answer together from verbatim sentences."""
        yield Stage("write", "from verbatim sentences")
        notices: Notices = {"notice_fallback": {"why": self.fallback}} if self.fallback else {}
        notices |= {"notice_extractive": {}} | digest_notice(verdict) | self.ground.about.notices
        notices |= {"notice_not_read": {}} if says_not(query) else {}
        notices |= {"notice_filter_instead": {}} if asks_of_sources(query) else {}
        draft = compose(query.kind, verdict, coverage, notices)
        yield from map(Token, draft.text.splitlines(keepends=True))
        return draft

    def usage(self) -> Usage:
        """What was asked of a model in vain."""
        return self.spent
