"""Request -> Reply, by any server that speaks OpenAI's chat completions: hosted, Ollama, vLLM, llama.cpp."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
from pydantic import BaseModel, ConfigDict, SecretStr

from assistant.llm.forms import with_form
from assistant.llm.legible import Legible
from assistant.llm.openai_failures import failure
from assistant.llm.records import INCOMPLETE, SAMPLING, ChatFailed, Reply, Request, told_tokens
from assistant.llm.tokens import count, count_messages
from assistant.llm.wire import Deadline, Wire
from ingest.settings import is_loopback

_ESCAPES = (
    openai.OpenAIError, httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, AttributeError, LookupError,
    RecursionError,
)  # fmt: skip
"""What the SDK lets out when a server is ill: not only its own errors."""

_MARKS: Mapping[str, tuple[str, ...]] = {
    "stream_options": ("stream_options", "include_usage"),
    "json_schema": ("response_format", "json_schema", "json schema", "grammar"),
    "json_object": ("response_format", "json_object", "'json'"),
    "max_tokens": ("max_tokens",),
    "max_completion_tokens": ("max_completion_tokens",),
    "temperature": ("temperature",),
    "seed": ("seed",),
    "stream": ("stream",),
}
"""The parts of a request that some servers refuse, and the words by which they say so."""

_THOUGHT = 4_000
"""Tokens that a model gets to think before it replies, where the server counts those with the reply's."""

_SURE, _LEAST_READ = 1_000, 0.7
"""Tokens from which on, and share at which, a server's count of a prompt shows that it did not read all of it. Our
encoding is among the tersest: another one gives more tokens for English, and hardly ever a tenth less."""


class OpenAIChat:
    """A model behind a base URL. What its server refuses to read in a request is left out from then on."""

    def __init__(
        self, base_url: str, model: str | None = None, *, api_key: SecretStr | None = None, timeout_s: float = 60
    ) -> None:
        """Opens nothing yet.

        Args:
            base_url: Up to and with `/v1`, without user name, password and query.
            model: None for the only one that the server has.
            api_key: Sent to `base_url` alone.
            timeout_s: Most seconds that a call may take, from looking up the server's name to its last byte.
        """
        self.endpoint, self._named, self._timeout_s = base_url.rstrip("/"), model, timeout_s
        self._key = api_key.get_secret_value() if api_key else "none"
        self._refused: frozenset[str] = frozenset()

    @cached_property
    def model(self) -> str:
        """The model's name; asks the server for it once, if it was not given.

        Raises:
            ChatFailed: The server cannot be asked, or has no or several models.
        """
        if self._named:
            return self._named
        try:
            with self._client(self._timeout_s) as client, self._mapped():
                names = _Models.model_validate(client.get("/models", cast_to=object)).names
        except ChatFailed as failure:
            raise ChatFailed(failure.kind, f"no list of models: {failure.why}; set WHICHPAPERS_MODEL") from None
        if len(names) == 1:
            return names[0]
        choices = f"{', '.join(names[:8])}{', ...' if len(names) > 8 else ''}" if names else "none"
        raise ChatFailed("refused", f"set WHICHPAPERS_MODEL to a model of {self.endpoint}; it offers: {choices}")

    def stream(self, request: Request) -> Iterator[str | Reply]:
        """See `Chat.stream`."""
        name, timeout_s = self.model, min(self._timeout_s, request.timeout_s or self._timeout_s)
        pieces: list[str] = []
        finish, usage, legible = None, None, Legible()
        with self._client(timeout_s) as client:
            for part in self._parts(client, name, request):
                if shown := legible.of(part.text) + (legible.rest() if part.finish else ""):
                    pieces.append(shown)
                    yield shown
                finish, usage, name = part.finish or finish, part.usage or usage, part.model or name
        text = "".join(pieces)
        _check(text, finish, request)
        prompt, completion = told_tokens(usage, "prompt_tokens"), told_tokens(usage, "completion_tokens")
        yield Reply(
            text,
            name,
            _read_tokens(request, prompt),
            count(text) if completion is None else completion,
            complete=finish not in INCOMPLETE,
            local=is_loopback(self.endpoint),
        )

    @contextmanager
    def _client(self, timeout_s: float) -> Iterator[openai.OpenAI]:
        with (
            httpx.Client(transport=Wire(Deadline(timeout_s)), follow_redirects=False, trust_env=False) as http,
            openai.OpenAI(
                api_key=self._key, base_url=self.endpoint, max_retries=0, timeout=timeout_s, http_client=http
            ) as client,
        ):
            if not _is_hosted(self.endpoint):
                # The SDK takes these from its own variables, for its own service; nobody else is told of that account.
                client.organization = client.project = client.admin_api_key = None
                client._custom_headers = {}
            yield client

    def _parts(self, client: openai.OpenAI, model: str, request: Request) -> Iterator[_Part]:
        with self._mapped(request):
            answer = self._agreed(client, model, request)
            if not isinstance(answer, openai.Stream):
                part = _Part.model_validate(answer)
                yield part.finished() if part.choices else part
                return
            with answer:
                for event in answer:
                    yield _Part.model_validate(event)

    def _agreed(self, client: openai.OpenAI, model: str, request: Request) -> object:
        """The server's answer to as much of the request as it will read."""
        refused = self._refused
        while True:
            body = _body(model, request, refused)
            try:
                answer = _post(client, body)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                part = _refused_part(error, body)
                if part is None:
                    raise
                refused |= {part}
                continue
            if isinstance(answer, openai.Stream) and "json" in answer.response.headers.get("content-type", ""):
                answer.close()  # It did not stream, and the SDK reads no events out of plain JSON.
                refused |= {"stream"}
                continue
            self._refused |= refused
            return answer

    @contextmanager
    def _mapped(self, request: Request | None = None) -> Iterator[None]:
        try:
            yield
        except _ESCAPES as error:
            sent = " ".join(message.content for message in request.messages) if request else ""
            # The cause would show in a traceback what the server echoed.
            raise failure(error, self.endpoint, secret=self._key, sent=sent) from None


