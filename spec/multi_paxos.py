"""Multi-Paxos: Single-Decree Paxos in every slot of a log, with ballots and promises that hold for all slots at once.

Lamport, "Paxos Made Simple" (2001), section 3. A leader goes through phase 1 once; then each command is one step of phase 2a
in a slot of its choice, in any order and as many side by side as it likes. What a new leader proposes in a gap, a no-op,
is a value like any other. Batches, retransmissions and the news of what is chosen are matters of an implementation: they
add no state that safety depends on.
"""

from __future__ import annotations

from spec.consensus import Value
from spec.consensus_log import ConsensusLog, Slot
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
from spec.paxos import Prepare, Proposal
from spec.voting import Acceptor, Ballot


@record
class Promise:
    """Phase 1b, as far as one slot is concerned: the acceptor's highest vote there."""

    acceptor: Acceptor
    ballot: Ballot
    slot: Slot
    highest_vote: Option[Proposal]


@record
class Accept:
    """Phase 2a: the leader of a ballot proposes its one value for a slot."""

    ballot: Ballot
    slot: Slot
    value: Value


@record
class Accepted:
    """Phase 2b: an acceptor votes for the proposal of a ballot for a slot."""

    acceptor: Acceptor
    ballot: Ballot
    slot: Slot
    value: Value


class MultiPaxos(Protocol):
    """A replicated log: one promise an acceptor, one vote an acceptor and slot, messages that never go away."""

    default_scope = Scope(acceptor=3, ballot=2, slot=2, value=2)

    max_bal: Map[Acceptor, Option[Ballot]]
    """The highest ballot that the acceptor has taken part in, in any slot."""
    max_vote: Map[tuple[Acceptor, Slot], Option[Proposal]]
    """For each slot, the highest ballot in which it voted, with the value."""
    prepares: Set[Prepare]
    """All 1a messages ever sent."""
    promises: Set[Promise]
    """All 1b messages ever sent, a record for each slot."""
    accepts: Set[Accept]
    """All 2a messages ever sent."""
    accepteds: Set[Accepted]
    """All 2b messages ever sent."""

    def init(self) -> None:
        """Nobody has promised, voted or sent anything."""
        self.max_bal = Map({a: None for a in Acceptor})
        self.max_vote = Map({(a, s): None for a in Acceptor for s in Slot})
        self.prepares = Set()
        self.promises = Set()
        self.accepts = Set()
        self.accepteds = Set()

    @action
    def phase_1a(self, b: Ballot) -> None:
        """The leader of ballot b asks all acceptors for promises, for all slots at once."""
        self.prepares |= {Prepare(b)}

    @action
    def phase_1b(self, a: Acceptor, m: Prepare) -> None:
        """Acceptor a promises for all slots, and reports its highest vote in each."""
        require(m in self.prepares)
        require(self.below(self.max_bal[a], m.ballot))
        self.max_bal[a] = m.ballot
        self.promises |= Set({Promise(a, m.ballot, s, self.max_vote[a, s] if in_force("report the highest vote") else None) for s in Slot})

    @action
    def phase_2a(self, b: Ballot, s: Slot, v: Value, q: Quorum[Acceptor]) -> None:
        """The leader of ballot b, having promises from quorum q, proposes v in slot s: for this slot, as in Single-Decree Paxos."""
        require(all(m.ballot != b or m.slot != s for m in self.accepts), rule="one value per ballot and slot")
        require(all(any(m.acceptor == a and m.ballot == b and m.slot == s for m in self.promises) for a in q), rule="promises from a quorum")
        require(self.safe_by_reports(b, s, v, q), rule="adopt the value of the highest vote")
        self.accepts |= {Accept(b, s, v)}

    @action
    def phase_2b(self, a: Acceptor, m: Accept) -> None:
        """Acceptor a votes for the proposal of a ballot in a slot; that is a promise for all other slots, too."""
        require(m in self.accepts)
        require(self.at_most(self.max_bal[a], m.ballot), rule="keep the promise")
        self.max_bal[a] = m.ballot
        self.max_vote[a, m.slot] = Proposal(m.ballot, m.value)
        self.accepteds |= {Accepted(a, m.ballot, m.slot, m.value)}

    def below(self, promised: Option[Ballot], b: Ballot) -> bool:
        """Whether b is above everything promised."""
        return promised is None or promised < b

    def at_most(self, promised: Option[Ballot], b: Ballot) -> bool:
        """Whether the promise allows taking part in b."""
        return promised is None or promised <= b

    def safe_by_reports(self, b: Ballot, s: Slot, v: Value, q: Quorum[Acceptor]) -> bool:
        """Whether no member of q reports a vote in slot s to ballot b, or v is the value of the highest vote reported."""
        return not any(self.reports(m, b, s, q) for m in self.promises) or any(
            self.reports(m, b, s, q)
            and m.highest_vote is not None
            and m.highest_vote.value == v
            and all(n.highest_vote is not None and n.highest_vote.ballot <= m.highest_vote.ballot for n in self.promises if self.reports(n, b, s, q))
            for m in self.promises
        )

    def reports(self, m: Promise, b: Ballot, s: Slot, q: Quorum[Acceptor]) -> bool:
        """Whether a promise to ballot b from a member of q reports a vote in slot s."""
        return m.ballot == b and m.slot == s and m.acceptor in q and m.highest_vote is not None

    def chosen_in(self, s: Slot, b: Ballot, v: Value) -> bool:
        """Whether a quorum has accepted v in slot s and ballot b."""
        return any(all(Accepted(a, b, s, v) in self.accepteds for a in q) for q in quorums(Acceptor))

    @invariant
    def agreement(self) -> bool:
        """At most one value is chosen in a slot."""
        return all(v == w for s in Slot for v in Value for b in Ballot if self.chosen_in(s, b, v) for w in Value for c in Ballot if self.chosen_in(s, c, w))

    @invariant
    def validity(self) -> bool:
        """Only proposed values are accepted, hence chosen."""
        return all(Accept(m.ballot, m.slot, m.value) in self.accepts for m in self.accepteds)

    @action_property
    def stability(self, after: MultiPaxos) -> bool:
        """What is chosen stays chosen."""
        return all(after.chosen_in(s, b, v) for s in Slot for b in Ballot for v in Value if self.chosen_in(s, b, v))

    @witness
    def every_slot_is_chosen(self) -> bool:
        """A value is chosen in every slot."""
        return all(any(self.chosen_in(s, b, v) for b in Ballot for v in Value) for s in Slot)

    @witness
    def a_vote_is_adopted(self) -> bool:
        """A leader proposes, in a later ballot, a value that an earlier ballot had already voted for in the slot."""
        return any(m.ballot < n.ballot and m.slot == n.slot and m.value == n.value for m in self.accepteds for n in self.accepts)

    @refines(ConsensusLog)
    def consensus_log(self) -> ConsensusLog:
        """In each slot, the chosen values are those that some quorum accepted in one ballot."""
        return ConsensusLog.state_of(chosen=Map({s: Set({v for v in Value if any(self.chosen_in(s, b, v) for b in Ballot)}) for s in Slot}))
