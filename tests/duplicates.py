"""Sample texts -> labelled pairs -> precision and recall of duplicate detection: `python -m tests.duplicates`.

A pair is called one work if ingest would make it one: the two meet by a band or an id, and `merge` says they are one.
The pairs are made from the sample's digests, taken for abstracts, by variations written for this set.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from ingest import SAMPLE
from ingest.merge import bands, same_id, same_work
from ingest.records import Paper

SYNONYMS = {
    "show": "demonstrate", "shows": "demonstrates", "large": "big", "method": "approach", "methods": "approaches",
    "uses": "employs", "use": "employ", "new": "novel", "proposed": "introduced", "improves": "increases",
    "often": "frequently", "existing": "prior", "small": "little", "results": "outcomes", "experiments": "tests",
    "problem": "task", "problems": "tasks", "training": "learning", "faster": "quicker", "better": "superior",
    "while": "whereas", "many": "numerous", "also": "moreover", "needs": "requires", "need": "require",
    "cost": "expense", "because": "since", "but": "yet", "several": "various", "without": "lacking",
    "across": "over", "achieves": "reaches", "reduces": "lowers", "given": "provided", "based": "built",
    "performance": "quality", "works": "functions", "work": "effort", "via": "through", "model": "system",
}  # fmt: skip
RETITLES = (
    "Towards {}", "{}: A Second Look", "On {}", "Revisiting {}", "{}, Explained and Extended", "A Note on {}",
    "{} (Extended Abstract)", "Beyond {}", "Rethinking {}", "What Makes {} Work?",
)  # fmt: skip
OTHER_TITLES = (
    "A Simple and General Recipe", "How Far Can One Idea Go?", "The Missing Ingredient", "One Method to Serve Them",
    "Lessons from a Large Study", "Better Together", "An Efficient Alternative", "Less Is More Again",
)  # fmt: skip
TRANSLATED = {
    "4-bit Shampoo for Memory-Efficient Network Training": "4-Bit-Shampoo für speichersparendes Training von Netzen",
    "ADAHESSIAN: An Adaptive Second Order Optimizer for Machine Learning":
        "ADAHESSIAN : un optimiseur adaptatif du second ordre pour l'apprentissage automatique",
    "An OFDM Signal Identification Method for Wireless Communications Systems":
        "Ein Verfahren zur Erkennung von OFDM-Signalen in Funksystemen",
    "Composing Global Optimizers to Reasoning Tasks via Algebraic Objects in Neural Nets":
        "Composer des optimiseurs globaux pour des tâches de raisonnement par des objets algébriques",
    "Divide-and-Conquer Fusion": "Fusión por divide y vencerás",
    "Error Feedback Can Accurately Compress Preconditioners":
        "Fehlerrückführung kann Vorkonditionierer genau komprimieren",
    "Fast Differentiable Matrix Square Root": "Raíz cuadrada de matrices rápida y diferenciable",
    "GraphFM: A Comprehensive Benchmark for Graph Foundation Model":
        "GraphFM: ein umfassender Vergleich von Grundlagenmodellen für Graphen",
    "Holographic Superconductors from Einstein-Maxwell-Dilaton Gravity":
        "Supraconducteurs holographiques de la gravité d'Einstein-Maxwell-dilaton",
    "KIND: Knowledge Integration and Diversion in Diffusion Models":
        "KIND: Wissen in Diffusionsmodellen zusammenführen und umleiten",
    "Learning to Compose Soft Prompts for Compositional Zero-Shot Learning":
        "Apprendre à composer des invites souples pour l'apprentissage compositionnel sans exemple",
    "Moccasin: Efficient Tensor Rematerialization for Neural Networks":
        "Moccasin: rematerialización eficiente de tensores para redes neuronales",
    "No More Adam: Learning Rate Scaling at Initialization is All You Need":
        "Nie wieder Adam: die Lernrate beim Start zu skalieren genügt",
    "OptEx: Expediting First-Order Optimization with Approximately Parallelized Iterations":
        "OptEx : accélérer l'optimisation du premier ordre par des itérations presque parallèles",
    "Progressive Gradient Flow for Robust N:M Sparsity Training in Transformers":
        "Flujo progresivo de gradientes para entrenar transformadores con dispersión N:M",
    "Relaxed Recursive Transformers: Effective Parameter Sharing with Layer-wise LoRA":
        "Gelockerte rekursive Transformer: Parameter teilen mit schichtweisem LoRA",
    "Streaming Submodular Maximization with Differential Privacy":
        "Maximisation sous-modulaire en flux avec confidentialité différentielle",
    "Towards Characterizing Domain Counterfactuals For Invertible Latent Causal Models":
        "Hacia una caracterización de contrafactuales de dominio en modelos causales latentes invertibles",
    "Value Kaleidoscope: Engaging AI with Pluralistic Human Values, Rights, and Duties":
        "Wertekaleidoskop: KI und die Vielfalt menschlicher Werte, Rechte und Pflichten",
    "Sample4Geo: Hard Negative Sampling For Cross-View Geo-Localisation":
        "Sample4Geo : des négatifs difficiles pour la géolocalisation entre vues",
}  # fmt: skip
ERRATA = (
    ("Erratum: {}", "This note corrects an error in the proof of the main theorem. The statement stands as it was."),
    ("Correction to: {}", "The published version omitted an affiliation and two references. They are given here."),
    ("Erratum to “{}”", "In the article of this title the second table shows wrong numbers. We give the right ones."),
    ("Retraction: {}", "The authors retract this article because the data could not be reproduced. They apologise."),
    ("Comment on “{}”", "We point out that one claim of the article does not follow from its experiments, and why."),
    ("Reply to the Comment on “{}”", "The comment rests on another reading of our second section. We make it precise."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """Two entries, and whether they are one work."""

    kind: str
    one: Paper
    other: Paper
    same: bool


def pairs() -> list[Pair]:
    """The labelled set, the same each time."""
    texts = [json.loads(line) for path in sorted(SAMPLE.iterdir()) for line in path.read_text("utf-8").splitlines()]
    sample = sorted((_paper(text["title"], text["digest"]) for text in texts), key=lambda paper: paper.title)
    long = [paper for paper in sample if len(paper.abstract.split()) >= 60]
    chance = random.Random(7)  # noqa: S311 (seeded)
    return [*_one_work(chance, sample, chance.sample(long, 210)), *_two_works(chance, sample, chance.sample(long, 200))]


def _one_work(chance: random.Random, sample: list[Paper], chosen: list[Paper]) -> Iterator[Pair]:
    def varied(kind: str, papers: list[Paper], vary: Callable[[Paper], Paper]) -> Iterator[Pair]:
        return (Pair(kind, paper, vary(paper), same=True) for paper in papers)

    def retitled(paper: Paper) -> Paper:
        short = paper.title.partition(":")[0]
        title = chance.choice([chance.choice(RETITLES).format(short), chance.choice(OTHER_TITLES)])
        return _paper(title, _edited(chance, paper.abstract, chance.uniform(0, 0.15)))

    def published(paper: Paper) -> Paper:
        sentences = re.split(r"(?<=[.!?]) ", _edited(chance, paper.abstract, chance.uniform(0.03, 0.4)))
        kept = sentences[: len(sentences) - chance.randint(0, 1)]
        code = chance.choice(["", " Code is available."])
        return _paper(chance.choice([paper.title, paper.title.upper(), paper.title + "."]), " ".join(kept) + code)

    def in_latex(paper: Paper) -> Paper:
        text = paper.abstract.replace("%", "\\%").replace("&", "\\&").replace("é", "{\\'e}")
        words = [f"{{\\em {word}}}" if n % 17 == 3 else word for n, word in enumerate(text.split())]
        return _paper("{" + paper.title.replace("-", "--") + "}", " ".join(words))

    def cut(paper: Paper) -> Paper:
        words = paper.abstract.split()
        return _paper(paper.title, " ".join(words[: chance.randint(15, len(words) - 5)]) + " ...")

    def translated(paper: Paper) -> Paper:
        return _paper(TRANSLATED[paper.title], _edited(chance, paper.abstract, chance.uniform(0, 0.04)))

    yield from varied("retitled", chosen[:60], retitled)
    yield from varied("preprint and published", chosen[60:130], published)
    yield from varied("LaTeX and plain", chosen[130:160], in_latex)
    yield from varied("cut off", chosen[160:190], cut)
    yield from varied("translated title", [paper for paper in sample if paper.title in TRANSLATED], translated)
    for number, paper in enumerate(chosen[190:]):
        known = replace(paper, arxiv=f"2101.{number:05}")
        yield Pair("rewritten, same arXiv id", known, replace(_shuffled(chance, paper), arxiv=known.arxiv), same=True)


def _two_works(chance: random.Random, sample: list[Paper], chosen: list[Paper]) -> Iterator[Pair]:
    def apart(kind: str, one: Paper, other: Paper) -> Pair:
        return Pair(kind, one, other, same=False)

    for one, other in zip(chosen[:50], reversed(chosen[50:100]), strict=True):
        yield apart("same title, different paper", one, _paper(one.title, other.abstract))
    for paper in chosen[50:100]:
        title, text = chance.choice(ERRATA)
        sentences = re.split(r"(?<=[.!?]) ", paper.abstract)
        quoted = " ".join(sentences[: chance.choice([0, 1, len(sentences)])])
        yield apart("erratum or comment", paper, _paper(title.format(paper.title), f"{text} {quoted}".strip()))
    for paper in chosen[100:130]:
        first, second = chance.choice([(" I", " II"), (", Part 1", ", Part 2"), (" v2", " v3"), (" 2019", " 2020")])
        text = _edited(chance, paper.abstract, chance.uniform(0.25, 0.4))
        yield apart("parts and editions", replace(paper, title=paper.title + first), _paper(paper.title + second, text))
    for one, other in zip(chosen[130:165], chosen[165:], strict=True):
        shared = " ".join(re.split(r"(?<=[.!?]) ", one.abstract)[:1])
        yield apart("same background, different paper", one, _paper(other.title, f"{shared} {other.abstract}"))
    for paper in chosen[:60]:
        nearest = max((p for p in sample if p.title != paper.title), key=lambda p: fuzz.ratio(p.title, paper.title))
        if fuzz.ratio(nearest.title, paper.title) < 90:
            yield apart("nearest title", paper, nearest)


def _paper(title: str, abstract: str) -> Paper:
    return Paper(re.sub(r"\W+", "-", title.casefold()).strip("-"), title, abstract)


def _edited(chance: random.Random, text: str, share: float) -> str:
    """`text` with a share of its words put otherwise: synonyms where there are, else another word or none."""
    words = text.split()
    for place in chance.sample(range(len(words)), int(share * len(words))):
        words[place] = SYNONYMS.get(words[place].lower(), chance.choice(["", words[place] + " indeed", "such"]))
    return " ".join(filter(None, words))


def _shuffled(chance: random.Random, paper: Paper) -> Paper:
    sentences = re.split(r"(?<=[.!?]) ", paper.abstract)
    chance.shuffle(sentences)
    return _paper(chance.choice(OTHER_TITLES), _edited(chance, " ".join(sentences), 0.4))


def called_one(pair: Pair) -> bool:
    """Whether ingest would make one work of the two."""
    meet = pair.one.id == pair.other.id or not set(bands(pair.one)).isdisjoint(bands(pair.other))
    return meet and (same_id(pair.one, pair.other) or same_work(pair.one, pair.other))


def main() -> tuple[float, float]:
    """Prints right and wrong by kind; returns precision and recall over all pairs."""
    told: dict[tuple[str, bool], list[bool]] = {}
    for pair in pairs():
        told.setdefault((pair.kind, pair.same), []).append(called_one(pair))
    print(f"{'kind':34} {'pairs':>6} {'one work':>9} {'called one':>11}")
    for (kind, same), called in told.items():
        print(f"{kind:34} {len(called):6} {'yes' if same else 'no':>9} {sum(called):11}")
    right = sum(sum(called) for (_, same), called in told.items() if same)
    wrong = sum(sum(called) for (_, same), called in told.items() if not same)
    positives = sum(len(called) for (_, same), called in told.items() if same)
    precision, recall = right / (right + wrong), right / positives
    every = sum(map(len, told.values()))
    print(f"{every} pairs: precision {precision:.4f}, recall {recall:.4f}")
    return precision, recall


if __name__ == "__main__":
    main()
