"""Page of docs -> its examples: the code blocks that a reader would copy, to be run as they stand."""

from __future__ import annotations

import re

from tests.processes import ROOT


def blocks(page: str, language: str) -> list[str]:
    """The blocks of `language` in docs/PAGE.md, in order; at least one."""
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found, f"docs/{page}.md has no {language} block"
    return found


def run(page: str, **given: object) -> dict[str, object]:
    """Runs all Python blocks of a page, one after the other in one namespace that begins with `given`."""
    namespace = dict(given)
    for block in blocks(page, "python"):
        exec(compile(block, f"docs/{page}.md", "exec"), namespace)  # noqa: S102 (our own page)
    return namespace
