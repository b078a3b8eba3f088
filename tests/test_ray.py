"""Vectors made by Ray: a cluster of two nodes on this machine, and one that loses a process, a node and its writer."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, NamedTuple

import pytest

from assistant import Assistant
from ingest import Library, Settings, ingest
from ingest.errors import BadSetting, VectorsUnavailable
from ingest.export import jsonl
from ingest.records import Paper
from tests.fakes import WordEncoder
from tests.libraries import assert_whole, many
from tests.processes import ROOT, environment, run_code, with_fake_encoder
from tests.ray_encoder import Failing, OtherWeights, Seen
from tests.test_crash import owed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),  # at defaults of its own
]

PAPERS = 400
PARTS = 13
"""More than two nodes have at once."""
LOOPBACK = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
WITHOUT = """
import sys
sys.modules["ray"] = None
from assistant.cli import main
main()
"""
WRITER = """
import sys
from pathlib import Path
from ingest import ingest, read_settings
from tests.ray_encoder import Seen
seen, source, library = map(Path, sys.argv[1:])
settings = read_settings({"engine": "ray", "encoder": "words-64"})
ingest(source, library, settings=settings, encoder=Seen(seen, 0.1), progress=lambda done, _: print(done, flush=True))
"""
ALONE = """
import socket, sys
import ray
from ingest import ingest, read_settings
from tests.fakes import WordEncoder
heard = []
def listens(host, port):
    with socket.socket() as caller:
        return caller.connect_ex((host, port)) == 0
def progress(done, total):
    (node,) = ray.nodes()
    port = node["NodeManagerPort"]
    heard.append((node["NodeManagerAddress"], listens("127.0.0.1", port), listens("127.0.0.2", port)))
