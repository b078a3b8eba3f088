"""Settings -> findings: what is installed, what the library holds, and whether it is sound."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

from assistant.llm.open import address, why_not
from ingest import IngestError, Library, Settings
from ingest.minilm import NAMES


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing examined."""

    what: str
    found: str
    sound: bool = True


def examine(settings: Settings) -> list[Finding]:
    """Examines the installation and the library that `settings` name. Nothing is changed but a repair on opening."""
    return [*_installation(settings), *_library(settings)]


def _installation(settings: Settings) -> Iterator[Finding]:
    yield Finding("whichpapers", f"{version('whichpapers')} on Python {platform.python_version()}")
    yield Finding("language model", _model(settings))
    engine = "onnxruntime" if settings.encoder in NAMES else "sentence-transformers"
    yield Finding("encoder", f"{settings.encoder}, by {engine} {version(engine)}")
    if settings.reranker:
        yield Finding("reranker", f"{settings.reranker}, by sentence-transformers {version('sentence-transformers')}")
    yield Finding("library", str(settings.library))


def _model(settings: Settings) -> str:
    if why := why_not(settings):
        return f"none, answers are extractive: {why}"
    name = settings.model or "the only one that it has (else WHICHPAPERS_MODEL must name one)"
    return f"{name}, to be asked at {address(settings)}; it was not called"


def _library(settings: Settings) -> Iterator[Finding]:
    try:
        library = Library.open(settings.library, settings)
    except IngestError as error:
        yield Finding("problem", str(error), sound=False)
        return
    with library:
        digests = sum(paper.digest for paper in library.store.every_paper())
        yield Finding("works", f"{len(library)}" + (f", {digests} of them digests" if digests else ""))
        yield Finding("vectors in", library.vectors.place)
        yield Finding("passages", f"{library.store.count_passages()}")
        for target, index in (("words", library.words), ("vectors", library.vectors)):
            owed = library.store.owed_count(target)
            whole = not owed and len(index) == len(library)
            yield Finding(target, "whole" if whole else f"{len(index)} of {len(library)} works, {owed} owed", whole)
        altered = library.store.altered()
        yield Finding(
            "texts", f"altered since they were stored: {', '.join(altered)}" if altered else "as stored", not altered
        )
