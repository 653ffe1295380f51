"""The contract's bounds on what an agent hands over: the host holds to them, and so does the fake, so that a test runs into them first."""

from __future__ import annotations

from .failure import Invalid
from .model import Request

# One log line that is kept, in bytes, and the lines of one attempt.
LINE_BYTES_MAX = 4 * 1024
LINES_MAX = 1_000
# The note beside a progress, in bytes.
NOTE_BYTES_MAX = 256
# Messages of one request, parts and calls of one message, and one text in bytes.
MESSAGES_MAX = 256
PARTS_MAX = 64
TOOL_CALLS_MAX = 64
TEXT_BYTES_MAX = 1024 * 1024
# The highest temperature.
TEMPERATURE_MAX = 2.0
# Words that end an answer, and one of them in bytes.
STOPS_MAX = 16
STOP_BYTES_MAX = 256
# Tools of one request, the name of one, and one JSON Schema in bytes.
TOOLS_MAX = 32
TOOL_NAME_BYTES_MAX = 64
SCHEMA_BYTES_MAX = 64 * 1024
# Texts of one embedding call, and one of them in bytes.
EMBED_TEXTS_MAX = 256
EMBED_TEXT_BYTES_MAX = 64 * 1024
# An image: its prompt in bytes, its sides in pixels, and how many.
PROMPT_BYTES_MAX = 32 * 1024
IMAGE_SIDE = range(64, 4_096 + 1)
IMAGES = range(1, 4 + 1)
# Words of a search in bytes, and its passages.
QUERY_BYTES_MAX = 1024
PASSAGES = range(1, 50 + 1)
# A key and a value in bytes, and the keys of one list.
KEY_BYTES_MAX = 256
VALUE_BYTES_MAX = 256 * 1024
KEYS = range(1, 1_000 + 1)
# An artifact's name and its media type in bytes.
NAME_BYTES_MAX = 255
MEDIA_TYPE_BYTES_MAX = 127
# A request to the web: its methods, its URL and its body in bytes, its headers.
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
URL_BYTES_MAX = 8 * 1024
HEADERS_MAX = 128
BODY_BYTES_MAX = 4 * 1024 * 1024
# The name of an agent that is called, and one document, in bytes.
AGENT_BYTES_MAX = 64
DOCUMENT_BYTES_MAX = 4 * 1024 * 1024


def ensure(holds: bool, field: str) -> None:
    """Answers `Invalid` as the host would, with the field in front."""
    if not holds:
        raise Invalid(f"{field}: out of the contract's bounds")


def size(text: str) -> int:
    """The bytes of a text."""
    return len(text.encode())


def check_request(request: Request) -> None:
    """Raises `Invalid` for a question to a model that no host takes."""
    ensure(1 <= len(request.messages) <= MESSAGES_MAX, "messages")
    for message in request.messages:
        ensure(len(message.parts) <= PARTS_MAX, "parts")
        ensure(len(message.tool_calls) <= TOOL_CALLS_MAX, "tool-calls")
        texts = (part for part in message.parts if isinstance(part, str))
        ensure(all(size(text) <= TEXT_BYTES_MAX for text in texts), "text")
    ensure(0.0 <= (request.temperature or 0.0) <= TEMPERATURE_MAX, "temperature")
    ensure(request.max_tokens != 0, "max-tokens")
    stops = all(1 <= size(stop) <= STOP_BYTES_MAX for stop in request.stop)
    ensure(stops and len(request.stop) <= STOPS_MAX, "stop")
    ensure(size(request.output_schema or "") <= SCHEMA_BYTES_MAX, "output-schema")
    tools = all(_is_tool(name, schema) for name, _, schema in request.tools)
    ensure(tools and len(request.tools) <= TOOLS_MAX, "tools")


def check_key(key: str) -> None:
    """Raises `Invalid` for a key that no namespace has."""
    is_control = any(letter < " " or "\x7f" <= letter <= "\x9f" for letter in key)
    ensure(1 <= size(key) <= KEY_BYTES_MAX and not is_control, "key")


def check_headers(headers: list[tuple[str, str]]) -> None:
    """Raises `Invalid` where one stands twice, whatever the case of its name."""
    names = {name.lower() for name, _ in headers}
    ensure(len(names) == len(headers) <= HEADERS_MAX, "headers")


def _is_tool(name: str, schema: str) -> bool:
    plain = name.isascii() and name.replace("_", "x").replace("-", "x").isalnum()
    return plain and size(name) <= TOOL_NAME_BYTES_MAX and size(schema) <= SCHEMA_BYTES_MAX
