"""Name and fields -> text: every wording the assistant shows or sends, one Markdown file each, rendered here alone."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).parent


class PromptFields(ValueError):
    """The fields given are not those of the text."""

    def __init__(self, name: str, missing: set[str], surplus: set[str]) -> None:
        self.name, self.missing, self.surplus = name, missing, surplus
        super().__init__(f"prompt {name!r}: missing fields {sorted(missing)}, surplus fields {sorted(surplus)}")


def names() -> tuple[str, ...]:
    """The names of all texts, in order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.md")))


def render(name: str, **fields: object) -> str:
    """Fills the `$fields` of prompts/NAME.md.

    Raises:
        PromptFields: A field is missing, or the text has no such field.
        FileNotFoundError: There is no such text.
    """
    template = Template(source(name))
    wanted = set(template.get_identifiers())
    if wanted != fields.keys():
        raise PromptFields(name, wanted - fields.keys(), set(fields) - wanted)
    return template.substitute(fields).strip()


def sha256(name: str) -> str:
    """Hash of the text as it stands in the file: goes with every answer that used it."""
    return hashlib.sha256(source(name).encode()).hexdigest()


@cache
def source(name: str) -> str:
    """The text as it stands in the file, with its `$fields`."""
    return (_FOLDER / f"{name}.md").read_text("utf-8")
