"""Why a term of Raft has one leader, and so one log: of votes, logs, messages and acknowledgements, one lemma after the other.

The first half of the proof of Raft; `proofs/raft.py` has the other, and what both are for.
"""

from __future__ import annotations

from proofs.raft_history import RaftHistory, Vote
from spec.language import is_quorum, lemma
from spec.raft import Leadership, Node, Role
from spec.replicated_log import Term


class RaftLogs(RaftHistory):
    """Lemmas of one leader, and one log, for each term."""

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
