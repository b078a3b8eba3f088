"""A file that is no whole bundle, or not the one that was written, is refused in one line."""

from __future__ import annotations

import hashlib
import json
import random
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant import Assistant
from assistant import bundle as bundles
from assistant.bundle import BundleUnreadable, read
from assistant.errors import AssistantError
from assistant.records import Mode
from assistant.replay import replay
from assistant.transcript import NotReproduced
from ingest import Library, Settings
from tests.processes import whichpapers
from tests.test_bundle import bundle_of
from tests.test_by_llm import QUESTION, script


@pytest.fixture
def path(library: Library, settings: Settings, tmp_path: Path) -> Path:
    bundle_of(Assistant(library, settings, script()), tmp_path / "answer.zip")
    return tmp_path / "answer.zip"


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def store(path: Path, content: dict[str, bytes], *, honest: bool = False) -> Path:
    """Writes members; `honest` with a list that fits them, as one who alters a bundle would."""
    if honest:
        manifest = json.loads(content["bundle.json"])
        manifest["sha256"] = {n: hashlib.sha256(c).hexdigest() for n, c in content.items() if n != "bundle.json"}
        content = content | {"bundle.json": json.dumps(manifest).encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name, text)
    return path


def test_a_member_that_was_altered_is_named(path: Path) -> None:
    whole = members(path)
    for name in whole:
        store(path, whole | {name: whole[name].replace(b"e", b"3", 1)})
        with pytest.raises(BundleUnreadable) as caught:
            read(path)
        assert repr(name) in str(caught.value) or name == "bundle.json"
        store(path, {kept: content for kept, content in whole.items() if kept != name})
        with pytest.raises(BundleUnreadable):
            read(path)


def test_any_byte_altered_or_cut_off_is_found(path: Path) -> None:
    whole, draw = path.read_bytes(), random.Random(0)  # noqa: S311  (no secret)
    expected = read(path)
    for _ in range(150):
        place = draw.randrange(len(whole))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << draw.randrange(8)
        for content in (bytes(damaged), whole[:place]):
            path.write_bytes(content)
            try:
                assert read(path) == expected  # a date or a permission, of which nothing depends
            except BundleUnreadable as error:
                assert len(str(error).splitlines()) == 1


def bombs(path: Path) -> Iterator[str]:
    whole = members(path)
    store(path, {"bundle.json": b"0" * (bundles.MAX_BYTES + 1)})
    yield "unpacks to more than"
    store(path, whole | {"../../etc/passwd": b""})
    yield "which no bundle has"
    store(
        path,
        whole
        | {f"prompts/{'x' * i}.md": b"" for i in range(1, 41)}
        | {f"prompts/y{'x' * i}.md": b"" for i in range(1, 40)},
    )
    yield "which no bundle has|was altered|missing|no zip"
    store(path, {f"{i:060}": b"" for i in range(5_000)})
    yield "no zip file such as"
    plain = store(path, whole).read_bytes()
    path.write_bytes(plain[:-22] + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1) + plain[-22:])
    yield "no zip file such as"
    for junk in (b"", b"PK", b"\0" * 100, plain + b"x", b"x" * 1000):
        path.write_bytes(junk)
        yield "no zip file"
    path.unlink()
    yield "there is no file"
    path.mkdir()
    yield "there is no file"


def test_what_is_no_bundle_is_refused(path: Path) -> None:
    for expected in bombs(path):
        with pytest.raises(BundleUnreadable, match=expected):
            read(path)


def test_the_command_line_says_so_in_one_line(path: Path) -> None:
    whole = members(path)
    store(path, whole | {"replies.jsonl": b""})
    altered = whichpapers("replay", path)
    assert (altered.code, altered.out) == (2, "")
    assert "'replies.jsonl' was altered" in altered.err
    answer = json.loads(whole["answer.json"])
    answer["citations"][0]["relevance"] = 1.0
    store(path, whole | {"answer.json": json.dumps(answer, ensure_ascii=False, indent=2).encode() + b"\n"}, honest=True)
    differs = whichpapers("replay", path)
    assert (differs.code, differs.out) == (1, "")
    assert "citations.0.relevance differs" in differs.err
    assert [len(ended.err.splitlines()) for ended in (altered, differs)] == [1, 1]


