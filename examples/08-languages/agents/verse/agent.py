"""Makes a few lines of a greeting; asks a model for what follows it."""

import statistics
import textwrap
from dataclasses import dataclass
from typing import Literal

from bailiwick import Failure, Host, agent


@dataclass
class Opening:
    """What the lines begin with."""

    greeting: str
    """One sentence."""
    mood: Literal["calm", "loud"] = "calm"
    """How it goes on."""


@dataclass
class Rest:
    """What follows a greeting."""

    text: str
    """One or two sentences."""


@dataclass
class Words:
    """Figures of the text."""

    count: int
    mean_letters: float
    """Letters of a word, to one decimal."""


@dataclass
class Verse:
    """The greeting and what follows it, in short lines."""

    lines: list[str]
    words: Words


@agent(version="0.1.0")
def verse(opening: Opening, host: Host) -> Verse:
    """Makes a few lines of a greeting."""
    if not opening.greeting.strip():
        raise Failure.invalid_input("greeting: must not be blank")
    rest = host.model("writer").answer(
        Rest,
        opening.greeting,
        system=f"Go on after the greeting, {opening.mood}ly.",
        max_tokens=200,
    )
    text = f"{opening.greeting} {rest.value.text}"
    if opening.mood == "loud":
        text = text.upper()
    lines = textwrap.wrap(text, width=40)
    letters = [len(word.strip(".,!?")) for word in text.split()]
    print(f"wrapped into {len(lines)}, by {rest.model}")
    return Verse(lines, Words(len(letters), round(statistics.mean(letters), 1)))
