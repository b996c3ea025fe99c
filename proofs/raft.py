"""Why Raft is safe: an inductive invariant of `spec/raft.py`, for any number of servers, terms, entries and messages.

Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)" (2014), section 5.4.3, and
Ongaro, "Consensus: Bridging Theory and Practice" (2014), appendix B. `proofs/README.md` reads the lemmas in their order.
"""

from __future__ import annotations

from proofs.raft_logs import RaftLogs
from spec.language import is_quorum, lemma, quorums
from spec.raft import Node, Role
from spec.replicated_log import Index, Term, Value


class RaftProof(RaftLogs):
    """Raft with the history and the lemmas of its proof: why what is committed stays."""

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
