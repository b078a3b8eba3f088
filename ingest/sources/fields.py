"""Record -> Paper: guesses which field of a record is the title, the abstract and so on, by its name.

A record is a row of a table or an object of JSON. What a user says (`Page.columns`) goes before any guess.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from ingest.clean import is_link, stored
from ingest.errors import BadColumn
from ingest.records import Paper, Rejection, Source
from ingest.sources.paper import Metadata, make_paper

NAMES: Mapping[str, tuple[str, ...]] = {
    "title": ("title", "papertitle", "articletitle", "documenttitle", "primarytitle"),
    "abstract": ("abstract", "text", "summary", "abstractnote", "paperabstract", "abstracttext"),
    "digest": ("digest",),
    "id": ("id", "paperid"),
    "authors": ("authors", "author", "authornames", "authorfullnames", "creators"),
    "year": ("year", "publicationyear", "pubyear", "publicationdate", "published", "publishedat", "date", "issued"),
    "venue": (
        "venue", "journal", "journalref", "booktitle", "publicationtitle", "sourcetitle", "containertitle",
        "conference",
    ),
    "categories": ("categories", "category", "subjects", "primarycategory"),
    "arxiv": ("arxiv", "arxivid", "eprint"),
    "doi": ("doi",),
    "url": ("url", "link", "paperurl", "paperlink"),
    "code": ("code", "codeurl", "codelink", "github", "githubrepo", "repository", "repo"),
}  # fmt: skip
"""What other people call our fields, in lower case without anything but letters and digits, the likeliest first."""

_YEAR = re.compile(r"([12]\d{3})(?:\.0|[-/]\d\d?\b.*)?", re.ASCII)
"""2021, 2021.0, 2021-05, 2021/5 or 2021-05-01, with or without a time."""

_FULL_NAME = re.compile(r"[^\W\d_a-z]\S*(?: \S+)*? (?!(?:[A-Z][.-]*){1,3}\Z)\S+")
"""Two words or more, the last of them no initials; what begins with a particle (van der Berg) may be a family name."""


def paper_of(record: Mapping[str, object], source: Source, columns: Mapping[str, str]) -> Paper | Rejection:
    """The paper that `record` tells of, or why it tells of none.

    Args:
        record: Names to values of any kind; only text, numbers and lists of text are looked at.
        source: Where it stands; its title may be empty.
        columns: Our name to the record's name, where a user said so.
    """
    fields = _named(record, columns)
    own = _text(fields, "abstract")
    title, abstract = _text(fields, "title") or "", own or _text(fields, "digest") or ""
    if not (title and abstract):
        return make_paper(source, title, abstract)  # which tells what is missing
    authors = names(_first(fields, "authors"))
    url = stored(_text(fields, "url") or "")
    told = Metadata(
        id=next(filter(None, map(word, fields["id"])), None),
        authors=authors,
        year=next(filter(None, map(year, fields["year"])), None),
        venue=_text(fields, "venue"),
        categories=categories(_first(fields, "categories")),
        arxiv=_text(fields, "arxiv"),
        doi=_text(fields, "doi"),
        url=url if is_link(url) else None,
        code_urls=tuple(filter(None, [_text(fields, "code")])),
        digest=own is None,
    )
    return make_paper(source, title, abstract, told)


def read_columns(told: Iterable[str]) -> dict[str, str]:
    """Our names to a record's names, from texts such as `title=Name`.

    Raises:
        BadColumn: One is not of that form, or names no field of ours.
    """
    columns = {}
    for text in told:
        ours, equals, theirs = text.partition("=")
        if ours.strip() not in NAMES or not equals or not theirs.strip():
            raise BadColumn(text, tuple(NAMES))
        columns[ours.strip()] = theirs.strip()
    return columns


def could_be_records(header: Collection[str], columns: Mapping[str, str]) -> bool:
    """Whether fields of these names can tell of papers: one is a title, one an abstract or a digest."""
    fields = _named(dict.fromkeys(header, ""), columns)
    return bool(fields["title"] and (fields["abstract"] or fields["digest"]))


def year(value: object) -> int | None:
    """The year that a number, a date or a text of either says, or None."""
    found = _YEAR.fullmatch(str(value) if isinstance(value, float) else word(value) or "")
    return int(found[1]) if found else None


def word(value: object) -> str | None:
    """A name or number as text, or None where there is none to see."""
    return (stored(str(value)) or None) if isinstance(value, str | int) and not isinstance(value, bool) else None


def names(value: object) -> tuple[str, ...]:
    """Authors, from a list of names or of {"name": ...}, or from one text.

    In a text ";" or "and" parts them; where it is ";" the family name may come first: `Doe, Jane; Roe, R.`. Else
    commas part them too, if only full names stand between them: `Jane Doe, Max Roe and Ada Poe`, not `Doe, Jane`.
    """
    if isinstance(value, str):
        parts = tuple(filter(None, map(str.strip, re.split(";| and ", " ".join(value.split())))))
        return tuple(map(turned, parts)) if ";" in value else _parted(parts)
    several = value if isinstance(value, list | tuple) else []
    told = (item.get("name") if isinstance(item, dict) else item for item in several)
    return tuple(name for name in told if isinstance(name, str))


def _parted(names: tuple[str, ...]) -> tuple[str, ...]:
    """`names`, or what commas part them into where no comma can stand between a family name and given names.

    In `Garcia Marquez, Gabriel Jose and van der Berg, Maria Anna` each has one, so also the last of several.
    """
    each = [[part.strip() for part in name.rstrip(", ").split(",")] for name in names]
    family_first = len(each) > 1 and len(each[-1]) > 1
    if family_first or not all(_FULL_NAME.fullmatch(part) for parts in each if len(parts) > 1 for part in parts):
        return names
    return tuple(part for parts in each for part in parts)


def turned(name: str) -> str:
    """`Doe, Jane` as `Jane Doe`; a name without a comma as it is."""
    return " ".join(reversed([part.strip() for part in name.split(",", 1)]))


def categories(value: object) -> tuple[str, ...]:
    """Subjects, from a list or from one text in which semicolons, commas or spaces part them."""
    if isinstance(value, str):
        parts = re.split("[;,]", value) if re.search("[;,]", value) else value.split()
        return tuple(filter(None, map(str.strip, parts)))
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()


def _named(record: Mapping[str, object], columns: Mapping[str, str]) -> dict[str, list[object]]:
    """Our names to the values that a record may hold under them, the likeliest first."""
    meant = [(meaning, value) for name, value in record.items() if (meaning := _meaning(name))]
    guessed: dict[str, list[object]] = {ours: [] for ours in NAMES}
    for (ours, _), value in sorted(meant, key=lambda each: each[0][1]):
        guessed[ours].append(value)
    return guessed | {ours: [record[theirs]] for ours, theirs in columns.items() if theirs in record}


@lru_cache(10_000)
def _meaning(name: str) -> tuple[str, int] | None:
    """Which of our names another's name stands for, and how unlikely that is, from 0."""
    squashed = re.sub(r"[\W_]+", "", name.casefold())
    return next(((ours, names.index(squashed)) for ours, names in NAMES.items() if squashed in names), None)


def _first(fields: Mapping[str, list[object]], name: str) -> object:
    return next(iter(_seen(fields, name)), None)


def _text(fields: Mapping[str, list[object]], name: str) -> str | None:
    return next((value for value in _seen(fields, name) if isinstance(value, str)), None)


def _seen(fields: Mapping[str, list[object]], name: str) -> Iterator[object]:
    return (value for value in fields[name] if not (isinstance(value, str) and not value.strip()))
