"""Text -> tokens, counted: by tiktoken, from the file that llama-index-core carries; nothing is ever downloaded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import tiktoken

from assistant.errors import AssistantError
from assistant.llm.records import Message

_ENCODING = "o200k_base"
_FILE = "fb374d419588a4632f3f557e76b4b70aebbca790"
"""tiktoken's name for the encoding's file: SHA-1 of the address it is published at."""
_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_PIECE_CHARS = 10_000
"""tiktoken's time grows with the square of an unbroken word; cutting long texts adds a token a cut at most."""
_LOADING = Lock()
_MESSAGE_TOKENS = 4
"""What a message costs beside its text: role and borders."""


class TokensUnavailable(AssistantError):
    """The tokenizer's file is not where llama-index-core puts it."""

    exit_code = 1

    def __init__(self, why: str) -> None:
        super().__init__(f"tokens cannot be counted: {why}; reinstall llama-index-core")


def count(text: str) -> int:
    """Tokens of `text` in o200k_base, which comes near to most models' own count. What looks special is plain text.

    Raises:
        TokensUnavailable: See there.
    """
    encoding = _encoding()
    pieces = (text[start : start + _PIECE_CHARS] for start in range(0, len(text), _PIECE_CHARS))
    return sum(len(encoding.encode_ordinary(piece)) for piece in pieces)


def count_messages(messages: Iterable[Message]) -> int:
    """Tokens of a request's messages, about as servers count them."""
    return sum(count(message.content) + _MESSAGE_TOKENS for message in messages)


def _encoding() -> tiktoken.Encoding:
    with _LOADING:  # loading goes by an environment variable, which all threads share
        return _loaded()


@cache
def _loaded() -> tiktoken.Encoding:
    core = find_spec("llama_index.core")  # finds it without running it, which takes a second
    if core is None or core.origin is None:
        raise TokensUnavailable("llama-index-core is not installed")
    folder = Path(core.origin).parent / "_static" / "tiktoken_cache"
    path = folder / _FILE
    # tiktoken would delete another file there, and look for this one on the net.
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != _SHA256:
        raise TokensUnavailable(f"{path} is missing or altered")
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        return tiktoken.get_encoding(_ENCODING)
    finally:
        del os.environ["TIKTOKEN_CACHE_DIR"]
        if before is not None:
            os.environ["TIKTOKEN_CACHE_DIR"] = before
