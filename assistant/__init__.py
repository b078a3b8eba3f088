"""From a question to a cited answer: `Assistant.open(library).ask(question)`, or `ask(question, library=...)`."""

from assistant.ask import Assistant, ask
from assistant.errors import AssistantError
from assistant.records import Answer, Citation, Claim, Judgement, PaperHit, Quote, Stage, Token
from assistant.verify import Verification, verify

__all__ = [
    "Answer", "Assistant", "AssistantError", "Citation", "Claim", "Judgement", "PaperHit", "Quote", "Stage", "Token",
    "Verification", "ask", "verify",
]  # fmt: skip
