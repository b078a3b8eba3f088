"""The library on disk: files of its indexes that are damaged are noticed, and made anew."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ingest import Library, Settings, ingest
from ingest.chroma_folder import ChromaFolder
from ingest.errors import IndexDamaged
from tests.fakes import WordEncoder
from tests.libraries import CountingEncoder, assert_repaired, assert_whole
from tests.trust.tier import some

Damage = Callable[[Path], object]


def garbage(file: Path) -> None:
    file.write_bytes(random.Random(1).randbytes(file.stat().st_size))  # noqa: S311 (seeded)


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def middle(file: Path) -> None:
    content, size = file.read_bytes(), file.stat().st_size
    file.write_bytes(content[: size // 3] + random.Random(1).randbytes(size // 3) + content[size // 3 * 2 :])  # noqa: S311 (seeded)


def test_what_memory_held_is_not_left_in_a_graph_that_holds_nothing(
    path: Path, settings: Settings, encoder: WordEncoder, write_jsonl: Callable[..., Path]
) -> None:
    files = [file for name in ("data_level0.bin", "length.bin") for file in path.glob(f"vectors/*/{name}")]
    assert len(files) == 2
    assert not any(any(file.read_bytes()) for file in files)
    for file in files:
        garbage(file)
    more = write_jsonl({"title": "On owls", "abstract": "Owls hunt mice."}, name="more.jsonl")
    ingest(more, path, settings=settings, encoder=encoder)
    assert not any(any(file.read_bytes()) for file in files)
    for file in files:
        garbage(file)
    with Library.open(path, settings, encoder) as library:
        assert_whole(library)
        assert library.vectors.search(encoder.encode(["On owls. Owls hunt mice."])[0], 1)[0][1] > 0.99
    assert not any(any(file.read_bytes()) for file in files)


damages = pytest.mark.parametrize("damage", [Path.unlink, garbage, half])


@damages
@pytest.mark.parametrize("target", ["words", "vectors"])
def test_an_index_all_of_whose_files_are_damaged_is_made_anew(
    path: Path, settings: Settings, target: str, damage: Damage
) -> None:
    for file in [file for file in (path / target).rglob("*") if file.is_file()]:
        damage(file)
    assert_repaired(path, settings)


@damages
@pytest.mark.parametrize(
    "suffix", ["meta.json", ".managed.json", ".term", ".idx", ".store", ".fast", ".fieldnorm", ".pos"]
)
def test_a_damaged_file_of_the_word_index_is_repaired(
    path: Path, settings: Settings, suffix: str, damage: Damage
) -> None:
    files = [file for file in (path / "words").iterdir() if file.name.endswith(suffix)]
    assert files
    for file in files:
        damage(file)
    assert_repaired(path, settings)


def test_a_lock_that_goes_by_itself_while_an_index_is_removed_stops_nothing(
    path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failed = shutil.rmtree, list[Path]()

    def fails_once(folder: Path) -> None:
        if not failed:
            failed.append(folder)
            raise FileNotFoundError(folder / ".tantivy-meta.lock")
        real(folder)

    monkeypatch.setattr("ingest.library.shutil.rmtree", fails_once)
    (path / "words" / "meta.json").write_text("{}")
    assert_repaired(path, settings)
    assert failed == [path / "words"]


# Chroma would end this process on garbage in the graph's data, and find a quarter of the vectors without its index.
FILES = [("data_level0.bin", garbage), ("chroma.sqlite3", half)]
EVERY_FILE = [
    pytest.param(name, damage, marks=pytest.mark.slow)
    for name in ("chroma.sqlite3", "index_metadata.pickle", "data_level0.bin", "header.bin", "link_lists.bin")
    for damage in (Path.unlink, garbage, half, middle)
    if (name, damage) not in FILES
]


@pytest.mark.parametrize(("name", "damage"), [*FILES, *some(EVERY_FILE, 6)])
def test_a_damaged_file_of_the_vector_index_is_repaired(
    large: Path, tmp_path: Path, settings: Settings, name: str, damage: Damage
) -> None:
    shutil.copytree(large, tmp_path / "copy")
    (file,) = (tmp_path / "copy" / "vectors").rglob(name)
    damage(file)
    assert_repaired(tmp_path / "copy", settings)


def test_a_copy_of_a_library_is_trusted_without_encoding(large: Path, tmp_path: Path, settings: Settings) -> None:
    shutil.copytree(large, tmp_path / "copy", copy_function=shutil.copyfile)
    encoder = CountingEncoder()
    with Library.open(tmp_path / "copy", settings, encoder) as library:
        assert encoder.texts == 0
        assert_whole(library)


def stranger(file: Path) -> None:
    """Names a neighbour that there is not."""
    links = np.frombuffer(file.read_bytes(), "<u4").copy()
    first = int(np.flatnonzero(links)[0])  # how many bytes follow; then how many neighbours, and the first
    links[first + 2] = 1_000_000
    file.write_bytes(links.tobytes())


@pytest.mark.parametrize("damage", [garbage, stranger])
def test_links_to_nowhere_are_noticed_before_a_search_follows_them(large: Path, tmp_path: Path, damage: Damage) -> None:
    shutil.copytree(large / "vectors", tmp_path / "vectors")
    (file,) = (tmp_path / "vectors").rglob("link_lists.bin")
    damage(file)
    with pytest.raises(IndexDamaged, match="graph of neighbours is damaged"):
        ChromaFolder(tmp_path / "vectors")
