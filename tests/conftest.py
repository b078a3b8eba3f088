"""What every test shares: no network but loopback, no user's settings, small libraries."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis_settings

from ingest import SAMPLE, Library, Settings, ingest
from tests.chroma_process import ChromaProcess
from tests.fakes import WordEncoder
from tests.libraries import many

hypothesis_settings.register_profile("whichpapers", derandomize=True, deadline=None, database=None)
hypothesis_settings.load_profile("whichpapers")

SHARED = Path(__file__).parents[2] / "shared"
"""The real pages; beside the checkout in CI, absent elsewhere."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one switch that lets golden texts change."""
    parser.addoption("--refresh-golden", action="store_true", help="write tests/golden anew")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any connection to another machine fails the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else "localhost"
        assert host in ("127.0.0.1", "::1", "localhost"), f"a test called {address}"
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def no_user_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A test sees none of the user's variables, and its default library is its own."""
    for name in list(os.environ):
        if name.startswith(("WHICHPAPERS_", "OPENAI_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WHICHPAPERS_LIBRARY", str(tmp_path / "default-library"))


@pytest.fixture(scope="session")
def chroma(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChromaProcess]:
    """A Chroma server; libraries on it do not get into each other's way."""
    server = ChromaProcess(tmp_path_factory.mktemp("chroma") / "data")
    yield server
    server.kill()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with the fake encoder's name."""
    return Settings(library=tmp_path / "library", encoder="words-64", offline=True)


@pytest.fixture
def encoder() -> WordEncoder:
    """A fake encoder."""
    return WordEncoder()


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., Path]:
    """Writes records to a .jsonl file and returns its path."""

    def write(*records: dict[str, Any], name: str = "papers.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
        return path

    return write


@pytest.fixture
def library(settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path]) -> Iterator[Library]:
    """Six papers, open to read."""
    ingest(write_jsonl(*SIX), settings.library, settings=settings, encoder=encoder)
    with Library.open(settings.library, settings, encoder) as opened:
        yield opened


@pytest.fixture(scope="session")
def six_papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of six papers, not to be touched, and its source beside it."""
    folder = tmp_path_factory.mktemp("six")
    (folder / "papers.jsonl").write_text("".join(json.dumps(record) + "\n" for record in SIX), "utf-8")
    settings = Settings(library=folder / "library", encoder="words-64", offline=True)
    ingest(folder / "papers.jsonl", settings=settings, encoder=WordEncoder())
    return folder


@pytest.fixture
def path(six_papers: Path, tmp_path: Path, settings: Settings) -> Path:
    """A library of six papers, closed, and its source beside it."""
    shutil.copy(six_papers / "papers.jsonl", tmp_path)
    return Path(shutil.copytree(six_papers / "library", settings.library))


SIX: tuple[dict[str, Any], ...] = (
    {
        "title": "Curvature-Guided Weight Rounding",
        "abstract": "We quantize weights of language models. The Hessian of the layer loss guides the rounding of"
        " each weight. Accuracy at 4 bits matches full precision.",
        "year": 2023,
        "authors": ["A. Author", "B. Author"],
    },
    {
        "title": "Pruning by Second Derivatives",
        "abstract": "Networks hold more weights than they need. We remove those whose removal changes the loss least,"
        " as told by second derivatives. Code is at https://github.com/example/prune.",
        "year": 2021,
    },
    {
        "title": "Reading Order of Scanned Pages",
        "abstract": "Text blocks of a scanned page must be read in the right order. A graph network predicts the order."
        " It makes fewer errors than sorting by position.",
    },
    {
        "title": "Lower Bounds for Zeroth-Order Methods",
        "abstract": "We study optimization with function values only. Any method needs at least d/eps^2 queries."
        " The bound is tight for convex functions.",
        "year": 2020,
    },
    {
        "title": "Mixed Precision from Hessian Traces",
        "abstract": "Layers differ in how well they bear quantization. We rank them by the trace of the Hessian and"
        " give sensitive layers more bits. ResNet-50 keeps its accuracy at 3 bits on average.",
        "year": 2022,
    },
    {
        "title": "Diffusion Sampling in Ten Steps",
        "abstract": "Sampling from diffusion models is slow. A multistep solver for the underlying differential"
        " equation needs ten evaluations. Samples stay sharp.",
    },
)
"""A small library's records, written for these tests."""


@pytest.fixture(scope="session")
def sample_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The sample library, read once with the real encoder."""
    settings = Settings(library=tmp_path_factory.mktemp("sample") / "library", offline=True)
    ingest(SAMPLE, settings=settings)
    return settings


@pytest.fixture(scope="session")
def pages_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The real pages, read once with the real encoder."""
    require_shared()
    settings = Settings(library=tmp_path_factory.mktemp("pages") / "library", offline=True)
    ingest(SHARED / "pages", settings=settings)
    return settings


def require_shared() -> None:
    """Skips a test of the real pages where they are not beside the checkout; in CI they must be."""
    if not SHARED.is_dir():
        assert not os.environ.get("CI"), f"CI must have the real pages at {SHARED}"
        pytest.skip("the real pages are not beside this checkout")


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of 1,100 vectors, closed: so many that Chroma has written its graph out."""
    folder = tmp_path_factory.mktemp("large")
    settings = Settings(library=folder / "library", encoder="words-64", offline=True)
    with Library.open_to_write(settings.library, settings, WordEncoder()) as library:
        library.add(many(1100))
        library.catch_up()
    return settings.library
