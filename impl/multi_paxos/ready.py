"""What a node hands to its caller, and what survives a crash."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from impl.multi_paxos.log import Commands, Log, Run
from impl.multi_paxos.messages import Message
from impl.paxos.ballot import Ballot


class Role(Enum):
    """What a node is, besides an acceptor and a learner."""

    FOLLOWER = "follower"
    CANDIDATE = "candidate"
    """In phase 1 of its ballot."""
    LEADER = "leader"
    """In phase 2 of its ballot, for all slots."""


@dataclass(frozen=True, slots=True)
class ReadState:
    """A read may be answered from the state machine once it has applied `read_index`."""

    context: bytes
    read_index: int


@dataclass(slots=True)
class Ready:
    """Work for the caller; the package's docstring numbers the duties. None and empty mean: nothing to do."""

    max_bal: Ballot | None
    """To persist, where it changed, before the votes."""
    votes: list[Run]
    """To persist, in this order."""
    commit_index: int | None
    """To persist, where it changed, after the votes; it need not be on stable storage before anything is sent."""
    messages: list[Message]
    """To send; they need not wait for the writes."""
    messages_after_write: list[Message]
    """To send once max_bal and votes are persisted."""
    committed: Commands | None
    """To apply to the state machine, in order, each slot once; no-ops are empty."""
    read_states: list[ReadState] = field(default_factory=list)
    """Reads that may be answered once their slot is applied."""


class Outbox:
    """What has come up since the last Ready."""

    __slots__ = ("messages", "messages_after_write", "read_states", "votes")

    def __init__(self) -> None:
        self.votes: list[Run] = []
        self.messages: list[Message] = []
        self.messages_after_write: list[Message] = []
        self.read_states: list[ReadState] = []


class MemoryStorage:
    """What a node has persisted, kept in memory."""

    def __init__(self) -> None:
        self.max_bal: Ballot | None = None
        self.log = Log()

    def write(self, ready: Ready) -> None:
        """Persist a Ready, in the order of the duties."""
        if ready.max_bal is not None:
            self.max_bal = ready.max_bal
        for run in ready.votes:
            self.log.vote(run)
        if ready.commit_index is not None:
            self.log.commit_index = ready.commit_index
