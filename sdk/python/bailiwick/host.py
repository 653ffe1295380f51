"""The host as an agent sees it: one accessor for each capability; knows not how a call travels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping

from .border import Border
from .failure import Invalid, well_formed
from .model import Model
from .powers import Powers
from .schema import Artifact, read, text_of

_ABSENT: Any = object()


@dataclass(frozen=True)
class Task:
    """Where in the run this piece of work stands.

    `cell` is the point of the step's axes, as `locale=de,style=bold`, or `-`; `round` is 0
    for the first try, then the number of revisions asked for so far.
    """

    step: str
    cell: str
    round: int


@dataclass(frozen=True)
class Passage:
    """A piece of a document. A higher score is better, within one answer only."""

    document: str
    text: str
    score: float = 0.0
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Response:
    """What a server answered; any status is an answer. Names of headers are in lower case."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def is_success(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300

    def text(self) -> str:
        """The body as UTF-8. Raises `Invalid` where it is none."""
        try:
            return self.body.decode()
        except UnicodeDecodeError as error:
            raise Invalid(f"body: {error}") from error

    def json(self, kind: Any = Any) -> Any:
        """The body as JSON, as `kind` says. Raises `Invalid` where it is none."""
        return read(kind, self.text(), "body")


class Log:
    """Words for the operator. Always granted; what is over the limit is dropped."""

    def __init__(self, powers: Powers) -> None:
        self._powers = powers

    def debug(self, message: object) -> None:
        self._powers.write("debug", str(message))

    def info(self, message: object) -> None:
        self._powers.write("info", str(message))

    def warn(self, message: object) -> None:
        self._powers.write("warn", str(message))

    def error(self, message: object) -> None:
        self._powers.write("error", str(message))

    def progress(self, fraction: float, note: str = "") -> None:
        """How far the work is, from 0.0 to 1.0."""
        self._powers.report(fraction, note)


class Knowledge:
    """A collection of documents by the operator's name for it."""

    def __init__(self, powers: Powers, collection: str) -> None:
        self._powers = powers
        self._collection = collection

    def search(self, words: str, limit: int = 5) -> list[Passage]:
        """The best passages for a few words, 1 to 50. Raises `CallError`."""
        return [
            Passage(document, text, score, read(dict, metadata, "metadata"))
            for document, text, score, metadata in self._powers.search(
                self._collection, words, limit
            )
        ]


class Artifacts:
    """Files that travel beside the JSON."""

    def __init__(self, powers: Powers) -> None:
        self._powers = powers

    def put(self, content: bytes, media_type: str, name: str | None = None) -> Artifact:
        """Keeps bytes and returns the reference to put into the output. Raises `CallError`."""
        return self._powers.put(content, media_type, name)

    def get(self, artifact: Artifact) -> bytes:
        """The bytes of a reference that this attempt was given. Raises `CallError`."""
        return self._powers.get(artifact)


class Http:
    """Requests to the hosts that the operator granted."""

    def __init__(self, powers: Powers) -> None:
        self._powers = powers

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | str = b"",
        json: Any = _ABSENT,
    ) -> Response:
        """Sends a request and waits for the whole answer. Raises `CallError`.

        `json` is sent as a document, with its `content-type`.
        """
        named = dict(headers or {})
        if json is not _ABSENT:
            body = text_of(json)
            if not any(name.lower() == "content-type" for name in named):
                named["content-type"] = "application/json"
        content = well_formed(body).encode() if isinstance(body, str) else body
        status, answered, content = self._powers.fetch(method, url, list(named.items()), content)
        return Response(status, {name.lower(): value for name, value in answered}, content)

    def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Response:
        """`fetch("GET", …)`."""
        return self.fetch("GET", url, headers=headers)

    def post(self, url: str, json: Any, *, headers: Mapping[str, str] | None = None) -> Response:
        """`fetch("POST", …)` of a document."""
        return self.fetch("POST", url, headers=headers, json=json)


class Kv:
    """Values that last from run to run. Changes are kept when the attempt ends with an output."""

    def __init__(self, powers: Powers) -> None:
        self._powers = powers

    def get(self, key: str, kind: Any = Any) -> Any:
        """The value of a key as `kind` says, or None. Raises `CallError`."""
        text = self._powers.kv_get(key)
        return None if text is None else read(kind, text, key)

    def set(self, key: str, value: Any) -> None:
        """Raises `CallError`."""
        self._powers.kv_set(key, text_of(value))

    def delete(self, key: str) -> None:
        """A key that is not there is no error. Raises `CallError`."""
        self._powers.kv_delete(key)

    def list(self, prefix: str = "", *, after: str | None = None, limit: int = 1000) -> list[str]:
        """The keys with a prefix, in order, those behind `after`. Raises `CallError`."""
        return self._powers.kv_list(prefix, after, limit)

    def compare_and_set(self, key: str, expected: Any, value: Any) -> bool:
        """Sets a key where it holds `expected`; None stands for no value. Raises `CallError`."""
        old = None if expected is None else text_of(expected)
        new = None if value is None else text_of(value)
        return self._powers.kv_swap(key, old, new)


class Delegate:
    """Other agents, by the names that the operator granted.

    Whoever is called works under its own grants and limits: no power is lent. What it
    spends counts for its caller too.
    """

    def __init__(self, powers: Powers) -> None:
        self._powers = powers

    def call(self, agent: str, document: Any, kind: Any = Any) -> Any:
        """Has an agent do one piece of work, and waits for its output, as `kind` says.

        The artifacts that the document names must be the caller's own; those that the output
        names become so. Raises `Failed` where the agent has no output, and another
        `CallError` where it was not called: `Denied` where it is not granted, or waits for
        this one already, or is too deep.
        """
        return read(kind, self._powers.delegate(agent, text_of(document)), "output")


class Host:
    """The host, as far as this agent's grants let it be seen."""

    def __init__(self, task: Task, powers: Powers) -> None:
        # Whatever answers, bindings or a fake: what leaves is of the contract's types.
        self._powers = Border(powers)
        self.task = task
        self.log = Log(self._powers)
        self.artifacts = Artifacts(self._powers)
        self.http = Http(self._powers)
        self.kv = Kv(self._powers)
        self.delegate = Delegate(self._powers)

    def model(self, alias: str) -> Model:
        """The model behind an alias that the operator chose, for example `writer`."""
        return Model(self._powers, alias)

    def knowledge(self, collection: str) -> Knowledge:
        """A collection of documents by the operator's name for it."""
        return Knowledge(self._powers, collection)
