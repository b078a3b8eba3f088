"""Page -> Papers: a saved Hugging Face papers page, as text, in either of the two layouts met in the wild.

*Glued*: a line a title, a line an abstract, the page's Subscribe button glued to the first title.
*Spaced*: blank lines between everything, and the page's header as lines of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, tee, zip_longest

from ingest.records import Line, Page, Paper, Rejection, Source, Warned
from ingest.sources.paper import MAX_TITLE_CHARS, make_paper

_BANNER = "Get trending papers in your email inbox"
_BUTTON = "Subscribe"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_HEADER = re.compile(rf"(?:new|{_BANNER}(?: once a day)?!|by\s?AK and the research community|(?:{_MONTHS}) \d{{1,2}})")
_SENTENCE_END = re.compile(r"[.!?…][)\]}\"'”’]*$")
_STATEMENT_END = re.compile(r"[.…][)\]}\"'”’]*$")
_LINK_END = re.compile(r"\S+\.[A-Za-z]{2,}/\S+$")


def recognises(page: Page) -> bool:
    """Whether the banner of a papers page stands among the first lines."""
    return any(line.text.strip().startswith(_BANNER) for line in page.head)


def read(page: Page) -> Iterator[Paper | Rejection | Warned]:
    """Yields the page's papers in order, and a notice for each line that belongs to none."""
    title: Line | None = None
    last: Line | None = None
    for line, following in _with_next(_content(page)):
        if line.fault:
            yield Rejection(f"{page.origin}:{line.number}", line.fault)
            title = None
        elif title is None:
            if _could_be_title(line.text):
                title = line
            else:
                yield Rejection(f"{page.origin}:{line.number}", f"text without a title: {_start(line.text)}")
        elif _is_title_too(line.text, at_end=following is None):
            yield _without_abstract(page.origin, title)
            title = line
        else:
            source = Source(page.origin, title.number, title.text)
            yield make_paper(source, title.text, line.text)
            title, last = None, line
    if title is not None:
        yield _without_abstract(page.origin, title)
    elif last is not None and not (_SENTENCE_END.search(last.text) or _LINK_END.search(last.text)):
        yield Warned(
            f"{page.origin}:{last.number}",
            f"the page seems cut off in its last abstract (it ends {last.text[-40:]!r}); kept as it stands",
        )


def _content(page: Page) -> Iterator[Line]:
    """The lines that hold titles and abstracts: no header, no blanks, no button glued to the first title."""
    button = _BUTTON
    for line in page.lines:
        text = line.text.strip()
        if line.fault:
            yield line
        elif text == _BUTTON:
            button = ""
        elif text and not _HEADER.fullmatch(text):
            yield Line(line.number, text.removeprefix(button))
            button = ""


def _with_next(lines: Iterator[Line]) -> Iterator[tuple[Line, Line | None]]:
    here, following = tee(lines)
    return zip_longest(here, islice(following, 1, None))


def _could_be_title(text: str) -> bool:
    return len(text) <= MAX_TITLE_CHARS


def _is_title_too(text: str, *, at_end: bool) -> bool:
    """Whether text at an abstract's place reads as a title: short, and no statement.

    At the end of a page a long line is rather an abstract that was cut off than a second title without one.
    """
    return len(text) < (100 if at_end else 200) and not _STATEMENT_END.search(text)


def _without_abstract(origin: str, title: Line) -> Rejection:
    return Rejection(f"{origin}:{title.number}", f"a title without an abstract: {_start(title.text)}")


def _start(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
