"""Asking the models behind the operator's aliases; knows neither providers nor bindings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Iterable, TypeVar

from .schema import Artifact, read, schema_of, text_of

if TYPE_CHECKING:
    from .powers import Powers

T = TypeVar("T")


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them, over all tries of the call."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class ToolCall:
    """A call to one of the tools that the agent offered; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str

    def read(self, kind: type[T]) -> T:
        """The arguments as a typed value. Raises `Invalid` where they are none."""
        return read(kind, self.arguments, self.name)


@dataclass(frozen=True)
class Tool:
    """A tool that the agent offers and answers itself. `arguments` is a dataclass."""

    name: str
    description: str
    arguments: Any


@dataclass(frozen=True)
class Message:
    """One turn: `role` is `system`, `user`, `assistant` or `tool`."""

    role: str
    parts: list[str | Artifact]
    tool_calls: list[ToolCall] = field(default_factory=list)
    answers: str | None = None

    @classmethod
    def said(cls, completion: Completion) -> Message:
        """What the model said, to go on from it."""
        return cls(
            "assistant", [completion.text] if completion.text else [], completion.tool_calls
        )

    @classmethod
    def answer(cls, call: ToolCall, text: str) -> Message:
        """What a tool answered."""
        return cls("tool", [text], answers=call.id)


@dataclass(frozen=True)
class Request:
    """What reaches a model; schemas are JSON text."""

    alias: str
    messages: list[Message]
    max_tokens: int | None = None
    temperature: float | None = None
    seed: int | None = None
    stop: list[str] = field(default_factory=list)
    output_schema: str | None = None
    tools: list[tuple[str, str, str]] = field(default_factory=list)
    """Name, description and schema of the arguments."""

    def text(self) -> str:
        """All text of the request, a line for each part: for assertions."""
        parts = [part for message in self.messages for part in message.parts]
        return "\n".join(part for part in parts if isinstance(part, str))


@dataclass(frozen=True)
class Completion:
    """What a model answered. `finish` is `stop`, `length`, `tools` or `filtered`."""

    text: str
    tool_calls: list[ToolCall]
    finish: str
    usage: Usage
    model: str


@dataclass(frozen=True)
class Answer(Generic[T]):
    """A typed answer, and who gave it."""

    value: T
    usage: Usage
    model: str


@dataclass(frozen=True)
class Embedding:
    """One vector for each text, and who made them."""

    vectors: list[list[float]]
    usage: Usage
    model: str


class Model:
    """The model behind an alias. Nothing is asked before a method is called.

    `prompt` is text, a list of texts and artifacts, or a whole conversation of `Message`s.
    """

    def __init__(self, powers: Powers, alias: str) -> None:
        self._powers = powers
        self._alias = alias

    def complete(
        self,
        prompt: str | list[str | Artifact] | list[Message],
        *,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
        stop: Iterable[str] = (),
        tools: Iterable[Tool] = (),
    ) -> Completion:
        """Text, or calls to the tools. Raises `CallError`."""
        request = self._request(prompt, system, max_tokens, temperature, seed, stop, tools)
        return self._powers.complete(request)

    def answer(
        self,
        kind: type[T],
        prompt: str | list[str | Artifact] | list[Message],
        *,
        system: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Answer[T]:
        """A value of `kind`, which the host has checked. Raises `CallError`."""
        schema = text_of(schema_of(kind))
        request = self._request(prompt, system, max_tokens, temperature, seed, (), (), schema)
        completion = self._powers.complete(request)
        value = read(kind, completion.text, "answer")
        return Answer(value, completion.usage, completion.model)

    def embed(self, texts: list[str]) -> Embedding:
        """One vector for each text. Raises `CallError`."""
        return self._powers.embed(self._alias, list(texts))

    def generate_images(
        self, prompt: str, *, width: int, height: int, count: int = 1, seed: int | None = None
    ) -> list[Artifact]:
        """Images that this attempt may read; sides in pixels. Raises `CallError`."""
        return self._powers.generate_images(self._alias, prompt, width, height, count, seed)

    def _request(
        self,
        prompt: Any,
        system: str | None,
        max_tokens: int | None,
        temperature: float | None,
        seed: int | None,
        stop: Iterable[str],
        tools: Iterable[Tool],
        output_schema: str | None = None,
    ) -> Request:
        parts = [prompt] if isinstance(prompt, str) else list(prompt)
        whole = [one for one in parts if isinstance(one, Message)]
        if whole and len(whole) != len(parts):
            raise TypeError("a prompt is texts and artifacts, or Messages, not both")
        messages = whole or [Message("user", parts)]
        if system is not None:
            messages = [Message("system", [system]), *messages]
        offered = [
            (tool.name, tool.description, text_of(schema_of(tool.arguments))) for tool in tools
        ]
        return Request(
            alias=self._alias,
            messages=messages,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=seed,
            stop=list(stop),
            output_schema=output_schema,
            tools=offered,
        )
