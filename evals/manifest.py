"""Options, library -> what a run depends on: what is told with its scores, and what must be the same to resume it."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ingest import Library

ROOT = Path(__file__).parents[1]
_PACKAGES = ("assistant", "evals", "ingest", "prompts")
_CODE = {".py", ".md", ".json", ".sql"}


def identity(library: Library, system: str, options: Mapping[str, object]) -> dict[str, object]:
    """All that outcomes depend on but the cases: the same identity, the same outcomes, but for time."""
    return {
        "system": system,
        **options,
        "papers": len(library),
        "library_sha256": library_sha256(library),
        "encoder": library.encoder.name,
        "code_sha256": code_sha256(),
    }


def surroundings() -> dict[str, object]:
    """When and by what a run was made."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "version": version("whichpapers"),
        "commit": commit(),
        "python": platform.python_version(),
        "processor": platform.machine(),
    }


def in_a_line(about: Mapping[str, Any]) -> str:
    """What was run, for people, from what is told with its scores."""
    return (
        f"{about['date']}, commit {about['commit'] or 'unknown'}, {about['system']}, mode {', '.join(about['modes'])},"
        f" depth {about['depth']}: {about['cases']} questions about the {about['papers']} papers of library"
        f" {about['library_sha256'][:10]}."
    )


def library_sha256(library: Library) -> str:
    """Hash of every paper's id and text."""
    return _sha256(f"{paper.id} {paper.sha256}\n" for paper in library.store.every_paper())


def code_sha256() -> str:
    """Hash of this program's code, prompts and parameters."""
    files = sorted(file for name in _PACKAGES for file in (ROOT / name).rglob("*") if file.suffix in _CODE)
    return _sha256(f"{file.relative_to(ROOT).as_posix()} {_sha256([file.read_text('utf-8')])}\n" for file in files)


def commit() -> str | None:
    """The commit of the checkout that this runs from, with "+" where files differ from it; None outside of one."""
    if not (ROOT / ".git").exists():
        return None
    described = _git("describe", "--always", "--abbrev=10", "--match=", "--dirty=+")
    return described.strip() or None


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603  (our own words)
    except OSError:
        return ""


def _sha256(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode())
    return digest.hexdigest()
