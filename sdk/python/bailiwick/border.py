"""What an agent hands to the host, held to the contract's types before it leaves; knows neither bindings nor fakes.

The bindings trap on a value of another type, and a trap is taken for something passing: here it
is a `TypeError` with the field, a fault of the agent that nobody repeats. Texts are made well
formed: half an emoji is no fault worth an attempt.
"""

from __future__ import annotations

from typing import Any, Callable, TypeVar

from .failure import well_formed
from .model import Completion, Embedding, Message, Request, ToolCall
from .powers import Powers
from .schema import Artifact, kind_of

T = TypeVar("T")

# What the contract counts in: sides of pictures and passages, and seeds.
U32_MAX = 2**32 - 1
U64_MAX = 2**64 - 1

_ROLES = ("system", "user", "assistant", "tool")


class Border:
    """`Powers` that let through what the contract has a type for.

    Every method raises `TypeError` with the field of what is of another type.
    """

    def __init__(self, powers: Powers) -> None:
        self._powers = powers

    def write(self, level: str, message: str) -> None:
        self._powers.write(level, text("message", message))

    def report(self, fraction: float, note: str) -> None:
        self._powers.report(number("fraction", fraction), text("note", note))

    def complete(self, request: Request) -> Completion:
        asked = Request(
            alias=text("alias", request.alias),
            messages=[_message(f"messages[{at}]", one) for at, one in enumerate(request.messages)],
            max_tokens=optional(u32, "max_tokens", request.max_tokens),
            temperature=optional(number, "temperature", request.temperature),
            seed=optional(u64, "seed", request.seed),
            stop=_texts("stop", request.stop),
            output_schema=optional(text, "output_schema", request.output_schema),
            tools=[
                (text("tools.name", name), text("tools.description", words), text("tools", schema))
                for name, words, schema in request.tools
            ],
        )
        return self._powers.complete(asked)

    def embed(self, alias: str, texts: list[str]) -> Embedding:
        return self._powers.embed(text("alias", alias), _texts("texts", texts))

    def generate_images(
        self, alias: str, prompt: str, width: int, height: int, count: int, seed: int | None
    ) -> list[Artifact]:
        return self._powers.generate_images(
            text("alias", alias),
            text("prompt", prompt),
            u32("width", width),
            u32("height", height),
            u32("count", count),
            optional(u64, "seed", seed),
        )

    def search(
        self, collection: str, query: str, limit: int
    ) -> list[tuple[str, str, float, str]]:
        return self._powers.search(
            text("collection", collection), text("query", query), u32("limit", limit)
        )

    def put(self, content: bytes, media_type: str, name: str | None) -> Artifact:
        return self._powers.put(
            octets("content", content), text("media_type", media_type), optional(text, "name", name)
        )

    def get(self, artifact: Artifact) -> bytes:
        return self._powers.get(_reference("artifact", artifact))

    def fetch(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        named = [
            (text("headers", name), text(f"headers[{name!r}]", value)) for name, value in headers
        ]
        return self._powers.fetch(
            text("method", method), text("url", url), named, octets("body", body)
        )

    def kv_get(self, key: str) -> str | None:
        return self._powers.kv_get(text("key", key))

    def kv_set(self, key: str, value: str) -> None:
        self._powers.kv_set(text("key", key), text("value", value))

    def kv_delete(self, key: str) -> None:
        self._powers.kv_delete(text("key", key))

    def kv_list(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return self._powers.kv_list(
            text("prefix", prefix), optional(text, "after", after), u32("limit", limit)
        )

    def kv_swap(self, key: str, expected: str | None, value: str | None) -> bool:
        return self._powers.kv_swap(
            text("key", key), optional(text, "expected", expected), optional(text, "value", value)
        )

    def delegate(self, agent: str, document: str) -> str:
        return self._powers.delegate(text("agent", agent), text("document", document))


def text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(field, "a string", value)
    return well_formed(value)


def number(field: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(field, "a number", value)
    return float(value)


def u32(field: str, value: Any) -> int:
    return _whole(field, value, U32_MAX)


def u64(field: str, value: Any) -> int:
    return _whole(field, value, U64_MAX)


def octets(field: str, value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise _wrong(field, "bytes", value)
    return bytes(value)


def optional(check: Callable[[str, Any], T], field: str, value: Any) -> T | None:
    return None if value is None else check(field, value)


def _whole(field: str, value: Any, most: int) -> int:
    # True is an int in Python, and no count.
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise _wrong(field, f"a whole number from 0 to {most}", value)
    return value


def _texts(field: str, values: list[str]) -> list[str]:
    return [text(f"{field}[{at}]", one) for at, one in enumerate(values)]


def _message(field: str, message: Message) -> Message:
    if message.role not in _ROLES:
        raise _wrong(f"{field}.role", f"one of {', '.join(_ROLES)}", message.role)
    parts = f"{field}.parts"
    return Message(
        role=message.role,
        parts=[
            _reference(f"{parts}[{at}]", part)
            if isinstance(part, Artifact)
            else text(f"{parts}[{at}]", part)
            for at, part in enumerate(message.parts)
        ],
        tool_calls=[
            ToolCall(
                text(f"{field}.tool_calls.id", one.id),
                text(f"{field}.tool_calls.name", one.name),
                text(f"{field}.tool_calls.arguments", one.arguments),
            )
            for one in message.tool_calls
        ],
        answers=optional(text, f"{field}.answers", message.answers),
    )


def _reference(field: str, artifact: Artifact) -> Artifact:
    if not isinstance(artifact, Artifact):
        raise _wrong(field, "an Artifact", artifact)
    return Artifact(
        text(f"{field}.digest", artifact.digest),
        text(f"{field}.media_type", artifact.media_type),
        u64(f"{field}.bytes", artifact.bytes),
        optional(text, f"{field}.name", artifact.name),
    )


def _wrong(field: str, wanted: str, value: Any) -> TypeError:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    found = repr(value) if is_number else kind_of(type(value))
    return TypeError(f"{field}: {wanted} is expected, and this is {found}")
