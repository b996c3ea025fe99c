"""Raft as etcd's library (etcd-io/raft) plays it: what `spec/raft.py` leaves out, and what a trace of it is judged by.

Ongaro, "Consensus: Bridging Theory and Practice" (2014), chapters 3, 4 and 5; sections below are those of this
dissertation. Beside Figure 2 there are membership changes with simple and joint configurations and learners, applied when
their entry is applied; snapshots; PreVote and CheckQuorum; answers that leave only when what they promise is on disk;
a leader that acknowledges its own entries by a message to itself. One event of the library is one step here: receiving
a message, changing the role, answering, writing, sending are steps of their own, in an order that `handling` and its
like enforce within a server. Time, flow control and the contents of commands are left out: they restrict or fill what is
done here, and safety does not rest on them. `docs/deviations.md` compares it with the code.

It stands in four modules: `etcd_records.py` says what is said and remembered, `etcd_servers.py` has the state, elections and disks,
`etcd_replication.py` logs, members and snapshots; here is what must hold, what must be possible, and what bounds a search.
"""

from __future__ import annotations

from spec.etcd_records import Kind, Node, Role
from spec.etcd_replication import EtcdReplication
from spec.language import Scope, Set, action_property, constraint, invariant, witness


class EtcdRaft(EtcdReplication):
    """Servers elect a leader, replicate and commit as etcd's library does, and change their members and their disks."""

    # One server by itself: with several, a search ends only within bounds.
    default_scope = Scope(node=1, term=2, index=2, slot=1)

    # --- The properties of Figure 3.2

    @invariant
    def election_safety(self) -> bool:
        """At most one leader is elected in a term."""
        return all(x.node == y.node for x in self.offices for y in self.offices if x.term == y.term)

    @invariant
    def log_matching(self) -> bool:
        """Two logs with entries of one term at one position are identical up to that position."""
        return all(
            self.log[n][j] == self.log[p][j]
            for n in Node
            for p in Node
            if n != p
            for i in self.log[n].indices()
            if i <= self.log[p].last and self.log[n][i].term == self.log[p][i].term
            for j in self.log[n].indices()
            if j <= i
        )

    @invariant
    def leader_completeness(self) -> bool:
        """What was committed in a term is in the logs of the leaders of all later terms."""
        return all(
            i <= self.log[n].last and self.log[n][i] == self.committed[i]
            for n in Node
            if self.role[n] == Role.LEADER
            for x in self.commitments
            if x.term < self.term[n]
            for i in self.committed.indices()
            if i <= x.index
        )

    @invariant
    def state_machine_safety(self) -> bool:
        """Servers agree on what they take for committed."""
        return all(
            self.log[n][i] == self.committed[i] for n in Node for i in self.log[n].indices() if i <= self.commit[n] and i <= self.committed.last
        ) and all(self.commit[n] <= self.committed.last or self.commit[n] <= self.founding.last for n in Node)

    @invariant
    def one_vote_per_term(self) -> bool:
        """No two votes of one server in one term leave it."""
        return all(
            x.target == y.target
            for x in self.network
            for y in self.network
            if x.kind == Kind.VOTE_REPLY and y.kind == Kind.VOTE_REPLY and x.source == y.source and x.term == y.term and not x.reject and not y.reject
        )

    @invariant
    def commit_within_log(self) -> bool:
        """A server holds what it takes for committed, and drops nothing else."""
        return all(self.compacted[n] <= self.commit[n] and self.commit[n] <= self.log[n].last for n in Node)

    @action_property
    def committed_only_grows(self, after: EtcdRaft) -> bool:
        """What leaders have committed stays committed, at its position."""
        return all(i <= after.committed.last and after.committed[i] == self.committed[i] for i in self.committed.indices())

    # --- What must be possible

    @witness
    def a_leader_is_elected(self) -> bool:
        """Some server leads."""
        return any(self.role[n] == Role.LEADER for n in Node)

    @witness
    def a_leader_is_deposed(self, after: EtcdRaft) -> bool:
        """A leader hears of a later term and steps down."""
        return any(self.role[n] == Role.LEADER and self.term[n] < after.term[n] for n in Node)

    @witness
    def an_entry_is_committed(self) -> bool:
        """Some entry is committed."""
        return self.committed.last > 0

    @witness
    def a_follower_learns_of_the_commit(self) -> bool:
        """A server that does not lead knows of a committed entry."""
        return any(self.role[n] != Role.LEADER and self.commit[n] > 0 for n in Node)

    @witness
    def a_conflicting_suffix_is_truncated(self, after: EtcdRaft) -> bool:
        """A follower gives up an entry for the leader's (section 3.5)."""
        return any(after.log[n].last >= i and after.log[n][i] != self.log[n][i] for n in Node for i in self.log[n].indices())

    @witness
    def a_promise_is_lost_before_it_is_made(self, after: EtcdRaft) -> bool:
        """A server crashes and forgets a vote that had not left."""
        return any(self.term[n] == after.term[n] and self.vote[n] is not None and after.vote[n] is None for n in Node)

    @witness
    def a_write_is_torn(self, after: EtcdRaft) -> bool:
        """A server crashes when some entries of a write were on its disk, but not the term in which it took them over."""
        return any(self.disk[n].log != after.disk[n].log and after.term[n] < self.term[n] for n in Node)

    @witness
    def a_member_is_removed(self) -> bool:
        """A configuration lacks a server that was a founder."""
        return any(any(p not in c.config.incoming for p in self.founders.incoming) for c in self.configs if c.index > 0)

    @witness
    def a_learner_becomes_a_voter(self, after: EtcdRaft) -> bool:
        """A server that only learned votes from now on."""
        return any(p in self.config[n].learners and p in after.config[n].incoming for n in Node for p in Node)

    @witness
    def a_configuration_is_joint(self) -> bool:
        """A server counts two majorities."""
        return any(self.config[n].outgoing != Set() for n in Node)

    @witness
    def a_joint_configuration_ends(self, after: EtcdRaft) -> bool:
        """A server counts one majority again."""
        return any(self.config[n].outgoing != Set() and after.config[n].outgoing == Set() and after.applied[n] > self.applied[n] for n in Node)

    @witness
    def a_voter_waits_to_be_a_learner(self) -> bool:
        """A server that becomes a learner still votes, because the configuration before counts it."""
        return any(self.config[n].learners_next != Set() for n in Node)

    @witness
    def a_snapshot_is_restored(self, after: EtcdRaft) -> bool:
        """A follower takes over a snapshot."""
        return any(self.log[n].last < after.compacted[n] for n in Node)

    # --- Bounds on a search: each may hide violations and is in force only where the command line names it

    @constraint
    def no_changes(self) -> bool:
        """Bounds: the members stay the same."""
        return all(self.log[n][i].change is None for n in Node for i in self.log[n].indices())

    @constraint
    def no_entries(self) -> bool:
        """Bounds: elections only."""
        return all(self.log[n].last == 0 for n in Node)

    @constraint
    def no_compaction(self) -> bool:
        """Bounds: no server drops entries, so no snapshot is sent."""
        return all(self.compacted[n] == 0 for n in Node)

    @constraint
    def no_pre_votes(self) -> bool:
        """Bounds: servers stand for election at once."""
        return all(self.role[n] != Role.PRE_CANDIDATE for n in Node)

    @constraint
    def no_heartbeats(self) -> bool:
        """Bounds: leaders send entries only, or empty calls."""
        return all(m.kind != Kind.HEARTBEAT for m in self.queued)

    @constraint
    def no_refused_changes(self) -> bool:
        """Bounds: no change is dropped because too much is uncommitted."""
        return all(self.pending_change[n] <= self.log[n].last for n in Node)

    @constraint
    def all_servers_vote(self) -> bool:
        """Bounds: all servers are voters from the beginning, and know it."""
        return self.founding.last == 0 and all(n in self.founders.incoming for n in Node)

    @constraint
    def one_candidate_per_term(self) -> bool:
        """Bounds: no split votes; in each term at most one server stands for election."""
        return all(n == p for n in Node for p in Node if self.term[n] == self.term[p] and self.vote[n] == n and self.vote[p] == p)

    @constraint
    def only_full_calls(self) -> bool:
        """Bounds: leaders send all entries that they have, or none."""
        return all(m.entries.last == self.log[m.source].last or m.entries.after == m.entries.last for m in self.queued if m.kind == Kind.APPEND)

    @constraint
    def servers_take_turns(self) -> bool:
        """Bounds: what a server has begun, it has sent before another one does anything."""
        return all(n == p for n in Node if self.is_busy(n) for p in Node if self.is_busy(p))

    @constraint
    def disks_are_quick(self) -> bool:
        """Bounds: what a server has handed over is written before another one does anything."""
        return all(n == p or not self.is_busy(p) and self.unwritten[p] == 0 for n in Node if self.unwritten[n] > 0 for p in Node)

    def is_busy(self, n: Node) -> bool:
        """Whether server n is in the middle of something, or has made messages that it has not sent."""
        return not self.idle(n) or any(m.source == n for m in self.queued)
