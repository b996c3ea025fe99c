"""Why Single-Decree Paxos is safe: an inductive invariant of `spec/paxos.py`, for any acceptors, ballots, values and quorums.

Lamport, "Paxos Made Simple" (2001), section 2.2, and the proof that goes with `Paxos.tla`.
"""

from __future__ import annotations

from spec.consensus import Value
from spec.language import Option, Quorum, lemma, quorums
from spec.paxos import Accepted, Paxos, Proposal
from spec.voting import Acceptor, Ballot


class PaxosProof(Paxos):
    """Paxos with the lemmas of its proof."""

    order = (Ballot, Acceptor, Value)
    theorems = ("agreement",)

    # --- Words of the lemmas

    def was_cast(self, a: Acceptor, vote: Option[Proposal]) -> bool:
        """Whether a has cast a vote, if it is one."""
        return vote is None or Accepted(a, vote.ballot, vote.value) in self.accepteds

    def reaches(self, vote: Option[Proposal], b: Ballot) -> bool:
        """Whether there is a vote, in ballot b or later."""
        return vote is not None and b <= vote.ballot

    def voted_in(self, a: Acceptor, b: Ballot) -> bool:
        """Whether a has voted in ballot b."""
        return any(m.acceptor == a and m.ballot == b for m in self.accepteds)

    def shows_safe(self, q: Quorum[Acceptor], b: Ballot, v: Value) -> bool:
        """Whether q has promised b, and v is the value of the highest ballot below b in which a member voted, if any."""
        promised = all(not self.below(self.max_bal[a], b) for a in q)
        return promised and (
            not any(self.voted_in(a, c) for a in q for c in Ballot if c < b)
            or any(
                any(Accepted(a, c, v) in self.accepteds for a in q) and not any(self.voted_in(a, d) for a in q for d in Ballot if c < d if d < b)
                for c in Ballot
                if c < b
            )
        )

    # --- Acceptors

    @lemma("acceptors")
    def promises_bind(self) -> bool:
        """An acceptor that promised a ballot stays at or above it.

        What makes a promise one ("Paxos Made Simple", section 2.2, phase 1b): `phase_2b` refuses lower ballots by `max_bal`.
        """
        return all(not self.below(self.max_bal[m.acceptor], m.ballot) for m in self.promises)

    @lemma("acceptors")
    def votes_bind(self) -> bool:
        """An acceptor that voted in a ballot stays at or above it, and knows of a vote at least as high.

        Without it `phase_1b` could report a lower vote than the highest one, against `promises_report_the_highest`.
        """
        return all(not self.below(self.max_bal[m.acceptor], m.ballot) and self.reaches(self.max_vote[m.acceptor], m.ballot) for m in self.accepteds)

    @lemma("acceptors")
    def last_vote_was_cast(self) -> bool:
        """What an acceptor takes for its last vote, it has cast.

        A promise reports what the acceptor remembers, so `promises_report_votes` rests on it.
        """
        return all(self.was_cast(a, self.max_vote[a]) for a in Acceptor)

    # --- Proposals

    @lemma("proposals")
    def one_proposal_per_ballot(self) -> bool:
        """A ballot has one proposal.

        Two proposals in a ballot could be chosen both. `phase_2a` keeps it by its first guard; a leader keeps its ballots to
        itself.
        """
        return all(m.value == n.value for m in self.accepts for n in self.accepts if m.ballot == n.ballot)

    @lemma("proposals")
    def promises_report_votes(self) -> bool:
        """A promise reports a vote of its acceptor below its ballot ...

        Without it `phase_2a` could adopt a value that nobody voted for, and that is not safe.
        """
        return all(self.was_cast(m.acceptor, m.highest_vote) and (m.highest_vote is None or m.highest_vote.ballot < m.ballot) for m in self.promises)

    @lemma("proposals")
    def promises_report_the_highest(self) -> bool:
        """... and the acceptor has cast none between that and the promised ballot.

        So a leader that sees the promises of a quorum sees the highest vote below its ballot of any member: `phase_2a` keeps
        `proposals_are_safe`.
        """
        return all(self.reaches(m.highest_vote, n.ballot) for m in self.promises for n in self.accepteds if m.acceptor == n.acceptor and n.ballot < m.ballot)

    @lemma("proposals")
    def proposals_rest_on_a_quorum(self) -> bool:
        """A quorum shows a proposal to be safe in the sense of Voting, then and ever since.

        This is what carries the refinement: where `phase_2b` accepts a proposal, Voting's `vote_for` asks for such a quorum.
        """
        return all(any(self.shows_safe(q, m.ballot, m.value) for q in quorums(Acceptor)) for m in self.accepts)

    # --- Safety

    @lemma("safety")
    def proposals_are_safe(self) -> bool:
        """Below a proposal's ballot, no quorum has chosen, or can still choose, another value: some member voted otherwise or has moved on.

        The invariant of section 2.2 (P2c): below a proposal nothing else can be chosen any more. `agreement` follows, since two
        chosen values would both have been proposed, one of them in a later ballot.
        """
        return all(
            any(not self.at_most(self.max_bal[a], b) and Accepted(a, b, v) not in self.accepteds for a in q)
            for m in self.accepts
            for b in Ballot
            if b < m.ballot
            for v in Value
            if v != m.value
            for q in quorums(Acceptor)
        )
