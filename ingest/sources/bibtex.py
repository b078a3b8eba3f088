"""Page -> Papers: BibTeX and BibLaTeX (ACL Anthology, Zotero, reference managers), parsed entry by entry."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping

from bibtexparser.entrypoint import parse_string
from bibtexparser.model import Entry, String

from ingest.errors import PageUnreadable
from ingest.records import Page, Paper, Rejection, Source, Warned
from ingest.sources.fields import paper_of
from ingest.sources.whole import opening
from ingest.tex import text_of

MAX_ENTRY_CHARS = 1_000_000
MAX_NAME_CHARS = 500

_OPENS = re.compile(r"\s*@\s*(\w+)\s*[{(]")
_OTHER = re.compile(r"(?i)comment|preamble")

# It prints each broken entry; we tell it as a rejection.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)


def recognises(page: Page) -> bool:
    """Whether an entry opens, and nothing but comments stands before it."""
    found = re.search(r"(?m)^\s*@\s*(\w+)\s*[{(]", opening(page))
    if found is None:
        return False
    before = opening(page)[: found.start()]
    return all(not line.strip() or line.lstrip().startswith("%") for line in before.splitlines())


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields a paper or a rejection for each entry; an entry that is broken takes no other with it."""
    macros: dict[str, str] = {}
    for line, kind, text in _blocks(page):
        where = f"{page.origin}:{line}"
        blocks = parse_string(text).blocks
        entry = next((block for block in blocks if isinstance(block, Entry)), None)
        if entry is not None:
            yield paper_of(_record(entry, macros), Source(page.origin, line, ""), page.columns)
        elif isinstance(blocks[0] if blocks else None, String):
            macros[blocks[0].key.lower()] = blocks[0].value  # type: ignore[attr-defined]  # a String has both
        elif not _OTHER.fullmatch(kind):
            yield Rejection(where, f"a broken BibTeX entry: {text.splitlines()[0][:60]!r}")


def _blocks(page: Page) -> Iterator[tuple[int, str, str]]:
    """Each entry's first line, kind and text. An entry ends where a line opens the next."""
    line, kind, texts, size = 0, "", list[str](), 0
    for here in page.lines:
        opened = _OPENS.match(here.text)
        if opened or here.fault:
            if kind:
                yield line, kind, "\n".join(texts)
            line, kind, texts, size = here.number, opened[1] if opened else "", [], 0
        if here.fault:
            raise PageUnreadable(f"line {here.number}: {here.fault}")
        texts.append(here.text)
        size += len(here.text)
        if size > MAX_ENTRY_CHARS:
            kind, texts, size = "", [], 0
    if kind:
        yield line, kind, "\n".join(texts)


def _record(entry: Entry, macros: Mapping[str, str]) -> dict[str, object]:
    raw = {name.lower(): _value(field.value, macros) for name, field in entry.fields_dict.items()}
    fields: dict[str, object] = {
        name: raw[name] if name in ("url", "doi", "eprint", "pdf") else text_of(raw[name]) for name in raw
    }
    named = [name.strip() for name in _parted(" ".join(raw.get("author", "").split()), " and ")]
    fields["authors"] = [_name(name) for name in filter(None, named[:-1] if named[-1] == "others" else named)]
    if "arxiv" not in (raw.get("archiveprefix", "") + raw.get("eprinttype", "")).lower():
        fields.pop("eprint", None)
    for surplus in ("id", "key", "author", "category", "code"):
        fields.pop(surplus, None)
    return {name: value for name, value in fields.items() if value}


def _value(value: object, macros: Mapping[str, str]) -> str:
    """A field's text; macros, alone or joined by #, in full."""
    text = str(value)
    if text.lower() in macros:
        return macros[text.lower()]
    parts = [part.strip() for part in text.split(" # ")]
    if any(part.lower() in macros for part in parts):
        return "".join(macros.get(part.lower(), part.strip('"{}')) for part in parts)
    return text


def _name(name: str) -> str:
    """`Doe, Jane` and `Doe, Jr, Jane` as `Jane Doe Jr`; what stands in braces is a name as it is."""
    parts = [text_of(part).strip() for part in _parted(name[:MAX_NAME_CHARS], ",")]
    if len(parts) == 1:
        return parts[0]
    return " ".join(filter(None, [parts[-1], parts[0], *parts[1:-1]]))


def _parted(text: str, separator: str) -> list[str]:
    """The parts of `text` between separators that stand in no braces."""
    parts, start, depth = list[str](), 0, 0
    for found in re.finditer(rf"[{{}}]|{separator}", text):
        if found[0] in "{}":
            depth = max(0, depth + (1 if found[0] == "{" else -1))
        elif not depth:
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]
