"""File -> members: what is packed is read, and every bomb and trap ends in one clear line."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import pytest

from ingest.files import find, open_pages
from ingest.read import read
from ingest.records import Page, Paper, Rejection, Warned
from tests.timing import within

LINE = json.dumps({"title": "Bridges of Paper", "abstract": "We fold bridges from one sheet of paper."}).encode()
OTHER = json.dumps({"title": "What Owls Count", "abstract": "We count owls and mice in many woods."}).encode()


def found(path: Path) -> list[Paper | Rejection | Warned]:
    items: list[Paper | Rejection | Warned] = []
    for page in open_pages(path, "o", []):
        items += [*read(page)] if isinstance(page, Page) else [page]
    return items


def told(path: Path) -> list[tuple[str, str]]:
    """(place, title) of each paper, (place, reason) of each rejection."""
    return [
        (item.sources[0].origin, item.title) if isinstance(item, Paper) else (item.where, item.why)
        for item in found(path)
    ]


def zipped(path: Path, members: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, members: Mapping[str, bytes | None]) -> Path:
    """A tar whose members without content are links to /etc/passwd."""
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
            info.size = len(content or b"")
            archive.addfile(info, io.BytesIO(content or b""))
    return path


@pytest.mark.parametrize("pack", [zipped, tarred])
@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz", "a.tgz", "whatever"])
def test_each_file_of_an_archive_is_a_page(tmp_path: Path, pack: Callable[..., Path], name: str) -> None:
    path = pack(tmp_path / name, {"deep/one.jsonl": LINE, "two.jsonl": OTHER, "a.png": b"\x89PNG", ".x.jsonl": LINE})
    assert told(path) == [("o!deep/one.jsonl", "Bridges of Paper"), ("o!two.jsonl", "What Owls Count")]


def test_a_gzipped_file_is_its_content(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(LINE + b"\n" + OTHER))
    assert told(tmp_path / "a.jsonl.gz") == [("o", "Bridges of Paper"), ("o", "What Owls Count")]


def test_a_page_of_a_tar_can_be_read_line_by_line_and_whole(tmp_path: Path) -> None:
    document = b"[" + LINE + b",\n" + OTHER + b"]"
    path = tarred(tmp_path / "a.tar.gz", {"a.json": document, "b.jsonl": LINE})
    assert [title for _, title in told(path)] == ["Bridges of Paper", "What Owls Count", "Bridges of Paper"]


@pytest.mark.parametrize("name", ["/etc/x.jsonl", "../x.jsonl", "a/../../x.jsonl", "..\\x.jsonl"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_a_name_that_leads_out_is_refused_and_the_rest_read(
    tmp_path: Path, pack: Callable[..., Path], name: str
) -> None:
    items = found(pack(tmp_path / "a", {name: LINE, "b.jsonl": OTHER}))
    assert [item.why for item in items if isinstance(item, Rejection)] in (
        ["its name leads out of the archive; refused"],
        ["a link or a device in an archive; refused"],
    )
    assert [item.title for item in items if isinstance(item, Paper)] == ["What Owls Count"]


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    assert told(tarred(tmp_path / "a.tar", {"a.txt": None, "b.jsonl": LINE})) == [
        ("o!a.txt", "a link or a device in an archive; refused"),
        ("o!b.jsonl", "Bridges of Paper"),
    ]
    info = zipfile.ZipInfo("a.txt")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert told(tmp_path / "a.zip") == [("o!a.txt", "a link or a device in an archive; refused")]


@pytest.mark.parametrize("filler", [b"\n", b"x", b"<a>", b"@a{"])
@pytest.mark.parametrize("kind", ["gz", "zip", "tar.gz"])
def test_a_bomb_ends_in_one_line_in_little_time(tmp_path: Path, filler: bytes, kind: str) -> None:
    content = LINE + b"\n" + filler * (10_000_000 // len(filler))
    path = tmp_path / f"a.{kind}"
    if kind == "gz":
        path.write_bytes(gzip.compress(content))
    elif kind == "zip":
        zipped(path, {"a.jsonl": content})
    else:
        tarred(path, {"a.jsonl": content})
    del content
    *_, last = within(5, partial(_last_of_each, path))
    assert isinstance(last, Rejection)
    assert "unpacks to more than 100 times its size" in last.why


def _last_of_each(path: Path) -> list[Paper | Rejection | Warned]:
    last: list[Paper | Rejection | Warned] = []
    for page in open_pages(path, "o", []):
        for item in read(page) if isinstance(page, Page) else [page]:
            last = [item]
    return last


@pytest.mark.parametrize("cut", [20, 60, 200])
@pytest.mark.parametrize("name", ["a.gz", "a.zip", "a.tar", "a.tar.gz"])
def test_a_damaged_archive_is_told(tmp_path: Path, name: str, cut: int) -> None:
    whole = tmp_path / "whole" / name
    whole.parent.mkdir()
    members = {f"{n}.jsonl": LINE + b"\n" + os.urandom(400).hex().encode() for n in range(3)}
    if name == "a.gz":
        whole.write_bytes(gzip.compress(b"\n".join(members.values())))
    else:
        (zipped if name == "a.zip" else tarred)(whole, members)
    (tmp_path / name).write_bytes(whole.read_bytes()[:-cut] if name != "a.tar" else whole.read_bytes()[: 900 - cut])
    items = found(tmp_path / name)
    assert items
    assert any(isinstance(item, Rejection) for item in items)


def test_an_archive_in_an_archive_is_told(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "in.zip", {"a.jsonl": LINE}).read_bytes()
    path = zipped(tmp_path / "out.zip", {"in.zip": inner, "a.json.gz": gzip.compress(LINE)})
    assert [why for _, why in told(path)] == ["an archive within an archive; unpack the outer one"] * 2


def test_an_encrypted_or_crowded_archive_is_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.jsonl": LINE})
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + offset] |= 1
    path.write_bytes(content)
    ((where, why),) = told(path)
    assert where == "o!a.jsonl"
    assert "encrypted" in why
    crowd = zipped(tmp_path / "b.zip", {f"{n}.jsonl": b"" for n in range(10_001)})
    assert told(crowd) == [("o", "an archive of 10,001 files; at most 10,000 are read")]


def test_patterns_stand_for_what_fits_and_names_for_themselves(tmp_path: Path) -> None:
    for name in ("a.bib", "b.bib", "c[1].bib", "d.ris"):
        (tmp_path / name).write_text("x")
    names = [path.name for path, _ in find([tmp_path / "?.bib"])]
    assert names == ["a.bib", "b.bib"]
    assert [path.name for path, _ in find([tmp_path / "c[1].bib"])] == ["c[1].bib"]
    assert [path.name for path, _ in find([tmp_path / "**" / "*.ris"])] == ["d.ris"]


def test_a_loop_of_links_is_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(LINE)
    (folder / "loop.jsonl").symlink_to("loop.jsonl")
    (folder / "up").symlink_to(folder)
    assert [origin for _, origin in find([folder])] == ["pages/a.jsonl"]
