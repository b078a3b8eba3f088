"""What can go wrong in an evaluation."""

from __future__ import annotations

from pathlib import Path


class EvalsError(Exception):
    """Base of this package's errors. `exit_code`: 2 for input a user can mend, 1 for a broken gate."""

    exit_code = 2


class BadCase(EvalsError):
    """A line of a case file is no case."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        self.path, self.line, self.why = path, line, why
        super().__init__(f"{path}:{line}: {why}")


class NoCases(EvalsError):
    """A case file cannot be read, or holds nothing."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"no cases in {str(path)!r}: {why}; expected JSON lines with id, type, question and relevant")
