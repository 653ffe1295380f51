"""Why an agent has no output, and why a call to the host has no answer; knows no capability."""

from __future__ import annotations

import re

# Text of a failure in bytes, as the contract says: longer ones drown the run's view.
TEXT_BYTES_MAX = 4 * 1024
# Surrogates pair in UTF-16 alone: in a str of Python each is a lone one.
_LONE = re.compile("[\ud800-\udfff]")


class Failure(Exception):
    """Why an agent has no output. Raise one of the four; their texts are for the operator.

    `kind` is `invalid-input`, `refused`, `retryable` or `fatal`; `text` is the reason, and
    with `refused` the name of the capability.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind
        self.text = str(text)

    @classmethod
    def invalid_input(cls, reason: object) -> Failure:
        """The input makes no sense; begin with the path of the field. Not retried."""
        return cls("invalid-input", str(reason))

    @classmethod
    def refused(cls, capability: str) -> Failure:
        """A power that the agent cannot do without was denied. Not retried."""
        return cls("refused", capability)

    @classmethod
    def retryable(cls, reason: object) -> Failure:
        """Something passing went wrong. Retried as the pipeline says."""
        return cls("retryable", str(reason))

    @classmethod
    def fatal(cls, reason: object) -> Failure:
        """Something went wrong that would go wrong again. Not retried."""
        return cls("fatal", str(reason))

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """What an exception that nobody caught means.

        | exception | failure | why |
        |---|---|---|
        | `Failure` | itself | the author said it |
        | `Denied` | `refused` | only the operator can change it |
        | `Unavailable`, `Exhausted("rate")` | `retryable` | it passes |
        | `Exhausted`, `Invalid` | `fatal` | the same again would end the same |
        | `Failed` | `retryable` if that is its kind, else `fatal` | as the agent that was called |
        | any other | `fatal` with its type and text | it is a fault of the agent |
        """
        if isinstance(error, Failure):
            return error
        if isinstance(error, Denied):
            return cls.refused(error.capability)
        passing = (
            isinstance(error, Unavailable)
            or (isinstance(error, Exhausted) and error.limit == "rate")
            or (isinstance(error, Failed) and error.kind == "retryable")
        )
        if passing:
            return cls.retryable(error)
        if isinstance(error, CallError):
            return cls.fatal(error)
        text = str(error)
        name = type(error).__name__
        return cls.fatal(f"{name}: {text}" if text else name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Failure):
            return NotImplemented
        return (self.kind, self.text) == (other.kind, other.text)

    def __hash__(self) -> int:
        return hash((self.kind, self.text))


class CallError(Exception):
    """Why a call to the host has no answer. Catch it where there is another way."""


class Denied(CallError):
    """Not granted. Asking again will not help."""

    def __init__(self, capability: str) -> None:
        super().__init__(f"`{capability}` was denied")
        self.capability = capability


class Exhausted(CallError):
    """A limit or a budget is spent: tokens, money, calls, bytes, wall, rate or storage."""

    def __init__(self, limit: str) -> None:
        super().__init__(f"the limit on {limit} is spent")
        self.limit = limit


class Unavailable(CallError):
    """The provider could not be reached or gave up. The host has retried already."""

    def __init__(self) -> None:
        super().__init__("the provider is unavailable")


class Invalid(CallError):
    """The request, or the model's answer to it, is wrong. The text says how."""


class Failed(CallError):
    """An agent that was called has no output; what it changed in namespaces did not happen.

    | `kind` | what it means | `text` |
    |---|---|---|
    | `invalid-input` | the input makes no sense to it, or is not in its schema | its own words |
    | `refused` | a power that it cannot do without was denied | empty |
    | `retryable` | something passing went wrong: another call may help | its own words |
    | `fatal` | something else went wrong | its own words |
    | `limit` | it ran into a limit of its own, or out of the time that it was given | empty |
    | `broken` | it trapped, could not be run, or gave back what may not leave it | empty |
    """

    def __init__(self, kind: str, text: str = "") -> None:
        words = _WORDS[kind]
        super().__init__(f"the agent that was called {words}" + (f": {text}" if text else ""))
        self.kind = kind
        self.text = text


_WORDS = {
    "invalid-input": "cannot work on its input",
    "refused": "was denied a power that it cannot do without",
    "retryable": "failed for now",
    "fatal": "failed",
    "limit": "ran into a limit",
    "broken": "broke",
}


def clip(text: str, max_bytes: int) -> str:
    """The beginning of a text that has at most `max_bytes` bytes of UTF-8."""
    return well_formed(text).encode()[:max_bytes].decode("utf-8", "ignore")


def well_formed(text: str) -> str:
    """The text with U+FFFD for each lone surrogate: no host takes one, as UTF-8 has none."""
    return _LONE.sub("\ufffd", text)
