"""What can go wrong between a request and its response, beside what goes wrong in Python."""

from __future__ import annotations

from assistant.errors import AssistantError
from assistant.records import Usage
from assistant.show.guard import LOOPBACK

MIN_KEY_CHARS = 16


class NotLoopback(AssistantError):
    """The library was to be served to other machines without a key."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"--host {host!r} lets other machines in: set a key in WHICHPAPERS_SERVE_KEY,"
            f" or serve at one of {', '.join(LOOPBACK)}"
        )


class WeakKey(AssistantError):
    """The key can be guessed, or cannot be sent in a header."""

    def __init__(self) -> None:
        super().__init__(
            f"the key is not shown; expected {MIN_KEY_CHARS} or more visible ASCII characters without a space,"
            ' such as: python -c "import secrets; print(secrets.token_urlsafe())"'
        )


class CannotListen(AssistantError):
    """The address cannot be served at."""

    exit_code = 1

    def __init__(self, host: str, port: int, why: str) -> None:
        self.host, self.port = host, port
        super().__init__(f"cannot serve at {host} port {port}: {why}; name another --host or --port (0 for any port)")


class Full(AssistantError):
    """As many questions wait as may."""

    exit_code = 1

    def __init__(self, room: int) -> None:
        self.room = room
        super().__init__(f"{room} requests are being answered or wait already; ask again in a few seconds")


class Late(AssistantError):
    """An answer took longer than it may; it was given up."""

    exit_code = 1

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        super().__init__(
            f"not answered within {deadline_s:g} seconds; ask with depth 'quick', or have it served with more --seconds"
        )


class NoSuchModel(AssistantError):
    """A chat completion was asked of a model that is not served."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name, self.known = name, known
        super().__init__(f"no model {name[:100]!r}; expected one of {', '.join(known)}")


class PriceNotAccepted(AssistantError):
    """An exhaustive answer was asked for, and not said to be worth what it costs."""

    def __init__(self, price: Usage) -> None:
        self.price = price
        cost = "at a price not known" if price.cost_usd is None else f"for about {price.cost_usd:.2f} USD"
        super().__init__(
            f"an exhaustive answer may take {price.calls:,} calls to the model, {price.prompt_tokens:,} tokens to read"
            f' and {price.completion_tokens:,} to write, {cost}; to have it, send "accept_price": true as well'
        )
