"""Why Raft is safe: an inductive invariant of `spec/raft.py`, for any number of servers, terms, entries and messages.

Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)" (2014), section 5.4.3, and
Ongaro, "Consensus: Bridging Theory and Practice" (2014), appendix B. `proofs/README.md` reads the lemmas in their order.
"""

from __future__ import annotations

from spec.language import History, Map, Quorum, Seq, Set, action, is_quorum, lemma, quorums, record
from spec.raft import AppendEntries, Leadership, Node, Raft, RequestVote, Role
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


class RaftProof(Raft):
    """Raft with the history and the lemmas of its proof."""

    order = (Term, Node, Index, Value)
    theorems = (
        "later_leaders_agree",
        "later_entries_imply_choosable",
        "calls_keep_choosable",
        "calls_follow_on",
        "winner_is_first",
        "winner_has_choosable",
        "winner_has_committed",
        "grants_keep_choosable",
        "counted_entries_are_agreed",
        "later_leaders_have_committed",
        "counted_entries_match_committed",
        "calls_keep_committed",
        "election_safety",
        "log_matching",
        "leader_completeness",
    )

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

    # --- Terms and votes

    @lemma("terms and votes")
    def votes_within_terms(self) -> bool:
        """Voter and candidate have reached the term of a vote, which is never 0."""
        return all(x.term > 0 and x.term <= self.current_term[x.voter] and x.term <= self.current_term[x.candidate] for x in self.votes)

    @lemma("terms and votes")
    def one_vote_per_term(self) -> bool:
        """A server votes for one candidate in a term."""
        return all(x.candidate == y.candidate for x in self.votes for y in self.votes if x.term == y.term and x.voter == y.voter)

    @lemma("terms and votes")
    def vote_is_remembered(self) -> bool:
        """A server remembers its vote in its current term."""
        return all(self.voted_for[x.voter] == x.candidate for x in self.votes if x.term == self.current_term[x.voter])

    @lemma("terms and votes")
    def remembered_vote_was_cast(self) -> bool:
        """What a server remembers as its vote, it has cast."""
        return all(Vote(self.current_term[n], n, c) in self.votes for n in Node for c in Node if self.voted_for[n] == c)

    @lemma("terms and votes")
    def requests_within_terms(self) -> bool:
        """A candidate has reached the term of its requests, which is never 0."""
        return all(m.term > 0 and m.term <= self.current_term[m.candidate] for m in self.vote_requests)

    @lemma("terms and votes")
    def grants_are_votes(self) -> bool:
        """A reply that grants a vote stands for one that was cast."""
        return all(Vote(m.term, m.voter, m.candidate) in self.votes for m in self.vote_replies if m.vote_granted)

    @lemma("terms and votes")
    def counted_votes_were_cast(self) -> bool:
        """A candidate counts only votes cast for it in its term."""
        return all(Vote(self.current_term[n], v, n) in self.votes for n in Node if self.role[n] == Role.CANDIDATE for v in self.votes_granted[n])

    @lemma("terms and votes")
    def leaders_were_elected(self) -> bool:
        """A quorum voted for each leader."""
        return all(is_quorum({v for v in Node if Vote(x.term, v, x.node) in self.votes}, Node) for x in self.leaders)

    @lemma("terms and votes")
    def leaders_within_terms(self) -> bool:
        """A leader has reached its term."""
        return all(x.term <= self.current_term[x.node] for x in self.leaders)

    @lemma("terms and votes")
    def leader_was_elected(self) -> bool:
        """Who leads was elected in its current term."""
        return all(Leadership(self.current_term[n], n) in self.leaders for n in Node if self.role[n] == Role.LEADER)

    @lemma("terms and votes")
    def candidate_not_elected(self) -> bool:
        """A candidate has not led in its current term."""
        return all(Leadership(self.current_term[n], n) not in self.leaders for n in Node if self.role[n] == Role.CANDIDATE)

    @lemma("terms and votes")
    def winner_is_first(self) -> bool:
        """Hence a candidate with the votes of a quorum is the first leader of its term."""
        return all(not self.started(self.current_term[n]) for n in Node if self.role[n] == Role.CANDIDATE and is_quorum(self.votes_granted[n], Node))

    # --- Shape of logs

    @lemma("log shape")
    def log_terms_reached(self) -> bool:
        """A server has reached the terms of its entries."""
        return all(self.log[n][i].term <= self.current_term[n] for n in Node for i in self.log[n].indices())

    @lemma("log shape")
    def leader_log_terms_ordered(self) -> bool:
        """Along the log of a term's leader, terms start at 1, never decrease, and never exceed the term."""
        return all(
            self.leader_log[t][i].term > 0
            and self.leader_log[t][i].term <= t
            and all(self.leader_log[t][j].term <= self.leader_log[t][i].term for j in self.leader_log[t].indices() if j < i)
            for t in Term
            for i in self.leader_log[t].indices()
        )

    @lemma("log shape")
    def no_leader_no_log(self) -> bool:
        """A term without a leader has no log."""
        return all(self.leader_log[t].last == 0 for t in Term if not self.started(t))

    # --- One log for each term

    @lemma("one log per term")
    def logs_follow_leaders(self) -> bool:
        """Every log agrees, up to each of its entries, with the log of the leader of the entry's term."""
        return all(self.agrees(self.log[n], self.leader_log[self.log[n][i].term], i) for n in Node for i in self.log[n].indices())

    @lemma("one log per term")
    def leader_logs_follow_leaders(self) -> bool:
        """So does the log of each term's leader."""
        return all(self.agrees(self.leader_log[t], self.leader_log[self.leader_log[t][i].term], i) for t in Term for i in self.leader_log[t].indices())

    @lemma("one log per term")
    def leader_has_its_log(self) -> bool:
        """While a leader is in office, its log is the log of its term."""
        return all(self.log[n] == self.leader_log[self.current_term[n]] for n in Node if self.role[n] == Role.LEADER)

    # --- Messages

    @lemma("messages")
    def calls_come_from_leaders(self) -> bool:
        """An AppendEntries call comes from the leader of its term."""
        return all(Leadership(m.term, m.leader) in self.leaders for m in self.append_requests)

    @lemma("messages")
    def calls_are_slices(self) -> bool:
        """Its entries are a slice of the term's log."""
        return all(
            m.entries.after == m.prev_log_index
            and m.entries.last <= self.leader_log[m.term].last
            and all(m.entries[i] == self.leader_log[m.term][i] for i in m.entries.indices())
            for m in self.append_requests
        )

    @lemma("messages")
    def calls_show_the_entry_before(self) -> bool:
        """It names the term of the entry before the slice."""
        return all(m.prev_log_term == (Term(0) if m.prev_log_index == 0 else self.leader_log[m.term][m.prev_log_index].term) for m in self.append_requests)

    @lemma("messages")
    def requests_show_the_log(self) -> bool:
        """A candidate that still stands has the log that its request shows."""
        return all(
            m.last_log_index == self.log[m.candidate].last and m.last_log_term == self.last_term(m.candidate)
            for m in self.vote_requests
            if self.role[m.candidate] == Role.CANDIDATE and m.term == self.current_term[m.candidate]
        )

    # --- Acknowledgements

    @lemma("acknowledgements")
    def acked_within_leader_log(self) -> bool:
        """Nothing is held of a term's log but what is there."""
        return all(self.acked[n, t] <= self.leader_log[t].last for n in Node for t in Term)

    @lemma("acknowledgements")
    def acked_in_reached_terms(self) -> bool:
        """A server has held something of a term's log only in a term that it has reached."""
        return all(self.acked[n, t] == 0 or t <= self.current_term[n] for n in Node for t in Term)

    @lemma("acknowledgements")
    def replies_acknowledge(self) -> bool:
        """A follower that reports success has held the log up to the reported position."""
        return all(m.match_index <= self.acked[m.follower, m.term] for m in self.append_replies if m.success)

    @lemma("acknowledgements")
    def matches_are_acknowledged(self) -> bool:
        """A leader takes for replicated only what the follower has held in this term."""
        return all(self.match_index[n, p] <= self.acked[p, self.current_term[n]] for n in Node if self.role[n] == Role.LEADER for p in Node)

    @lemma("acknowledgements")
    def leader_holds_its_log(self) -> bool:
        """A leader holds its own log."""
        return all(self.log[n].last <= self.acked[n, self.current_term[n]] for n in Node if self.role[n] == Role.LEADER)

    # --- Choosable entries survive

    @lemma("choosable entries")
    def choosable_stays_in_logs(self) -> bool:
        """Who held an entry of a term's own that is still choosable, has it."""
        return all(
            self.has(self.log[n], i, t)
            for t in Term
            for i in self.leader_log[t].indices()
            if self.leader_log[t][i].term == t
            for n in Node
            if i <= self.acked[n, t]
            for q in quorums(Node)
            if self.choosable(t, i, q)
        )

    @lemma("choosable entries")
    def choosable_is_in_candidates(self) -> bool:
        """A candidate of a later term with the vote of a server that held it, has it."""
        return all(
            self.has(self.log[x.candidate], i, t)
            for x in self.votes
            if self.role[x.candidate] == Role.CANDIDATE and x.term == self.current_term[x.candidate]
            for t in Term
            if t < x.term
            for i in self.leader_log[t].indices()
            if self.leader_log[t][i].term == t and i <= self.acked[x.voter, t]
            for q in quorums(Node)
            if self.choosable(t, i, q)
        )

    @lemma("choosable entries")
    def choosable_is_in_later_leaders(self) -> bool:
        """Every leader of a later term has it."""
        return all(
            self.has(self.leader_log[u], i, t)
            for t in Term
            for u in Term
            if t < u and self.started(u)
            for i in self.leader_log[t].indices()
            if self.leader_log[t][i].term == t
            for q in quorums(Node)
            if self.choosable(t, i, q)
        )

    @lemma("choosable entries")
    def later_leaders_agree(self) -> bool:
        """Hence leaders of later terms have all of the log up to it."""
        return all(
            self.agrees(self.leader_log[t], self.leader_log[u], i)
            for t in Term
            for u in Term
            if t <= u and self.started(u)
            for i in self.leader_log[t].indices()
            if self.leader_log[t][i].term == t
            for q in quorums(Node)
            if self.choosable(t, i, q)
        )

    @lemma("choosable entries")
    def later_entries_imply_choosable(self) -> bool:
        """Hence a log has it that has an entry of a later term, or one of the same term no earlier."""
        return all(
            self.has(self.log[n], i, t)
            for t in Term
            for i in self.leader_log[t].indices()
            if self.leader_log[t][i].term == t
            for n in Node
            for j in self.log[n].indices()
            if t < self.log[n][j].term or (t == self.log[n][j].term and i <= j)
            for q in quorums(Node)
            if self.choosable(t, i, q)
        )

    @lemma("choosable entries")
    def winner_has_choosable(self) -> bool:
        """Hence a candidate with the votes of a quorum has it: the two quorums share a server."""
        return all(
            self.has(self.log[n], i, t)
            for n in Node
            if self.role[n] == Role.CANDIDATE and is_quorum(self.votes_granted[n], Node)
            for t in Term
            if t < self.current_term[n]
            for i in self.leader_log[t].indices()
            if self.leader_log[t][i].term == t
            for q in quorums(Node)
            if self.choosable(t, i, q)
        )

    @lemma("choosable entries")
    def grants_keep_choosable(self) -> bool:
        """Hence a candidate has it whose log is at least as up to date as that of a server that held it."""
        return all(
            self.has(self.log[m.candidate], i, t)
            for m in self.vote_requests
            if self.role[m.candidate] == Role.CANDIDATE and m.term == self.current_term[m.candidate]
            for t in Term
            for i in self.leader_log[t].indices()
            if self.leader_log[t][i].term == t
            for n in Node
            if i <= self.acked[n, t] and self.up_to_date(n, m)
            for q in quorums(Node)
            if self.choosable(t, i, q)
        )

    @lemma("choosable entries")
    def counted_entries_are_agreed(self) -> bool:
        """Hence leaders of later terms have a leader's log up to an entry of its own that it counts on a quorum."""
        return all(
            self.agrees(self.log[n], self.leader_log[u], i)
            for n in Node
            if self.role[n] == Role.LEADER
            for i in self.log[n].indices()
            if self.log[n][i].term == self.current_term[n] and is_quorum({p for p in Node if p == n or i <= self.match_index[n, p]}, Node)
            for u in Term
            if self.current_term[n] <= u and self.started(u)
        )

    @lemma("choosable entries")
    def calls_keep_choosable(self) -> bool:
        """Hence a call of this or a later term conflicts with no log up to it."""
        return all(
            m.entries[k].term == self.log[n][k].term
            for m in self.append_requests
            for t in Term
            if t <= m.term
            for i in self.leader_log[t].indices()
            if self.leader_log[t][i].term == t
            for n in Node
            if self.has(self.log[n], i, t)
            for q in quorums(Node)
            if self.choosable(t, i, q)
            for k in m.entries.indices()
            if k <= i
        )

    @lemma("messages")
    def calls_follow_on(self) -> bool:
        """A log with the entry before a call's has the whole of the term's log up to there."""
        return all(
            self.agrees(self.log[n], self.leader_log[m.term], m.prev_log_index)
            for m in self.append_requests
            for n in Node
            if m.prev_log_index > 0 and self.has(self.log[n], m.prev_log_index, m.prev_log_term)
        )

    # --- Commitment

    @lemma("commitment")
    def committed_with_terms(self) -> bool:
        """Each committed entry has the term of its commitment."""
        return self.committed.last == self.commit_terms.last

    @lemma("commitment")
    def commit_points_within_committed(self) -> bool:
        """A commit point lies within what is committed."""
        return all(self.commit_point[t].index <= self.committed.last for t in Term)

    @lemma("commitment")
    def commit_points_ordered(self) -> bool:
        """Later terms know of no less."""
        return all(self.commit_point[t].index <= self.commit_point[u].index for t in Term for u in Term if t <= u)

    @lemma("commitment")
    def commit_points_are_justified(self) -> bool:
        """A commit point rests on an entry of its leader's own term, held by a quorum in that term."""
        return all(
            self.commit_point[t].term <= t
            and self.commit_point[t].index <= self.commit_point[self.commit_point[t].term].index
            and self.commit_point[t].index <= self.commit_point[t].by
            and self.has(self.leader_log[self.commit_point[t].term], self.commit_point[t].by, self.commit_point[t].term)
            and is_quorum({v for v in Node if self.commit_point[t].by <= self.acked[v, self.commit_point[t].term]}, Node)
            for t in Term
            if self.commit_point[t].index > 0
        )

    @lemma("commitment")
    def leaders_have_what_is_committed(self) -> bool:
        """The log of each term's leader has all that is committed in this or earlier terms."""
        return all(
            i <= self.leader_log[t].last and self.leader_log[t][i] == self.committed[i]
            for t in Term
            if self.started(t)
            for i in self.committed.indices()
            if i <= self.commit_point[t].index
        )

    @lemma("commitment")
    def committed_has_a_point(self) -> bool:
        """What is committed lies below the commit point of the term in which it was."""
        return all(self.started(self.commit_terms[i]) and i <= self.commit_point[self.commit_terms[i]].index for i in self.commit_terms.indices())

    @lemma("commitment")
    def later_leaders_have_committed(self) -> bool:
        """Hence every leader from the term of a commitment on has what was committed."""
        return all(
            i <= self.leader_log[t].last and self.leader_log[t][i] == self.committed[i]
            for i in self.committed.indices()
            for t in Term
            if self.commit_terms[i] <= t and self.started(t)
        )

    @lemma("commitment")
    def calls_keep_committed(self) -> bool:
        """Hence a call of a server's term or a later one conflicts with nothing that the server takes for committed."""
        return all(
            m.entries[i].term == self.log[n][i].term
            for m in self.append_requests
            for n in Node
            if self.current_term[n] <= m.term
            for i in m.entries.indices()
            if i <= self.commit_index[n]
        )

    @lemma("commitment")
    def winner_has_committed(self) -> bool:
        """Hence a candidate with the votes of a quorum has all that is committed in earlier terms."""
        return all(
            i <= self.log[n].last and self.log[n][i] == self.committed[i]
            for n in Node
            if self.role[n] == Role.CANDIDATE and is_quorum(self.votes_granted[n], Node)
            for i in self.committed.indices()
            if i <= self.commit_point[self.current_term[n]].index
        )

    @lemma("commitment")
    def counted_entries_match_committed(self) -> bool:
        """Hence what is committed agrees with a leader's log up to an entry of its own that it counts on a quorum."""
        return all(
            self.log[n][k] == self.committed[k]
            for n in Node
            if self.role[n] == Role.LEADER
            for i in self.log[n].indices()
            if self.log[n][i].term == self.current_term[n] and is_quorum({p for p in Node if p == n or i <= self.match_index[n, p]}, Node)
            for k in self.committed.indices()
            for t in Term
            if k <= i and self.commit_terms[k] == t
        )

    @lemma("commitment")
    def servers_know_commit_points(self) -> bool:
        """A server takes for committed only what lies below the commit point of its term."""
        return all(self.commit_index[n] <= self.commit_point[self.current_term[n]].index for n in Node)

    @lemma("commitment")
    def calls_know_commit_points(self) -> bool:
        """So does a call."""
        return all(m.leader_commit <= self.commit_point[m.term].index for m in self.append_requests)
