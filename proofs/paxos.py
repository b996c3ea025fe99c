"""Why Single-Decree Paxos is safe: an inductive invariant of `spec/paxos.py`, for any acceptors, ballots, values and quorums.

Lamport, "Paxos Made Simple" (2001), section 2.2, and the proof that goes with `Paxos.tla`.
"""

from __future__ import annotations

from spec.consensus import Value
from spec.language import Quorum, lemma, quorums
from spec.paxos import Accept, Accepted, Acceptor, Ballot, Paxos, Promise


class PaxosProof(Paxos):
    """Paxos with the lemmas of its proof."""

    order = (Ballot, Acceptor, Value)
    theorems = ("agreement",)

    @lemma("acceptors")
    def promises_bind(self) -> bool:
        """An acceptor that promised a ballot stays at or above it."""
        return all(not self.below(self.max_bal[m.acceptor], m.ballot) for m in self.promises)

    @lemma("acceptors")
    def votes_bind(self) -> bool:
        """An acceptor that voted in a ballot stays at or above it, and knows of a vote at least as high."""
        return all(
            not self.below(self.max_bal[m.acceptor], m.ballot)
            and self.max_vote[m.acceptor] is not None
            and m.ballot <= self.max_vote[m.acceptor].ballot
            for m in self.accepteds
        )

    @lemma("acceptors")
    def last_vote_was_cast(self) -> bool:
        """What an acceptor takes for its last vote, it has cast."""
        return all(
            Accepted(a, self.max_vote[a].ballot, self.max_vote[a].value) in self.accepteds for a in Acceptor if self.max_vote[a] is not None
        )

    @lemma("proposals")
    def one_proposal_per_ballot(self) -> bool:
        """A ballot has one proposal."""
        return all(m.value == n.value for m in self.accepts for n in self.accepts if m.ballot == n.ballot)

    @lemma("proposals")
    def promises_report_votes(self) -> bool:
        """A promise reports a vote of its acceptor below its ballot ..."""
        return all(
            m.highest_vote.ballot < m.ballot and Accepted(m.acceptor, m.highest_vote.ballot, m.highest_vote.value) in self.accepteds
            for m in self.promises
            if m.highest_vote is not None
        )

    @lemma("proposals")
    def promises_report_the_highest(self) -> bool:
        """... and the acceptor has cast none between that and the promised ballot."""
        return all(
            m.highest_vote is not None and n.ballot <= m.highest_vote.ballot
            for m in self.promises
            for n in self.accepteds
            if m.acceptor == n.acceptor and n.ballot < m.ballot
        )

    @lemma("safety")
    def proposals_are_safe(self) -> bool:
        """Below a proposal's ballot, no quorum has chosen, or can still choose, another value: some member voted otherwise or has moved on."""
        return all(
            any(not self.at_most(self.max_bal[a], b) and Accepted(a, b, v) not in self.accepteds for a in q)
            for m in self.accepts
            for b in Ballot
            if b < m.ballot
            for v in Value
            if v != m.value
            for q in quorums(Acceptor)
        )
