"""Request -> reader: who is let in to the page, by a password, or by the word of a proxy that has asked them itself."""

from __future__ import annotations

import hmac
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from assistant.errors import AssistantError, BadOption
from assistant.show.guard import LOOPBACK

MAX_FAILED_LOGINS = 10
"""In a minute, by everybody together; after that nobody gets in until it is over."""
MAX_NAME_CHARS = 200


class NotLoopback(AssistantError):
    """The page was to be served to other machines without a password."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"--host {host!r} lets other machines in: set a password in WHICHPAPERS_PASSWORD, or leave --host out"
        )


class Asking(Protocol):
    """A request, as far as it tells who sends it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By name, in any case."""


class Door:
    """Lets in one user with one password, and slows down whoever guesses."""

    def __init__(self, user: str, password: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._user, self._password, self._clock = user, password, clock
        self._failed: deque[float] = deque(maxlen=MAX_FAILED_LOGINS)

    def __call__(self, user: str, password: str) -> bool:
        """Whether this is the user with the password, and not too many were wrong of late."""
        now = self._clock()
        if len(self._failed) == MAX_FAILED_LOGINS and now - self._failed[0] < 60:
            return False
        same_user = hmac.compare_digest(user.encode(), self._user.encode())
        same_password = hmac.compare_digest(password.encode(), self._password.encode())
        if not (same_user and same_password):
            self._failed.append(now)
        return same_user and same_password


class Named:
    """Lets in whom a proxy on this machine names in a header; each has conversations of their own."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: Asking) -> str | None:
        """The user's name; None for nobody."""
        return request.headers.get(self._header, "").strip()[:MAX_NAME_CHARS] or None


def entrance(host: str, login: tuple[str, str], header: str) -> Door | Named | None:
    """Who is let in to a page at `host`.

    Args:
        host: Address to serve at.
        login: A user's name and password; no password lets everybody in.
        header: Of requests, in which a proxy names the user; empty without one.

    Raises:
        NotLoopback: Other machines would get in without a password.
        BadOption: Other machines could write the header themselves.
    """
    if header and host not in LOOPBACK:
        raise BadOption("host", host, "127.0.0.1 with WHICHPAPERS_USER_HEADER: else anyone could name themselves")
    if header:
        return Named(header)
    if host not in LOOPBACK and not login[1]:
        raise NotLoopback(host)
    return Door(*login) if login[1] else None
