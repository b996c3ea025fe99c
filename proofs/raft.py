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
        """Voter and candidate have reached the term of a vote, which is never 0.

        Terms only grow (section 5.1), so `timeout` enters a term in which the server has not voted before: without this
        lemma its vote for itself could be a second one, against `one_vote_per_term`.
        """
        return all(x.term > 0 and x.term <= self.current_term[x.voter] and x.term <= self.current_term[x.candidate] for x in self.votes)

    @lemma("terms and votes")
    def one_vote_per_term(self) -> bool:
        """A server votes for one candidate in a term.

        The root of the proof (section 5.2). Without it two quorums, though they share a server, could elect two leaders in a
        term, and `become_leader` would break `election_safety`.
        """
        return all(x.candidate == y.candidate for x in self.votes for y in self.votes if x.term == y.term and x.voter == y.voter)

    @lemma("terms and votes")
    def vote_is_remembered(self) -> bool:
        """A server remembers its vote in its current term.

        `handle_request_vote` looks at `voted_for` only. Had the server forgotten a vote, it would grant a second one, against
        `one_vote_per_term`; this is why Figure 2 keeps `voted_for` on stable storage.
        """
        return all(self.voted_for[x.voter] == x.candidate for x in self.votes if x.term == self.current_term[x.voter])

    @lemma("terms and votes")
    def remembered_vote_was_cast(self) -> bool:
        """What a server remembers as its vote, it has cast.

        The converse: a request that comes twice is granted twice, and the second grant casts no new vote. Otherwise
        `handle_request_vote` could add a vote by a server whose log has changed since, against `choosable_is_in_candidates`.
        """
        return all(Vote(self.current_term[n], n, c) in self.votes for n in Node for c in Node if self.voted_for[n] == c)

    @lemma("terms and votes")
    def requests_within_terms(self) -> bool:
        """A candidate has reached the term of its requests, which is never 0.

        A vote is cast on a request, so `votes_within_terms` rests on it; and no old request can pass for one of the new term
        that a `timeout` enters (`requests_show_the_log`).
        """
        return all(m.term > 0 and m.term <= self.current_term[m.candidate] for m in self.vote_requests)

    @lemma("terms and votes")
    def grants_are_votes(self) -> bool:
        """A reply that grants a vote stands for one that was cast.

        `handle_vote_reply` counts replies, not votes: without this lemma a candidate could count a vote that nobody cast,
        against `counted_votes_were_cast` (Figure 2, RequestVote RPC, results).
        """
        return all(Vote(m.term, m.voter, m.candidate) in self.votes for m in self.vote_replies if m.vote_granted)

    @lemma("terms and votes")
    def counted_votes_were_cast(self) -> bool:
        """A candidate counts only votes cast for it in its term.

        `become_leader` trusts this count: without the lemma a leader could take office without a quorum, against
        `leaders_were_elected`.
        """
        return all(Vote(self.current_term[n], v, n) in self.votes for n in Node if self.role[n] == Role.CANDIDATE for v in self.votes_granted[n])

    @lemma("terms and votes")
    def leaders_were_elected(self) -> bool:
        """A quorum voted for each leader.

        Two leaders of a term would have quorums that share a server, and that server would have voted twice: with
        `one_vote_per_term` this is `election_safety` (section 5.2).
        """
        return all(is_quorum({v for v in Node if Vote(x.term, v, x.node) in self.votes}, Node) for x in self.leaders)

    @lemma("terms and votes")
    def leaders_within_terms(self) -> bool:
        """A leader has reached its term.

        So the term that a `timeout` enters is one in which the server has not led (`candidate_not_elected`).
        """
        return all(x.term <= self.current_term[x.node] for x in self.leaders)

    @lemma("terms and votes")
    def leader_was_elected(self) -> bool:
        """Who leads was elected in its current term.

        Ties the role to the history: what a server does as a leader (`client_request`, `append_entries`) it does as the leader
        of its term, so that `calls_come_from_leaders`.
        """
        return all(Leadership(self.current_term[n], n) in self.leaders for n in Node if self.role[n] == Role.LEADER)

    @lemma("terms and votes")
    def candidate_not_elected(self) -> bool:
        """A candidate has not led in its current term.

        With one leader in a term, a candidate that won would be that leader already: this lemma excludes it, so that
        `winner_is_first`.
        """
        return all(Leadership(self.current_term[n], n) not in self.leaders for n in Node if self.role[n] == Role.CANDIDATE)

    @lemma("terms and votes")
    def winner_is_first(self) -> bool:
        """Hence a candidate with the votes of a quorum is the first leader of its term.

        `become_leader` begins a new log for the term. Were there one already, it would be overwritten under entries, calls and
        acknowledgements that refer to it (`logs_follow_leaders`, `calls_are_slices`, `acked_within_leader_log`).
        """
        return all(not self.started(self.current_term[n]) for n in Node if self.role[n] == Role.CANDIDATE and is_quorum(self.votes_granted[n], Node))

    # --- Shape of logs

    @lemma("log shape")
    def log_terms_reached(self) -> bool:
        """A server has reached the terms of its entries.

        A new leader's log becomes its term's: without this lemma `become_leader` could begin a term with entries of a later one,
        against `leader_log_terms_ordered`.
        """
        return all(self.log[n][i].term <= self.current_term[n] for n in Node for i in self.log[n].indices())

    @lemma("log shape")
    def leader_log_terms_ordered(self) -> bool:
        """Along the log of a term's leader, terms start at 1, never decrease, and never exceed the term.

        Among entries of a log, a later position has no earlier term: so an entry of a later term tells that its leader has been
        there (`later_entries_imply_choosable`; section 5.4.1 compares last terms for this reason).
        """
        return all(
            self.leader_log[t][i].term > 0
            and self.leader_log[t][i].term <= t
            and all(self.leader_log[t][j].term <= self.leader_log[t][i].term for j in self.leader_log[t].indices() if j < i)
            for t in Term
            for i in self.leader_log[t].indices()
        )

    @lemma("log shape")
    def no_leader_no_log(self) -> bool:
        """A term without a leader has no log.

        `become_leader` gives its term a log in one go. Nothing refers to the term before, because there was nothing to refer
        to: without the lemma `logs_follow_leaders` would break.
        """
        return all(self.leader_log[t].last == 0 for t in Term if not self.started(t))

    # --- One log for each term

    @lemma("one log per term")
    def logs_follow_leaders(self) -> bool:
        """Every log agrees, up to each of its entries, with the log of the leader of the entry's term.

        Log Matching at once: two logs with an entry of one term at one position agree with one and the same leader's log up to
        there (section 5.3). `handle_append_entries` preserves it because calls are slices of that log.
        """
        return all(self.agrees(self.log[n], self.leader_log[self.log[n][i].term], i) for n in Node for i in self.log[n].indices())

    @lemma("one log per term")
    def leader_logs_follow_leaders(self) -> bool:
        """So does the log of each term's leader.

        A slice of a leader's log holds entries of earlier terms, too: without this lemma a follower that stores them
        (`handle_append_entries`) could break `logs_follow_leaders`.
        """
        return all(self.agrees(self.leader_log[t], self.leader_log[self.leader_log[t][i].term], i) for t in Term for i in self.leader_log[t].indices())

    @lemma("one log per term")
    def leader_has_its_log(self) -> bool:
        """While a leader is in office, its log is the log of its term.

        Links the log of a server to the history: `client_request` extends both alike (Leader Append-Only, section 5.3), and what
        `append_entries` cuts from the one is a slice of the other.
        """
        return all(self.log[n] == self.leader_log[self.current_term[n]] for n in Node if self.role[n] == Role.LEADER)

    # --- Messages

    @lemma("messages")
    def calls_come_from_leaders(self) -> bool:
        """An AppendEntries call comes from the leader of its term.

        Where there is a call there is a leader of its term, so that `become_leader` cannot change the log that the call is a
        slice of (`calls_are_slices`).
        """
        return all(Leadership(m.term, m.leader) in self.leaders for m in self.append_requests)

    @lemma("messages")
    def calls_are_slices(self) -> bool:
        """Its entries are a slice of the term's log.

        What `handle_append_entries` stores are then entries of the term's leader: without the lemma `logs_follow_leaders` would
        break (Figure 2, AppendEntries RPC, `entries[]`).
        """
        return all(
            m.entries.after == m.prev_log_index
            and m.entries.last <= self.leader_log[m.term].last
            and all(m.entries[i] == self.leader_log[m.term][i] for i in m.entries.indices())
            for m in self.append_requests
        )

    @lemma("messages")
    def calls_show_the_entry_before(self) -> bool:
        """It names the term of the entry before the slice.

        So the consistency check of `handle_append_entries` compares with the leader's own entry (Figure 2, receiver rule 2);
        without it `calls_follow_on`, and with that `logs_follow_leaders`, would fail.
        """
        return all(m.prev_log_term == (Term(0) if m.prev_log_index == 0 else self.leader_log[m.term][m.prev_log_index].term) for m in self.append_requests)

    @lemma("messages")
    def requests_show_the_log(self) -> bool:
        """A candidate that still stands has the log that its request shows.

        The voter compares with the request, not with the candidate's log (section 5.4.1). Without the lemma a vote could be
        granted for a log that is not there, against `grants_keep_choosable`.
        """
        return all(
            m.last_log_index == self.log[m.candidate].last and m.last_log_term == self.last_term(m.candidate)
            for m in self.vote_requests
            if self.role[m.candidate] == Role.CANDIDATE and m.term == self.current_term[m.candidate]
        )

    # --- Acknowledgements

    @lemma("acknowledgements")
    def acked_within_leader_log(self) -> bool:
        """Nothing is held of a term's log but what is there.

        A new entry has been held by nobody yet: without the lemma `client_request` could create an entry that counts as held
        (`choosable_stays_in_logs`), and `acked` could go back.
        """
        return all(self.acked[n, t] <= self.leader_log[t].last for n in Node for t in Term)

    @lemma("acknowledgements")
    def acked_in_reached_terms(self) -> bool:
        """A server has held something of a term's log only in a term that it has reached.

        So a server that held something of a term takes calls of that or later terms only, which leave choosable entries in place:
        without it `handle_append_entries` could remove one, against `choosable_stays_in_logs`.
        """
        return all(self.acked[n, t] == 0 or t <= self.current_term[n] for n in Node for t in Term)

    @lemma("acknowledgements")
    def replies_acknowledge(self) -> bool:
        """A follower that reports success has held the log up to the reported position.

        A leader learns by replies who holds what. They may come late, but `acked` never goes back: `handle_append_reply` keeps
        `matches_are_acknowledged`.
        """
        return all(m.match_index <= self.acked[m.follower, m.term] for m in self.append_replies if m.success)

    @lemma("acknowledgements")
    def matches_are_acknowledged(self) -> bool:
        """A leader takes for replicated only what the follower has held in this term.

        `advance_commit` counts `match_index`: without the lemma it could count a server that never held the entry, against
        `commit_points_are_justified` (section 5.3; Figure 2, Leaders).
        """
        return all(self.match_index[n, p] <= self.acked[p, self.current_term[n]] for n in Node if self.role[n] == Role.LEADER for p in Node)

    @lemma("acknowledgements")
    def leader_holds_its_log(self) -> bool:
        """A leader holds its own log.

        A leader counts itself without asking: without the lemma the quorum of `advance_commit` would be one short of what
        `commit_points_are_justified` claims.
        """
        return all(self.log[n].last <= self.acked[n, self.current_term[n]] for n in Node if self.role[n] == Role.LEADER)

    # --- Choosable entries survive

    @lemma("choosable entries")
    def choosable_stays_in_logs(self) -> bool:
        """Who held an entry of a term's own that is still choosable, has it.

        The heart of section 5.4.3, in three lemmas: the server, the candidate, the leader. Here the server: it may have to remove
        entries (`handle_append_entries`), but none that some quorum holds or may still come to hold. Without it the server's
        vote would say nothing about the entry (`choosable_is_in_candidates`).
        """
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
        """A candidate of a later term with the vote of a server that held it, has it.

        The voter compares logs before it votes (section 5.4.1), so what it held is in the log that it votes for. Without the lemma
        `become_leader` could elect a server that lacks the entry, against `choosable_is_in_later_leaders`.
        """
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
        """Every leader of a later term has it.

        The quorum that elected the leader shares a server with the one that holds the entry (section 5.4.3, steps 2 to 5). Without
        the lemma a later leader's calls would remove the entry (`calls_keep_choosable`).
        """
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
        """Hence leaders of later terms have all of the log up to it.

        One entry of the leader's own term brings all before it (`logs_follow_leaders`): the form in which calls and commitments
        use it (section 5.4.2, the last paragraph).
        """
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
        """Hence a log has it that has an entry of a later term, or one of the same term no earlier.

        An entry of a later term came from a later leader, which had the earlier one below it. This is what makes a log with a
        later last term as good as the voter's in section 5.4.1 (section 5.4.3, step 7).
        """
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
        """Hence a candidate with the votes of a quorum has it: the two quorums share a server.

        `become_leader` needs it of the winner itself, and of the log that it brings (`winner_has_committed`).
        """
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
        """Hence a candidate has it whose log is at least as up to date as that of a server that held it.

        The comparison of section 5.4.1 at work: either the last terms are equal and the log is at least as long, or the
        candidate's is later (section 5.4.3, steps 6 and 7). Without it `handle_request_vote` could break
        `choosable_is_in_candidates`.
        """
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
        """Hence leaders of later terms have a leader's log up to an entry of its own that it counts on a quorum.

        An entry counted on a quorum is choosable by that quorum. `advance_commit` may commit it, and all before it, because every
        later leader has it already (`leaders_have_what_is_committed`). Only entries of the leader's own term (Figure 8).
        """
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
        """Hence a call of this or a later term conflicts with no log up to it.

        So `handle_append_entries` never removes such an entry, nor one before it (`choosable_stays_in_logs`).
        """
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
        """A log with the entry before a call's has the whole of the term's log up to there.

        The induction that section 5.3 gives for Log Matching, in one implication: a follower that passes the check and takes the
        call's entries has the leader's log up to the end of the call (`choosable_stays_in_logs`).
        """
        return all(
            self.agrees(self.log[n], self.leader_log[m.term], m.prev_log_index)
            for m in self.append_requests
            for n in Node
            if m.prev_log_index > 0 and self.has(self.log[n], m.prev_log_index, m.prev_log_term)
        )

    # --- Commitment

    @lemma("commitment")
    def committed_with_terms(self) -> bool:
        """Each committed entry has the term of its commitment.

        The two are histories of one event: the lemmas below speak of the entry and of the term at one position.
        """
        return self.committed.last == self.commit_terms.last

    @lemma("commitment")
    def commit_points_within_committed(self) -> bool:
        """A commit point lies within what is committed.

        The highest commitment known in a term is one that was made: without the lemma `advance_commit` could raise a commit point
        beyond what `leaders_have_what_is_committed` can speak of.
        """
        return all(self.commit_point[t].index <= self.committed.last for t in Term)

    @lemma("commitment")
    def commit_points_ordered(self) -> bool:
        """Later terms know of no less.

        A server that moves on to a later term loses nothing of what it may take for committed: without the lemma every step that
        raises a term could break `servers_know_commit_points`.
        """
        return all(self.commit_point[t].index <= self.commit_point[u].index for t in Term for u in Term if t <= u)

    @lemma("commitment")
    def commit_points_are_justified(self) -> bool:
        """A commit point rests on an entry of its leader's own term, held by a quorum in that term.

        Sections 5.3 and 5.4.2: not an entry but a quorum that holds one of the leader's own term makes a commitment. This quorum
        is the one that a later winner's quorum meets (`winner_has_committed`).
        """
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
        """The log of each term's leader has all that is committed in this or earlier terms.

        Leader Completeness (section 5.4), for all leaders ever, in their terms' logs. Without it `become_leader` could bring in a
        leader whose calls overwrite what servers have applied (`calls_keep_committed`).
        """
        return all(
            i <= self.leader_log[t].last and self.leader_log[t][i] == self.committed[i]
            for t in Term
            if self.started(t)
            for i in self.committed.indices()
            if i <= self.commit_point[t].index
        )

    @lemma("commitment")
    def committed_has_a_point(self) -> bool:
        """What is committed lies below the commit point of the term in which it was.

        Leads from an entry to the commit point that covers it: with `commit_points_ordered`, every later term knows of it
        (`later_leaders_have_committed`).
        """
        return all(self.started(self.commit_terms[i]) and i <= self.commit_point[self.commit_terms[i]].index for i in self.commit_terms.indices())

    @lemma("commitment")
    def later_leaders_have_committed(self) -> bool:
        """Hence every leader from the term of a commitment on has what was committed.

        The same by terms of entries instead of commit points: the form that `leader_completeness` and
        `counted_entries_match_committed` need.
        """
        return all(
            i <= self.leader_log[t].last and self.leader_log[t][i] == self.committed[i]
            for i in self.committed.indices()
            for t in Term
            if self.commit_terms[i] <= t and self.started(t)
        )

    @lemma("commitment")
    def calls_keep_committed(self) -> bool:
        """Hence a call of a server's term or a later one conflicts with nothing that the server takes for committed.

        So `handle_append_entries` truncates nothing that the server has applied: without it `state_machine_safety` and
        `commit_within_log` would break.
        """
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
        """Hence a candidate with the votes of a quorum has all that is committed in earlier terms.

        Two quorums share a server: one that holds the entry which justified the commitment, one that voted. `become_leader` keeps
        `leaders_have_what_is_committed` by it (section 5.4.3).
        """
        return all(
            i <= self.log[n].last and self.log[n][i] == self.committed[i]
            for n in Node
            if self.role[n] == Role.CANDIDATE and is_quorum(self.votes_granted[n], Node)
            for i in self.committed.indices()
            if i <= self.commit_point[self.current_term[n]].index
        )

    @lemma("commitment")
    def counted_entries_match_committed(self) -> bool:
        """Hence what is committed agrees with a leader's log up to an entry of its own that it counts on a quorum.

        A leader may commit, at a lower position, an entry of an earlier term; another leader may have done so before. Without the
        lemma `advance_commit` could take another entry for committed at one position, against `state_machine_safety`.
        """
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
        """A server takes for committed only what lies below the commit point of its term.

        What a server applies was committed in its term or before: with `leaders_have_what_is_committed` the leader that it hears
        next has it, too (`calls_keep_committed`).
        """
        return all(self.commit_index[n] <= self.commit_point[self.current_term[n]].index for n in Node)

    @lemma("commitment")
    def calls_know_commit_points(self) -> bool:
        """So does a call.

        A leader passes on its own commit index (Figure 2, `leaderCommit`): without the lemma a follower could take more for
        committed than was, and break `servers_know_commit_points`.
        """
        return all(m.leader_commit <= self.commit_point[m.term].index for m in self.append_requests)
