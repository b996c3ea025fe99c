"""The events of a node, as a tracer sees them: enough for a trace to be held against the spec.

A tracer is called with the event, the node and a detail, at the moment given here; it reads the node's state and must not
change it. What happens within a call (a role taken, an entry appended, a commit) shows in the state at its end, and what is
sent in the Ready. Without a tracer an event costs one comparison with None.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from impl.raft.state import State


class Event(Enum):
    """What happened at a node."""

    START = "start"
    """The node was made from its storage, the first time or again; no detail."""
    RECEIVE = "receive"
    """A well-formed message of a member came in; before anything is done about it; detail: the message."""
    DONE = "done"
    """A tick, a message, commands or a write have been dealt with, and all that follows from it is done; no detail."""
    READY = "ready"
    """A Ready was handed out: the caller is now writing and sending; detail: the Ready."""
    PERSISTED = "persisted"
    """What the Ready held is on stable storage (advance); before anything follows from it; no detail."""


Tracer: TypeAlias = Callable[[Event, "State", object], None]
