"""What a client lets out -> ChatFailed: of the right kind, with a short reason that gives nothing away."""

from __future__ import annotations

import re
import time
from email.utils import parsedate_to_datetime

import httpx
import openai

from assistant.llm.records import ChatFailed, FailureKind
from assistant.llm.wire import Compressed, TooLarge

_KEYS = re.compile(r"(?i)\b(?:sk-\S+|bearer\s+\S+)")
_ECHO_CHARS = 24
"""A run this long that stands in the request as well is taken for its echo."""


def failure(error: Exception, endpoint: str, *, secret: str, sent: str) -> ChatFailed:
    """What `error`, out of a call to `endpoint`, means.

    Args:
        error: As it escaped.
        endpoint: For the message.
        secret: Never in the message.
        sent: The request's text: no run of it is in the message.
    """
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, endpoint, _said(_message(error), secret, sent))
    if isinstance(error, openai.APIConnectionError):
        return _of_connection(error.__cause__ or error, endpoint)
    if isinstance(error, openai.APIError):
        kind: FailureKind = "quota" if _is_quota(error) else "overloaded"
        return ChatFailed(kind, f"an error in the midst of the reply: {_said(_message(error), secret, sent)}")
    if isinstance(error, httpx.HTTPError):
        return _of_connection(error, endpoint, begun=True)
    return ChatFailed("nonsense", f"what {endpoint} sent is not a chat completion ({type(error).__name__})")


def _of_status(error: openai.APIStatusError, endpoint: str, said: str) -> ChatFailed:
    status = error.status_code
    if status in (401, 403):
        return ChatFailed("refused", f"HTTP {status}: {endpoint} does not accept the key in OPENAI_API_KEY")
    if status == 402 or (status == 429 and _is_quota(error)):
        return ChatFailed("quota", f"HTTP {status}: {said}")
    if status in (408, 409, 425, 429) or status >= 500:
        return ChatFailed("overloaded", f"HTTP {status}: {said}", retry_after_s=retry_after_s(error.response.headers))
    if status < 400:
        return ChatFailed("refused", f"HTTP {status}: {endpoint} sends callers elsewhere; set OPENAI_BASE_URL to that")
    if status == 404:
        said += f"; see whether {endpoint} is right (OPENAI_BASE_URL) and has this model (WHICHPAPERS_MODEL)"
    return ChatFailed("refused", f"HTTP {status}: {said}")


def _of_connection(error: BaseException, endpoint: str, *, begun: bool = False) -> ChatFailed:
    if isinstance(error, TooLarge):
        return ChatFailed("too_large", f"the reply of {endpoint} is {error}")
    if isinstance(error, Compressed):
        return ChatFailed("nonsense", f"{endpoint} sent {error}")
    if isinstance(error, httpx.TimeoutException | openai.APITimeoutError):
        return ChatFailed("timeout", f"{endpoint} did not answer in time (WHICHPAPERS_MODEL_TIMEOUT_S)")
    if begun:
        return ChatFailed("cut_off", f"{endpoint} broke off its reply")
    return ChatFailed("unreachable", f"no answer from {endpoint} ({error or type(error).__name__})")


def _is_quota(error: openai.APIError) -> bool:
    said = f"{error.code} {error.type} {error.message}".lower()
    return any(mark in said for mark in ("insufficient_quota", "billing", "credit balance"))


def _message(error: openai.APIError) -> str:
    """The server's own words, where its error is of the usual form."""
    told = error.body.get("message") if isinstance(error.body, dict) else None
    return told if isinstance(told, str) else error.message


def _said(message: str, secret: str, sent: str) -> str:
    """A server's words as far as they may be shown: one short line without the key and without what was sent."""
    text = "" if message.lstrip().startswith("<") else " ".join(message.split())  # a page for people says little here
    if any(text[i : i + _ECHO_CHARS] in sent for i in range(len(text[:400]) - _ECHO_CHARS + 1)):
        return "(the server echoes the request)"
    return _KEYS.sub("***", text.replace(secret, "***") if len(secret) > 4 else text)[:200]


def retry_after_s(headers: httpx.Headers) -> float | None:
    """Seconds after which the server wants to be asked again (RFC 9110, section 10.2.3), if it says so."""
    told = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", told):
        return float(told)
    try:
        return max(0.0, parsedate_to_datetime(told).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None
