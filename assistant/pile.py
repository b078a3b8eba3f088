"""Library, filter -> Pile: the papers that a question is put to, and all that an answer takes from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self

from assistant.by_llm.find import widened
from assistant.by_llm.proof import near
from assistant.compose import Notices
from assistant.errors import BadOption
from assistant.judge import judge
from assistant.records import Judgement, PaperHit, Query, Verdict
from assistant.rerank import RERANKED, Reranker, judged, reranked
from assistant.support import support
from ingest import Library, Passage
from ingest.where import Filter, parse


@dataclass(frozen=True, slots=True)
class About:
    """What an answer says of the papers that were asked."""

    papers: int
    """How many there are."""
    notices: Notices
    """What the reader should know of the filter."""
    where: str | None
    """The filter; None for all papers."""
    library: Mapping[str, str]
    """For the answer's trace."""


class Ground(Protocol):
    """Papers, as an answer needs them: `Pile` has a library behind it, `transcript.Told` what one told before."""

    @property
    def about(self) -> About:
        """What an answer says of them."""

    def find(self, query: Query, k: int) -> tuple[PaperHit, ...]:
        """The best `k` for `query` and for its other phrasings, best first."""

    def passages(self, ids: Iterable[str]) -> Mapping[str, tuple[Passage, ...]]:
        """The sentences of these papers."""

    def judge(self, query: Query, hits: Sequence[PaperHit]) -> Verdict:
        """Judges `hits` without a model; see `assistant.judge`."""

    def near(self, query: Query, judgements: Sequence[Judgement]) -> Sequence[bool]:
        """Whether what each judgement rests on has to do with the question; see `by_llm.proof`."""

    def support(self, sentence: str, cited: Sequence[str]) -> float:
        """How well `cited` support `sentence`, in [0, 1]; see `assistant.support`."""


@dataclass(frozen=True, slots=True)
class Pile:
    """A library, or the part of it that a filter lets through."""

    library: Library
    ids: frozenset[str] | None
    """Of its papers; None for all."""
    about: About
    reranker: Reranker | None = None
    """None for the order of the fitted model."""

    @classmethod
    def of(
        cls,
        library: Library,
        where: Filter | str | None,
        among: frozenset[str] | None = None,
        reranker: Reranker | None = None,
    ) -> Self:
        """The papers of `library` that `where` lets through.

        Args:
            library: Open to read.
            where: See `ingest.where`; None lets every paper through.
            among: Ids to which the pile is confined, without a word about it; None for all.
            reranker: Puts the best papers in order; None leaves them in that of the fitted model.

        Raises:
            BadFilter: `where` cannot be read; BadOption: it is no condition at all.
        """
        told = {"papers": str(len(library)), "encoder": library.encoder.name}
        told |= {"reranker": reranker.name} if reranker else {}
        if where is None:
            every = About(len(library) if among is None else len(among), {}, None, told)
            return cls(library, among, every, reranker)
        wanted = parse(where) if isinstance(where, str) else where
        if not isinstance(wanted, Filter):
            raise BadOption("where", where, "a condition such as 'year >= 2023 and has_code', or None")
        matching = library.matching(wanted)
        ids = matching.ids if among is None else matching.ids & among
        counts = {"where": wanted.describe(), "papers": len(matching.ids), "all": len(library)}
        missing = ", ".join(f"{count} without {column}" for column, count in matching.missing.items())
        name = "notice_filter_missing" if missing else "notice_filter"
        notices: Notices = {name: counts | ({"missing": missing} if missing else {})}
        return cls(library, ids, About(len(ids), notices, wanted.describe(), told), reranker)

    def find(self, query: Query, k: int) -> tuple[PaperHit, ...]:
        """See `Ground.find`. A question that leaves something aside is not reranked: see decision 0016."""
        if self.reranker is None or query.excluded:
            return widened(self.library, query, k, self.ids)
        return reranked(self.reranker, query.text, widened(self.library, query, max(k, RERANKED), self.ids))[:k]

    def passages(self, ids: Iterable[str]) -> Mapping[str, tuple[Passage, ...]]:
        """See `Ground.passages`."""
        return self.library.passages(ids)

    def judge(self, query: Query, hits: Sequence[PaperHit]) -> Verdict:
        """See `Ground.judge`."""
        return judged(partial(judge, self.library, query), hits)

    def near(self, query: Query, judgements: Sequence[Judgement]) -> Sequence[bool]:
        """See `Ground.near`."""
        return near(self.library, query, judgements)

    def support(self, sentence: str, cited: Sequence[str]) -> float:
        """See `Ground.support`."""
        return support(self.library, sentence, cited)
