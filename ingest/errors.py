"""What can go wrong between a page and the library. Each message says what, which, and what to do next."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.clean import stored
from ingest.records import Rejection

MAX_WHY_CHARS = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class IngestError(Exception):
    """Base of this package's errors. `exit_code`: 2 for input a user can mend, 1 for a reason outside."""

    exit_code = 2


class BadSetting(IngestError):
    """A flag or environment variable has a value that cannot be used."""

    def __init__(self, name: str, variable: str, value: object, why: str) -> None:
        self.name, self.variable, self.value, self.why = name, variable, value, why
        super().__init__(f"setting {name} ({variable}) is {value!r}: {why}")


class SourceMissing(IngestError):
    """A path to ingest does not exist or cannot be opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"no such file or folder: {str(path)!r}; expected a saved page, a .jsonl file or a folder of them"
        )


class UnknownFormat(IngestError):
    """`format` names no reader."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name, self.known = name, known
        super().__init__(f"unknown format {name!r}; expected one of: {', '.join(known)}")


class NothingReadable(IngestError):
    """No paper could be read from anything that was given."""

    def __init__(self, given: str, rejections: tuple[Rejection, ...]) -> None:
        self.rejections = rejections
        first = f"; first of {len(rejections)}: {rejections[0].where}: {rejections[0].why}" if rejections else ""
        super().__init__(
            f"no paper found in {given}{first}; expected saved paper pages (.txt) or .jsonl with title and abstract,"
            " or a format that `whichpapers ingest --help` names"
        )


class RecordsRejected(IngestError):
    """Under `strict`, something was rejected; what could be read is in the library."""

    def __init__(self, rejections: tuple[Rejection, ...]) -> None:
        self.rejections = rejections
        first = rejections[0]
        super().__init__(f"{len(rejections)} rejected under --strict, first: {first.where}: {first.why}")


class LibraryMissing(IngestError):
    """There is no library at this path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"no library at {str(path)!r}; fill one with: whichpapers ingest PATH --library {path}"
            f" (or, to try it: whichpapers ingest --sample --library {path})"
        )


class LibraryEmpty(IngestError):
    """The library holds no paper."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"the library at {str(path)!r} is empty; fill it with: whichpapers ingest PATH --library {path}"
        )


class LibraryClosed(IngestError):
    """The library was closed, and is asked all the same."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"the library at {str(path)!r} was closed; ask it before, or open it anew")


class LibraryUnreadable(IngestError):
    """The folder holds a library that this version cannot read."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"cannot read the library at {str(path)!r}: {why}")


class LibraryReadOnly(IngestError):
    """The library's folder cannot be written."""

    exit_code = 1

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(
            f"cannot write the library at {str(path)!r}: {why}; what was stored before is kept;"
            " free the disk or name another --library"
        )


class LibraryBusy(IngestError):
    """Another process is writing this library."""

    exit_code = 1

    def __init__(self, path: Path, holder: str) -> None:
        self.path, self.holder = path, holder
        super().__init__(
            f"the library at {str(path)!r} is being written by {holder}; nothing was changed; try again when it is done"
        )


class EncoderMismatch(IngestError):
    """The library's vectors were made by another encoder."""

    def __init__(self, path: Path, stored: str, given: str) -> None:
        self.path, self.stored, self.given = path, stored, given
        super().__init__(
            f"the library at {str(path)!r} was written with encoder {stored!r}, not {given!r};"
            f" set WHICHPAPERS_ENCODER to the former, or re-encode with: whichpapers rebuild --library {path}"
        )


class EncoderUnavailable(IngestError):
    """The encoder's weights are absent or not the published ones."""

    exit_code = 1

    def __init__(self, name: str, why: str) -> None:
        self.name, self.why = name, why
        super().__init__(f"encoder {name!r} cannot be used: {why}")


class IndexDamaged(IngestError):
    """vectors/ or words/ cannot be opened; both can be made again from library.db."""

    def __init__(self, folder: Path, why: str) -> None:
        self.folder, self.why = folder, why
        super().__init__(
            f"the index at {str(folder)!r} is damaged ({why});"
            f" repair it with: whichpapers rebuild --library {folder.parent}"
        )


class IndexAbsent(IndexDamaged):
    """A server does not hold this library's vectors, or not as this library last wrote them."""

    def __init__(self, place: str, why: str) -> None:
        self.place, self.why = place, why
        IngestError.__init__(
            self, f"{place} does not hold this library's vectors ({why}); make them there with: whichpapers rebuild"
        )


class VectorsElsewhere(IngestError):
    """The vectors are kept in another place than the library's folder, and no setting says where."""

    def __init__(self, path: Path, variable: str) -> None:
        self.path, self.variable = path, variable
        super().__init__(
            f"the vectors of the library at {str(path)!r} are not kept in its folder: set {variable} as when they were"
            f" made, or make them in the folder with: whichpapers rebuild --library {path}"
        )


class VectorsUnavailable(IngestError):
    """What keeps the vectors, on a server say, cannot be used just now."""

    exit_code = 1

    def __init__(self, place: str, why: str) -> None:
        self.place, self.why = place, why
        super().__init__(f"{place} {why}; papers are safe in library.db, and what is missing is made up for later")


class FetchRefused(IngestError):
    """An address is not fetched, or there is nothing for us."""

    def __init__(self, url: str, why: str) -> None:
        self.url, self.why = url, why
        super().__init__(f"cannot fetch {url!r}: {why}; nothing was changed")


class FetchFailed(FetchRefused):
    """The network or a server failed; it may go better another time."""

    exit_code = 1


class PageUnreadable(IngestError):
    """A page cannot be read any further; what was read of it before stands."""

    def __init__(self, why: str) -> None:
        # What a parser says may hold pieces of the page, and what a terminal would obey.
        self.why = stored(_CONTROL.sub(" ", why))[:MAX_WHY_CHARS]
        super().__init__(self.why)


class BadFilter(IngestError):
    """An expression is not of the form that `--where` takes (`where`)."""

    def __init__(self, expression: str, place: int, expected: str) -> None:
        self.expression, self.place, self.expected = expression, place, expected
        found = repr(expression[place : place + 20]) if place < len(expression) else "its end"
        super().__init__(
            f"cannot read the filter {expression[:200]!r} at {found} (character {place + 1}): expected {expected};"
            ' for example: year >= 2023 and has_code and author ~ "smith"'
        )


class UnknownPaper(IngestError):
    """The library holds no work of this id."""

    def __init__(self, paper_id: str) -> None:
        self.paper_id = paper_id
        super().__init__(
            f"no paper with the id {paper_id!r}; nothing was changed; list the ids with: whichpapers papers"
        )


class CannotSplit(IngestError):
    """All sources of a work say the same, so that nothing can be split off it."""

    def __init__(self, paper_id: str) -> None:
        self.paper_id = paper_id
        super().__init__(f"paper {paper_id!r} has one text in all its sources; there is nothing to split")


class BadColumn(IngestError):
    """A column is not given as `title=Name`, with a field of ours before the sign."""

    def __init__(self, text: str, known: tuple[str, ...]) -> None:
        self.text, self.known = text, known
        super().__init__(f"column {text!r}; expected FIELD=COLUMN with a field of {', '.join(known)}")
