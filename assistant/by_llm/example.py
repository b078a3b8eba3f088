"""Name -> rendered prompt: what a model is sent, shown on a question and papers of a library, for people to read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import Template

from assistant.by_llm import contradict, judge, verify, write
from assistant.by_llm.sheets import Sheet, sheets
from assistant.records import Query
from assistant.retrieve import retrieve
from assistant.understand import understand
from ingest import Library
from prompts import names, render, source

_PAPERS = 2


def rendered(library: Library, name: str, question: str) -> str:
    """The text of prompts/NAME.md, its fields filled as for `question`; in those for people, by their names."""
    query = understand(question)
    fields = {name: f"<{name}>" for name in Template(source(name)).get_identifiers()}
    if name in EXAMPLES:
        shown = tuple(sheets(library, retrieve(library, query, _PAPERS)))
        fields |= EXAMPLES[name](query, shown)
    return render(name, **fields)


def stages() -> tuple[str, ...]:
    """The names of the prompts that a model is sent."""
    return tuple(name for name in names() if name in EXAMPLES or name == "rules")


def _papers(query: Query, shown: Sequence[Sheet]) -> dict[str, str]:
    return judge.fields(query, "\n\n".join(sheet.text for sheet in shown))


def _claims(query: Query, shown: Sequence[Sheet]) -> dict[str, str]:
    del query
    lines = [
        write.Line(sheet.key, sheet.quotes[-1].text, (write.Reference(sheet, sheet.quotes[-1]),)) for sheet in shown
    ]
    return {"claims": verify.claims(lines)}


def _table(query: Query, shown: Sequence[Sheet]) -> dict[str, str]:
    return {"question": query.text, "columns": "1. method\n2. headline result"} | {
        "papers": "\n\n".join(sheet.text for sheet in shown)
    }


EXAMPLES: dict[str, Callable[[Query, Sequence[Sheet]], dict[str, str]]] = {
    "understand": lambda query, _: {"history": "(none)", "question": query.text},
    "judge": _papers,
    "answer": _papers,
    "answer_list": _papers,
    "verify": _claims,
    "table": _table,
    "contradict": lambda query, shown: contradict.fields(query.text, [shown[0].quotes[-1].text], shown[1:]),
}
