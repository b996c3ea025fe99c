"""What can go wrong with a Raft node: each error's message names the place and the mend."""

from __future__ import annotations


class RaftError(Exception):
    """An error that its message alone explains; the node's state is as it was before the call."""


class ConfigError(RaftError):
    """A configuration that makes no cluster."""


class UsageError(RaftError):
    """A call that the caller's duties forbid at this time."""


class MessageError(RaftError):
    """A message that no correct node sends: `field` names what is wrong with it."""

    def __init__(self, kind: str, field: str, fault: str) -> None:
        self.kind, self.field = kind, field
        super().__init__(f"{kind}.{field}: {fault}")


class TermsExhausted(RaftError):
    """The node is in the last term that a message can carry: no correct cluster gets there."""


class StorageError(RaftError):
    """Storage that was asked for what it does not hold, or given what it cannot hold."""


class ProposalRefused(RaftError):
    """A proposal or read request that the node does not take; it leaves no trace, so the client may try again."""


class NotLeader(ProposalRefused):
    """The node does not lead; `leader` is the node to ask, None where none is known."""

    def __init__(self, leader: int | None) -> None:
        self.leader = leader
        super().__init__("no leader is known; try again after an election" if leader is None else f"node {leader} leads; ask it")


class Overloaded(ProposalRefused):
    """The leader holds as many uncommitted bytes as it may; try again when some of them are committed."""

    def __init__(self, uncommitted: int, limit: int) -> None:
        self.uncommitted, self.limit = uncommitted, limit
        super().__init__(f"{uncommitted} bytes are uncommitted, at most {limit} may be; try again when some of them are committed")


class LeadershipMoves(ProposalRefused):
    """The leader hands over to `target` and takes no proposals meanwhile."""

    def __init__(self, target: int) -> None:
        self.target = target
        super().__init__(f"leadership moves to node {target}; ask it soon")
