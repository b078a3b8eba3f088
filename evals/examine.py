"""Reply -> Outcome: an answer held against the library's text and the case's nuggets."""

from __future__ import annotations

from assistant import Answer
from assistant.records import Quote
from evals.matcher import Matcher, WordMatcher
from evals.records import Case, Outcome, Reply
from ingest import Library, Paper


class Examiner:
    """Holds replies against one library."""

    def __init__(self, library: Library, matcher: Matcher | None = None) -> None:
        """Judges nuggets by `matcher`; how claims are supported is always judged by words, as there are so many."""
        self._library = library
        self._words = WordMatcher(library)
        self.matcher = matcher or self._words

    def outcome(self, case: Case, relevant: dict[str, int], reply: Reply) -> Outcome:
        """What there is to measure of `reply` to `case`, whose relevant papers have these grades by id."""
        answer = reply.answer
        told = self.matcher.support([nugget.text for nugget in case.nuggets], pieces(answer)) if case.nuggets else ()
        cited = {citation.paper.id for citation in answer.citations}
        missed = tuple(paper.title for paper in self._library.papers(i for i in relevant if i not in cited))
        return Outcome(case, relevant, reply, missed, self._invalid_quotes(answer), told, self._grounded(answer))

    def _invalid_quotes(self, answer: Answer) -> int:
        stored = {paper.id: paper for paper in self._library.papers(c.paper.id for c in answer.citations)}
        return sum(not _stands(q, stored.get(c.paper.id)) for c in answer.citations for q in c.quotes)

    def _grounded(self, answer: Answer) -> tuple[float | None, ...]:
        quoted = {citation.number: " ".join(quote.text for quote in citation.quotes) for citation in answer.citations}
        return tuple(
            self._words.support([claim.text], [quoted[number] for number in claim.citations if number in quoted])[0]
            for claim in answer.claims
        )


def pieces(answer: Answer) -> list[str]:
    """What the answer tells, piece by piece: what it says and quotes of each paper."""
    said: dict[int, list[str]] = {c.number: [quote.text for quote in c.quotes] for c in answer.citations}
    for claim in answer.claims:
        for number in claim.citations or (0,):
            said.setdefault(number, []).append(claim.text)
    return [" ".join(dict.fromkeys(texts)) for _, texts in sorted(said.items())]


def _stands(quote: Quote, paper: Paper | None) -> bool:
    """Whether `quote` is the text of `paper` at its place."""
    if paper is None or not 0 <= quote.start < quote.end:
        return False
    return (paper.title if quote.field == "title" else paper.abstract)[quote.start : quote.end] == quote.text
