"""Docs by task: every example does what it says, in the order in which a reader meets it, in one folder."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from llama_index.core.llms import MockLLM

from tests.console import Console, console
from tests.processes import ROOT

__all__ = ["console"]

DOCS = ROOT / "docs"
TASKS = ("ask", "bundles", "evaluate", "export", "extend", "ingest", "models", "privacy")
PAGES = ("README", *(f"docs/{task}" for task in TASKS))
"""Those whose examples run here. What serves, fetches or starts containers is tested where it is made."""
ELSEWHERE = ("git", "make")
"""Commands that bring the project here and install it; the Makefile is what CI runs."""

_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"`((?:docs/)?[\w/-]+\.(?:md|py|jsonl|ipynb))`")


@pytest.mark.parametrize("page", PAGES)
def test_every_example_of_a_page_runs(page: str, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    ollama = SimpleNamespace(Ollama=lambda model: MockLLM(max_tokens=len(model)))
    monkeypatch.setitem(sys.modules, "llama_index.llms.ollama", ollama)  # a package of its own, for a server
    names: dict[str, object] = {}
    blocks = _BLOCK.findall((ROOT / f"{page}.md").read_text("utf-8"))
    assert blocks
    for language, block in blocks:
        if language == "python":
            exec(compile(block, f"{page}.md", "exec"), names)  # noqa: S102 (our own page)
            continue
        for command in typed(block):
            console(command)


def typed(block: str) -> list[str]:
    """What a reader types, of a block of a terminal's lines."""
    lines = [line.removeprefix("$ ").removeprefix(".venv/bin/") for line in block.splitlines() if line.startswith("$ ")]
    assert lines, block
    return [line for line in lines if line.split()[0] not in ELSEWHERE]


@pytest.mark.parametrize("page", [*PAGES, "docs/host"])
def test_a_page_names_no_file_that_is_not_there(page: str) -> None:
    made = {"my-cases.jsonl", "text.md", "answer.md", "report.md", "replies.jsonl"}
    for name in set(_LINK.findall((ROOT / f"{page}.md").read_text("utf-8"))) - made:
        assert any((folder / name).exists() for folder in (ROOT, DOCS)), f"{page}.md names {name}"


def test_exported_files_are_there_and_whole(console: Console) -> None:
    for _, block in _BLOCK.findall((DOCS / "export.md").read_text("utf-8")):
        for command in typed(block):
            console(command)
    assert Path("evidence.html").read_text("utf-8").endswith("</html>\n")
    assert Path("answer.bib").read_text("utf-8").startswith("@misc{")
    assert "[^1]: " in Path("answer.md").read_text("utf-8")
