"""A scripted host, so that an agent is tested in plain CPython; knows nothing of the real one."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, Callable, Iterable

from . import limits
from .agent import of as agent_of
from .failure import CallError, Denied, Exhausted, Failure, Unavailable, clip
from .host import Host, Passage, Response, Task
from .limits import ensure, size
from .model import Completion, Embedding, Request, ToolCall, Usage
from .schema import Artifact, encode

Reply = Any  # text (the document itself, for `answer`), any other value, or a list of ToolCalls


@dataclass(frozen=True)
class Line:
    """A line of the log."""

    level: str
    message: str


@dataclass(frozen=True)
class Fetched:
    """A request that reached the web."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


class Fake:
    """A host that answers by script, and denies what no script was given for, as the real
    one denies what was not granted. It holds to the bounds of the contract.

    ::

        fake = Fake().answer("writer", "Tea, now.")
        assert fake.perform(slogan, {"product": "kettle"}) == {"text": "Tea, now."}
        assert fake.requests[0].text() == "kettle"
    """

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.progress: list[tuple[float, str]] = []
        self.requests: list[Request] = []
        self.fetched: list[Fetched] = []
        self.values: dict[str, Any] | None = None
        self.called: list[tuple[str, Any]] = []
        self._task = Task("test", "-", 0)
        self._answers: dict[str, list[Reply]] = {}
        self._scripts: dict[str, Callable[[Request], Reply]] = {}
        self._embedders: dict[str, Callable[[str], list[float]]] = {}
        self._painters: dict[str, Callable[[str], tuple[bytes, str]]] = {}
        self._shelves: dict[str, list[Passage]] = {}
        self._web: list[tuple[str, Callable[[Fetched], Response]]] = []
        self._agents: dict[str, Callable[[Any], Any]] = {}
        self._bytes: dict[str, bytes] = {}
        self._fates: dict[str, tuple[int, CallError]] = {}

    # What a test sets up.

    def task(self, step: str, cell: str = "-", round: int = 0) -> Fake:
        """What `host.task` says."""
        self._task = Task(step, cell, round)
        return self

    def answer(self, alias: str, *replies: Reply) -> Fake:
        """The next answers of a model: text, a value, a list of `ToolCall`s, or an error.

        Text is what the model says, so that for `host.model(…).answer` it is a document:
        `'"Tea."'`. After the last a call is `Exhausted("calls")`.
        """
        self._answers.setdefault(alias, []).extend(replies)
        return self

    def answer_with(self, alias: str, script: Callable[[Request], Reply]) -> Fake:
        """All further answers of a model, once its queue is empty."""
        self._scripts[alias] = script
        return self

    def embed_with(self, alias: str, script: Callable[[str], list[float]]) -> Fake:
        """Makes an alias embed texts."""
        self._embedders[alias] = script
        return self

    def draw_with(self, alias: str, script: Callable[[str], tuple[bytes, str]]) -> Fake:
        """Makes an alias draw: the script returns bytes and media type for a prompt."""
        self._painters[alias] = script
        return self

    def knowledge(self, collection: str, passages: Iterable[str | Passage]) -> Fake:
        """Grants a collection. A search finds what has one of its words, most words first."""
        shelf = self._shelves.setdefault(collection, [])
        for one in passages:
            made = Passage(f"passage-{len(shelf)}", one) if isinstance(one, str) else one
            shelf.append(made)
        return self

    def web(self, beginning: str, answer: Response | Callable[[Fetched], Response]) -> Fake:
        """Grants requests whose URL begins so."""
        script = answer if callable(answer) else lambda _: answer
        self._web.append((beginning, script))
        return self

    def kv(self, **values: Any) -> Fake:
        """Grants a namespace that holds these values; `fake.values` is what it holds."""
        self.values = {**(self.values or {}), **values}
        return self

    def agent_with(self, agent: str, script: Callable[[Any], Any]) -> Fake:
        """Grants calls of an agent: the script returns its output, or raises `Failed`.

        `fake.called` is who was called, and with what.
        """
        self._agents[agent] = script
        return self

    def artifact(self, content: bytes, media_type: str, name: str | None = None) -> Artifact:
        """Mints a reference that the agent may read, as for a file that its input names."""
        digest = "blake3:" + hashlib.sha256(content).hexdigest()
        self._bytes[digest] = content
        return Artifact(digest, media_type, len(content), name)

    def bytes(self, artifact: Artifact) -> bytes:
        """The bytes of any reference that this fake minted."""
        return self._bytes[artifact.digest]

    def deny(self, capability: str) -> Fake:
        """Denies every call of a capability.

        `model`, `knowledge`, `artifacts`, `http`, `kv` or `delegate`.
        """
        return self._fate(capability, 0, Denied(capability))

    def exhaust(self, capability: str, limit: str, after_calls: int = 0) -> Fake:
        """Lets some calls through, then answers that a limit is spent."""
        return self._fate(capability, after_calls, Exhausted(limit))

    def unavailable(self, capability: str, after_calls: int = 0) -> Fake:
        """Lets some calls through, then answers that the provider is gone."""
        return self._fate(capability, after_calls, Unavailable())

    # What a test calls.

    def host(self) -> Host:
        """The host to call the agent's function with."""
        return Host(self._task, self)

    def perform(self, function: Callable, document: Any) -> Any:
        """One task as the host gives it: JSON in, JSON out. Raises `Failure`.

        A reference that this fake did not mint is refused in both, as the host would.
        """
        self._refuse_foreign(document)
        text = agent_of(function).perform(json.dumps(document), self.host())
        if size(text) > limits.DOCUMENT_BYTES_MAX:
            raise Failure.fatal("the output is larger than 4 MiB")
        output = json.loads(text)
        self._refuse_foreign(output)
        return output

    # What the agent calls, through `Host`.

    def write(self, level: str, message: str) -> None:
        if len(self.lines) < limits.LINES_MAX:
            self.lines.append(Line(level, clip(message, limits.LINE_BYTES_MAX)))

    def report(self, fraction: float, note: str) -> None:
        self.progress.append((fraction, clip(note, limits.NOTE_BYTES_MAX)))

    def complete(self, request: Request) -> Completion:
        self._admit("model")
        queue = self._answers.get(request.alias)
        script = self._scripts.get(request.alias)
        if queue is None and script is None:
            raise Denied("model")
        limits.check_request(request)
        for part in (part for message in request.messages for part in message.parts):
            if isinstance(part, Artifact) and part.digest not in self._bytes:
                raise Denied("artifacts")
        self.requests.append(request)
        if not queue and script is None:
            raise Exhausted("calls")
        reply = queue.pop(0) if queue else script(request)  # type: ignore[misc]
        if isinstance(reply, Exception):
            raise reply
        calls = reply if _are_calls(reply) else []
        text = "" if calls else reply if isinstance(reply, str) else json.dumps(encode(reply))
        usage = Usage(len(request.text()), len(text))
        return Completion(text, list(calls), "tools" if calls else "stop", usage, "fake")

    def embed(self, alias: str, texts: list[str]) -> Embedding:
        self._admit("model")
        script = self._embedders.get(alias)
        if script is None:
            raise Denied("model")
        sized = all(size(text) <= limits.EMBED_TEXT_BYTES_MAX for text in texts)
        ensure(sized and len(texts) <= limits.EMBED_TEXTS_MAX, "texts")
        return Embedding([script(text) for text in texts], Usage(0, 0), "fake")

    def generate_images(
        self, alias: str, prompt: str, width: int, height: int, count: int, seed: int | None
    ) -> list[Artifact]:
        self._admit("model")
        script = self._painters.get(alias)
        if script is None:
            raise Denied("model")
        ensure(size(prompt) <= limits.PROMPT_BYTES_MAX, "prompt")
        ensure(width in limits.IMAGE_SIDE, "width")
        ensure(height in limits.IMAGE_SIDE, "height")
        ensure(count in limits.IMAGES, "count")
        return [self.artifact(*script(prompt)) for _ in range(count)]

    def search(
        self, collection: str, query: str, limit: int
    ) -> list[tuple[str, str, float, str]]:
        self._admit("knowledge")
        ensure(size(query) <= limits.QUERY_BYTES_MAX, "query")
        ensure(limit in limits.PASSAGES, "limit")
        if collection not in self._shelves:
            raise Denied("knowledge")
        asked = _words(query)
        there = [(set(_words(one.text)), one) for one in self._shelves[collection]]
        scored = [(sum(word in words for word in asked), one) for words, one in there]
        # Stable: passages with as many words stay in the script's order.
        best = sorted((one for one in scored if one[0]), key=lambda one: -one[0])[:limit]
        return [(p.document, p.text, float(n), json.dumps(p.metadata)) for n, p in best]

    def put(self, content: bytes, media_type: str, name: str | None) -> Artifact:
        self._admit("artifacts")
        typed = 1 <= size(media_type) <= limits.MEDIA_TYPE_BYTES_MAX and "/" in media_type
        ensure(typed, "media-type")
        if name is not None:
            ensure(1 <= size(name) <= limits.NAME_BYTES_MAX and "/" not in name, "name")
        return self.artifact(content, media_type, name)

    def get(self, artifact: Artifact) -> bytes:
        self._admit("artifacts")
        if artifact.digest not in self._bytes:
            raise Denied("artifacts")
        return self._bytes[artifact.digest]

    def fetch(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        self._admit("http")
        ensure(method in limits.METHODS, "method")
        ensure(size(url) <= limits.URL_BYTES_MAX, "url")
        limits.check_headers(headers)
        most = 0 if method in ("GET", "HEAD") else limits.BODY_BYTES_MAX
        ensure(len(body) <= most, "body")
        request = Fetched(method, url, dict(headers), body)
        for beginning, script in self._web:
            if url.startswith(beginning):
                self.fetched.append(request)
                answer = script(request)
                return answer.status, list(answer.headers.items()), answer.body
        raise Denied("http")

    def kv_get(self, key: str) -> str | None:
        values = self._namespace(key)
        return json.dumps(values[key]) if key in values else None

    def kv_set(self, key: str, value: str) -> None:
        self._put(self._namespace(key), key, value)

    def kv_delete(self, key: str) -> None:
        self._put(self._namespace(key), key, None)

    def kv_list(self, prefix: str, after: str | None, limit: int) -> list[str]:
        ensure(size(prefix) <= limits.KEY_BYTES_MAX, "prefix")
        ensure(limit in limits.KEYS, "limit")
        keys = sorted(key for key in self._namespace("-") if key.startswith(prefix))
        return [key for key in keys if after is None or key > after][:limit]

    def kv_swap(self, key: str, expected: str | None, value: str | None) -> bool:
        values = self._namespace(key)
        held = _same_text(values[key]) if key in values else None
        # As documents: in Python alone True is 1, and 1 is 1.0.
        if held != (None if expected is None else _same_text(json.loads(expected))):
            return False
        self._put(values, key, value)
        return True

    def delegate(self, agent: str, document: str) -> str:
        self._admit("delegate")
        ensure(1 <= size(agent) <= limits.AGENT_BYTES_MAX, "agent")
        ensure(size(document) <= limits.DOCUMENT_BYTES_MAX, "input")
        # Taken away while it works: nobody calls who works already.
        script = self._agents.pop(agent, None)
        if script is None:
            raise Denied("delegate")
        given = json.loads(document)
        self.called.append((agent, given))
        try:
            return json.dumps(encode(script(given)))
        finally:
            self._agents[agent] = script

    def _namespace(self, key: str) -> dict[str, Any]:
        self._admit("kv")
        if self.values is None:
            raise Denied("kv")
        limits.check_key(key)
        return self.values

    @staticmethod
    def _put(values: dict[str, Any], key: str, value: str | None) -> None:
        if value is None:
            values.pop(key, None)
        else:
            ensure(size(value) <= limits.VALUE_BYTES_MAX, "value")
            values[key] = json.loads(value)

    def _refuse_foreign(self, document: Any) -> None:
        if isinstance(document, dict):
            digest = document.get("$artifact")
            if isinstance(digest, str) and digest not in self._bytes:
                raise Failure.fatal(f"foreign-artifact: {digest}")
            document = list(document.values())
        if isinstance(document, list):
            for one in document:
                self._refuse_foreign(one)

    def _fate(self, capability: str, calls: int, then: CallError) -> Fake:
        self._fates[capability] = (calls, then)
        return self

    def _admit(self, capability: str) -> None:
        if capability not in self._fates:
            return
        calls, then = self._fates[capability]
        if calls == 0:
            raise then
        self._fates[capability] = (calls - 1, then)


def _are_calls(reply: Reply) -> bool:
    return isinstance(reply, list) and bool(reply) and all(isinstance(o, ToolCall) for o in reply)


def _words(text: str) -> list[str]:
    """Whole words of letters and digits, as `bailiwick test` and the other SDKs count them."""
    return re.findall(r"[^\W_]+", text.lower())


def _same_text(document: Any) -> str:
    return json.dumps(document, sort_keys=True)
