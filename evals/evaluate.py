"""Plan -> Evaluation: the whole of `whichpapers eval`, in one screen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from assistant import Assistant
from assistant.llm import open_chat, why_not
from evals import gate
from evals.baselines import baselines
from evals.cases import OWN_CASES, Asked, read_cases
from evals.compare import as_run, compare, read_run
from evals.compare import markdown as comparison_markdown
from evals.errors import CannotWrite, GateBroken, NoJudge, NothingToAsk
from evals.examine import Examiner
from evals.fit import CASES
from evals.journal import Journal, Progress
from evals.manifest import identity, surroundings
from evals.matcher import Matcher
from evals.model_matcher import ModelMatcher
from evals.other import OtherSystem
from evals.records import Outcome
from evals.report import Evaluation, as_data, summary, write
from evals.run import by_type, run, scores
from evals.systems import Product, System
from ingest import Library
from ingest.settings import Settings

JOURNAL = "outcomes.partial.jsonl"
JUDGED = (
    "Whether a nugget is told was judged by {matcher}, groundedness by words: how often they are right is in"
    " evals/agreement.md."
)
BASELINES = (
    "The baselines show five whole abstracts and never say no: much text, in which more nuggets are found than in the"
    " sentences that an answer picks."
)
FITTED = (
    "The offline judge was fitted on these very questions; how it does on questions it was not fitted on is in"
    " evals/scores.md."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be evaluated: the options of the command."""

    settings: Settings
    cases: tuple[Path, ...] = (OWN_CASES,)
    types: tuple[str, ...] = ()
    """Of the cases to ask; all where there is none."""
    limit: int | None = None
    mode: str = "auto"
    depth: str = "thorough"
    workers: int = 1
    judge: Literal["auto", "words", "model"] = "auto"
    """What judges nuggets; `auto` a model where one is set and may be asked."""
    answers: Path | None = None
    baselines: bool = False
    out: Path | None = None
    before: Path | None = None
    gate: Path | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of it."""

    folder: Path
    files: tuple[str, ...]
    told: str
    """For the terminal, Markdown."""
    broken: tuple[str, ...]
    """Bounds of the gate that do not hold."""

    def raise_if_broken(self) -> None:
        """Raises GateBroken unless every bound holds."""
        if self.broken:
            raise GateBroken(self.broken)


def evaluate(plan: Plan, progress: Progress | None = None) -> Done:
    """Asks, measures, compares, checks the gate and writes.

    Raises:
        EvalsError: An option or a file cannot be used, or the disk refuses.
        AssistantError: See `Assistant.ask`.
        IngestError: See `Library.open`.
    """
    before = [read_run(plan.before)] if plan.before else []
    bounds = gate.read_gate(plan.gate, tuple(scores(()))) if plan.gate else []
    folder = plan.out or plan.settings.library / "evals"
    with Assistant.open(settings=plan.settings) as assistant:
        asked = _chosen(plan, read_cases(plan.cases, assistant.library))
        examiner = Examiner(assistant.library, _judge(plan))
        system = _system(plan, assistant, asked)
        known = identity(assistant.library, system.name, _options(plan, examiner))
        journal = _journal(folder, known)
        ask = partial(run, system, examiner=examiner, workers=plan.workers)
        outcomes = journal.resume(asked, ask, progress)
        beside = _beside(assistant.library, asked, examiner) if plan.baselines else {}
    done = Evaluation(_about(plan, known, outcomes), outcomes, beside, _notes(plan, outcomes, examiner))
    this = as_run(system.name, as_data(done))
    runs = before + [as_run(name, as_data(Evaluation(done.about, found))) for name, found in beside.items()]
    comparisons = [compare(other, this) for other in runs]
    checked = gate.check(bounds, {**by_type(outcomes), "all": scores(outcomes)})
    files = write(folder, done, comparisons, checked)
    journal.finish()
    told = "\n\n".join([summary(done), *(comparison_markdown(found, questions=False) for found in comparisons)])
    return Done(folder, files, told, tuple(gate.broken(checked)))


def _chosen(plan: Plan, read: Asked) -> Asked:
    chosen = [(case, relevant) for case, relevant in read if not plan.types or case.type in plan.types]
    if not chosen:
        raise NothingToAsk(plan.types, sorted({case.type for case, _ in read}))
    return chosen[: plan.limit]


def _system(plan: Plan, assistant: Assistant, asked: Asked) -> System:
    if plan.answers is None:
        return Product(assistant, plan.mode, plan.depth)  # type: ignore[arg-type]  # ask checks them
    return OtherSystem(plan.answers, assistant.library, [case for case, _ in asked])


def _judge(plan: Plan) -> Matcher | None:
    """The model that judges nuggets, or None where words do."""
    if plan.judge == "words" or (plan.judge == "auto" and plan.mode == "offline"):
        return None
    chat = open_chat(plan.settings, plan.settings.library)
    if chat is None and plan.judge == "model":
        raise NoJudge(why_not(plan.settings) or "")
    return ModelMatcher(chat) if chat else None


def _options(plan: Plan, examiner: Examiner) -> dict[str, object]:
    """What of the plan outcomes depend on."""
    answers = hashlib.sha256(plan.answers.read_bytes()).hexdigest() if plan.answers else None
    return {
        "mode": plan.mode,
        "depth": plan.depth,
        "reranker": plan.settings.reranker,
        "answers_sha256": answers,
        "matcher": examiner.matcher.name,
    }


def _about(plan: Plan, known: Mapping[str, object], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    modes = sorted({outcome.answer.mode for outcome in outcomes})
    files = [path.name for path in plan.cases]
    return {**surroundings(), **known, "modes": modes, "files": files, "cases": len(outcomes)}


def _beside(library: Library, asked: Asked, examiner: Examiner) -> dict[str, list[Outcome]]:
    """The outcomes of the baselines, by name."""
    with baselines(library) as systems:
        return {one.name: list(run(one, asked, examiner)) for one in systems}


def _journal(folder: Path, known: Mapping[str, object]) -> Journal:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(folder, error.strerror or str(error)) from error
    return Journal(folder / JOURNAL, known)


def _notes(plan: Plan, outcomes: Sequence[Outcome], examiner: Examiner) -> tuple[str, ...]:
    """What a reader of the figures should know."""
    offline = plan.answers is None and any(outcome.answer.mode == "offline" for outcome in outcomes)
    fitted = {path.resolve() for path in CASES} & {path.resolve() for path in plan.cases}
    judged = JUDGED.format(matcher=examiner.matcher.name)
    return (judged, *([FITTED] if offline and fitted else []), *([BASELINES] if plan.baselines else []))
