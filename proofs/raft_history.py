"""What the proof of Raft keeps in mind beside the state: the votes ever cast, each term's log, who held it, what was committed and why.

History: the language's parser refuses a guard or a real variable that reads it, so the protocol is that of `spec/raft.py`.
"""

from __future__ import annotations

from spec.language import History, Map, Quorum, Seq, Set, action, record
from spec.raft import AppendEntries, Node, Raft, RequestVote
from spec.replicated_log import Entry, Index, Term, Value


@record
class Vote:
    """That a server voted for a candidate in a term (a candidate votes for itself)."""

    term: Term
    voter: Node
    candidate: Node


@record
class CommitPoint:
    """How far the log is committed, and why: up to `index`, because entry `by` of `term`'s leader is held by a quorum."""

    term: Term
    index: Index
    by: Index


class RaftHistory(Raft):
    """Raft with the history of its proof, and the words that its lemmas use."""

    votes: History[Set[Vote]]
    """Every vote ever cast."""
    leader_log: History[Map[Term, Seq[Index, Entry]]]
    """The log of each term's leader, as long as it led."""
    acked: History[Map[tuple[Node, Term], Index]]
    """Up to where a server has held, in a term, the log of that term's leader."""
    commit_point: History[Map[Term, CommitPoint]]
    """The highest commitment by a leader of this or an earlier term."""

    def init(self) -> None:
        """Nobody has voted, led or held anything."""
        super().init()
        self.votes = Set()
        self.leader_log = Map({t: Seq.empty(Index) for t in Term})
        self.acked = Map({(n, t): Index(0) for n in Node for t in Term})
        self.commit_point = Map({t: CommitPoint(Term(0), Index(0), Index(0)) for t in Term})

    @action
    def timeout(self, n: Node) -> None:
        """A candidate votes for itself."""
        super().timeout(n)
        self.votes |= {Vote(self.current_term[n], n, n)}

    @action
    def handle_request_vote(self, n: Node, m: RequestVote) -> None:
        """A granted vote is cast."""
        super().handle_request_vote(n, m)
        if self.current_term[n] == m.term and self.voted_for[n] == m.candidate:
            self.votes |= {Vote(self.current_term[n], n, m.candidate)}

    @action
    def become_leader(self, n: Node) -> None:
        """The new leader's log becomes its term's."""
        super().become_leader(n)
        self.leader_log[self.current_term[n]] = self.log[n]
        self.acked[n, self.current_term[n]] = self.log[n].last

    @action
    def client_request(self, n: Node, v: Value) -> None:
        """The term's log grows with its leader's."""
        super().client_request(n, v)
        self.leader_log[self.current_term[n]] = self.log[n]
        self.acked[n, self.current_term[n]] = self.log[n].last

    @action
    def handle_append_entries(self, n: Node, m: AppendEntries) -> None:
        """A follower that accepts a call holds the leader's log up to the end of the call."""
        accepts = m.term >= self.current_term[n] and self.follows_on(n, m)
        super().handle_append_entries(n, m)
        if accepts:
            self.acked[n, m.term] = max(self.acked[n, m.term], m.entries.last)

    @action
    def advance_commit(self, n: Node, i: Index) -> None:
        """A commitment counts for this and all later terms."""
        super().advance_commit(n, i)
        for t in Term:
            if self.current_term[n] <= t and self.commit_point[t].index < self.commit_index[n]:
                self.commit_point[t] = CommitPoint(self.current_term[n], self.commit_index[n], i)

    # --- Words of the lemmas

    def started(self, t: Term) -> bool:
        """Whether term t has had a leader."""
        return any(x.term == t for x in self.leaders)

    def has(self, log: Seq[Index, Entry], i: Index, t: Term) -> bool:
        """Whether a log has an entry of term t at position i."""
        return i <= log.last and log[i].term == t

    def agrees(self, log: Seq[Index, Entry], other: Seq[Index, Entry], last: Index) -> bool:
        """Whether the other log has all entries of a log up to a position."""
        return all(j <= other.last and log[j] == other[j] for j in log.indices() if j <= last)

    def choosable(self, t: Term, i: Index, q: Quorum[Node]) -> bool:
        """Whether quorum q holds, or may still come to hold, term t's log up to i: each member does or has not left the term."""
        return all(i <= self.acked[v, t] or self.current_term[v] <= t for v in q)
