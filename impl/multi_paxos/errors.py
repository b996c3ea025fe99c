"""Why a node does not take a proposal; other errors are those of `impl.paxos`."""

from __future__ import annotations

from impl.paxos.errors import PaxosError


class ProposalRefused(PaxosError):
    """A proposal that the node does not take; it leaves no trace, so the client may try again."""


class NotLeader(ProposalRefused):
    """The node does not lead; `leader` is the node to ask, None where none is known."""

    def __init__(self, leader: int | None) -> None:
        self.leader = leader
        super().__init__("no leader is known; try again after an election" if leader is None else f"node {leader} leads; ask it")


class Overloaded(ProposalRefused):
    """The leader has as many open slots as it may; try again when some of them are chosen."""

    def __init__(self, open_slots: int, limit: int) -> None:
        self.open_slots, self.limit = open_slots, limit
        super().__init__(f"{open_slots} slots are open, at most {limit} may be; try again when some of them are chosen")
