"""Prompt -> reply: plain readers for the prompts of every system that `evals.peers` compares.

A reader knows no language. A paper belongs in an answer when its relevance, by which readers differ, is a half or more.
What is said of it is the sentence with most of the question's words, word for word; where no paper belongs the reader
refuses. The forms differ only in how papers stand in a prompt and how they are to be named in the reply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from assistant.by_llm.write import NOT_STATED
from assistant.question_words import SAYS_NOTHING
from assistant.understand import understand
from evals.cases import Asked, title_key
from evals.peer_systems import CANNOT, NOT_SAID

BELONGS = 0.5
"""Least relevance."""
MOST_SENTENCES = 12
"""Of an answer: what our own prompts allow."""
_SHOWN = 3
"""Sentences at most that show why a paper belongs."""
_STEM_CHARS = 6
"""By which words are compared: quantize, quantization."""

_WORD = re.compile(r"[^\W_]{2,}")
_END = re.compile(r"(?<=[.!?])\s+")
_SHEET = re.compile(r"^PAPER (\d+).*?\n(.*?)\nEND$", re.DOTALL | re.MULTILINE)
_LINE = re.compile(r"^\[\d+\.(\d+)\] (.*)$", re.MULTILINE)
_CLAIM = re.compile(r"^SENTENCE (\d+): (.*?)\n(.*?)\nEND$", re.DOTALL | re.MULTILINE)
_CITED = re.compile(r"^  (?:from|cites): (.*)$", re.MULTILINE)
_SOURCE = re.compile(r"^Source (\d+):\n(.*?)(?=^Source \d+:|\Z)", re.DOTALL | re.MULTILINE)
_CONTEXT = re.compile(r"^(pqac-\w+): (.*?)\nFrom ([^\n]*)$", re.DOTALL | re.MULTILINE)


class UnknownPrompt(ValueError):
    """A prompt of no form that a reader was taught: a system that is not known, or that has changed its prompts."""

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        super().__init__(f"no form is known for a prompt that begins: {prompt[:80]!r}")


Sentence = tuple[int, str]
"""A sentence and its number in the prompt."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A paper in a prompt."""

    key: str
    """What it is called there; empty where it has no name."""
    sentences: tuple[Sentence, ...]
    """Title first."""

    def covered(self, words: frozenset[str]) -> float:
        """Share of `words` that stand in it, in [0, 1]; 0 where there are no words."""
        return len(words & said(" ".join(text for _, text in self.sentences))) / len(words) if words else 0.0

    def best(self, words: frozenset[str]) -> list[Sentence]:
        """The sentences of the abstract that tell most of `words`: first the one with most, then what adds to it.

        Of equals the first; the title where there is nothing else.
        """
        left, chosen = words, list[Sentence]()
        while len(chosen) < _SHOWN:
            best = max(self.sentences[1:] or self.sentences, key=lambda each: len(left & said(each[1])))
            gained = left & said(best[1])
            if not gained and chosen:
                break
            chosen.append(best)
            left -= gained
        return chosen


def said(text: str) -> frozenset[str]:
    """The words of `text` that say anything, by their beginnings."""
    words = _WORD.findall(text.casefold())
    return frozenset(word[:_STEM_CHARS] for word in words if word not in SAYS_NOTHING)


Relevance = Callable[[str, Shown], float]
"""Of a question and a paper, in [0, 1]."""


def by_words(question: str, shown: Shown) -> float:
    """The share of the question's words that stand in what is shown of the paper."""
    return shown.covered(said(question))


