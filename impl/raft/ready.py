"""What a node hands to its caller."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from impl.raft.entries import Entries
from impl.raft.messages import Message
from impl.raft.storage import HardState, Snapshot


class Role(Enum):
    """What a node is (Figure 4); a pre-candidate asks whether to become a candidate."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class SoftState:
    """What the caller may want to know and need not keep: the role, and who leads."""

    role: Role
    leader: int | None


@dataclass(frozen=True, slots=True)
class ReadState:
    """A read may be answered from the state machine once it has applied `read_index` (dissertation, section 6.4)."""

    context: bytes
    read_index: int


@dataclass(slots=True)
class Ready:
    """Work for the caller; the package's docstring numbers the duties. None and empty mean: nothing to do."""

    soft_state: SoftState | None
    """Where it changed."""
    hard_state: HardState | None
    """To persist, where it changed."""
    snapshot: Snapshot | None
    """To persist, and to set the state machine to."""
    entries: Entries | None
    """To persist; from their first index on they replace what is there."""
    messages: list[Message]
    """To send; they need not wait for the writes."""
    messages_after_write: list[Message]
    """To send once hard state, snapshot and entries are persisted."""
    committed: Entries | None
    """To apply to the state machine, in order, each entry once."""
    read_states: list[ReadState]
    """Reads that may be answered once their index is applied."""
