"""Pieces -> pieces, without what a model thinks aloud before it answers."""

from __future__ import annotations

_OPENS, _CLOSES = "<think>", "</think>"


class Thoughts:
    """Leaves out `<think>...</think>` at the beginning of a reply, which some servers send as if it were the answer."""

    def __init__(self) -> None:
        self._held: str | None = ""
        """The beginning, as long as it may be thought; None when the answer has begun."""

    def without(self, piece: str) -> str:
        """What of the next piece can be shown."""
        if self._held is None:
            return piece
        self._held = (self._held + piece).lstrip()
        if not self._held.startswith(_OPENS):
            return "" if _OPENS.startswith(self._held) else self.rest()
        thought, closed, answer = self._held.partition(_CLOSES)
        if closed:
            self._held = ""
            return self.without(answer)
        self._held = _OPENS + thought[len(_OPENS) :][-len(_CLOSES) :]  # enough to see it close
        return ""

    def rest(self) -> str:
        """What was held back and is no thought."""
        held, self._held = self._held or "", None
        return "" if held.startswith(_OPENS) else held
