"""Greets whoever the input names."""

from dataclasses import dataclass

from bailiwick import Failure, Host, agent


@dataclass
class Guest:
    """Whom to greet."""

    name: str
    """A name, as it is to stand in the greeting."""


@dataclass
class Welcome:
    """The greeting, ready to be shown."""

    greeting: str
    """One sentence."""


@agent(version="0.1.0", name="NAME")
def greet(guest: Guest, host: Host) -> Welcome:
    """Greets whoever the input names."""
    name = guest.name.strip()
    if not name:
        raise Failure.invalid_input("name: must not be blank")
    host.log.info(f"greeting {name}")
    return Welcome(f"Hello, {name}!")
