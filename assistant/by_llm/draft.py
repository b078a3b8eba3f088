"""Lines -> Draft: the model's supported sentences, numbered and cited, and the papers' own where it gave none.

A list is made of the papers judged to belong in it, whatever the model wrote: one that it left out, or of which it
wrote what is not supported, is shown by its own sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assistant.by_llm.sheets import Sheet
from assistant.by_llm.write import Line
from assistant.compose import Draft, Notices, Wording, escape, nearest
from assistant.records import Citation, CitedPaper, Claim, Coverage, Judgement, Quote, Removed, Verdict


@dataclass(frozen=True, slots=True)
class Supported:
    """A line of the answer and how well what it cites supports it, in [0, 1]."""

    line: Line
    support: float


@dataclass(slots=True)
class Numbering:
    """Papers by first use in the text, from 1, with the sentences cited of each."""

    quotes: dict[int, dict[Quote, None]] = field(default_factory=dict)
    """By key of the sheet, in order of first use."""

    def cite(self, key: int, quotes: Sequence[Quote]) -> int:
        """The number of a paper, now cited for `quotes`."""
        self.quotes.setdefault(key, {}).update(dict.fromkeys(quotes))
        return list(self.quotes).index(key) + 1

    def numbers(self, line: Line) -> tuple[int, ...]:
        """The numbers of the papers that `line` cites."""
        return tuple(dict.fromkeys(self.cite(each.sheet.key, [each.quote]) for each in line.references))


def prose(line: Line, numbering: Numbering) -> str:
    """The line as Markdown with its markers."""
    markers = "".join(f" [{number}]" for number in numbering.numbers(line))
    if line.is_row:
        return escape(line.text.rstrip("| ")) + markers + " |"
    return escape(line.text) + markers


def item(sheet: Sheet, said: Supported | None, quotes: Sequence[Quote], numbering: Numbering, wording: Wording) -> str:
    """A paper of a list as Markdown: what the model says of it, else its own sentences."""
    title = escape(sheet.paper.title)
    if said:
        return wording("item_said", title=title, said=prose(said.line, numbering))
    number = numbering.cite(sheet.key, quotes)
    own = (wording("quote", quote=escape(quote.text), number=number) for quote in quotes)
    return wording("item", title=title, quotes="\n".join(f"  {quote}" for quote in own))


@dataclass(frozen=True, slots=True)
class Parts:
    """What a draft is made of."""

    sheets: Mapping[str, Sheet]
    """By paper id."""
    verdict: Verdict
    coverage: Coverage
    lines: Sequence[Supported]
    notices: Notices
    removed: Removed


def as_list(parts: Parts) -> Draft:
    """An item for each paper that belongs, best first."""
    wording, numbering = Wording(), Numbering()
    said = {_subject(each.line): each for each in reversed(parts.lines)}
    items, claims = [], []
    for judgement in parts.verdict.judgements:
        if not judgement.satisfied:
            continue
        sheet = parts.sheets[judgement.paper.id]
        own = said.get(sheet.key)
        items.append(item(sheet, own, judgement.quotes, numbering, wording))
        number = numbering.cite(sheet.key, judgement.quotes)
        told = [(own.line.text, own.support)] if own else [(quote.text, 1.0) for quote in judgement.quotes]
        claims += [Claim(text, (number,), support) for text, support in told]
    counts = {"found": len(items), "papers": parts.coverage.papers, "judged": parts.coverage.judged}
    return _draft(parts, wording, numbering, wording("list", items="\n".join(items), **counts), claims)


def as_prose(parts: Parts) -> Draft:
    """The lines as a paragraph, and as a table where they are rows of one."""
    numbering, text, claims = Numbering(), "", list[Claim]()
    previous: Line | None = None
    for each in parts.lines:
        written = prose(each.line, numbering)
        if not each.line.is_row:
            text += (" " if previous and not previous.is_row else "\n\n") + written
        elif previous and previous.is_row:
            text += "\n" + written
        else:
            text += f"\n\n{written}\n{'|'.join(['', *_columns(each.line), ''])}"
        previous = each.line
        if each.line.references:
            claims.append(Claim(each.line.text, numbering.numbers(each.line), each.support))
    return _draft(parts, Wording(), numbering, text.strip(), claims)


def _subject(line: Line) -> int | None:
    """The paper that a line of a list is about, by key: the one it names, else the only one it cites."""
    cited = {reference.sheet.key for reference in line.references}
    return line.about if line.about is not None or len(cited) != 1 else cited.pop()


def _columns(header: Line) -> list[str]:
    return [" --- "] * (header.text.strip("| ").count("|") + 1)


def _draft(parts: Parts, wording: Wording, numbering: Numbering, text: str, claims: Sequence[Claim]) -> Draft:
    told = wording.told(parts.notices)
    shown = "\n\n".join([text, *(wording("notice", notice=notice) for notice in told)])
    judgements = {judgement.paper.id: judgement for judgement in parts.verdict.judgements}
    keys = {sheet.key: sheet for sheet in parts.sheets.values()}
    citations = tuple(
        _citation(number, judgements[keys[key].paper.id], tuple(quotes))
        for number, (key, quotes) in enumerate(numbering.quotes.items(), start=1)
    )
    near = nearest(parts.verdict.judgements)
    return Draft(shown, tuple(claims), citations, near, None, told, wording.used, parts.verdict, parts.removed)


def _citation(number: int, judgement: Judgement, quotes: tuple[Quote, ...]) -> Citation:
    paper = CitedPaper.of(judgement.paper)
    return Citation(number, paper, judgement.relevance, judgement.role, quotes)
