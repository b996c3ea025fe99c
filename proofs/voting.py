"""Why Voting is safe: an inductive invariant of `spec/voting.py`, for any acceptors, ballots, values and quorums.

Lamport, "Paxos Made Simple" (2001), section 2.2, and the proof that goes with `Voting.tla`.
"""

from __future__ import annotations

from spec.consensus import Value
from spec.language import lemma, quorums
from spec.voting import Acceptor, Ballot, Vote, Voting


class VotingProof(Voting):
    """Voting with the lemmas of its proof."""

    order = (Ballot, Acceptor, Value)
    theorems = ("agreement",)

    @lemma("safety")
    def votes_are_safe(self) -> bool:
        """Below a vote's ballot, no quorum has chosen, or can still choose, another value: some member voted otherwise or has moved on.

        It is what `vote_for` asks of a vote (`ShowsSafeAt`), and stays true since promises only grow. `agreement` follows.
        """
        return all(
            any(not self.at_most(self.max_bal[a], b) and Vote(a, b, v) not in self.votes for a in q)
            for w in self.votes
            for b in Ballot
            if b < w.ballot
            for v in Value
            if v != w.value
            for q in quorums(Acceptor)
        )
