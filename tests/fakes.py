"""Fakes: real behaviour without weights or a network."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import numpy as np

from assistant.llm.records import ChatFailed, Reply, Request
from assistant.llm.tokens import count, count_messages
from ingest.encode import Vectors

Script = str | ChatFailed | Callable[[str], str]
"""What a scripted model says to a prompt: a text, a failure, or what a function makes of the prompt's last message."""


class WordEncoder:
    """An encoder without weights: each word is a fixed random direction, a text the mean of its words.

    Texts that share words are near each other, so retrieval over it behaves, at a thousandth of the time.
    """

    def __init__(self, name: str = "words-64", dimension: int = 64, fingerprint: str = "fixed") -> None:
        self.name, self.fingerprint, self._dimension = name, fingerprint, dimension

    def encode(self, texts: Sequence[str]) -> Vectors:
        rows = np.stack([self._row(text) for text in texts])
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)

    def _row(self, text: str) -> Vectors:
        words = re.findall(r"\w+", text.casefold()) or [""]
        return np.asarray(np.sum([_direction(word, self._dimension) for word in words], axis=0))


@cache
def _direction(word: str, dimension: int) -> Vectors:
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
    return np.asarray(np.random.default_rng(seed).standard_normal(dimension), dtype=np.float32)


class ScriptedChat:
    """A language model that answers each stage by its script. What is not in the script fails the test."""

    model = "scripted"

    def __init__(self, **scripts: Script) -> None:
        self._scripts = scripts
        self.asked: list[Request] = []

    def stream(self, request: Request) -> Iterator[str | Reply]:
        self.asked.append(request)
        assert request.stage in self._scripts, f"the script has nothing for stage {request.stage!r}"
        script = self._scripts[request.stage]
        if isinstance(script, ChatFailed):
            raise script
        text = script if isinstance(script, str) else script(request.messages[-1].content)
        for start in range(0, len(text), 7):
            yield text[start : start + 7]
        yield Reply(text, self.model, count_messages(request.messages), count(text))

    def prompts(self, stage: str) -> list[str]:
        """The last message of each request of a stage."""
        return [request.messages[-1].content for request in self.asked if request.stage == stage]
