"""The decorator that makes a function an agent, and one call of it with JSON; knows no bindings."""

from __future__ import annotations

import inspect
import json
import re
import traceback
import typing
from dataclasses import dataclass
from typing import Any, Callable

from .failure import TEXT_BYTES_MAX, Failure, clip, well_formed
from .host import Host
from .schema import decode, schema_of, text_of

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?")
# Of the contract: a longer summary is refused at admission.
_SUMMARY_BYTES_MAX = 1024


@dataclass(frozen=True)
class Agent:
    """What a function says of itself, and the function."""

    function: Callable[..., Any]
    name: str
    version: str
    summary: str
    input: Any
    output: Any
    takes_host: bool

    @property
    def input_schema(self) -> str:
        """JSON Schema of the task, as text."""
        return text_of(schema_of(self.input))

    @property
    def output_schema(self) -> str:
        """JSON Schema of what it returns, as text."""
        return text_of(schema_of(self.output))

    def perform(self, text: str, host: Host) -> str:
        """One document in, one out. Whatever goes wrong is raised as a `Failure`."""
        try:
            try:
                task = json.loads(text)
            except ValueError as error:
                raise Failure.invalid_input(error) from error
            value = decode(self.input, task)
            result = self.function(value, host) if self.takes_host else self.function(value)
            if inspect.iscoroutine(result):
                result.close()
                raise TypeError("the agent is `async`; an agent is straight-line code")
            return text_of(result)
        except Failure as failure:
            raise _clipped(failure) from failure.__cause__
        except (Exception, SystemExit) as error:
            # `SystemExit` too: an agent that exits would be a trap, which says less.
            failure = Failure.of(error)
            if failure.kind == "fatal":
                # The failure has one line; where it came from is for the log.
                host.log.error(traceback.format_exc())
            raise _clipped(failure) from error


def _clipped(failure: Failure) -> Failure:
    return Failure(failure.kind, clip(failure.text, TEXT_BYTES_MAX))


def agent(*, version: str, name: str | None = None) -> Callable[[Callable], Callable]:
    """Makes a function an agent; it stays an ordinary function for tests.

    `def NAME(task: T, host: Host) -> R`, where `host` may be left out, and T and R are
    dataclasses or other types with a form in JSON. The name is the function's unless `name`
    says another, the summary the first paragraph of its docstring.

    Raises `TypeError` where the function cannot be one, with all that is wrong.
    """

    def decorate(function: Callable) -> Callable:
        function.__bailiwick__ = _read(function, version, name)
        return function

    return decorate


def of(function: Callable) -> Agent:
    """The agent that a decorated function is. Raises `TypeError` for another."""
    found = getattr(function, "__bailiwick__", None)
    if not isinstance(found, Agent):
        raise TypeError(f"{function!r} is no agent: it has no @agent(version=…)")
    return found


def _read(function: Callable, version: str, name: str | None) -> Agent:
    wrong: list[str] = []
    name = name or function.__name__
    if not _NAME.fullmatch(name):
        wrong.append(f"the name {name!r} is not of the form [a-z][a-z0-9_-]*, at most 64 long")
    if not isinstance(version, str) or not _VERSION.fullmatch(version):
        wrong.append(f"the version {version!r} is no semantic version, as '0.1.0'")
    words = inspect.cleandoc(function.__doc__ or "").split("\n\n", 1)[0].replace("\n", " ")
    if len(words.encode("utf-8", "replace")) > _SUMMARY_BYTES_MAX:
        wrong.append("the first paragraph of its docstring has more than 1 KiB")
    if not words:
        wrong.append("it has no docstring; its first paragraph is what operators read")
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        wrong.append("it is `async` or a generator; an agent is straight-line code")
    parameters = list(inspect.signature(function).parameters.values())
    hints = typing.get_type_hints(function, include_extras=True)
    if len(parameters) not in (1, 2):
        wrong.append(f"it takes {len(parameters)} arguments, and an agent takes a task and a Host")
    for parameter in parameters:
        if parameter.name not in hints:
            wrong.append(f"the argument {parameter.name} has no type")
    if "return" not in hints:
        wrong.append("it does not say what it returns (-> …)")
    if len(parameters) == 2 and hints.get(parameters[1].name, Host) is not Host:
        wrong.append(f"the argument {parameters[1].name} is not a Host")
    if not wrong:
        for hint in (hints[parameters[0].name], hints["return"]):
            try:
                schema_of(hint)
            except TypeError as error:
                wrong.append(str(error))
    if wrong:
        expected = f"def {function.__name__}(task: Task, host: Host) -> Result"
        lines = "".join(f"\n  - {one}" for one in wrong)
        raise TypeError(f"{function.__name__} is no agent; expected: {expected}{lines}")
    return Agent(
        function=function,
        name=name,
        version=version,
        summary=well_formed(words),
        input=hints[parameters[0].name],
        output=hints["return"],
        takes_host=len(parameters) == 2,
    )
