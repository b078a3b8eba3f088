"""Inputs -> inputs that reach more: what libFuzzer runs, every reader instrumented as it is imported."""

import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # there for fuzzing only

with atheris.instrument_imports(include=["ingest", "bibtexparser", "rispy", "markdown_it", "csv", "json", "tarfile"]):
    from ingest.read import READERS
    from tests.fuzz.targets import check

    for name in READERS.values():
        __import__(f"ingest.sources.{name}")

if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