def _is_hosted(endpoint: str) -> bool:
    """Whether `endpoint` is the service that the SDK was made for."""
    return f".{urlsplit(endpoint).hostname}".endswith(".api.openai.com")


def _post(client: openai.OpenAI, body: Mapping[str, Any]) -> object:
    if "stream" not in body:
        return client.post("/chat/completions", cast_to=object, body=body)
    return client.post("/chat/completions", cast_to=object, body=body, stream=True, stream_cls=openai.Stream[object])


def _body(model: str, request: Request, refused: frozenset[str]) -> dict[str, Any]:
    thinks = "max_tokens" in refused
    limit = {"max_completion_tokens": request.max_tokens + _THOUGHT} if thinks else {"max_tokens": request.max_tokens}
    wanted: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}, **limit, **SAMPLING}
    if "stream" in refused:
        del wanted["stream_options"]
    body = {name: value for name, value in wanted.items() if name not in refused}
    messages = request.messages
    if request.form is not None and "json_schema" not in refused:
        schema = {"name": "reply", "schema": dict(request.form), "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif request.form is not None:
        messages = with_form(messages, request.form)
        if "json_object" not in refused:
            body["response_format"] = {"type": "json_object"}
    return {"model": model, "messages": [{"role": m.role, "content": m.content} for m in messages], **body}


def _refused_part(error: openai.APIStatusError, body: Mapping[str, Any]) -> str | None:
    """Which part of the request the server says that it cannot read."""
    sent = set(body) | {body.get("response_format", {}).get("type")}
    said = f"{error.param or ''} {error.message}".lower()
    return next((part for part, marks in _MARKS.items() if part in sent and any(_names(said, m) for m in marks)), None)


def _names(said: str, mark: str) -> bool:
    """Whether `mark` stands in `said` as a word: an error of the upstream is none of the stream."""
    return re.search(rf"(?<!\w){re.escape(mark)}(?!\w)", said) is not None


def _check(text: str, finish: str | None, request: Request) -> None:
    if text.strip() and finish:
        return
    if text.strip():
        raise ChatFailed("cut_off", "the reply broke off")
    if finish != "length":
        raise ChatFailed("nonsense", "an empty reply, or none that can be read")
    if request.form is None:
        raise ChatFailed("cut_off", f"it spent {request.max_tokens} tokens before it said anything")


def _read_tokens(request: Request, told: int | None) -> int:
    """Tokens of the prompt: the server's count, checked by ours, as some servers cut a long prompt and say nothing."""
    counted = count_messages(request.messages)
    if told is not None and counted > _SURE and told < _LEAST_READ * counted:
        why = f"the server read {told:,} of about {counted:,} tokens of the request; give its model a longer context"
        raise ChatFailed("refused", f"{why} (Ollama: OLLAMA_CONTEXT_LENGTH)")
    return counted if told is None else told


class _Loose(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Said(_Loose):
    content: str | None = None


class _Choice(_Loose):
    delta: _Said | None = None
    message: _Said | None = None
    finish_reason: str | None = None


class _Part(_Loose):
    """One event of a stream, or a whole completion."""

    model: str | None = None
    choices: tuple[_Choice, ...] | None = None
    usage: Any = None

    @property
    def text(self) -> str:
        """What it adds to the reply."""
        choice = self.choices[0] if self.choices else _Choice()
        said = choice.delta or choice.message or _Said()
        return said.content or ""

    @property
    def finish(self) -> str | None:
        """Why the reply ends here, if it does."""
        return self.choices[0].finish_reason if self.choices else None

    def finished(self) -> _Part:
        """The same; a whole completion has ended even where it does not say why."""
        choice = (self.choices or (_Choice(),))[0]
        ended = choice.model_copy(update={"finish_reason": choice.finish_reason or "stop"})
        return self.model_copy(update={"choices": (ended,)})


class _Model(_Loose):
    id: str


class _Models(_Loose):
    data: tuple[_Model, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({model.id for model in self.data}))
