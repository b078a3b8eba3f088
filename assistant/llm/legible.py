"""Pieces -> pieces that can be shown: without what a model thinks aloud first, and without what cannot be seen."""

from __future__ import annotations

from ingest.clean import seen

_OPENS, _CLOSES = "<think>", "</think>"


class Legible:
    """Reads one reply. Leaves out `<think>...</think>` at its beginning, which some servers send as if it were answer.

    Controls, direction marks and the like go, too: in a terminal they do things. Lone surrogates, which no file can
    hold, are replaced.
    """

    def __init__(self) -> None:
        self._held: str | None = ""
        """The beginning, as long as it may be thought; None when the answer has begun."""

    def of(self, piece: str) -> str:
        """What of the next piece can be shown."""
        piece = seen(piece.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        return piece if self._held is None else self._begin(self._held + piece)

    def rest(self) -> str:
        """What was held back and is no thought."""
        held, self._held = self._held or "", None
        return "" if held.startswith(_OPENS) else held

    def _begin(self, text: str) -> str:
        self._held = text.lstrip()
        if not self._held.startswith(_OPENS):
            return "" if _OPENS.startswith(self._held) else self.rest()
        thought, closed, answer = self._held.partition(_CLOSES)
        if closed:
            return self._begin(answer)
        self._held = _OPENS + thought[len(_OPENS) :][-len(_CLOSES) :]  # enough to see it close
        return ""
