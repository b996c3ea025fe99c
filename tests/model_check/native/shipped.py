"""The shipped protocols at scopes small enough for the interpreter."""

from __future__ import annotations

from spec.consensus import Consensus
from spec.consensus_log import ConsensusLog
from spec.language import Protocol, Scope
from spec.multi_paxos import MultiPaxos
from spec.paxos import Paxos
from spec.raft import Raft
from spec.replicated_log import ReplicatedLog
from spec.voting import Voting

SMALL: list[tuple[type[Protocol], Scope, int | None]] = [
    (Consensus, Scope(value=3), None),
    (Voting, Scope(acceptor=3, ballot=2, value=2), None),
    (Voting, Scope(acceptor=2, ballot=3, value=1), None),
    (Paxos, Scope(acceptor=3, ballot=2, value=2), 6),
    (Paxos, Scope(acceptor=2, ballot=2, value=3), 6),
    (ConsensusLog, Scope(slot=2, value=2), None),
    (MultiPaxos, Scope(acceptor=2, ballot=2, slot=2, value=1), 7),
    (ReplicatedLog, Scope(term=2, index=2, value=2), None),
    (Raft, Scope(node=2, term=2, index=1, value=1), 7),
    (Raft, Scope(node=3, term=2, index=2, value=2), 4),
]
"""Protocol, scope, and depth limit where the whole space is too large."""


def fitting(cls: type[Protocol], scope: Scope) -> Scope:
    """The scope, limited to the sorts that the protocol has."""
    return Scope(**{n: scope.sizes[n] for n in cls.sort_names()})
