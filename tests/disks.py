"""Disks that refuse: a folder that cannot be written, and one that is nearly full. Root needs `mount` for them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


def _mount(*arguments: str | Path) -> bool:
    program = shutil.which("mount")
    if os.geteuid() or not program:
        return False
    return subprocess.run([program, *map(str, arguments)], capture_output=True, check=False).returncode == 0


@contextmanager
def _tmpfs(folder: Path, size: str) -> Iterator[None]:
    folder.mkdir()
    if not _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder):
        pytest.skip("needs to be root and allowed to mount a small disk")
    try:
        yield
    finally:
        subprocess.run([str(shutil.which("umount")), "-l", str(folder)], check=True)


@contextmanager
def read_only_copy(original: Path, folder: Path) -> Iterator[Path]:
    """A copy of `original` that cannot be written: by rights for a normal user, on a disk of its own for root."""
    with ExitStack() as undo:
        if os.geteuid() == 0:
            undo.enter_context(_tmpfs(folder, "64m"))
        copy = Path(shutil.copytree(original, folder / original.name))
        if os.geteuid() == 0:
            assert _mount("-o", "remount,ro", folder)
        else:
            for place in (copy, *copy.rglob("*")):
                undo.callback(place.chmod, place.stat().st_mode)
            for place in (copy, *copy.rglob("*")):
                place.chmod(0o555 if place.is_dir() else 0o444)
        yield copy


@dataclass(frozen=True)
class SmallDisk:
    """A disk of its own."""

    path: Path

    def fill(self) -> None:
        """Leaves no byte free."""
        with (self.path / "ballast").open("wb", buffering=0) as ballast:
            try:
                while ballast.write(b"x" * 4096):
                    pass
            except OSError:
                return

    def grow(self) -> None:
        """Leaves room enough."""
        assert _mount("-o", "remount,size=256m", self.path)


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[SmallDisk]:
    with _tmpfs(folder, size):
        yield SmallDisk(folder)
