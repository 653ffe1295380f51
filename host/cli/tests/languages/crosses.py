"""Hands the host what its bindings cannot convert, and halves of letters, and says what came of it."""

from dataclasses import dataclass

from bailiwick import Artifact, CallError, Host, agent


@dataclass
class Task:
    caught: bool


@agent(version="0.1.0", name="crosses")
def crosses(task: Task, host: Host) -> list[str]:
    """Hands the host what its bindings cannot convert."""
    if not task.caught:
        host.knowledge("brand").search("tea", 2.5)
    model, half = host.model("writer"), "tea \ud83c"
    host.log.info(half)
    host.log.progress(1, half)
    calls = [
        lambda: model.complete(half, max_tokens=200, seed=2**53 - 1, temperature=1).text,
        lambda: model.complete("x", max_tokens=0.5 * 400),
        lambda: model.complete("x", seed=-1),
        lambda: model.complete([None]),
        lambda: host.knowledge("brand").search("tea", 1)[0].text,
        lambda: host.knowledge("brand").search("tea", 2.5),
        lambda: host.artifacts.put(bytes([104, 105]), "text/plain").bytes,
        lambda: host.artifacts.put(b"x", None),
        lambda: host.artifacts.get(Artifact("x", bytes=-1)),
        lambda: host.kv.set(half, half),
        lambda: host.kv.get(half),
        lambda: host.kv.get(None),
        lambda: host.delegate.call("other", half),
        lambda: host.delegate.call(7, 1),
    ]
    return [half] + [one_call(call) for call in calls]


def one_call(call) -> str:
    try:
        return str(call())
    except CallError as error:
        return type(error).__name__
    except TypeError as error:
        return f"TypeError: {str(error).split(':')[0]}"
