"""Linearizable reads by a quorum, from any node: neither the leader nor a slot is needed.

Charapko, Ailijiang and Demirbas, "Linearizable Quorum Reads in Paxos" (HotStorage 2019). Whatever was chosen before the read began has
the votes of a quorum, and every two quorums have a member in common: the highest slot that a quorum has voted in is not below it. Once the
reader has applied that slot, its state machine may answer. So a read takes one round trip to the nearest quorum while no command is under
way, and otherwise waits for what is, too.
"""

from __future__ import annotations

from impl.multi_paxos.config import Config
from impl.multi_paxos.messages import VotedUpTo, WhatWasVoted
from impl.multi_paxos.ready import Outbox, ReadState
from impl.multi_paxos.tally import Tally


class _Pending:
    """A read that too few members have answered."""

    __slots__ = ("age", "answered", "read_index")

    def __init__(self) -> None:
        self.age = 0
        """In ticks."""
        self.answered = 0
        """Who has answered, as a mask."""
        self.read_index = 0
        """The highest slot that one of them has voted in."""


class QuorumReads:
    """The reads of one node's clients that are under way, told apart by their contexts: an answer from before a restart counts for no other read."""

    def __init__(self, config: Config, tally: Tally) -> None:
        self._config, self._tally = config, tally
        self._pending: dict[bytes, _Pending] = {}

    def begin(self, context: bytes, last_slot: int, out: Outbox) -> None:
        """Ask all members how far they have voted; this node's own answer is `last_slot`."""
        self._pending[context] = _Pending()
        out.messages += [WhatWasVoted(self._config.id, m, context) for m in self._config.members if m != self._config.id]
        self._count(self._config.id, context, last_slot, out)

    def answered(self, m: VotedUpTo, out: Outbox) -> None:
        """A member has answered; one answer too many, or too late, says nothing."""
        if m.context in self._pending:
            self._count(m.sender, m.context, m.last_slot, out)

    def tick(self) -> None:
        """A unit of time has passed: forget the reads that got no answer for an election timeout."""
        for context, pending in list(self._pending.items()):
            pending.age += 1
            if pending.age >= self._config.election_ticks:
                del self._pending[context]

    def _count(self, member: int, context: bytes, last_slot: int, out: Outbox) -> None:
        pending = self._pending[context]
        pending.answered |= self._tally.bit[member]
        pending.read_index = max(pending.read_index, last_slot)
        if self._tally.is_quorum(pending.answered):
            del self._pending[context]
            out.read_states.append(ReadState(context, pending.read_index))
