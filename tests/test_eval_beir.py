"""beir: collections are read, ranked by documents, and refused by what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from evals.beir import MEASURES, rank_among, rank_collections, read_collection
from evals.errors import BadCollection
from ingest import Settings, ingest
from tests.conftest import SIX
from tests.fakes import WordEncoder


def lines(records: Iterable[object]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The six papers as a collection, one of them twice."""
    made = tmp_path / "six"
    (made / "qrels").mkdir(parents=True)
    documents = [{"_id": f"d{n}", "title": paper["title"], "text": paper["abstract"]} for n, paper in enumerate(SIX)]
    (made / "corpus.jsonl").write_text(lines([*documents, {**documents[4], "_id": "again"}]), "utf-8")
    queries = {"q1": "trace of the Hessian", "q2": "reading order of a scanned page", "q3": "not judged"}
    (made / "queries.jsonl").write_text(lines({"_id": i, "text": text} for i, text in queries.items()), "utf-8")
    judged = "query-id\tcorpus-id\tscore\nq1\tagain\t2\nq1\td0\t0\nq2\td2\t1\n"
    (made / "qrels" / "test.tsv").write_text(judged, "utf-8")
    return made


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ingest.library", "ingest.build"):
        monkeypatch.setattr(f"{module}.open_encoder", lambda settings: WordEncoder(settings.encoder), raising=False)


def test_only_judged_queries_and_relevant_documents_are_read(folder: Path) -> None:
    collection = read_collection(folder)
    assert collection.relevant == {"q1": {"again": 2}, "q2": {"d2": 1}}
    assert set(collection.queries) == {"q1", "q2"}
    assert collection.documents[7] == "again"


def test_judgements_may_be_one_file(folder: Path) -> None:
    (folder / "qrels" / "test.tsv").rename(folder / "qrels.tsv")
    assert set(read_collection(folder).relevant) == {"q1", "q2"}


@pytest.mark.usefixtures("encoder")
def test_a_collection_is_ranked_among_other_papers_by_its_titles(
    folder: Path, settings: Settings, write_jsonl: Callable[..., Path]
) -> None:
    own = settings.model_copy(update={"library": settings.library.with_name("larger")})
    others = [{"title": f"Owls {n}", "abstract": f"Owls count mice in wood {n}."} for n in range(30)]
    nearer = {"title": "Trace of the Hessian", "abstract": "Trace of the Hessian."}
    ingest(write_jsonl(*SIX[:5], nearer, *others), settings=own)
    found = rank_among(read_collection(folder), own)
    assert (found.works, found.documents) == (36, 7)
    assert found.measures["recall@10"].mean == 1
    assert found.measures["mrr"].mean == pytest.approx(
        (1 / 3 + 1) / 2
    )  # after "nearer", which is of no document, and "d4"
    (folder / "corpus.jsonl").write_text((folder / "corpus.jsonl").read_text("utf-8").replace(SIX[2]["title"], "?"))
    assert rank_among(read_collection(folder), own).measures["recall@10"].mean == 0.5


@pytest.mark.usefixtures("encoder")
def test_documents_of_one_work_are_both_ranked(folder: Path, settings: Settings, tmp_path: Path) -> None:
    told = rank_collections([folder], settings, tmp_path / "out")
    found = json.loads((tmp_path / "out" / "beir.json").read_text("utf-8"))
    assert [one["system"] for one in found] == ["whichpapers", "words only", "vectors only"]
    assert {(one["documents"], one["works"]) for one in found} == {(7, 6)}
    assert all(set(one["measures"]) == set(MEASURES) for one in found)
    assert found[0]["measures"]["recall@10"] == {"mean": 1, "low": 1, "high": 1, "n": 2, "unscored": 0}
    assert len(told.splitlines()) == 2 + 3


@pytest.mark.parametrize("missing", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_an_incomplete_folder_is_refused_by_what_is_missing(folder: Path, missing: str) -> None:
    (folder / missing).unlink()
    with pytest.raises(BadCollection, match=r"no collection in .*: (corpus|queries|qrels)"):
        read_collection(folder)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("queries.jsonl", "{"),
        ("queries.jsonl", '{"text": "no id"}\n'),
        ("queries.jsonl", '{"_id": "q9", "text": "another"}\n'),
        ("qrels/test.tsv", "head\nq1 d1 1\n"),
        ("qrels/test.tsv", "head\n"),
    ],
)
def test_a_file_of_another_form_is_refused(folder: Path, file: str, text: str) -> None:
    (folder / file).write_text(text, "utf-8")
    with pytest.raises(BadCollection, match="expected corpus"):
        read_collection(folder)