def by_judgements(asked: Asked) -> Relevance:
    """Half the grade that the paper has in the case with that question: a reader that never errs."""
    grades = {case.question: {title_key(title): grade for title, grade in case.grades.items()} for case, _ in asked}

    def relevance(question: str, shown: Shown) -> float:
        return grades[question].get(title_key(shown.sentences[0][1]), 0) / 2

    return relevance


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader, for any of the forms."""

    relevance: Relevance = by_words

    def reply(self, prompt: str) -> tuple[str, str]:
        """The name of the form that `prompt` has, and what the reader replies.

        Args:
            prompt: All messages, joined by line breaks.

        Raises:
            UnknownPrompt: It has none that the reader was taught.
        """
        for name, pattern in _FORMS.items():
            if found := pattern.search(prompt):
                answer: Callable[..., str] = getattr(self, f"_{name}")
                return name, answer(*found.groups())
        raise UnknownPrompt(prompt)

    def _understand(self, question: str) -> str:
        kind = understand(question).kind
        return json.dumps({"question": question, "kind": kind, "criteria": [question], "alternatives": []})

    def _judge(self, question: str, papers: str) -> str:
        words = said(question)
        found = [
            {
                "paper": int(shown.key),
                "meets": [1],
                "role": None,
                "sentences": [number for number, _ in shown.best(words)],
            }
            for shown in _sheets(papers)
            if self.relevance(question, shown) >= BELONGS
        ]
        return json.dumps({"papers": found})

    def _answer_list(self, question: str, papers: str) -> str:
        chosen = self._chosen(question, _sheets(papers))
        return "\n".join(f"{key}: {sentence} [{key}.{number}]" for key, number, sentence in chosen) or NOT_STATED

    def _answer(self, question: str, papers: str) -> str:
        chosen = self._chosen(question, _sheets(papers))
        return "\n".join(f"{sentence} [{key}.{number}]" for key, number, sentence in chosen) or NOT_STATED

    def _verify(self, claims: str) -> str:
        verdicts: dict[str, list[int]] = {"supported": [], "unsupported": []}
        for number, sentence, sources in _CLAIM.findall(claims):
            supported = said(sentence) <= said(" ".join(_CITED.findall(sources)))
            verdicts["supported" if supported else "unsupported"].append(int(number))
        return json.dumps(verdicts)

    def _naive(self, context: str, question: str) -> str:
        shown = [Shown("", _sentences(chunk)) for chunk in context.split("\n\n")]
        return " ".join(sentence for _, _, sentence in self._chosen(question, shown)) or NOT_SAID

    def _sources(self, context: str, question: str) -> str:
        shown = [Shown(number, _sentences(text)) for number, text in _SOURCE.findall(context)]
        return " ".join(f"{sentence} [{key}]" for key, _, sentence in self._chosen(question, shown)) or NOT_SAID

    def _summary(self, excerpt: str, question: str) -> str:
        words, shown = said(question), Shown("", _sentences(excerpt))
        relevance = self.relevance(question, shown)
        told = " ".join(sentence for _, sentence in shown.best(words)) if relevance >= BELONGS else ""
        return json.dumps({"summary": told, "relevance_score": round(10 * relevance) if told else 0})

    def _contexts(self, context: str, question: str) -> str:
        shown = [Shown(key, _sentences(f"{title}\n{text}")) for key, text, title in _CONTEXT.findall(context)]
        return " ".join(f"{sentence} ({key})." for key, _, sentence in self._chosen(question, shown)) or f"{CANNOT}."

    def _chosen(self, question: str, papers: Sequence[Shown]) -> Iterator[tuple[str, int, str]]:
        """The papers that belong, as they stand: what each is called, the number of its best sentence, and that."""
        words = said(question)
        belonging = [shown for shown in papers if self.relevance(question, shown) >= BELONGS]
        for shown in belonging[:MOST_SENTENCES]:
            yield shown.key, *shown.best(words)[0]


def _sheets(papers: str) -> list[Shown]:
    """The papers of our own prompts."""
    return [
        Shown(key, tuple((int(number), text) for number, text in _LINE.findall(body)))
        for key, body in _SHEET.findall(papers)
    ]


def _sentences(text: str) -> tuple[Sentence, ...]:
    """Of a title and an abstract, a line each."""
    lines = text.strip().splitlines()
    return tuple(enumerate([*lines[:1], *(each for line in lines[1:] for each in _END.split(line) if each)]))


def _form(opening: str, closing: str) -> re.Pattern[str]:
    """Our own prompts: a question, what is asked for, and papers."""
    return re.compile(rf"A reader asks: ([^\n]*)\n.*?{opening}\n(.*){closing}", re.DOTALL)


_FORMS: Mapping[str, re.Pattern[str]] = {
    "understand": re.compile(r"The reader now asks:\n([^\n]*)\n"),
    "judge": _form("Papers, each with numbered lines, the first its title:", "Judge each paper by itself"),
    "answer_list": _form("Papers, best first, with numbered lines:", "For each paper that belongs"),
    "answer": _form("Papers, best first, with numbered lines:", "Answer from these lines alone"),
    "verify": re.compile(r"Each sentence below was written(.*)Reply with a JSON object", re.DOTALL),
    "summary": re.compile(r"\nExcerpt from .*?\n\n---\n\n(.*)\n\n---\n\nQuestion: (.*)", re.DOTALL),
    "contexts": re.compile(r"\nContext:\n\n(.*)\n\n---\n\nQuestion: ([^\n]*)\n", re.DOTALL),
    "sources": re.compile(r"sources of information:\n------\n(.*)\n------\nQuery: ([^\n]*)\nAnswer:", re.DOTALL),
    "naive": re.compile(
        r"Context information is below\.\n-+\n(.*)\n-+\nGiven .*?\nQuery: ([^\n]*)\nAnswer:", re.DOTALL
    ),
}
"""What each captures goes to the reader's method of that name."""
