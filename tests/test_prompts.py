"""Name and fields -> text."""

from __future__ import annotations

import hashlib
from pathlib import Path
from string import Template

import pytest

import prompts
from assistant.by_llm.example import rendered, stages
from ingest import Library
from prompts import PromptFields, names, render, sha256

FOLDER = Path(prompts.__file__).parent


def fields(name: str) -> dict[str, str]:
    template = Template((FOLDER / f"{name}.md").read_text("utf-8"))
    assert template.is_valid()
    return {field: f"<{field} $5 ${{x}}>" for field in template.get_identifiers()}


def test_every_file_is_a_text() -> None:
    assert names() == tuple(sorted(path.stem for path in FOLDER.glob("*.md")))
    assert "list" in names()


@pytest.mark.parametrize("name", names())
def test_each_text_renders_with_its_fields_and_only_with_them(name: str) -> None:
    given = fields(name)
    text = render(name, **given)
    assert text
    assert text == text.strip()
    assert all(value in text for value in given.values())
    for field in given:
        with pytest.raises(PromptFields, match=rf"prompt '{name}': missing fields \['{field}'\], surplus fields \[\]"):
            render(name, **{key: value for key, value in given.items() if key != field})
    with pytest.raises(PromptFields, match=rf"prompt '{name}': missing fields \[\], surplus fields \['surplus'\]"):
        render(name, **given, surplus=1)


def test_a_value_is_never_taken_for_a_field() -> None:
    assert render("near_miss", title="$lacks", lacks="a $title") == "- **$lacks**: a $title"


def test_the_hash_is_that_of_the_file() -> None:
    assert sha256("list") == hashlib.sha256((FOLDER / "list.md").read_bytes()).hexdigest()


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        render("unknown")


GOLDEN = Path(__file__).with_name("golden")


@pytest.mark.parametrize("name", [*stages()])
def test_what_a_model_is_sent_is_what_it_was(name: str, library: Library, pytestconfig: pytest.Config) -> None:
    """A change to a prompt is a change to every answer: `pytest --refresh-golden` takes it on, for a person to read."""
    text = rendered(library, name, "which papers use the Hessian for quantization") + "\n"
    golden = GOLDEN / f"{name}.txt"
    if pytestconfig.getoption("--refresh-golden"):
        golden.write_text(text, "utf-8")
    assert golden.read_text("utf-8") == text


def test_every_golden_text_is_one_that_a_model_is_sent() -> None:
    assert {path.stem for path in GOLDEN.glob("*.txt")} == set(stages())
