"""Inputs -> inputs that reach more: what libFuzzer runs, all that reads files or replies instrumented."""

import os
import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]  # there for fuzzing only

AGAIN = "FUZZ_AGAIN"
"""The variable that names the program which runs this module."""

with atheris.instrument_imports(
    include=[
        "ingest",
        "assistant.llm",
        "assistant.by_llm",
        "bibtexparser",
        "rispy",
        "markdown_it",
        "csv",
        "json",
        "tarfile",
    ]
):
    from ingest.read import READERS
    from tests.fuzz.targets import check

    for name in READERS.values():
        __import__(f"ingest.sources.{name}")

if __name__ == "__main__":
    # To merge, libFuzzer runs what it takes for its own name, which for a module is no program.
    atheris.Setup([os.environ.get(AGAIN, sys.argv[0]), *sys.argv[1:]], check)
    atheris.Fuzz()
