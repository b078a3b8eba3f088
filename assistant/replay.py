"""Bundle -> Answer: made again from what the bundle holds, and found to be the same in every byte."""

from __future__ import annotations

import json
from dataclasses import replace

import prompts
from assistant.ask import answered
from assistant.assistant import reasoner_by
from assistant.bundle import Bundle, versions
from assistant.errors import BadOption, BadQuestion
from assistant.inquiry import checked
from assistant.llm.records import ChatFailed
from assistant.offline import OfflineReasoner
from assistant.records import Answer
from assistant.transcript import NotReproduced, RetoldChat

_ABSENT = object()


def replay(bundle: Bundle) -> Answer:
    """The answer in `bundle`, made again with no library, no model, no network and no encoder.

    Only how many seconds each stage took is taken from the recorded answer.

    Raises:
        NotReproduced: It is not what it was; the message names what differs first.
    """
    for name, text in sorted(bundle.prompts.items()):
        if name not in prompts.names() or prompts.source(name) != text:
            raise _not_reproduced(bundle, f"prompt {name!r} has another wording here")
    try:
        answer = _made(bundle)
    except (ArithmeticError, LookupError, ValueError) as error:  # what a bundle holds may contradict itself
        raise _not_reproduced(bundle, f"what it holds does not fit together ({type(error).__name__})") from error
    except (BadOption, BadQuestion, ChatFailed, NotReproduced) as error:
        raise _not_reproduced(bundle, str(getattr(error, "why", error))) from error
    text = answer.to_json() + "\n"
    if text != bundle.text:
        place = _difference(json.loads(text), json.loads(bundle.text), "") or "its form"
        raise _not_reproduced(bundle, f"{place} differs")
    return answer


def _made(bundle: Bundle) -> Answer:
    asked, ground = bundle.asked, bundle.told
    given = asked.inquiry
    inquiry = checked(given.question, given.turns, given.mode, given.depth)
    reasoner = (
        OfflineReasoner(ground, inquiry.depth, asked.fallback, asked.spent)
        if asked.model is None
        else reasoner_by(ground, RetoldChat(asked.model, bundle.said), inquiry.depth, at_once=1)
    )
    answer = next(event for event in answered(inquiry, ground, reasoner) if isinstance(event, Answer))
    return replace(answer, trace=replace(answer.trace, seconds=bundle.answer.trace.seconds))


def _difference(made: object, recorded: object, place: str) -> str | None:
    """Where the first difference of two JSON values is, as a path; None where there is none."""
    if isinstance(made, dict) and isinstance(recorded, dict):
        pairs = [(key, made.get(key, _ABSENT), recorded.get(key, _ABSENT)) for key in {**recorded, **made}]
    elif isinstance(made, list) and isinstance(recorded, list) and len(made) == len(recorded):
        pairs = [(str(i), *both) for i, both in enumerate(zip(made, recorded, strict=True))]
    else:
        return None if made == recorded else place
    below = (_difference(ours, theirs, f"{place}.{key}".lstrip(".")) for key, ours, theirs in pairs)
    return next(filter(None, below), None)


def _not_reproduced(bundle: Bundle, why: str) -> NotReproduced:
    here = versions()
    others = [
        f"{name} {made:.20} (here {here[name]})"
        for name, made in bundle.made_with.items()
        if here.get(name, made) != made
    ]
    return NotReproduced(why + (f"; it was made with {', '.join(others)}" if others else ""))
