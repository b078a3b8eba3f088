"""Request -> Reply: the seam to a language model, and what stands behind it. Nothing here knows of papers."""

from assistant.llm.open import Use, open_chat, why_not

__all__ = ["Use", "open_chat", "why_not"]
