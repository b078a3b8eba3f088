"""Programs of Debian that tests look for: in CI they must be there, elsewhere a test without one is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

IN_CI = bool(os.environ.get("CI") or os.environ.get("WHICHPAPERS_CI"))


def program(name: str) -> str:
    """The path of a program, which root installs first where it is missing; skips the test where there is none."""
    path = shutil.which(name) or _installed(name)
    if path is None:
        assert not IN_CI, f"CI must have {name}: apt-get install {name}"
        pytest.skip(f"no {name} here, and only root may install it: apt-get install {name}")
    return path


def _installed(name: str) -> str | None:
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        for command in (["update"], ["install", "-y", "--no-install-recommends", name]):
            subprocess.run([apt, *command], capture_output=True, check=False, timeout=240)
    return shutil.which(name)
