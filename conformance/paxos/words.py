"""What the implementations of Paxos say in the words of their specs: acceptors, ballots and values."""

from __future__ import annotations

import itertools

from impl import paxos as impl
from spec.consensus import Value
from spec.language import Set
from spec.paxos import Proposal
from spec.voting import Acceptor, Ballot


class Words:
    """A translator for one run. The same thing has the same word throughout.

    Args:
        ids: the nodes; each is an acceptor, and all are of equal weight.
    """

    def __init__(self, ids: list[int]) -> None:
        self._acceptors = {n: Acceptor(i) for i, n in enumerate(sorted(ids))}
        self._values: dict[bytes, Value] = {}
        self._ballots: dict[Ballot, impl.Ballot] = {}
        self._proposals: dict[tuple[Ballot, Value], Proposal] = {}
        members = list(self._acceptors.values())
        self.quorums = [Set(q) for q in itertools.combinations(members, len(members) // 2 + 1)]
        """The minimal ones."""

    def legend(self) -> dict[str, str]:
        """What acceptors, ballots, slots and values stand for."""
        hosts = {repr(a): f"host {n}" for n, a in self._acceptors.items()}
        ballots = {f"ballot={b}": f"{(r, p)!r}, a round and its proposer" for b, (r, p) in sorted(self._ballots.items())}
        values = {repr(v): repr(command) if command else "the no-op" for command, v in self._values.items()}
        return hosts | ballots | values

    def is_quorum(self, members: Set[Acceptor]) -> bool:
        """Whether these are enough."""
        return 2 * len(members) > len(self._acceptors)

    def acceptor(self, n: int) -> Acceptor:
        """A node."""
        return self._acceptors[n]

    def ballot(self, b: impl.Ballot) -> Ballot:
        """A ballot's number in the order of all ballots: by rounds, then by proposers."""
        found = Ballot((b.round - 1) * len(self._acceptors) + self._acceptors[b.proposer].number)
        self._ballots[found] = b
        return found

    def value(self, command: bytes) -> Value:
        """A command: equal commands are one Value."""
        found = self._values.get(command)
        if found is None:
            found = self._values[command] = Value(len(self._values))
        return found

    def proposal(self, b: impl.Ballot, command: bytes) -> Proposal:
        """A vote."""
        key = self.ballot(b), self.value(command)
        found = self._proposals.get(key)
        if found is None:
            found = self._proposals[key] = Proposal(*key)
        return found

    def vote(self, p: impl.Proposal | None) -> Proposal | None:
        """A vote, or none."""
        return None if p is None else self.proposal(p.ballot, p.value)
