"""JSON Schema of type hints, and values to and from JSON by the same hints; knows no host."""

from __future__ import annotations

import ast
import dataclasses
import enum
import inspect
import json
import math
import textwrap
import types
import typing
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from .failure import Failure, Invalid, well_formed

_UNIONS = (Union, types.UnionType)
_PLAIN: dict[Any, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


# Whole numbers that hosts keep as they are: of 64 bits, with a sign or without.
_LEAST = -(2**63)
_MOST = 2**64 - 1


@dataclasses.dataclass(frozen=True)
class Artifact:
    """A reference to bytes that the host keeps. Only the host makes one.

    They come with the input, from `host.artifacts.put` and from image models; one that an
    agent made up is refused wherever it crosses a border.
    """

    digest: str
    media_type: str = ""
    bytes: int = 0
    name: str | None = None

    SCHEMA: typing.ClassVar[dict[str, Any]] = {
        "type": "object",
        "description": "A reference to bytes that the host keeps.",
        "properties": {
            "$artifact": {"type": "string", "pattern": "^blake3:[0-9a-f]{64}$"},
            "media_type": {"type": "string"},
            "bytes": {"type": "integer", "minimum": 0},
            "name": {"type": ["string", "null"]},
        },
        "required": ["$artifact"],
    }


def schema_of(hint: Any) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a type hint, nested dataclasses under `$defs`.

    Raises `TypeError` with the path of the hint that has no form in JSON.
    """
    definitions: dict[str, Any] = {}
    owners: dict[str, type] = {}
    schema = _schema(hint, definitions, owners, getattr(hint, "__name__", "type"))
    if set(schema) == {"$ref"} and _count(definitions, schema["$ref"]) == 0:
        # The root stands at the root, unless it is within itself.
        schema = definitions.pop(schema["$ref"].rsplit("/", 1)[1])
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    if definitions:
        document["$defs"] = definitions
    return document


def _count(node: Any, reference: str) -> int:
    if isinstance(node, dict):
        own = int(node.get("$ref") == reference)
        return own + sum(_count(value, reference) for value in node.values())
    if isinstance(node, list):
        return sum(_count(value, reference) for value in node)
    return 0


def _schema(hint: Any, definitions: dict, owners: dict[str, type], path: str) -> dict[str, Any]:
    if hint is Any:
        return {}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if hint is Artifact:
        return dict(Artifact.SCHEMA)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        schema = _schema(arguments[0], definitions, owners, path)
        words = [one for one in arguments[1:] if isinstance(one, str)]
        return {**schema, "description": " ".join(words)} if words else schema
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in _UNIONS:
        return {"anyOf": [_schema(one, definitions, owners, path) for one in arguments]}
    if hint is list or origin is list:
        items = _schema(arguments[0], definitions, owners, f"{path}[]") if arguments else {}
        return {"type": "array", "items": items}
    if hint is dict or origin is dict:
        if arguments and arguments[0] is not str:
            raise TypeError(f"{path}: the keys of a JSON object are str, not {arguments[0]!r}")
        values = _schema(arguments[1], definitions, owners, f"{path}{{}}") if arguments else {}
        return {"type": "object", "additionalProperties": values}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        schema: dict[str, Any] = {"enum": [one.value for one in hint]}
        return _described(schema, hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _dataclass(hint, definitions, owners)
    raise TypeError(
        f"{path}: {hint!r} has no form in JSON; what has one is str, int, float, bool, None, "
        "list, dict[str, …], Optional, Literal, Enum, Any, Artifact and dataclasses of these"
    )


def _dataclass(cls: type, definitions: dict, owners: dict[str, type]) -> dict[str, Any]:
    name = cls.__name__
    if owners.setdefault(name, cls) is not cls:
        raise TypeError(f"two dataclasses are called {name}; one of them needs another name")
    if name not in definitions:
        definitions[name] = {}  # so that a dataclass within itself ends
        words = _field_words(cls)
        hints = typing.get_type_hints(cls, include_extras=True)
        properties, required = {}, []
        for field in _fields(cls):
            one = _schema(hints[field.name], definitions, owners, f"{name}.{field.name}")
            if field.name in words and "description" not in one:
                one = {**one, "description": words[field.name]}
            properties[field.name] = one
            if not _has_default(field):
                required.append(field.name)
        schema: dict[str, Any] = {"title": name, "type": "object", "properties": properties}
        if required:
            schema["required"] = required
        definitions[name] = _described(schema, cls)
    return {"$ref": f"#/$defs/{name}"}


def _described(schema: dict[str, Any], cls: type) -> dict[str, Any]:
    words = inspect.cleandoc(cls.__doc__ or "")
    # What dataclass and Enum write where the author wrote nothing.
    if not words or words.startswith(f"{cls.__name__}(") or words == enum.Enum.__doc__:
        return schema
    return {"description": words, **schema}


def _field_words(cls: type) -> dict[str, str]:
    """The strings that stand under fields, as documentation tools read them."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError, SyntaxError):
        return {}  # made at run time, so nobody wrote words under its fields
    body = tree.body[0].body if isinstance(tree.body[0], ast.ClassDef) else []
    words = {}
    for field, text in zip(body, body[1:]):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            words[field.target.id] = inspect.cleandoc(text.value.value)
    return words


def _fields(cls: type) -> list[dataclasses.Field]:
    return [field for field in dataclasses.fields(cls) if field.init]


def _has_default(field: dataclasses.Field) -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def decode(hint: Any, value: Any, path: str = "") -> Any:
    """A JSON value as its hint says. Keys that a dataclass does not have are left out.

    Raises `Failure.invalid_input` with the path of what does not fit.
    """
    if hint is Any:
        return value
    if hint in _PLAIN:
        return _plain(hint, value, path)
    if hint is Artifact:
        return _artifact(value, path)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return decode(arguments[0], value, path)
    if origin is Literal:
        for one in arguments:
            if type(one) is type(value) and one == value:
                return one
        raise _wrong(path, f"one of {', '.join(map(repr, arguments))}", value)
    if origin in _UNIONS:
        return _union(arguments, value, path)
    if hint is list or origin is list:
        if not isinstance(value, list):
            raise _wrong(path, "a list", value)
        item = arguments[0] if arguments else Any
        return [decode(item, one, f"{path}[{at}]") for at, one in enumerate(value)]
    if hint is dict or origin is dict:
        if not isinstance(value, dict):
            raise _wrong(path, "an object", value)
        item = arguments[1] if arguments else Any
        return {key: decode(item, one, _join(path, key)) for key, one in value.items()}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        for member in hint:
            if type(member.value) is type(value) and member.value == value:
                return member
        raise _wrong(path, f"one of {', '.join(repr(one.value) for one in hint)}", value)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _construct(hint, value, path)
    raise TypeError(f"{path}: {hint!r} has no form in JSON")


def _plain(hint: Any, value: Any, path: str) -> Any:
    is_int = isinstance(value, int) and not isinstance(value, bool)
    if hint is float and (is_int or isinstance(value, float)):
        try:
            return float(value)
        except OverflowError:
            raise _wrong(path, "a number of 64 bits", value) from None
    if hint is int and is_int:
        return value
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)  # JSON Schema counts 1.0 as an integer
    if hint in (str, bool, type(None)) and isinstance(value, hint):
        return value
    raise _wrong(path, kind_of(hint), value)


