"""Docs by task: every example does what it says, in the order in which a reader meets it, in one folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.console import Console, console
from tests.processes import ROOT

__all__ = ["console"]

DOCS = ROOT / "docs"
PAGES = ("ask", "evaluate", "export", "extend", "ingest", "privacy")
"""Those whose examples run here. What serves or starts containers (`sh`) is tested where it is made."""

_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"`((?:docs/)?[\w/-]+\.(?:md|py|jsonl|ipynb))`")


@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_a_page_runs(page: str, console: Console) -> None:
    names: dict[str, object] = {}
    blocks = _BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8"))
    assert blocks
    for language, block in blocks:
        if language == "python":
            exec(compile(block, f"docs/{page}.md", "exec"), names)  # noqa: S102 (our own page)
            continue
        for line in block.splitlines():
            assert line.startswith("$ "), line
            console(line[2:])


@pytest.mark.parametrize("page", [*PAGES, "host"])
def test_a_page_names_no_file_that_is_not_there(page: str) -> None:
    made = {"my-cases.jsonl", "text.md", "answer.md", "report.md", "README.md"}
    for name in set(_LINK.findall((DOCS / f"{page}.md").read_text("utf-8"))) - made:
        assert any((folder / name).exists() for folder in (ROOT, DOCS)), f"docs/{page}.md names {name}"


def test_exported_files_are_there_and_whole(console: Console) -> None:
    for _, block in _BLOCK.findall((DOCS / "export.md").read_text("utf-8")):
        for line in block.splitlines():
            console(line[2:])
    assert Path("evidence.html").read_text("utf-8").endswith("</html>\n")
    assert Path("answer.bib").read_text("utf-8").startswith("@misc{")
    assert "[^1]: " in Path("answer.md").read_text("utf-8")
