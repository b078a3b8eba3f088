"""Story -> text for a terminal: what each stage took and came to, and what was asked of a model."""

from __future__ import annotations

from collections.abc import Iterator

from assistant.llm.records import ChatFailed, Reply
from assistant.records import Usage
from assistant.story import Call, Story, results


def explained(story: Story) -> str:
    """A line a stage, with the calls to a model below it."""
    return "\n".join(_lines(story))


def _lines(story: Story) -> Iterator[str]:
    for step, result in results(story):
        came_to = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in result.items())
        yield f"{step.name:<12}{_seconds(step.began_ns, step.ended_ns)}  {came_to or step.detail}"
        yield from map(_call, step.calls)
    yield f"{'in all':<12}{_seconds(story.began_ns, story.ended_ns)}  {_spent(story)}"


def _call(call: Call) -> str:
    reply = call.outcome
    if isinstance(reply, ChatFailed):
        came_to = f"failed ({reply.kind}): {reply.why}"
    elif not reply.calls:
        came_to = f"{reply.model}, from the record"
    else:
        came_to = f"{reply.model}, {_tokens(reply)}"
    return f"  {call.request.stage:<10}{_seconds(call.began_ns, call.ended_ns)}  {came_to}"


def _spent(story: Story) -> str:
    if story.answer is None:
        return f"no answer: {story.failed}"
    usage = story.answer.usage
    if not usage.calls:
        return f"{story.answer.mode}, no calls to a model"
    cost = "price unknown" if usage.cost_usd is None else f"{usage.cost_usd:.4f} USD"
    return f"{story.answer.mode}, {usage.calls} calls to a model, {_tokens(usage)}, {cost}"


def _tokens(spent: Reply | Usage) -> str:
    return f"{spent.prompt_tokens:,} tokens read, {spent.completion_tokens:,} written"


def _seconds(began_ns: int, ended_ns: int) -> str:
    return f"{(ended_ns - began_ns) / 1e9:>7.3f} s"
