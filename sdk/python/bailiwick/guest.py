"""The side of the sandbox: the bindings of the agent's own world as powers, the agent as its export.

The only module that knows the generated bindings. It is handed the interfaces of the
agent's own world and imports none: what is not in there is denied.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, Callable

from .agent import Agent
from .failure import CallError, Denied, Exhausted, Failed, Failure, Invalid, Unavailable
from .host import Host, Task
from .model import Completion, Embedding, Message, Request, ToolCall, Usage
from .schema import Artifact


def agent_in(module: ModuleType) -> Agent:
    """The one agent that a module defines. Raises `TypeError` where it is not one."""
    found = {
        name: one.__bailiwick__
        for name, one in vars(module).items()
        if isinstance(getattr(one, "__bailiwick__", None), Agent)
        and one.__module__ == module.__name__
    }
    if len(found) != 1:
        listed = ", ".join(found) or "none"
        raise TypeError(f"{module.__name__} has to define one @agent function, and has {listed}")
    return next(iter(found.values()))


def export(agent: Agent, base: type, contract: Any, runtime: Any, imports: dict[str, Any]) -> type:
    """The class that componentize-py looks for: `base` with the contract's two functions."""
    # Computed while the component is made: a task should not wait for it.
    about = contract.About(
        name=agent.name,
        version=agent.version,
        summary=agent.summary,
        input_schema=agent.input_schema,
        output_schema=agent.output_schema,
    )
    powers = Imports(imports, runtime.Err)

    class Exported(base):  # type: ignore[misc, valid-type]
        def profile(self) -> Any:
            return about

        def perform(self, task: Any) -> str:
            host = Host(Task(task.step, task.cell, task.round), powers)
            try:
                return agent.perform(task.input, host)
            except Failure as failure:
                raise runtime.Err(_failure(contract, imports, failure)) from None

    return Exported


def _failure(contract: Any, imports: dict[str, Any], failure: Failure) -> Any:
    if failure.kind == "refused":
        return contract.Failure_Refused(imports["types"].Denial(failure.text))
    cases = {
        "invalid-input": contract.Failure_InvalidInput,
        "retryable": contract.Failure_Retryable,
    }
    return cases.get(failure.kind, contract.Failure_Fatal)(failure.text)


class Imports:
    """The imports of the component as `Powers`."""

    def __init__(self, imports: dict[str, Any], error: type) -> None:
        self._imports = imports
        self._error = error

    def write(self, level: str, message: str) -> None:
        log = self._imports["log"]
        log.write(log.Level[level.upper()], message)

    def report(self, fraction: float, note: str) -> None:
        self._imports["log"].progress(fraction, note)

    def complete(self, request: Request) -> Completion:
        model = self._interface("model")
        asked = model.Request(
            alias=request.alias,
            messages=[self._message(model, one) for one in request.messages],
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            seed=request.seed,
            stop=request.stop,
            output_schema=request.output_schema,
            tools=[model.Tool(*one) for one in request.tools],
        )
        answer = self._call(model.complete, asked)
        return Completion(
            text=answer.text,
            tool_calls=[ToolCall(one.id, one.name, one.arguments) for one in answer.tool_calls],
            finish=answer.finish.name.lower(),
            usage=_usage(answer.usage),
            model=answer.model,
        )

    def embed(self, alias: str, texts: list[str]) -> Embedding:
        answer = self._call(self._interface("model").embed, alias, texts)
        return Embedding(answer.vectors, _usage(answer.usage), answer.model)

    def generate_images(
        self, alias: str, prompt: str, width: int, height: int, count: int, seed: int | None
    ) -> list[Artifact]:
        model = self._interface("model")
        request = model.ImageRequest(alias, prompt, width, height, count, seed)
        return [_artifact(one) for one in self._call(model.generate_image, request)]

    def search(
        self, collection: str, query: str, limit: int
    ) -> list[tuple[str, str, float, str]]:
        found = self._call(self._interface("knowledge").search, collection, query, limit)
        return [(one.document, one.text, one.score, one.metadata) for one in found]

    def put(self, content: bytes, media_type: str, name: str | None) -> Artifact:
        return _artifact(self._call(self._interface("artifacts").put, content, media_type, name))

    def get(self, artifact: Artifact) -> bytes:
        return self._call(self._interface("artifacts").get, self._reference(artifact))

    def fetch(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        http = self._interface("http")
        named = [http.Header(name, value) for name, value in headers]
        answer = self._call(http.fetch, http.Request(method, url, named, body))
        return answer.status, [(one.name, one.value) for one in answer.headers], answer.body

    def kv_get(self, key: str) -> str | None:
        return self._call(self._interface("kv").get, key)

    def kv_set(self, key: str, value: str) -> None:
        self._call(self._interface("kv").set, key, value)

    def kv_delete(self, key: str) -> None:
        self._call(self._interface("kv").delete, key)

    def kv_list(self, prefix: str, after: str | None, limit: int) -> list[str]:
        return self._call(self._interface("kv").list, prefix, after, limit)

    def kv_swap(self, key: str, expected: str | None, value: str | None) -> bool:
        return self._call(self._interface("kv").compare_and_set, key, expected, value)

    def delegate(self, agent: str, document: str) -> str:
        return self._call(self._interface("delegate").call, agent, document)

    def _interface(self, capability: str) -> Any:
        interface = self._imports.get(capability)
        if interface is None:
            self.write("warn", f"agent.toml does not want {capability}, so it is not in this agent")
            raise Denied(capability)
        return interface

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except self._error as error:  # type: ignore[misc]
            raise _call_error(error.value) from None

    def _message(self, model: Any, message: Message) -> Any:
        return model.Message(
            role=model.Role[message.role.upper()],
            parts=[
                model.Part_Text(part)
                if isinstance(part, str)
                else model.Part_Artifact(self._reference(part))
                for part in message.parts
            ],
            tool_calls=[
                model.ToolCall(one.id, one.name, one.arguments) for one in message.tool_calls
            ],
            answers=message.answers,
        )

    def _reference(self, artifact: Artifact) -> Any:
        return self._imports["types"].Artifact(
            artifact.digest, artifact.media_type, artifact.bytes, artifact.name
        )


def _call_error(error: Any) -> CallError:
    case = type(error).__name__
    # What a call of an agent raises: that it was not called, or how it failed.
    if case == "CallError_Host":
        return _call_error(error.value)
    if case == "CallError_Failed":
        return _failed(error.value)
    if case == "Error_Denied":
        return Denied(error.value.capability)
    if case == "Error_Exhausted":
        return Exhausted(error.value.name.lower())
    if case == "Error_Unavailable":
        return Unavailable()
    return Invalid(error.value)


def _failed(fault: Any) -> Failed:
    kinds = {
        "Failure_InvalidInput": "invalid-input",
        "Failure_Refused": "refused",
        "Failure_Retryable": "retryable",
        "Failure_Fatal": "fatal",
        "Failure_Limit": "limit",
    }
    return Failed(kinds.get(type(fault).__name__, "broken"), getattr(fault, "value", ""))


def _artifact(one: Any) -> Artifact:
    return Artifact(one.digest, one.media_type, one.bytes, one.name)


def _usage(usage: Any) -> Usage:
    return Usage(usage.input_tokens, usage.output_tokens)
