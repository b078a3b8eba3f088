"""From a question to a cited answer: `Assistant.open(library).ask(question)`, or `ask(question, library=...)`."""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.ask import ask
    from assistant.assistant import Assistant
    from assistant.errors import AssistantError
    from assistant.records import Answer, Citation, Claim, Judgement, PaperHit, Quote, Stage, Token
    from assistant.verify import Verification, verify

__all__ = [
    "Answer", "Assistant", "AssistantError", "Citation", "Claim", "Judgement", "PaperHit", "Quote", "Stage", "Token",
    "Verification", "ask", "verify",
]  # fmt: skip

_HOMES = {
    "ask": ("ask",),
    "assistant": ("Assistant",),
    "errors": ("AssistantError",),
    "records": ("Answer", "Citation", "Claim", "Judgement", "PaperHit", "Quote", "Stage", "Token"),
    "verify": ("Verification", "verify"),
}


def __getattr__(name: str) -> object:
    """Imports a name when it is first used: all of them take a second, and `--help` needs none."""
    for home, names in _HOMES.items():
        if name in names:
            found = getattr(import_module(f"{__name__}.{home}"), name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class _Package(ModuleType):
    """This package: where a function is named as its module is, the name is the function's, whoever imports first."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in __all__ and isinstance(value, ModuleType):
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
