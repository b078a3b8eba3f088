"""Paths -> Pages: what is found, and how a file is opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ingest.errors import SourceMissing
from ingest.files import MAX_LINE_BYTES, find, open_pages
from ingest.records import Page, Rejection, Warned


def lines(path: Path, warnings: list[Warned] | None = None) -> list[tuple[int, str, str | None]]:
    (page,) = open_pages(path, "o", [] if warnings is None else warnings)
    assert isinstance(page, Page)
    return [(line.number, line.text, line.fault) for line in page.lines]


def write(path: Path, content: bytes = b"text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_folder_is_walked_in_a_stable_order(tmp_path: Path) -> None:
    for name in ("b.txt", "a.jsonl", "deep/er/c.TXT", "d.ndjson", "e.png", ".hidden.txt", ".git/x.txt"):
        write(tmp_path / "pages" / name)
    found = [origin for _, origin in find([tmp_path / "pages"])]
    assert found == ["pages/a.jsonl", "pages/b.txt", "pages/d.ndjson", "pages/deep/er/c.TXT"]


def test_a_folder_below_a_hidden_one_is_walked(tmp_path: Path) -> None:
    write(tmp_path / ".cache" / "pages" / "a.txt")
    assert [origin for _, origin in find([tmp_path / ".cache" / "pages"])] == ["pages/a.txt"]


def test_a_file_has_the_same_origin_by_itself_as_in_its_folder_and_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "pages" / "a.txt")
    assert find([path]) == find([tmp_path / "pages"]) == find([path, tmp_path / "pages", path])


def test_a_named_file_may_be_called_anything(tmp_path: Path) -> None:
    path = write(tmp_path / "dump.2024")
    assert [origin for _, origin in find([path])] == [f"{tmp_path.name}/dump.2024"]


def test_links_that_lead_out_of_a_folder_are_left_out(tmp_path: Path) -> None:
    outside = write(tmp_path / "secret.txt")
    inside = write(tmp_path / "pages" / "a.txt")
    (tmp_path / "pages" / "b.txt").symlink_to(outside)
    (tmp_path / "pages" / "loop").symlink_to(tmp_path)
    assert [path for path, _ in find([tmp_path / "pages"])] == [inside]


def test_a_missing_path_is_refused_by_name(tmp_path: Path) -> None:
    for path in (tmp_path / "no", tmp_path / ("x" * 400), write(tmp_path / "f.txt") / "below"):
        with pytest.raises(SourceMissing, match="no such file or folder") as caught:
            find([tmp_path, path])
        assert caught.value.path == path


def test_a_name_that_is_no_utf8_gives_an_origin_that_can_be_stored(tmp_path: Path) -> None:
    write(tmp_path / "pages" / os.fsdecode(b"\xff.txt"))
    ((_, origin),) = find([tmp_path / "pages"])
    assert origin == "pages/\ufffd.txt"


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert find([tmp_path]) == []
    with pytest.raises(SourceMissing):
        find([tmp_path / "pipe.txt"])


def test_lines_are_numbered_from_one_and_lose_only_their_break(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", " a \r\n\nb\u2028c\x0cd\n".encode())
    assert lines(path) == [(1, " a ", None), (2, "", None), (3, "b\u2028c\x0cd", None)]


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    assert lines(write(tmp_path / "a.txt", b"\xef\xbb\xbfa\nb")) == [(1, "a", None), (2, "b", None)]


def test_latin1_is_read_with_one_warning(tmp_path: Path) -> None:
    warnings: list[Warned] = []
    path = write(tmp_path / "a.txt", "naïve\nplain\nFréchet".encode("latin-1"))
    assert [text for _, text, _ in lines(path, warnings)] == ["naïve", "plain", "Fréchet"]
    assert [(w.where, "Latin-1" in w.why) for w in warnings] == [("o:1", True)]


def test_one_stray_byte_does_not_spoil_the_other_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "naïve\n".encode() + b"\xe9\n" + "Fréchet".encode())
    assert [text for _, text, _ in lines(path)] == ["naïve", "é", "Fréchet"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "the file is empty"),
        (b" \n\r\n\t", "the file is empty"),
        (b"\x7fELF\x00\x01", "a binary file; expected text"),
        (b"a" * 8000 + b"\0", "a binary file; expected text"),
    ],
)
def test_a_file_that_holds_no_text_is_rejected(tmp_path: Path, content: bytes, why: str) -> None:
    assert list(open_pages(write(tmp_path / "a.txt", content), "o", [])) == [Rejection("o", why)]


def test_a_file_that_is_gone_is_rejected(tmp_path: Path) -> None:
    assert list(open_pages(tmp_path / "gone", "o", [])) == [
        Rejection("o", "cannot be opened: No such file or directory")
    ]


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
def test_utf16_is_told_what_to_do(tmp_path: Path, codec: str) -> None:
    ((_, text, fault),) = lines(write(tmp_path / "a.txt", "\ufefftext\n".encode(codec)))
    assert text == ""
    assert fault == "UTF-16 text; save the page as UTF-8"


@pytest.mark.parametrize("extra", [-1, 0, 1, 2, MAX_LINE_BYTES])
@pytest.mark.parametrize("end", [b"", b"\n", b"\nb"])
def test_a_line_is_skipped_only_beyond_the_bound(tmp_path: Path, extra: int, end: bytes) -> None:
    path = write(tmp_path / "a.txt", b"a" * (MAX_LINE_BYTES + extra) + end)
    first, *rest = lines(path)
    assert (first[2] is None) == (extra <= 0)
    assert len(first[1]) == (MAX_LINE_BYTES + extra if extra <= 0 else 0)
    assert rest == ([(2, "b", None)] if end == b"\nb" else [])


def test_the_head_is_the_first_lines_and_is_read_again_with_the_rest(tmp_path: Path) -> None:
    (page,) = open_pages(write(tmp_path / "a.txt", b"\n".join(b"%d" % n for n in range(50))), "o", [])
    assert isinstance(page, Page)
    assert [line.text for line in page.head] == [str(n) for n in range(20)]
    assert [line.text for line in page.lines] == [str(n) for n in range(50)]