def replaced(name: str, old: str, new: str, says: str) -> tuple[str, bytes, bytes, str]:
    return name, old.encode(), new.encode(), says


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        replaced("replies.jsonl", "guides the rounding of each weight. [", "guides nothing. [", "was not noted"),
        replaced("replies.jsonl", '"prompt_tokens": 3', '"prompt_tokens": 4', "usage.prompt_tokens differs"),
        replaced("replies.jsonl", "Judge each paper", "Judge no paper", "stage 'judge' sends"),
        replaced("asked.json", '"thorough"', '"deep"', "does not have its form"),
        replaced("asked.json", '"auto"', '"llm"', "trace.settings.mode differs"),
        replaced("asked.json", QUESTION, "", "the question is empty"),
        replaced("asked.json", QUESTION, QUESTION + "?", "stage 'understand' sends"),
        replaced("answer.json", '  "schema": 1', '   "schema": 1', "its form differs"),
        replaced("prompts/judge.md", "paper", "book", "prompt 'judge' has another wording here"),
        replaced("library.json", '"nearness": [', '"nearness": [true, ', "papers were judged"),
        replaced("library.json", '"notices": {}', '"notices": {"../CHANGELOG": {}}', "a notice that there is not"),
        replaced("papers.json", "The Hessian of the layer", "The Hessian of a layer", "sends here"),
        replaced("bundle.json", '"schema": 1', '"schema": 2', "expected schema 1, found 2"),
        replaced("bundle.json", '"numpy": "', '"numpy": "0.', ""),
    ],
)
def test_an_altered_bundle_with_a_list_that_fits_is_not_reproduced(
    name: str, old: bytes, new: bytes, expected: str, path: Path
) -> None:
    whole = members(path)
    assert old in whole[name]
    store(path, whole | {name: whole[name].replace(old, new)}, honest=True)
    if not expected:
        assert replay(read(path))
        return
    with pytest.raises((BundleUnreadable, NotReproduced), match=expected):
        replay(read(path))


def test_what_it_was_made_with_is_told_where_it_is_not_reproduced(path: Path) -> None:
    whole = members(path)
    changed = {"bundle.json": b'"numpy": "', "answer.json": b'"judged": 6'}
    store(path, whole | {n: whole[n].replace(old, old + b"0") for n, old in changed.items()}, honest=True)
    with pytest.raises(NotReproduced, match=r"coverage.judged differs; it was made with numpy 0.* \(here "):
        replay(read(path))


HOSTILE: tuple[Any, ...] = (None, -1, 1e308, float("nan"), "", "[1.2] [1]" * 50, [], {}, True, [[[]]], 10**30)


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: what holds it, and its key there."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, dict | list):
            yield from leaves(item)


@pytest.mark.parametrize("mode", ["llm", "offline"])
@pytest.mark.parametrize("name", ["library.json", "papers.json", "asked.json", "answer.json", "replies.jsonl"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_hostile_bundle_ends_in_an_answer_or_in_one_line(
    name: str, mode: Mode, path: Path, library: Library, settings: Settings
) -> None:
    bundle_of(Assistant(library, settings, script()), path, mode=mode)
    whole, draw = members(path), random.Random(name + mode)  # noqa: S311  (no secret)
    for _ in range(60):
        value = [json.loads(line) for line in whole[name].splitlines()] if "jsonl" in name else json.loads(whole[name])
        places = list(leaves(value))
        if not places:
            break
        holder, key = draw.choice(places)
        holder[key] = draw.choice(HOSTILE)
        text = "\n".join(map(json.dumps, value)) if "jsonl" in name else json.dumps(value)
        store(path, whole | {name: text.encode()}, honest=True)
        try:
            assert replay(read(path))
        except AssistantError as error:
            assert isinstance(error, BundleUnreadable | NotReproduced)
            assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize("text", ["[" * 100_000, "9" * 5_000, '"\\ud800"', "\ufeff{}", "NaN"])
def test_json_that_no_one_can_read_is_refused(text: str, path: Path) -> None:
    whole = members(path)
    for name in whole:
        store(path, whole | {name: text.encode()}, honest=name != "bundle.json")
        with pytest.raises((BundleUnreadable, NotReproduced)):
            replay(read(path))
