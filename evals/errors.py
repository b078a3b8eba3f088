"""What can go wrong in an evaluation. Each message says what, which, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class EvalsError(Exception):
    """Base of this package's errors. `exit_code`: 2 for input a user can mend, 1 for a broken gate or a full disk."""

    exit_code = 2


class BadCase(EvalsError):
    """A line of a file of cases, answers or labels cannot be used."""

    def __init__(self, path: Path, line: int, why: str) -> None:
        self.path, self.line, self.why = path, line, why
        super().__init__(f"{path}:{line}: {why}")


class NoCases(EvalsError):
    """A case file cannot be read, or holds nothing."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"no cases in {str(path)!r}: {why}; expected JSON lines with id, type, question and relevant")


class NothingToAsk(EvalsError):
    """No case is left by what the options choose."""

    def __init__(self, types: Sequence[str], known: Sequence[str]) -> None:
        self.types, self.known = types, known
        super().__init__(f"no case of type {', '.join(types)}; the cases given are of type {', '.join(known)}")


class BadOption(EvalsError):
    """An option's value is out of range, or goes with no other."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        self.name, self.value, self.expected = name, value, expected
        super().__init__(f"{name} is {value!r}; expected {expected}")


class BadRun(EvalsError):
    """A folder holds no scores that can be compared."""

    def __init__(self, folder: Path, why: str) -> None:
        self.folder, self.why = folder, why
        super().__init__(f"no run to compare in {str(folder)!r}: {why}; make one with: whichpapers eval --out DIR")


class BadGate(EvalsError):
    """A file of bounds cannot be used."""

    def __init__(self, path: Path, why: str) -> None:
        self.path, self.why = path, why
        super().__init__(f"gate {str(path)!r}: {why}; expected TOML such as: [measures.recall@50] min = 0.9")


class GateBroken(EvalsError):
    """A bound does not hold."""

    exit_code = 1

    def __init__(self, broken: Sequence[str]) -> None:
        self.broken = broken
        super().__init__(f"gate broken: {'; '.join(broken)}")


class BadCollection(EvalsError):
    """A folder holds no retrieval collection in BEIR's form."""

    def __init__(self, folder: Path, why: str) -> None:
        self.folder, self.why = folder, why
        super().__init__(
            f"no collection in {str(folder)!r}: {why}; expected corpus.jsonl, queries.jsonl, qrels.tsv or qrels/"
        )


class CannotWrite(EvalsError):
    """The disk refuses the folder of results."""

    exit_code = 1

    def __init__(self, folder: Path, why: str) -> None:
        self.folder, self.why = folder, why
        super().__init__(f"cannot write to {str(folder)!r}: {why}; name another folder with --out")


class MissingExtra(EvalsError):
    """A package that only this needs is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"package {package!r} is not installed; get it with: pip install 'whichpapers[{extra}]'")


class NoJudge(EvalsError):
    """A language model was to judge, and there is none."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"no model to judge with: {why}; or use --judge words")


class NoNotes(EvalsError):
    """A library in which nobody has rated or saved anything."""

    def __init__(self, library: Path) -> None:
        self.library = library
        super().__init__(f"no feedback in {str(library)!r}: rate answers in the chat first (whichpapers chat)")
