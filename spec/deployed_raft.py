"""Raft as it is deployed: what implementations do beyond Figure 2, where it touches what the figure speaks of.

Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)" (2014), and Ongaro's
dissertation, "Consensus: Bridging Theory and Practice" (2014). All actions of `spec/raft.py` stay as they are, though three
note what a leader has counted; the ones below are added, and every property of Raft has to hold with them.
`docs/check-a-refactor.md` says which feature of an implementation comes to which of them, and which (ReadIndex, leadership
transfer, PreVote) come to nothing at all.
"""

from __future__ import annotations

from spec.language import Map, Scope, Seq, Volatile, action, action_property, invariant, is_quorum, require, witness
from spec.raft import AppendEntries, AppendReply, Node, Raft, Role
from spec.replicated_log import Index, Term


class DeployedRaft(Raft):
    """Raft with optimistic indices, snapshots, and crashes in the middle of a write."""

    default_scope = Scope(node=2, term=2, index=2, value=1)
    default_reductions = frozenset[str]()

    snapshot_index: Map[Node, Index]
    """Up to where a snapshot stands for the server's log, on stable storage; 0 where there is none."""

    counted: Volatile[Map[Node, Index]]
    """On leaders: the highest entry of its term by which the server has committed anything, 0 if it has not."""

    def init(self) -> None:
        """There are no snapshots, and nobody has committed anything."""
        super().init()
        self.snapshot_index = Map({n: Index(0) for n in Node})
        self.counted = Map({n: Index(0) for n in Node})

    # --- Leaders and their terms

    @action
    def become_leader(self, n: Node) -> None:
        """A new leader has counted no entry of its term yet."""
        super().become_leader(n)
        self.counted[n] = Index(0)

    @action
    def advance_commit(self, n: Node, i: Index) -> None:
        """A commitment rests on entry i, which may lie beyond what is committed."""
        super().advance_commit(n, i)
        self.counted[n] = max(self.counted[n], i)

    @action
    def choose_next_index(self, n: Node, peer: Node, i: Index) -> None:
        """Leader n tries another position: it sends on before it is answered (dissertation, 10.2.1), or goes back by whole terms (section 5.3)."""
        require(self.role[n] == Role.LEADER)
        require(peer != n)
        # What is known to agree is not sent again, and beyond its log a leader has nothing to send.
        require(self.match_index[n, peer] < i)
        require(i <= self.log[n].last + 1)
        self.next_index[n, peer] = i

    @action
    def abdicate(self, n: Node) -> None:
        """Candidate or leader n gives up without a successor: it is cut off from a majority (dissertation, 6.2) or has lost its election."""
        require(self.role[n] != Role.FOLLOWER)
        self.step_down(n)

    @action
    def adopt_term(self, n: Node, t: Term) -> None:
        """Server n hears of a later term in a message that is none of Figure 2's, or in a vote denied (section 5.1)."""
        require(t > self.current_term[n])
        # Nobody speaks of a term that no server has reached; PreVote asks about one, but moves nobody (dissertation, 9.6).
        require(any(t <= self.current_term[p] for p in Node))
        self.observe_term(n, t)

    @action
    def restart(self, n: Node) -> None:
        """A crash loses what has been counted."""
        super().restart(n)
        self.counted[n] = Index(0)

    # --- Log compaction (section 7). The log itself stays whole here: a snapshot is another form of its beginning.

    @action
    def compact(self, n: Node, i: Index) -> None:
        """Server n replaces its log up to position i by a snapshot (Figure 12)."""
        require(self.snapshot_index[n] < i)
        # A snapshot is the state after applying committed entries.
        require(i <= self.commit_index[n])
        self.snapshot_index[n] = i

    @action
    def recall_snapshot(self, n: Node) -> None:
        """Server n, after a restart, takes what its snapshot covers for committed."""
        require(self.commit_index[n] < self.snapshot_index[n])
        self.commit_index[n] = self.snapshot_index[n]

    @action
    def send_snapshot(self, n: Node, last: Index) -> None:
        """Leader n sends the state up to a committed position: all entries up to there, in one call (Figure 13)."""
        require(self.role[n] == Role.LEADER)
        require(Index(0) < last)
        require(last <= self.commit_index[n])
        self.append_requests |= {AppendEntries(self.current_term[n], n, Index(0), Term(0), self.log[n].window(Index(0), last), last)}

    @action
    def acknowledge_committed(self, n: Node) -> None:
        """Server n, sent what it knows to be committed, tells the leader how far it knows that: the leader has all of it (section 5.4)."""
        require(self.role[n] == Role.FOLLOWER)
        require(self.commit_index[n] > 0)
        # Of the leader that it answers: one that serves in its term.
        require(any(m.term == self.current_term[n] for m in self.append_requests))
        self.append_replies |= {AppendReply(self.current_term[n], n, True, self.commit_index[n])}

    # --- Crashes in the middle of a write. A Figure 2 server writes, then answers; these leave a part of the write, and no answer.

    @action
    def vote_in_silence(self, n: Node, t: Term, candidate: Node) -> None:
        """Server n has its vote on stable storage, for itself or another, and crashes before anybody hears of it."""
        require(t > self.current_term[n] or (t == self.current_term[n] and self.voted_for[n] is None))
        self.observe_term(n, t)
        self.voted_for[n] = candidate
        self.forget(n)

    @action
    def store_in_silence(self, n: Node, m: AppendEntries, last: Index) -> None:
        """Server n has the entries of a call up to a position on stable storage, and crashes before it answers."""
        require(m in self.append_requests)
        require(n != m.leader)
        require(m.term >= self.current_term[n])
        require(m.term > self.current_term[n] or self.role[n] != Role.LEADER)
        require(self.follows_on(n, m))
        # Entries are written in order, from the first one that is not there.
        require(m.prev_log_index < last)
        require(last <= m.entries.last)
        require(self.log[n].last < last or self.log[n][last].term != m.entries[last].term)
        self.observe_term(n, m.term)
        self.store(n, m)
        self.cut(n, last)
        self.forget(n)

    @action
    def restore_in_silence(self, n: Node, m: AppendEntries) -> None:
        """Server n has a snapshot on stable storage, and crashes before it answers."""
        require(m in self.append_requests)
        require(n != m.leader)
        require(m.term >= self.current_term[n])
        require(m.term > self.current_term[n] or self.role[n] != Role.LEADER)
        # A call from the first entry on, all of it committed, is a snapshot.
        require(m.prev_log_index == 0)
        require(self.snapshot_index[n] < m.entries.last)
        require(m.entries.last <= m.leader_commit)
        self.observe_term(n, m.term)
        self.store(n, m)
        self.snapshot_index[n] = m.entries.last
        self.forget(n)

    @action
    def lose_unwritten(self, n: Node, last: Index) -> None:
        """Leader n crashes with entries sent that it had not written itself (dissertation, 10.2.1: it writes while it sends)."""
        require(self.role[n] == Role.LEADER)
        require(last < self.log[n].last)
        # What a snapshot covers is written.
        require(self.snapshot_index[n] <= last)
        # All it had before its election is written, or it could not have told others of it.
        require(self.log[n][last + 1].term == self.current_term[n])
        # It counts itself only for what it has written: the entry by which it has committed, if it loses that, a majority of the others holds.
        require(
            self.counted[n] <= last or is_quorum({p for p in Node if p != n and self.counted[n] <= self.match_index[n, p]}, Node),
            rule="leader counts what it has written",
        )
        self.cut(n, last)
        self.forget(n)

    # --- Properties

    @invariant
    def snapshots_are_committed(self) -> bool:
        """A snapshot stands for entries that were committed, at their positions."""
        return all(
            self.snapshot_index[n] <= self.log[n].last
            and all(i <= self.committed.last and self.log[n][i] == self.committed[i] for i in self.log[n].indices() if i <= self.snapshot_index[n])
            for n in Node
        )

    @action_property
    def snapshots_stay(self, after: DeployedRaft) -> bool:
        """What a snapshot covers is never lost."""
        return all(self.snapshot_index[n] <= after.snapshot_index[n] for n in Node)

    @witness
    def a_server_recalls_its_snapshot(self, after: DeployedRaft) -> bool:
        """A restarted server knows from its snapshot what is committed."""
        return any(self.commit_index[n] == 0 and after.commit_index[n] == after.snapshot_index[n] and after.snapshot_index[n] > 0 for n in Node)

    @witness
    def a_leader_loses_what_it_had_sent(self, after: DeployedRaft) -> bool:
        """A crash takes from a leader an entry that another server holds."""
        return any(self.role[n] == Role.LEADER and self.log[p] == self.log[n] and after.log[n].last < after.log[p].last for n in Node for p in Node if n != p)

    # --- Parts of the steps

    def cut(self, n: Node, last: Index) -> None:
        """Keep the log up to a position."""
        self.log[n] = Seq.empty(Index) if last == 0 else self.log[n].splice(last, self.log[n].window(last - 1, last))

    def forget(self, n: Node) -> None:
        """Lose what a crash loses."""
        self.step_down(n)
        self.commit_index[n] = Index(0)
        self.counted[n] = Index(0)
