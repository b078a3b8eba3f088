"""What can go wrong between a question and its answer. Each message says what, which, and what to do next."""

from __future__ import annotations


class AssistantError(Exception):
    """Base of this package's errors. `exit_code`: 2 for input a user can mend, 1 for a reason outside."""

    exit_code = 2


class BadQuestion(AssistantError):
    """The question cannot be asked."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"{why}; ask for example: which papers use Hessian approximations for quantization")


class BadOption(AssistantError):
    """An argument is out of its range."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        self.name, self.value, self.expected = name, value, expected
        super().__init__(f"{name} is {value!r}; expected {expected}")


class NoModel(AssistantError):
    """Mode `llm` was asked for and no language model is configured."""

    def __init__(self, why: str | None) -> None:
        self.why = why
        super().__init__(f"mode 'llm' needs a language model: {why}; or use mode 'offline' or 'auto'")


class NoStdout(AssistantError):
    """There is nowhere to write an answer to."""

    exit_code = 1

    def __init__(self) -> None:
        super().__init__("stdout is closed, so the answer could go nowhere; write it to a file: ... > answer.txt")


class AnswerUnreadable(AssistantError):
    """A saved answer is not in the form of schema 1."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(f"not a saved answer: {why}; make one with: whichpapers ask QUESTION --format json")


class VerificationFailed(AssistantError):
    """A saved answer is not borne out by the library."""

    exit_code = 1

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"not verified: {problems[0]}{more}")
