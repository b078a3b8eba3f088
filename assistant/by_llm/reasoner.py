"""The chain's stages that need judgement, done by a language model, each within its share of the tokens."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Literal, Self

from assistant.by_llm import audit
from assistant.by_llm.asker import Asker
from assistant.by_llm.draft import Numbering, Parts, Supported, as_list, as_prose, item, prose
from assistant.by_llm.judge import Judged, after_reading, judge
from assistant.by_llm.judge import overhead_tokens as judging_overhead
from assistant.by_llm.sheets import Sheet, excerpt, packed, sheets
from assistant.by_llm.understand import understand
from assistant.by_llm.verify import verify
from assistant.by_llm.write import Dropped, Line, write
from assistant.by_llm.write import overhead_tokens as writing_overhead
from assistant.compose import Draft, Notices, Wording, compose, digest_notice
from assistant.judge import off_topic
from assistant.llm.meter import Meter
from assistant.llm.records import Chat, ChatFailed
from assistant.pile import Ground
from assistant.records import (
    Coverage,
    Depth,
    Judgement,
    PaperHit,
    Query,
    ReasonKind,
    Removed,
    Stage,
    Token,
    Usage,
    Verdict,
)
from assistant.understand import understand as read_offline

JUDGE_TOKENS = 35_000
"""Prompt tokens of all judging of a thorough answer: some 100 abstracts."""
QUICK_TOKENS = 5_800
"""Prompt tokens of a quick answer: some 16 abstracts."""
ANSWER_TOKENS = 5_000
"""Tokens of the papers that an answer is written from."""
LAST = 10
"""Papers ranked last, which tell how likely those are that were not ranked."""
AUDITED = 10
"""Papers that the audit reads."""
CANDIDATES = 150

SUPPORTED_ALONE = 0.3
"""Least support of a sentence that only the offline check has read."""
SUPPORTED_BESIDE = 0.05
"""Least support of a sentence that the model, too, has read against its sources."""

_IN_PASSING = "mentions"
"""Papers that only mention a thing come after those that deal with it."""


@dataclass(slots=True)
class ModelReasoner:
    """Answers one question with a language model; see `assistant.ask.Reasoner`."""

    ground: Ground
    asker: Asker
    depth: Depth
    at_once: int
    """Calls at a time."""
    mode: Literal["llm"] = "llm"
    _sheets: tuple[Sheet, ...] = ()
    _dropped: Dropped = field(default_factory=Dropped)
    _notices: Notices = field(default_factory=dict)

    @classmethod
    def over(cls, ground: Ground, chat: Chat, depth: Depth, at_once: int) -> Self:
        """For one question over `ground`."""
        return cls(ground, Asker(chat, Meter()), depth, at_once)

    @property
    def model(self) -> str:
        """The model's name."""
        return self.asker.chat.model

    def understand(self, question: str, turns: Sequence[Mapping[str, str]]) -> Query:
        """Asks the model, except in a quick answer, which reads the question by its words."""
        return read_offline(question, turns) if self.depth == "quick" else understand(self.asker, question, turns)

    def find(self, query: Query) -> tuple[PaperHit, ...]:
        """Ranks candidates for the question and for its other phrasings."""
        if self.depth == "exhaustive":
            return self.ground.find(replace(query, alternatives=()), max(1, self.ground.about.papers))
        return self.ground.find(query, CANDIDATES)

    def judge(self, query: Query, hits: Sequence[PaperHit]) -> Generator[Stage, None, Verdict]:
        """Has papers judged; those of a quick answer are judged while it is written."""
        if self.depth == "quick":
            self._sheets = packed(sheets(self.ground, hits), QUICK_TOKENS - writing_overhead(query))
            return Verdict(tuple(map(_unread, self._sheets)), None if self._sheets else "nothing_found")
        every = tuple(sheets(self.ground, hits))
        if not hits or off_topic(hits):
            return Verdict((), "off_topic" if hits else "nothing_found")
        chosen, audited = self._chosen(query, every)
        self._sheets = tuple(sorted({*chosen, *audited}, key=lambda sheet: sheet.key))
        judged = yield from judge(self.asker, query, self._sheets, self.at_once)
        self._dropped.unknown_keys += judged.unknown_keys
        read = len(judged.judgements)
        if read < len(self._sheets):
            self._notices["notice_unjudged"] = {"count": len(self._sheets) - read}
        proved = self._proved(query, judged)
        verdict = Verdict(proved, _no_answer(query, proved))
        return verdict if verdict.abstained_because else self._estimated(verdict, query, every)

    def write(self, query: Query, verdict: Verdict, coverage: Coverage) -> Generator[Stage | Token, None, Draft]:
        """Has the answer written and checked, and puts it together."""
        if verdict.abstained_because:
            yield Stage("write", "an honest no")
            return self._no(query, verdict, coverage)
        yield Stage("write", self.model)
        lines = yield from self._streamed(query, verdict)
        if not any(each.line.references for each in lines) and (query.kind != "list" or self.depth == "quick"):
            if self._dropped.not_stated:
                return self._no(query, replace(verdict, abstained_because="not_stated"), coverage)
            raise ChatFailed("nonsense", "no sentence of its answer is borne out by a sentence that it cites")
        if self.depth != "quick":
            yield Stage("verify", f"{len(lines)} sentences")
            lines = self._verified(lines)
        return self._draft(query, verdict, coverage, lines)

    def usage(self) -> Usage:
        """What was asked so far."""
        return self.asker.meter.usage()

    def _chosen(self, query: Query, every: Sequence[Sheet]) -> tuple[tuple[Sheet, ...], list[Sheet]]:
        """The papers to judge, best first, and those that the audit draws from the others."""
        if self.depth == "exhaustive":
            return tuple(every), []
        mean = sum(sheet.tokens for sheet in every) / max(len(every), 1)
        calls = max(1, JUDGE_TOKENS // (judging_overhead(query) + 3_300))
        room = JUDGE_TOKENS - calls * judging_overhead(query)
        chosen = packed(every, int(room - AUDITED * mean))
        others = every[len(chosen) :]
        return chosen, audit.draw(others, [sheet.hit.similarity for sheet in others], AUDITED, query.text)

    def _proved(self, query: Query, judged: Judged) -> tuple[Judgement, ...]:
        """The judgements, best first; a paper whose named sentences have nothing to do with the question is out."""
        held = self.ground.near(query, judged.judgements)
        kept = []
        for judgement, close in zip(judged.judgements, held, strict=True):
            if judgement.satisfied and not close:
                self._dropped.unsupported += 1
                judgement = replace(judgement, satisfied=False, lacks=None, role=None)  # noqa: PLW2901
            kept.append(judgement)
        order = sorted(
            kept, key=lambda j: (not j.satisfied, j.role == _IN_PASSING, j.lacks is None, -j.relevance, j.paper.id)
        )
        return tuple(_explained(order, query))

    def _estimated(self, verdict: Verdict, query: Query, every: Sequence[Sheet]) -> Verdict:
        """The verdict with its recall: what was read last, and the audit, tell how far the others can be believed."""
        read = {sheet.key for sheet in self._sheets}
        unread = [sheet.hit.similarity for sheet in every if sheet.key not in read]
        unread += [median(sheet.hit.similarity for sheet in every[-LAST:])] * (self.ground.about.papers - len(every))
        late = {sheet.paper.id: sheet.hit.similarity for sheet in self._sheets[len(self._sheets) // 2 :]}
        relevant = [judgement.paper.id for judgement in verdict.judgements if judgement.satisfied]
        found = sum(paper_id in late for paper_id in relevant)
        recall = audit.estimate(len(relevant), sum(unread), audit.Evidence(sum(late.values()), found), query.text)
        return replace(verdict, estimated_recall=recall)

    def _streamed(self, query: Query, verdict: Verdict) -> Generator[Token, None, list[Supported]]:
        """Yields the answer as it comes, as far as the offline check lets it pass."""
        least = SUPPORTED_ALONE if self.depth == "quick" else SUPPORTED_BESIDE
        numbering, wording = Numbering(), Wording()
        lines: list[Supported] = []
        for line in write(self.asker, query, self._to_write(verdict), self._dropped):
            said = Supported(line, self._support(line))
            strays = query.kind == "list" and not line.references  # a row of a table that nobody asked for
            if said.support < least or strays:
                self._dropped.unsupported += 1
                continue
            lines.append(said)
            if query.kind == "list":
                yield Token(item(line.references[0].sheet, said, (), numbering, wording) + "\n")
            else:
                yield Token(prose(line, numbering) + ("\n" if line.is_row else " "))
        return lines

    def _support(self, line: Line) -> float:
        if line.is_row and not line.references:
            return 1.0
        titles = dict.fromkeys(reference.sheet.paper.title for reference in line.references)
        return self.ground.support(line.text, (*titles, *(reference.quote.text for reference in line.references)))

    def _to_write(self, verdict: Verdict) -> tuple[Sheet, ...]:
        """The papers that the answer is written from, whole if there is room, else the sentences that show it."""
        if self.depth == "quick":
            return self._sheets
        by_id = {sheet.paper.id: sheet for sheet in self._sheets}
        chosen = [(by_id[j.paper.id], j.quotes) for j in verdict.judgements if j.satisfied]
        if sum(sheet.tokens for sheet, _ in chosen) <= ANSWER_TOKENS:
            return tuple(sheet for sheet, _ in chosen)
        return packed((excerpt(sheet, quotes) for sheet, quotes in chosen), ANSWER_TOKENS)

    def _verified(self, lines: Sequence[Supported]) -> list[Supported]:
        """The lines that the model, reading them against their sources, finds supported."""
        cites = [bool(each.line.references) for each in lines]
        try:
            told = verify(self.asker, [each.line for each in lines]) if any(cites) else {}
        except ChatFailed:
            told = {}
        kept = [
            each
            for place, each in enumerate(lines)
            if not cites[place] or told.get(place, each.support >= SUPPORTED_ALONE)
        ]
        self._dropped.unsupported += len(lines) - len(kept)
        return kept

    def _draft(
        self, query: Query, verdict: Verdict, coverage: Coverage, lines: Sequence[Supported]
    ) -> Draft:  # fmt: skip
        cited = {reference.sheet.paper.id for each in lines for reference in each.line.references}
        if self.depth == "quick":
            read = (_read(judgement, cited=judgement.paper.id in cited) for judgement in verdict.judgements)
            verdict = Verdict(tuple(read), None)
        if query.kind != "list" and not cited:
            self._notices["notice_own_words"] = {}
            return self._composed(query, verdict, coverage)
        parts = Parts(
            {sheet.paper.id: sheet for sheet in self._sheets}, verdict, coverage, lines,
            self._all_notices(verdict, coverage), self._removed(),
        )  # fmt: skip
        draft = as_list(parts) if query.kind == "list" else as_prose(parts)
        return replace(draft, prompts={**draft.prompts, **self.asker.prompts})

    def _no(self, query: Query, verdict: Verdict, coverage: Coverage) -> Draft:
        unsaid = (replace(judgement, satisfied=False) for judgement in verdict.judgements)
        return self._composed(query, replace(verdict, judgements=tuple(_explained(unsaid, query))), coverage)

    def _composed(self, query: Query, verdict: Verdict, coverage: Coverage) -> Draft:
        """The draft that verbatim sentences make."""
        draft = compose(query.kind, verdict, coverage, self._all_notices(verdict, coverage))
        return replace(draft, removed=self._removed(), prompts={**draft.prompts, **self.asker.prompts})

    def _all_notices(self, verdict: Verdict, coverage: Coverage) -> Notices:
        first: Notices = {"notice_llm": {"model": self.model, "judged": coverage.judged}}
        removed: Notices = (
            {"notice_removed": {"count": self._dropped.unsupported}} if self._dropped.unsupported else {}
        )  # fmt: skip
        return first | digest_notice(verdict) | self.ground.about.notices | self._notices | removed

    def _removed(self) -> Removed:
        return Removed(unknown_keys=self._dropped.unknown_keys, unsupported_claims=self._dropped.unsupported)


def _unread(sheet: Sheet) -> Judgement:
    """A paper that the writing of a quick answer is to judge."""
    hit = sheet.hit
    return Judgement(hit.paper, hit.similarity, satisfied=True, quotes=hit.evidence, role=None, lacks=None)


def _read(judgement: Judgement, *, cited: bool) -> Judgement:
    return replace(judgement, satisfied=cited, relevance=after_reading(judgement.relevance, satisfied=cited))


def _explained(judgements: Iterator[Judgement] | Sequence[Judgement], query: Query) -> Iterator[Judgement]:
    """`judgements`, the first of the rejected ones told apart by what they lack where the model did not say."""
    lacks = f"does not show: {query.criteria[0]}" if query.criteria else "does not say it"
    unexplained = 3
    for judgement in judgements:
        if not judgement.satisfied and judgement.lacks is None and unexplained:
            unexplained -= 1
            yield replace(judgement, lacks=lacks)
        else:
            yield judgement


def _no_answer(query: Query, judgements: Sequence[Judgement]) -> ReasonKind | None:
    if any(judgement.satisfied for judgement in judgements):
        return None
    return "not_stated" if query.kind == "fact" else "nothing_found"