def _union(choices: tuple, value: Any, path: str) -> Any:
    found: list[Failure] = []
    for choice in sorted(choices, key=lambda one: one is float):  # 1 stays an int
        try:
            return decode(choice, value, path)
        except Failure as failure:
            found.append(failure)
    wanted = [one for one in choices if one is not type(None)]
    if len(wanted) == 1 and value is not None:
        raise found[choices.index(wanted[0])] if len(found) == len(choices) else found[0]
    raise _wrong(path, "one of its types", value)


def _construct(cls: Any, value: Any, path: str) -> Any:
    if not isinstance(value, dict):
        raise _wrong(path, "an object", value)
    hints = typing.get_type_hints(cls, include_extras=True)
    given = {}
    for field in _fields(cls):
        if field.name in value:
            at = _join(path, field.name)
            given[field.name] = decode(hints[field.name], value[field.name], at)
        elif not _has_default(field):
            raise Failure.invalid_input(f"{_join(path, field.name)}: is missing")
    try:
        return cls(**given)
    except ValueError as error:  # what a __post_init__ finds
        raise Failure.invalid_input(f"{path}: {error}" if path else error) from error


def _artifact(value: Any, path: str) -> Artifact:
    if not isinstance(value, dict) or not isinstance(value.get("$artifact"), str):
        raise _wrong(path, "an artifact", value)
    return Artifact(
        digest=value["$artifact"],
        media_type=_plain(str, value.get("media_type", ""), _join(path, "media_type")),
        bytes=_plain(int, value.get("bytes", 0), _join(path, "bytes")),
        name=_union((str, type(None)), value.get("name"), _join(path, "name")),
    )


def read(hint: Any, text: str, what: str) -> Any:
    """The value of a document, as its hint says. Raises `Invalid`, with what it was in front."""
    try:
        return decode(hint, json.loads(text, parse_constant=_no_constant))
    except (Failure, ValueError) as error:
        reason = error.text if isinstance(error, Failure) else str(error)
        raise Invalid(f"{what}: {reason}") from error


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def text_of(value: Any) -> str:
    """The text of a document. Raises `TypeError` with the path of what has no form in JSON."""
    return well_formed(json.dumps(encode(value), ensure_ascii=False, allow_nan=False))


def encode(value: Any, path: str = "") -> Any:
    """A value as JSON. Raises `TypeError` with the path of what has no form in it."""
    if isinstance(value, enum.Enum):
        return encode(value.value, path)
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        if not _LEAST <= value <= _MOST:
            # The host would keep another number.
            raise TypeError(f"{path or 'value'}: {value} has no 64 bits; large ids travel as text")
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise TypeError(f"{path or 'value'}: {value} is no number in JSON")
        return value
    if isinstance(value, Artifact):
        named = {} if value.name is None else {"name": value.name}
        return {
            "$artifact": value.digest,
            "media_type": value.media_type,
            "bytes": value.bytes,
            **named,
        }
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: encode(getattr(value, field.name), _join(path, field.name))
            for field in _fields(type(value))
        }
    if isinstance(value, (list, tuple)):
        return [encode(one, f"{path}[{at}]") for at, one in enumerate(value)]
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{path or 'value'}: the keys of a JSON object are str, not {key!r}")
        return {key: encode(one, _join(path, key)) for key, one in value.items()}
    raise TypeError(f"{path or 'value'}: {type(value).__name__} has no form in JSON")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _wrong(path: str, wanted: str, value: Any) -> Failure:
    words = f"{wanted} is expected, and this is {kind_of(type(value))}"
    return Failure.invalid_input(f"{path}: {words}" if path else words)


def kind_of(kind: Any) -> str:
    """What a type is called in messages."""
    return {
        str: "a string",
        int: "an integer",
        float: "a number",
        bool: "a boolean",
        type(None): "null",
        list: "a list",
        dict: "an object",
    }.get(kind, str(kind))
