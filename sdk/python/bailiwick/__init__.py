"""One typed Python function becomes an agent; what is public, and nothing of how it works.

    from dataclasses import dataclass
    from bailiwick import Host, agent

    @dataclass
    class Guest:
        name: str

    @dataclass
    class Welcome:
        greeting: str

    @agent(version="0.1.0")
    def hello(guest: Guest, host: Host) -> Welcome:
        '''Greets whoever the input names.'''
        host.log.info(f"greeting {guest.name}")
        return Welcome(f"Hello, {guest.name}!")
"""

from .agent import Agent, agent
from .failure import CallError, Denied, Exhausted, Failed, Failure, Invalid, Unavailable
from .host import Host, Passage, Response, Task
from .model import (
    Answer,
    Completion,
    Embedding,
    Message,
    Tool,
    ToolCall,
    Usage,
)
from .schema import Artifact

__all__ = [
    "Agent",
    "Answer",
    "Artifact",
    "CallError",
    "Completion",
    "Denied",
    "Embedding",
    "Exhausted",
    "Failed",
    "Failure",
    "Host",
    "Invalid",
    "Message",
    "Passage",
    "Response",
    "Task",
    "Tool",
    "ToolCall",
    "Unavailable",
    "Usage",
    "agent",
]
