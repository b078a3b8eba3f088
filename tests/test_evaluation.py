"""evaluation: a run over a small library writes what it promises, twice the same, and goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant import Answer, Assistant, AssistantError
from evals.cases import read_cases
from evals.errors import BadCase, BadRun, CannotWrite, GateBroken, NoJudge, NothingToAsk
from evals.evaluate import JOURNAL, Plan, evaluate
from evals.examine import Examiner
from evals.journal import Journal
from evals.run import run
from evals.systems import Product
from ingest import Library, Settings
from tests.conftest import SIX
from tests.fakes import WordEncoder
from tests.llm_server import LLMServer, says
from tests.test_cases import GOOD, written

CONTRACT = {
    "ndcg@10", "recall@10", "recall@20", "recall@50", "mrr", "list_precision", "list_recall", "list_f1",
    "answer_match", "nugget_recall", "vital_nugget_recall", "citation_precision", "citation_recall", "quote_validity",
    "abstention_precision", "abstention_recall", "seconds_p50", "seconds_p95", "prompt_tokens", "cost_usd",
}  # fmt: skip
NO = {"id": "2", "type": "unanswerable", "question": "Where can I get the best pizza in Naples?", "relevant": []}
TRACE = {
    "id": "3",
    "type": "factoid",
    "question": "Which paper ranks layers by the trace of the Hessian?",
    "relevant": [{"title": "Mixed Precision from Hessian Traces", "grade": 2}],
    "answer_patterns": ["trace of the Hessian"],
    "nuggets": [
        {"text": "Layers are ranked by the trace of the Hessian.", "titles": [], "vital": True},
        {"text": "A transformer of 70 billion parameters is pruned.", "titles": [], "vital": False},
    ],
}


@pytest.fixture
def plan(path: Path, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Three questions over the six papers."""
    monkeypatch.setattr("ingest.library.open_encoder", lambda settings: WordEncoder(settings.encoder))
    assert path == settings.library
    return Plan(settings, (written(tmp_path, GOOD, NO, TRACE),), out=tmp_path / "out")


def scores_of(plan: Plan, **options: Any) -> dict[str, Any]:
    done = evaluate(altered(plan, **options))
    data: dict[str, Any] = json.loads((done.folder / "scores.json").read_text("utf-8"))
    return data


def altered(plan: Plan, **options: Any) -> Plan:
    return Plan(**({name: getattr(plan, name) for name in Plan.__slots__} | options))


def timeless(data: dict[str, Any]) -> dict[str, Any]:
    """Scores without what depends on the clock."""
    measures = {name: value for name, value in data["measures"].items() if not name.startswith("seconds")}
    cases = [
        {**case, "seconds": None, "measures": {k: v for k, v in case["measures"].items() if k != "seconds"}}
        for case in data["cases"]
    ]
    types = {
        kind: {k: v for k, v in group.items() if not k.startswith("seconds")} for kind, group in data["by_type"].items()
    }
    return {**data, "measures": measures, "cases": cases, "by_type": types}


def test_scores_have_the_contracted_form(plan: Plan) -> None:
    data = scores_of(plan)
    assert {"run", "measures", "by_type", "cases"} <= set(data)
    assert set(data["measures"]) >= CONTRACT
    assert all(set(score) == {"mean", "low", "high", "n", "unscored"} for score in data["measures"].values())
    assert data["measures"]["ndcg@10"]["n"] == 2
    assert data["measures"]["answer_match"] == {"mean": 1, "low": 1, "high": 1, "n": 1, "unscored": 0}
    assert data["measures"]["vital_nugget_recall"]["mean"] == 1
    assert data["measures"]["nugget_recall"]["mean"] == 1 / 2
    assert data["measures"]["groundedness"]["mean"] == 1
    assert data["by_type"]["unanswerable"]["abstention_recall"]["n"] == 1
    assert {"date", "commit", "mode", "depth", "library_sha256", "encoder", "matcher"} <= set(data["run"])


def test_the_reports_tell_the_same_to_people(plan: Plan) -> None:
    done = evaluate(plan)
    assert done.files == ("scores.json", "report.md", "report.html")
    text = (done.folder / "report.md").read_text("utf-8")
    assert "| ndcg@10 |" in text
    assert "mode offline" in text
    assert "judged by words" in text
    page = (done.folder / "report.html").read_text("utf-8")
    assert GOOD["question"] in page
    assert "Mixed Precision from Hessian Traces" in page


def test_two_runs_differ_in_time_only(plan: Plan, tmp_path: Path) -> None:
    one, other = (scores_of(plan, out=tmp_path / name) for name in ("one", "other"))
    assert timeless(one) == timeless(other)


def test_several_workers_find_the_same(plan: Plan, tmp_path: Path) -> None:
    assert timeless(scores_of(plan)) == timeless(scores_of(plan, workers=3, out=tmp_path / "three"))


