"""Voting: how a quorum of acceptors chooses a value in a ballot, still without messages.

The middle of Lamport's ladder (`Voting.tla` in the TLA+ examples). A vote is cast only where it is safe: where no
lower ballot can still choose another value. Acceptors look at each other's votes directly; `spec/paxos.py` replaces
that by messages.
"""

from __future__ import annotations

from spec.consensus import Consensus, Value
from spec.language import (
    Map,
    Option,
    Ordered,
    Protocol,
    Quorum,
    Scope,
    Set,
    Sort,
    action,
    action_property,
    invariant,
    quorums,
    record,
    refines,
    require,
    witness,
)


class Acceptor(Sort):
    """A process that votes."""


class Ballot(Ordered):
    """A round of voting, numbered from 0."""


@record
class Vote:
    """An acceptor's vote for a value in a ballot."""

    acceptor: Acceptor
    ballot: Ballot
    value: Value


class Voting(Protocol):
    """Acceptors vote in ballots; a value is chosen once a quorum has voted for it in one ballot."""

    default_scope = Scope(acceptor=3, ballot=3, value=2)

    votes: Set[Vote]
    """All votes ever cast."""
    max_bal: Map[Acceptor, Option[Ballot]]
    """The acceptor will cast no vote below this ballot."""

    def init(self) -> None:
        """No vote is cast and nothing is promised."""
        self.votes = Set()
        self.max_bal = Map({a: None for a in Acceptor})

    @action
    def increase_max_bal(self, a: Acceptor, b: Ballot) -> None:
        """Acceptor a promises to cast no vote below ballot b."""
        # Promises only grow.
        require(self.below(self.max_bal[a], b))
        self.max_bal[a] = b

    @action
    def vote_for(self, a: Acceptor, b: Ballot, v: Value, q: Quorum[Acceptor]) -> None:
        """Acceptor a votes for v in ballot b, which quorum q shows to be safe."""
        # The promise.
        require(self.at_most(self.max_bal[a], b), rule="keep the promise")
        # One vote in a ballot.
        require(not self.voted_in(a, b))
        # All votes in a ballot are for one value.
        require(all(w.ballot != b or w.value == v for w in self.votes), rule="one value per ballot")
        # No lower ballot has chosen, or can still choose, another value.
        require(self.shows_safe(q, b, v), rule="vote only where it is safe")
        self.votes |= {Vote(a, b, v)}
        self.max_bal[a] = b

    def below(self, promised: Option[Ballot], b: Ballot) -> bool:
        """Whether b is above everything promised."""
        return promised is None or promised < b

    def at_most(self, promised: Option[Ballot], b: Ballot) -> bool:
        """Whether the promise allows taking part in b."""
        return promised is None or promised <= b

    def voted_in(self, a: Acceptor, b: Ballot) -> bool:
        """Whether a has voted in ballot b."""
        return any(w.acceptor == a and w.ballot == b for w in self.votes)

    def shows_safe(self, q: Quorum[Acceptor], b: Ballot, v: Value) -> bool:
        """`ShowsSafeAt`: q has promised b, and v is the value of the highest ballot below b in which a member voted, if any."""
        promised = all(not self.below(self.max_bal[a], b) for a in q)
        return promised and (
            not any(self.voted_in(a, c) for a in q for c in Ballot if c < b)
            or any(
                any(Vote(a, c, v) in self.votes for a in q) and not any(self.voted_in(a, d) for a in q for d in Ballot if c < d and d < b)
                for c in Ballot
                if c < b
            )
        )

    def chosen_in(self, b: Ballot, v: Value) -> bool:
        """Whether a quorum has voted for v in ballot b."""
        return any(all(Vote(a, b, v) in self.votes for a in q) for q in quorums(Acceptor))

    @invariant
    def agreement(self) -> bool:
        """At most one value is chosen."""
        return all(v == w for v in Value for b in Ballot if self.chosen_in(b, v) for w in Value for c in Ballot if self.chosen_in(c, w))

    @invariant
    def one_value_per_ballot(self) -> bool:
        """All votes cast in one ballot are for the same value."""
        return all(x.value == y.value for x in self.votes for y in self.votes if x.ballot == y.ballot)

    @action_property
    def stability(self, after: Voting) -> bool:
        """What is chosen stays chosen."""
        return all(after.chosen_in(b, v) for b in Ballot for v in Value if self.chosen_in(b, v))

    @witness
    def a_value_is_chosen(self) -> bool:
        """Some value is chosen."""
        return any(self.chosen_in(b, v) for b in Ballot for v in Value)

    @refines(Consensus)
    def consensus(self) -> Consensus:
        """The chosen values are those for which some quorum voted in one ballot."""
        return Consensus.state_of(chosen=Set({v for v in Value if any(self.chosen_in(b, v) for b in Ballot)}))
