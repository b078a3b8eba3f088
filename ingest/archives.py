"""File -> members: opens what a file holds, packed or not, within bounds. Nothing is ever written where a name says.

A plain file and a .gz hold one member, a .zip and a .tar(.gz) hold many; which it is, its first bytes tell.
"""

from __future__ import annotations

import gzip
import io
import lzma
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from ingest.errors import PageUnreadable
from ingest.records import Rejection

if TYPE_CHECKING:
    from typing_extensions import Buffer

MAX_MEMBERS = 10_000
MAX_RATIO = 100
"""No text unpacks to a hundred times its size; a bomb to a thousand times."""
FREE_BYTES = 1_000_000
"""So much may be unpacked whatever the ratio."""
MAX_TAR_MEMBER_BYTES = 500_000_000
"""A member of a tar is laid aside whole, as it can be read only once."""
_IN_MEMORY_BYTES = 4_000_000

DAMAGED = (
    EOFError,
    IndexError,  # tarfile and zipfile read fields without looking whether they are there
    NotImplementedError,  # zipfile raises it for a compression that it does not know
    OSError,
    OverflowError,
    RuntimeError,  # and this for a member that is locked by a password
    ValueError,  # names that are not in the encoding that they claim, places before the beginning
    lzma.LZMAError,
    struct.error,
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the standard library's readers of archives raise of a file that is none, or damaged."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file within a file, or that file itself."""

    name: str
    """Its path inside; empty for the file itself."""
    open: Callable[[], IO[bytes]]


def members(path: Path) -> Iterator[Member | Rejection]:
    """Yields what `path` holds, or why a part of it is refused (the rejection's place is the path inside).

    A member of a tar can be opened until the next one is taken.

    Raises:
        PageUnreadable: The archive is damaged or has too many members.
        OSError: The file cannot be opened.
    """
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        yield from _zip(path)
    elif start.startswith(b"\x1f\x8b"):
        unpacked = Member("", lambda: _bounded(gzip.GzipFile(path), path.stat().st_size))
        yield from _tar(unpacked) if _is_tar(_first(unpacked)) else iter([unpacked])
    elif _is_tar(start):
        yield from _tar(Member("", lambda: path.open("rb")))
    else:
        yield Member("", lambda: path.open("rb"))


def _bounded(stream: gzip.GzipFile | IO[bytes], packed: int) -> IO[bytes]:
    return io.BufferedReader(_Bounded(stream, packed), 65_536)


class _Bounded(io.RawIOBase):
    """A stream that ends in PageUnreadable where it unpacks to far more than text does, or is damaged."""

    def __init__(self, stream: gzip.GzipFile | IO[bytes], packed: int) -> None:
        self._stream, self._most, self._read = stream, max(FREE_BYTES, packed * MAX_RATIO), 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer, /) -> int:
        """Fills `buffer` as far as there is something; see `io.RawIOBase`."""
        view = memoryview(buffer)
        try:
            content = self._stream.read(len(view))
        except DAMAGED as error:
            raise PageUnreadable(f"cannot be unpacked: {error}") from error
        self._read += len(content)
        if self._read > self._most:
            raise PageUnreadable(f"unpacks to more than {MAX_RATIO} times its size: no text does")
        view[: len(content)] = content
        return len(content)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _zip(path: Path) -> Iterator[Member | Rejection]:
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGED as error:
        raise PageUnreadable(f"a damaged zip file: {error}") from error
    with archive:
        listed = archive.infolist()
        if len(listed) > MAX_MEMBERS:
            raise PageUnreadable(f"an archive of {len(listed):,} files; at most {MAX_MEMBERS:,} are read")
        for info in listed:
            if info.filename.endswith("/"):
                continue
            if why := _refused(info.filename, stat.S_IFMT(info.external_attr >> 16) == stat.S_IFLNK):
                yield Rejection(info.filename, why)
            else:
                yield Member(info.filename, partial(_zip_stream, archive, info))


def _zip_stream(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    try:
        return _bounded(archive.open(info), info.compress_size)
    except DAMAGED as error:
        raise PageUnreadable(f"cannot be unpacked: {error}") from error


def _tar(unpacked: Member) -> Iterator[Member | Rejection]:
    count = 0
    with closing(unpacked.open()) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for info in archive:
                    count += 1
                    if count > MAX_MEMBERS:
                        raise PageUnreadable(f"an archive of more than {MAX_MEMBERS:,} files")
                    if info.isdir():
                        continue
                    if why := _refused(info.name, not info.isfile()):
                        yield Rejection(info.name, why)
                    elif info.size > MAX_TAR_MEMBER_BYTES:
                        yield Rejection(info.name, f"more than {MAX_TAR_MEMBER_BYTES:,} bytes inside a tar; unpack it")
                    else:
                        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as aside:
                            _copy(archive.extractfile(info), aside)
                            yield Member(info.name, partial(_reopened, aside))
        except DAMAGED as error:
            raise PageUnreadable(f"a damaged tar file: {error}") from error


def _copy(source: IO[bytes] | None, aside: IO[bytes]) -> None:
    while source and (content := source.read(1_000_000)):
        aside.write(content)


def _reopened(aside: IO[bytes]) -> IO[bytes]:
    aside.seek(0)
    return _Kept(aside)


class _Kept(io.BufferedReader):
    """A view of a stream that leaves it open when it is closed itself."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream)  # type: ignore[arg-type]  # a raw stream in all that reading needs

    def close(self) -> None:
        pass


def _refused(name: str, is_link: bool) -> str | None:
    inside = PurePosixPath(name.replace("\\", "/"))
    if inside.is_absolute() or ".." in inside.parts:
        return "its name leads out of the archive; refused"
    return "a link or a device in an archive; refused" if is_link else None


def _first(member: Member) -> bytes:
    with member.open() as file:
        return file.read(512)


def _is_tar(start: bytes) -> bool:
    return start[257:262] == b"ustar"