def test_an_interrupted_run_that_is_resumed_equals_a_whole_one(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scores_of(plan, out=tmp_path / "whole")
    asked: list[str] = []
    original = Assistant.ask

    def interrupted(self: Assistant, question: str, *arguments: Any) -> Answer:
        asked.append(question)
        if len(asked) == 3:
            raise KeyboardInterrupt
        return original(self, question, *arguments)

    monkeypatch.setattr(Assistant, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        evaluate(plan)
    journal = tmp_path / "out" / JOURNAL
    assert len(journal.read_text("utf-8").splitlines()) == 1 + 2
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"case": "cut o')
    resumed = scores_of(plan)
    assert len(asked) == 4
    assert timeless(resumed) == timeless(whole)
    assert not journal.exists()


def test_a_run_is_not_resumed_with_other_settings_or_gold(plan: Plan, tmp_path: Path) -> None:
    def count(identity: dict[str, object], *cases: Any) -> int:
        with Library.open(plan.settings.library, plan.settings) as library:
            asked = read_cases([written(tmp_path, *cases)], library)
            return len(Journal(tmp_path / JOURNAL, identity).kept(asked))

    def fill() -> None:
        with Assistant.open(settings=plan.settings) as opened:
            asked = read_cases([written(tmp_path, GOOD, NO)], opened.library)
            system, examiner = Product(opened, "offline", "quick"), Examiner(opened.library)
            Journal(tmp_path / JOURNAL, {"mode": "offline"}).resume(asked, lambda left: run(system, left, examiner))

    fill()
    assert count({"mode": "offline"}, GOOD, NO) == 2
    assert count({"mode": "offline"}, GOOD, {**NO, "question": "Where is the best pasta?"}) == 1
    fill()
    assert count({"mode": "llm"}, GOOD, NO) == 0


def test_a_system_that_fails_is_counted_and_asked_again(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    class Down(AssistantError):
        exit_code = 1

    def ask(*_: Any) -> Answer:
        raise Down("the model is down")

    monkeypatch.setattr(Assistant, "ask", ask)
    data = scores_of(plan)
    assert data["measures"]["failures"]["mean"] == 1
    assert data["measures"]["citation_recall"]["mean"] == 0
    assert data["measures"]["abstention_recall"]["mean"] == 0
    assert data["cases"][0]["failure"] == "the model is down"


def test_types_and_limit_choose_cases(plan: Plan) -> None:
    assert [case["id"] for case in scores_of(plan, types=("factoid", "unanswerable"))["cases"]] == ["2", "3"]
    assert [case["id"] for case in scores_of(plan, limit=1)["cases"]] == ["1"]
    with pytest.raises(NothingToAsk, match="of type factoid, list, unanswerable"):
        evaluate(altered(plan, types=("poem",)))


def test_text_from_papers_and_cases_cannot_act_in_a_report(plan: Plan, tmp_path: Path) -> None:
    bad = "<script>alert(1)</script> ![x](http://example.com/a.png) | hessian"
    cases = written(tmp_path, {**GOOD, "question": bad, "id": '"><img src=x>'})
    done = evaluate(altered(plan, cases=(cases,)))
    page = (done.folder / "report.html").read_text("utf-8")
    assert "<script" not in page
    assert "<img" not in page
    assert "default-src &#x27;none&#x27;" in page
    assert "http" not in page.replace("http-equiv", "").replace("http://example.com/a.png", "")
    assert "](http" not in (done.folder / "report.md").read_text("utf-8").replace("\\[x](http", "")


def test_baselines_are_asked_the_same(plan: Plan) -> None:
    data = scores_of(plan, baselines=True)
    assert set(data["baselines"]) == {"words only", "vectors only", "naive LlamaIndex"}
    for measures in data["baselines"].values():
        assert measures["recall@10"]["n"] == 2
        assert measures["recall@10"]["mean"] > 0
        assert measures["abstention_recall"]["mean"] == 0
        assert measures["quote_validity"]["mean"] == 1
    assert "## whichpapers against naive LlamaIndex" in (plan.out or Path()).joinpath("report.md").read_text("utf-8")


def test_answers_of_another_system_are_scored(plan: Plan, write_jsonl: Callable[..., Path]) -> None:
    quoted = "We rank them by the trace of the Hessian and give sensitive layers more bits."
    start = SIX[4]["abstract"].index(quoted)
    abstract = {"text": quoted, "start": start, "end": start + len(quoted), "field": "abstract"}
    citation = {"paper": {"title": "mixed precision  from hessian traces"}, "quotes": [abstract]}
    answers = write_jsonl(
        {"id": "1", "answer": {"text": "", "abstained": False, "citations": [{"paper": {"title": "No such paper"}}]}},
        {"id": "2", "answer": {"text": "Nothing.", "abstained": True}},
        {
            "id": "3",
            "answer": {"text": "It.", "abstained": False, "citations": [citation]},
            "ranking": ["x", "Mixed Precision from Hessian Traces"],
            "seconds": 2,
        },
        name="theirs.jsonl",
    )
    data = scores_of(plan, answers=answers)
    measures = {case["id"]: case["measures"] for case in data["cases"]}
    assert data["run"]["system"] == "theirs"
    assert measures["1"]["citation_precision"] == 0
    assert measures["1"]["ndcg@10"] is None
    assert measures["2"]["abstention_recall"] == 1
    assert measures["3"]["citation_precision"] == 1
    assert measures["3"]["quote_validity"] == 1
    assert measures["3"]["mrr"] == 1 / 2
    assert data["measures"]["cost_usd"]["unscored"] == 3
    missing = scores_of(plan, answers=write_jsonl(*[json.loads(answers.read_text().splitlines()[0])], name="few.jsonl"))
    assert missing["measures"]["failures"]["mean"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["{"], ":1: "),
        (["[]"], ":1: expected an object with id and answer"),
        (['{"id": "1"}'], ":1: expected an object with id and answer"),
        (['{"id": "1", "answer": {"text": 1, "abstained": false, "citations": []}}'], "field 'text'"),
        (['{"id": "1", "answer": {"text": "", "abstained": true, "citations": []}}'] * 2, ":2: case '1' was answered"),
    ],
)
def test_bad_answers_are_refused_by_file_line_and_reason(
    plan: Plan, tmp_path: Path, lines: list[str], why: str
) -> None:
    path = tmp_path / "theirs.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    with pytest.raises(BadCase) as refused:
        evaluate(altered(plan, answers=path))
    assert why in str(refused.value)


def test_a_run_is_compared_with_an_earlier_one(plan: Plan, tmp_path: Path) -> None:
    evaluate(altered(plan, out=tmp_path / "before"))
    done = evaluate(altered(plan, before=tmp_path / "before"))
    assert "## whichpapers against before" in done.told
    assert "| list_f1 |" in done.told
    with pytest.raises(BadRun, match=r"scores\.json"):
        evaluate(altered(plan, before=tmp_path / "none"))


def test_a_gate_that_is_broken_is_told_with_its_figures(plan: Plan, tmp_path: Path) -> None:
    gate = tmp_path / "gate.toml"
    gate.write_text('[measures."recall@50"]\nmin = 0.5\n[types.list.list_f1]\nmin = 1.5\n', "utf-8")
    done = evaluate(altered(plan, gate=gate))
    assert done.files[-1] == "junit.xml"
    with pytest.raises(GateBroken, match=r"^gate broken: list_f1 \(list\) is [0-9.]+, below 1\.5$"):
        done.raise_if_broken()
    assert 'failures="1"' in (done.folder / "junit.xml").read_text("utf-8")


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_asked(plan: Plan, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(CannotWrite, match="--out"):
        evaluate(altered(plan, out=tmp_path / "file" / "out"))


def test_the_ranking_is_that_of_search_for_the_question_as_understood(plan: Plan) -> None:
    with Assistant.open(settings=plan.settings) as opened:
        ((case, _),) = read_cases([written(Path(plan.cases[0]).parent, GOOD)], opened.library)
        reply = Product(opened, "offline", "quick").reply(case)
        assert reply.ranking == tuple(hit.paper.id for hit in opened.search(reply.answer.standalone_question))


def test_a_model_that_is_set_judges_nuggets_and_the_report_says_so(plan: Plan) -> None:
    verdicts = [{"statement": 1, "support": "none"}, {"statement": 2, "support": "partial"}]
    with LLMServer(lambda _: says(json.dumps({"verdicts": verdicts}))) as server:
        settings = plan.settings.model_copy(update={"model": "judge-7b", "base_url": server.url})
        data = scores_of(plan, settings=settings, mode="offline", judge="model")
    assert data["cases"][2]["told"] == [0, 0.5]
    assert data["run"]["matcher"].startswith("judge-7b (prompt ")
    assert "judged by judge-7b" in data["run"]["notes"][0]
    assert len(server.received) == 1


def test_replies_that_cannot_be_read_are_unscored_and_break_a_gate(plan: Plan, tmp_path: Path) -> None:
    gate = tmp_path / "gate.toml"
    gate.write_text("[measures]\nnugget_recall = {min = 0}\n", "utf-8")
    with LLMServer(lambda _: says("I would say so.")) as server:
        settings = plan.settings.model_copy(update={"model": "judge-7b", "base_url": server.url})
        done = evaluate(altered(plan, settings=settings, mode="offline", judge="model", gate=gate))
    assert done.broken == ("nugget_recall (all) is scored for no case",)
    measures = json.loads((done.folder / "scores.json").read_text("utf-8"))["measures"]
    assert measures["nugget_recall"] == {"mean": None, "low": None, "high": None, "n": 0, "unscored": 1}


def test_a_model_is_asked_for_to_judge_only_where_one_is_set(plan: Plan) -> None:
    with pytest.raises(NoJudge, match="or use --judge words"):
        evaluate(altered(plan, judge="model"))
    assert scores_of(plan)["run"]["matcher"] == "words"
