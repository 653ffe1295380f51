"""Asks another agent for each of some ends, and says how every call ended."""

from dataclasses import dataclass

from bailiwick import Denied, Failed, Host, agent


@dataclass
class Ends:
    ends: list[str]
    whom: str


@dataclass
class Told:
    told: list[str]


@agent(version="0.1.0", name="asks")
def asks(task: Ends, host: Host) -> Told:
    """Asks another agent for each of some ends."""
    return Told([one_call(task.whom, end, host) for end in task.ends])


def one_call(whom: str, end: str, host: Host) -> str:
    try:
        return host.delegate.call(whom, {"end": end}, str)
    except Failed as failed:
        return f"{failed.kind}: {failed.text}"
    except Denied as denied:
        return f"denied {denied.capability}"
