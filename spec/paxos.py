"""Single-Decree Paxos, with the state and the atomicity of Lamport's `Paxos.tla`.

Lamport, "Paxos Made Simple" (2001), section 2.2, gives the two phases; `Paxos.tla` in the TLA+ examples gives
them as actions over one grow-only set of messages, here one set for each kind. There are no learners: a value
is chosen once a quorum has accepted it in one ballot, whether anyone knows or not.
"""

from __future__ import annotations

from spec.consensus import Value
from spec.language import (
    Map,
    Option,
    Protocol,
    Quorum,
    Scope,
    Set,
    action,
    action_property,
    in_force,
    invariant,
    quorums,
    record,
    refines,
    require,
    witness,
)
from spec.voting import Acceptor, Ballot, Vote, Voting


@record
class Prepare:
    """Phase 1a: the leader of a ballot asks for promises."""

    ballot: Ballot


@record
class Proposal:
    """A ballot and the value proposed in it."""

    ballot: Ballot
    value: Value


@record
class Promise:
    """Phase 1b: an acceptor promises to ignore lower ballots and reports its highest vote."""

    acceptor: Acceptor
    ballot: Ballot
    highest_vote: Option[Proposal]


@record
class Accept:
    """Phase 2a: the leader of a ballot proposes its one value."""

    ballot: Ballot
    value: Value


@record
class Accepted:
    """Phase 2b: an acceptor votes for the proposal of a ballot."""

    acceptor: Acceptor
    ballot: Ballot
    value: Value


class Paxos(Protocol):
    """Single-Decree Paxos: any number of leaders, acceptors that remember three things, messages that never go away."""

    default_scope = Scope(acceptor=3, ballot=3, value=2)

    max_bal: Map[Acceptor, Option[Ballot]]
    """The highest ballot that the acceptor has taken part in."""
    max_vote: Map[Acceptor, Option[Proposal]]
    """The highest ballot in which it voted, with the value (`maxVBal` and `maxVal`)."""
    prepares: Set[Prepare]
    """All 1a messages ever sent."""
    promises: Set[Promise]
    """All 1b messages ever sent."""
    accepts: Set[Accept]
    """All 2a messages ever sent."""
    accepteds: Set[Accepted]
    """All 2b messages ever sent."""

    def init(self) -> None:
        """Nobody has promised, voted or sent anything."""
        self.max_bal = Map({a: None for a in Acceptor})
        self.max_vote = Map({a: None for a in Acceptor})
        self.prepares = Set()
        self.promises = Set()
        self.accepts = Set()
        self.accepteds = Set()

    @action
    def phase_1a(self, b: Ballot) -> None:
        """The leader of ballot b asks all acceptors for promises (section 2.2, phase 1a)."""
        self.prepares |= {Prepare(b)}

    @action
    def phase_1b(self, a: Acceptor, m: Prepare) -> None:
        """Acceptor a answers a 1a message of a ballot above all it has seen (phase 1b)."""
        require(m in self.prepares)
        # A lower or equal ballot has already been answered, or promised away.
        require(self.below(self.max_bal[a], m.ballot))
        # From now on, a ignores ballots below this one.
        self.max_bal[a] = m.ballot
        # The report is what ties the new ballot to what older ones may have chosen.
        self.promises |= {Promise(a, m.ballot, self.max_vote[a] if in_force("report the highest vote") else None)}

    @action
    def phase_2a(self, b: Ballot, v: Value, q: Quorum[Acceptor]) -> None:
        """The leader of ballot b, having promises from quorum q, proposes v (phase 2a)."""
        # A ballot has one proposal: two would let two quorums accept different values in it.
        require(all(m.ballot != b for m in self.accepts), rule="one value per ballot")
        # Every member of q has promised, so nothing below b can be chosen without q's knowing.
        require(all(any(m.acceptor == a and m.ballot == b for m in self.promises) for a in q), rule="promises from a quorum")
        # If any of them voted, v is the value of the highest vote among them.
        require(self.safe_by_reports(b, v, q), rule="adopt the value of the highest vote")
        self.accepts |= {Accept(b, v)}

    @action
    def phase_2b(self, a: Acceptor, m: Accept) -> None:
        """Acceptor a votes for the proposal of a ballot (phase 2b)."""
        require(m in self.accepts)
        # Unless it has promised a higher ballot to ignore this one.
        require(self.at_most(self.max_bal[a], m.ballot), rule="keep the promise")
        self.max_bal[a] = m.ballot
        self.max_vote[a] = Proposal(m.ballot, m.value)
        self.accepteds |= {Accepted(a, m.ballot, m.value)}

    def below(self, promised: Option[Ballot], b: Ballot) -> bool:
        """Whether b is above everything promised."""
        return promised is None or promised < b

    def at_most(self, promised: Option[Ballot], b: Ballot) -> bool:
        """Whether the promise allows taking part in b."""
        return promised is None or promised <= b

    def safe_by_reports(self, b: Ballot, v: Value, q: Quorum[Acceptor]) -> bool:
        """Whether no member of q reports a vote to ballot b, or v is the value of the highest vote reported."""
        return not any(self.reports(m, b, q) for m in self.promises) or any(
            self.reports(m, b, q)
            and m.highest_vote is not None
            and m.highest_vote.value == v
            and all(n.highest_vote is not None and n.highest_vote.ballot <= m.highest_vote.ballot for n in self.promises if self.reports(n, b, q))
            for m in self.promises
        )

    def reports(self, m: Promise, b: Ballot, q: Quorum[Acceptor]) -> bool:
        """Whether a promise to ballot b from a member of q reports a vote."""
        return m.ballot == b and m.acceptor in q and m.highest_vote is not None

    def chosen_in(self, b: Ballot, v: Value) -> bool:
        """Whether a quorum has accepted v in ballot b."""
        return any(all(Accepted(a, b, v) in self.accepteds for a in q) for q in quorums(Acceptor))

    @invariant
    def agreement(self) -> bool:
        """At most one value is chosen."""
        return all(v == w for v in Value for b in Ballot if self.chosen_in(b, v) for w in Value for c in Ballot if self.chosen_in(c, w))

    @invariant
    def validity(self) -> bool:
        """Only proposed values are accepted, hence chosen."""
        return all(Accept(m.ballot, m.value) in self.accepts for m in self.accepteds)

    @action_property
    def stability(self, after: Paxos) -> bool:
        """What is chosen stays chosen."""
        return all(after.chosen_in(b, v) for b in Ballot for v in Value if self.chosen_in(b, v))

    @witness
    def a_value_is_chosen(self) -> bool:
        """Some value is chosen."""
        return any(self.chosen_in(b, v) for b in Ballot for v in Value)

    @witness
    def a_vote_is_adopted(self) -> bool:
        """A leader proposes, in a later ballot, a value that an earlier ballot had already voted for."""
        return any(m.ballot < n.ballot and m.value == n.value for m in self.accepteds for n in self.accepts)

    @refines(Voting)
    def voting(self) -> Voting:
        """Votes are the 2b messages; promises are the acceptors' own."""
        return Voting.state_of(
            votes=Set({Vote(m.acceptor, m.ballot, m.value) for m in self.accepteds}),
            max_bal=self.max_bal,
        )