settings = read_settings({"engine": "ray", "encoder": "words-64", "offline": True})
ingest(sys.argv[1], sys.argv[2], settings=settings, encoder=WordEncoder(), progress=progress)
assert not ray.is_initialized()
print(set(heard))
"""


class Contents(NamedTuple):
    """Of a library, to be compared bit by bit."""

    papers: list[Paper]
    vectors: dict[str, bytes]
    counts: tuple[int, int]
    found: list[tuple[str, float]]


class Cluster(NamedTuple):
    """Two nodes of one processor each."""

    address: str
    nodes: Any


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {LOOPBACK: "0", "RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster as Nodes  # noqa: PLC0415  (reads the variables)

        nodes = Nodes(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        nodes.add_node(num_cpus=1)
        yield Cluster(nodes.address, nodes)
        nodes.shutdown()  # type: ignore[no-untyped-call]  # it carries no types


@pytest.fixture
def by_ray(settings: Settings, cluster: Cluster) -> Settings:
    """Settings that name the cluster."""
    return settings.model_copy(update={"engine": "ray", "ray_address": cluster.address})


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "many.jsonl"
    path.write_text(jsonl(many(PAPERS)), "utf-8")
    return path


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, source: Path) -> Contents:
    """Those of the library that is made without Ray."""
    path = tmp_path_factory.mktemp("here") / "library"
    ingest(source, settings=Settings(library=path, encoder="words-64"), encoder=WordEncoder())
    found = contents(path)
    assert len(found.papers) == len(found.vectors) == PAPERS
    return found


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """Where `Seen` leaves its files."""
    folder = tmp_path / "seen"
    folder.mkdir()
    return folder


def calls(seen: Path) -> list[tuple[str, int]]:
    """(node, process) of every call, the oldest first."""
    names = sorted((file.name.split(".") for file in seen.iterdir()), key=lambda name: int(name[2]))
    return [(node, int(process)) for node, process, _ in names]


def contents(path: Path) -> Contents:
    """What a whole library holds and finds."""
    settings = Settings(library=path, encoder="words-64", offline=True)
    with Library.open(path, settings, WordEncoder()) as library:
        assert_whole(library)
        papers = list(library.store.every_paper())
        passages = library.passages(paper.id for paper in papers)
        vectors = library.vectors.of({paper_id: len(some) for paper_id, some in passages.items()})
        counts = len(library.words), len(library.vectors)
    with Assistant.open(path, settings, encoder=WordEncoder()) as assistant:
        found = assistant.search("which papers show that memory grows with the depth of networks?", k=20)
    hits = [(hit.paper.id, hit.similarity) for hit in found]
    return Contents(papers, {paper_id: rows.tobytes() for paper_id, rows in vectors.items()}, counts, hits)


def test_two_nodes_make_the_library_that_one_process_makes(
    by_ray: Settings, settings: Settings, source: Path, here: Contents, seen: Path
) -> None:
    told = list[tuple[int, int]]()
    ingest(source, settings=by_ray, encoder=Seen(seen, nodes=2), progress=lambda *done: told.append(done))
    assert len({node for node, _ in calls(seen)}) == 2
    assert len(calls(seen)) == len(told) == PARTS
    assert told[-1] == (PAPERS, PAPERS)
    assert contents(settings.library) == here


def test_a_process_and_a_node_are_lost_in_the_middle(
    by_ray: Settings, cluster: Cluster, source: Path, here: Contents, seen: Path
) -> None:
    (node,) = cluster.nodes.worker_nodes
    before: list[list[tuple[str, int]]] = []

    def lose(*_: int) -> None:
        """Kills a process at the first report, and the other node at the second."""
        before.append(calls(seen))
        if len(before) == 1:
            os.kill(before[0][-1][1], signal.SIGKILL)
        elif len(before) == 2:
            cluster.nodes.remove_node(node, allow_graceful=False)
            before.append(calls(seen))

    try:
        ingest(source, settings=by_ray, encoder=Seen(seen, 0.3, nodes=2), progress=lose)
    finally:
        cluster.nodes.add_node(num_cpus=1)
    assert node.node_id in {where for where, _ in before[2]}
    after = calls(seen)[len(before[2]) :]
    assert after
    assert node.node_id not in {where for where, _ in after}
    assert len(calls(seen)) > PARTS  # what was lost was made again
    assert contents(by_ray.library) == here


def test_a_writer_killed_in_the_middle_is_made_up_for_without_ray(
    settings: Settings, cluster: Cluster, source: Path, here: Contents, seen: Path
) -> None:
    command = [sys.executable, "-c", WRITER, str(seen), str(source), str(settings.library)]
    told = environment(RAY_ADDRESS=cluster.address, RAY_AUTH_MODE="disabled", **{LOOPBACK: "0"})
    with Popen(command, cwd=ROOT, env=told, stdout=PIPE, text=True) as writer:
        assert writer.stdout
        assert int(writer.stdout.readline()) == 32
        writer.kill()
    # Words are indexed by then, so all that is owed is vectors; what was acknowledged is never made again.
    assert 0 < owed(settings.library) <= PAPERS - 32
    report = ingest(source, settings=settings, encoder=WordEncoder())
    assert report.unchanged == PAPERS
    assert contents(settings.library) == here


def test_a_rebuild_by_ray_gives_the_same(by_ray: Settings, settings: Settings, source: Path, here: Contents) -> None:
    ingest(source, settings=settings, encoder=WordEncoder("other", 32))
    with Library.open_to_write(settings.library, by_ray, WordEncoder(), remake=True) as library:
        library.catch_up()
    assert contents(settings.library) == here


@pytest.mark.parametrize(
    ("encoder", "why"),
    [(Failing(), r"ValueError: no weights for \d+ texts"), (OtherWeights(), "encoder 'words-64' has other weights")],
)
def test_what_fails_on_every_machine_is_one_line_and_papers_are_kept(
    by_ray: Settings, source: Path, encoder: WordEncoder, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(
        VectorsUnavailable, match=rf"^the Ray cluster at {by_ray.ray_address} failed \(.*{why}"
    ) as caught:
        ingest(source, settings=by_ray, encoder=encoder)
    assert (caught.value.exit_code, len(str(caught.value).splitlines())) == (1, 1)
    assert capfd.readouterr() == ("", "")
    assert owed(by_ray.library) == PAPERS


def test_a_cluster_of_our_own_listens_on_loopback_only_and_says_nothing(
    tmp_path: Path, source: Path, here: Contents
) -> None:
    ended = run_code(ALONE, source, tmp_path / "library")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "{('127.0.0.1', True, False)}\n"
    assert contents(tmp_path / "library") == here


def test_without_ray_it_is_one_line_and_nothing_is_written(tmp_path: Path, source: Path) -> None:
    ended = run_code(WITHOUT, "ingest", source, "--library", tmp_path / "library", "--engine", "ray")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.splitlines() == [
        "whichpapers: setting engine (WHICHPAPERS_ENGINE) is 'ray': Ray Data is missing; install it with:"
        " pip install 'whichpapers[ray]'"
    ]
    assert not (tmp_path / "library").exists()


@pytest.mark.parametrize("address", ["192.0.2.7:6379", "papers.example:6379", "auto"])
def test_offline_no_cluster_elsewhere_is_called(tmp_path: Path, source: Path, address: str) -> None:
    arguments = ("ingest", source, "--library", tmp_path / "library", "--engine", "ray", "--offline")
    ended = with_fake_encoder(*arguments, RAY_ADDRESS=address)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err == (
        f"whichpapers: setting ray_address (RAY_ADDRESS) is {address!r}: WHICHPAPERS_OFFLINE forbids calls to other"
        " machines\n"
    )
    assert not (tmp_path / "library").exists()


def test_offline_no_other_machine_of_a_cluster_is_called(by_ray: Settings, cluster: Cluster, source: Path) -> None:
    elsewhere = cluster.nodes.add_node(num_cpus=1, node_ip_address="127.0.0.2")
    try:
        with pytest.raises(BadSetting, match="WHICHPAPERS_OFFLINE forbids calls to other machines"):
            ingest(source, settings=by_ray, encoder=WordEncoder())
    finally:
        cluster.nodes.remove_node(elsewhere)
    assert owed(by_ray.library) == PAPERS


@pytest.mark.parametrize("address", ["ray://localhost:10001", "localhost", "localhost:6379/v1", "two words:1"])
def test_what_is_no_address_is_an_error(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingest import read_settings  # noqa: PLC0415

    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(BadSetting, match=r"RAY_ADDRESS\) is .*expected host:port of a Ray cluster"):
        read_settings({})


def test_where_nothing_listens_it_is_one_line(settings: Settings, source: Path) -> None:
    nowhere = settings.model_copy(update={"engine": "ray", "ray_address": "127.0.0.1:1"})
    with pytest.raises(VectorsUnavailable, match=r"^the Ray cluster at 127\.0\.0\.1:1 failed \(.*refused\)"):
        ingest(source, settings=nowhere, encoder=WordEncoder())
