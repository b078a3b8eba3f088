"""Request -> Reply: the seam to a language model, and what stands behind it. Nothing here knows of papers."""

from assistant.llm.open import open_chat, why_not
from assistant.llm.record import Use

__all__ = ["Use", "open_chat", "why_not"]
