"""What etcd's servers do with their logs: replicate, commit, change the members, send snapshots. The middle of `spec/etcd_raft.py`.

Sections are those of Ongaro's dissertation (2014).
"""

from __future__ import annotations

from spec.etcd_records import Change, Commitment, Config, ConfigAt, Entry, Kind, Message, Node, Progress, Role, log_of, nothing
from spec.etcd_servers import EtcdServers
from spec.language import Option, Set, action, first, in_force, require
from spec.replicated_log import Index, Term


class EtcdReplication(EtcdServers):
    """Servers take in messages; leaders replicate and commit, and change the members."""

    # --- Receiving

    @action
    def receive(self, n: Node, m: Message) -> None:
        """Server n receives a message; what it must then do before anything else is noted in `handling` and `recount`."""
        require(m in self.network)
        require(m.target == n)
        require(self.idle(n))
        # What a server sends to itself never crosses the network, and comes once.
        if m.source == n:
            self.network -= {m}
        if m.term > self.term[n]:
            self.handling[n] = m
        elif m.term == self.term[n]:
            self.take_in(n, m)
        # A call of an earlier term may be answered, to depose its sender; all else of earlier terms is ignored.
        elif m.kind in (Kind.APPEND, Kind.HEARTBEAT) or not in_force("ignore stale-term messages"):
            self.handling[n] = m

    @action
    def drop(self, n: Node) -> None:
        """Server n ignores what it has received: a call of an earlier term, or a candidate while it hears from its leader (section 4.2.3)."""
        m = self.handling[n]
        require(m is not None)
        require(m.term < self.term[n] or (m.term > self.term[n] and m.kind == Kind.VOTE and self.lead[n] is not None))
        self.handling[n] = None

    # --- Log replication (section 3.5)

    @action
    def propose(self, n: Node) -> None:
        """Leader n appends a command, or the empty entry that opens its term (sections 3.5 and 6.4)."""
        require(self.opening[n] or self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(self.opening[n] or self.is_member(n, n))
        self.opening[n] = False
        self.log[n] = self.log[n].append(Entry(self.term[n], None))

    @action
    def acknowledge(self, n: Node) -> None:
        """Leader n acknowledges what its log holds, in a message to itself that waits for its disk."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        self.queued |= {self.message(Kind.APPEND_REPLY, self.term[n], n, n, self.log[n].last, Term(0), Index(0))}

    @action
    def send_append(self, n: Node, p: Node, last: Index) -> None:
        """Leader n sends member p the entries from next_index up to last, or none."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(p != n)
        require(self.is_member(n, p))
        # A member that needs a snapshot gets no entries until it has one.
        require(self.progress[n, p] != Progress.SNAPSHOT)
        prev = self.next_index[n, p] - 1
        require(self.compacted[n] <= prev)
        require(prev <= last)
        require(last <= self.log[n].last)
        entries = self.log[n].window(prev, last)
        self.queued |= {Message(Kind.APPEND, self.term[n], n, p, prev, self.term_at(n, prev), entries, self.commit[n], False, Index(0))}
        if self.progress[n, p] == Progress.REPLICATE:
            self.next_index[n, p] = last + 1

    @action
    def send_heartbeat(self, n: Node, p: Node) -> None:
        """Leader n tells member p that it leads, and what of p's log is committed."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(p != n)
        require(self.is_member(n, p))
        self.queued |= {self.message(Kind.HEARTBEAT, self.term[n], n, p, Index(0), Term(0), min(self.match_index[n, p], self.commit[n]))}

    @action
    def answer_append(self, n: Node) -> None:
        """Follower n takes over the entries of a call, or says where its log may agree with the leader's (section 3.5)."""
        m = self.handling[n]
        require(m is not None)
        require(m.kind == Kind.APPEND)
        require(m.term == self.term[n] or not in_force("ignore stale-term messages"))
        require(self.role[n] == Role.FOLLOWER)
        self.handling[n] = None
        self.lead[n] = m.source
        if m.index < self.commit[n]:
            # What is committed agrees with every later leader's log.
            self.queued |= {self.message(Kind.APPEND_REPLY, self.term[n], n, m.source, self.commit[n], Term(0), Index(0))}
        elif self.follows_on(n, m):
            self.store(n, m)
            self.queued |= {self.message(Kind.APPEND_REPLY, self.term[n], n, m.source, m.entries.last, Term(0), Index(0))}
        else:
            at = self.guess(n, min(m.index, self.log[n].last), m.log_term)
            self.queued |= {Message(Kind.APPEND_REPLY, self.term[n], n, m.source, m.index, self.known_term(n, at), nothing(), Index(0), True, at)}

    @action
    def answer_stale(self, n: Node) -> None:
        """Server n answers a call of an earlier term, so that its sender learns of the later one (CheckQuorum, PreVote)."""
        m = self.handling[n]
        require(m is not None)
        require(m.term < self.term[n])
        self.handling[n] = None
        self.queued |= {self.message(Kind.APPEND_REPLY, self.term[n], n, m.source, Index(0), Term(0), Index(0))}

    @action
    def answer_heartbeat(self, n: Node) -> None:
        """Follower n learns what is committed."""
        m = self.handling[n]
        require(m is not None)
        require(m.kind == Kind.HEARTBEAT)
        require(m.term == self.term[n])
        require(self.role[n] == Role.FOLLOWER)
        # A leader says no more than what the follower has acknowledged.
        require(m.commit <= self.log[n].last)
        self.handling[n] = None
        self.lead[n] = m.source
        self.commit[n] = max(self.commit[n], m.commit)
        self.queued |= {self.message(Kind.HEARTBEAT_REPLY, self.term[n], n, m.source, Index(0), Term(0), Index(0))}

    @action
    def advance_commit(self, n: Node, i: Index) -> None:
        """Leader n commits what majorities of all voters' sets have on disk (sections 3.6.2 and 4.3)."""
        require(self.role[n] == Role.LEADER)
        require(self.recount[n])
        require(self.commit[n] < i)
        require(i <= self.log[n].last)
        require(self.agreed(n, i), rule="commit needs a majority")
        # It commits all that it can.
        require(i == self.log[n].last or not self.agreed(n, i + 1))
        # An entry of an earlier term may still be overwritten although a majority holds it.
        require(self.log[n][i].term == self.term[n], rule="commit only entries of the current term")
        self.recount[n] = False
        self.commit[n] = i
        self.committed = self.committed.extend(self.log[n].window(Index(0), i))
        self.commitments |= {Commitment(self.term[n], i)}

    @action
    def keep_commit(self, n: Node) -> None:
        """Leader n finds nothing more to commit."""
        require(self.role[n] == Role.LEADER)
        require(self.recount[n])
        # The next entry that could be committed lacks a majority, or is of an earlier term, as are then all that have one.
        require(
            self.commit[n] == self.log[n].last
            or not self.agreed(n, self.commit[n] + 1)
            or all(self.log[n][i].term != self.term[n] or not self.agreed(n, i) for i in self.log[n].indices() if i > self.commit[n])
        )
        self.recount[n] = False

    @action
    def report_unreachable(self, n: Node, p: Node) -> None:
        """Leader n is told that a message to member p was lost: it goes back to what p is known to hold."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(self.progress[n, p] == Progress.REPLICATE)
        require(p != n)
        self.progress[n, p] = Progress.PROBE
        self.next_index[n, p] = self.match_index[n, p] + 1

    # --- Members (chapter 4)

    @action
    def propose_change(self, n: Node, voters: Set[Node], learners: Set[Node], removed: Set[Node], joint: bool) -> None:
        """Leader n appends a change of the members."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(self.is_member(n, n))
        require(voters & learners == Set())
        require(voters & removed == Set())
        require(learners & removed == Set())
        # The next change begins where this one ends.
        require(self.may_change(n), rule="one change at a time")
        require(self.config[n].outgoing == Set(), rule="one change at a time")
        self.log[n] = self.log[n].append(Entry(self.term[n], Change(voters, learners, removed, joint, False)))
        self.pending_change[n] = self.log[n].last

    @action
    def propose_leave(self, n: Node) -> None:
        """Leader n appends the end of a joint configuration (section 4.3)."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(self.is_member(n, n))
        require(self.config[n].outgoing != Set())
        require(self.may_change(n), rule="one change at a time")
        self.log[n] = self.log[n].append(Entry(self.term[n], Change(Set(), Set(), Set(), False, True)))
        self.pending_change[n] = self.log[n].last

    @action
    def refuse_change(self, n: Node) -> None:
        """Leader n drops a change because too much is uncommitted, and yet waits as if it had appended it."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(self.may_change(n), rule="one change at a time")
        require(self.config[n].outgoing == Set(), rule="one change at a time")
        self.pending_change[n] = self.log[n].last + 1

    @action
    def apply_change(self, n: Node) -> None:
        """Server n applies the next change in its log; a leader then looks again for what is committed."""
        require(self.idle(n))
        i = self.next_change(n)
        require(i is not None)
        # Only what the application was given is applied, and only what is committed is given.
        require(i <= self.handed_out[n], rule="apply committed changes only")
        change = self.log[n][i].change
        require(change is not None)
        # What the library takes for a mistake of the application and stops at.
        require(self.config[n].outgoing == Set() or change.leave)
        require(self.config[n].outgoing != Set() or not change.leave)
        after = self.changed(self.config[n], change)
        require(after.incoming != Set())
        # Majorities before and after it intersect where one voter comes or goes; founding entries change nothing.
        moved = (after.incoming - self.config[n].incoming) | (self.config[n].incoming - after.incoming)
        require(change.joint or i <= self.founding.last or all(p == q for p in moved for q in moved), rule="a simple change concerns one voter")
        self.install(n, i, after)

    @action
    def reject_change(self, n: Node) -> None:
        """The application of server n turns a committed change down, as all others then do."""
        require(self.idle(n))
        i = self.next_change(n)
        require(i is not None)
        # The founders are agreed on beforehand.
        require(i > self.founding.last)
        # An empty change ends a joint configuration, and no other is applied to one.
        require(self.config[n].outgoing == Set())
        require(i <= self.handed_out[n], rule="apply committed changes only")
        self.install(n, i, self.config[n])

    @action
    def ignore_change(self, n: Node) -> None:
        """The application of server n turns a committed change down by not applying it, as all others then do; no configuration is put in force."""
        require(self.idle(n))
        i = self.next_change(n)
        require(i is not None)
        require(i <= self.handed_out[n], rule="apply committed changes only")
        require(i > self.founding.last)
        require(all(c.index != i or c.config == self.config[n] for c in self.configs))
        self.applied[n] = i
        self.configs |= {ConfigAt(i, self.config[n])}

    @action
    def skip_founding_change(self, n: Node) -> None:
        """The application of server n does not apply a founding entry, for its server has begun with all of them."""
        i = self.next_change(n)
        require(i is not None)
        require(i <= self.founding.last)
        require(i <= self.handed_out[n])
        require(self.config[n] == self.founders)
        self.applied[n] = i

    # --- Snapshots (chapter 5)

    @action
    def compact(self, n: Node, i: Index) -> None:
        """The application of server n drops entries that it has applied, for a snapshot."""
        require(self.compacted[n] < i)
        require(i <= self.handed_out[n])
        self.compacted[n] = i

    @action
    def send_snapshot(self, n: Node, p: Node, last: Index) -> None:
        """Leader n sends member p a snapshot of what its application has applied up to last, for it lacks the entries that p needs."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(p != n)
        require(self.is_member(n, p))
        require(self.progress[n, p] != Progress.SNAPSHOT)
        require(self.next_index[n, p] <= self.compacted[n])
        require(self.compacted[n] <= last)
        require(last <= self.handed_out[n] or last == self.compacted[n])
        self.progress[n, p] = Progress.SNAPSHOT
        self.pending_snapshot[n, p] = last
        self.next_index[n, p] = last + 1
        self.queued |= {Message(Kind.SNAPSHOT, self.term[n], n, p, Index(0), Term(0), self.log[n].window(Index(0), last), Index(0), False, Index(0))}

    @action
    def send_later_snapshot(self, n: Node, m: Message, last: Index) -> None:
        """The application of server n sends, in place of a snapshot that the library made, one of what it has applied since."""
        require(m in self.network)
        require(m.source == n)
        require(m.kind == Kind.SNAPSHOT)
        require(m.entries.last < last)
        # Only what is committed is given to the application.
        require(last <= self.handed_out[n])
        self.network |= {Message(Kind.SNAPSHOT, m.term, n, m.target, Index(0), Term(0), self.log[n].window(Index(0), last), Index(0), False, Index(0))}

    @action
    def report_snapshot(self, n: Node, p: Node, arrived: bool) -> None:
        """Leader n is told whether a snapshot reached member p, and probes from behind it or from what p is known to hold."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        require(self.progress[n, p] == Progress.SNAPSHOT)
        self.progress[n, p] = Progress.PROBE
        self.next_index[n, p] = max(self.match_index[n, p], self.pending_snapshot[n, p] if arrived else Index(0)) + 1
        self.pending_snapshot[n, p] = Index(0)

    @action
    def restore(self, n: Node, c: ConfigAt) -> None:
        """Follower n replaces its log by a snapshot; c is the configuration in it."""
        require(c in self.configs)
        m = self.handling[n]
        require(m is not None)
        require(self.wants_snapshot(n, m))
        require(self.belongs_to(c, m.entries.last, m))
        require(self.names(c.config, n))
        self.lead[n] = m.source
        self.log[n] = log_of(m.entries)
        self.compacted[n] = m.entries.last
        self.commit[n] = m.entries.last
        self.config[n] = c.config
        self.applied[n] = c.index
        self.handed_out[n] = m.entries.last

    @action
    def answer_snapshot(self, n: Node) -> None:
        """Follower n answers a snapshot: it has restored it, knows its last entry to be committed now, or had no use for it."""
        m = self.handling[n]
        require(m is not None)
        require(m.kind == Kind.SNAPSHOT)
        require(m.term == self.term[n])
        require(self.role[n] == Role.FOLLOWER)
        # It is not taken over where the log agrees with it, nor by a server that it does not name.
        require(not self.wants_snapshot(n, m) or any(self.belongs_to(c, m.entries.last, m) and not self.names(c.config, n) for c in self.configs))
        self.handling[n] = None
        self.lead[n] = m.source
        if self.matches_snapshot(n, m):
            self.commit[n] = max(self.commit[n], m.entries.last)
        self.queued |= {self.message(Kind.APPEND_REPLY, self.term[n], n, m.source, self.commit[n], Term(0), Index(0))}

    # --- Parts of the steps

    def take_in(self, n: Node, m: Message) -> None:
        """Receive a message of the server's own term."""
        if m.kind == Kind.VOTE or (self.role[n] != Role.LEADER and m.kind in (Kind.APPEND, Kind.HEARTBEAT, Kind.SNAPSHOT)):
            self.handling[n] = m
        if m.kind == Kind.VOTE_REPLY and self.role[n] == Role.CANDIDATE:
            # The first answer of a voter counts.
            if m.source not in self.granted[n] and m.source not in self.denied[n]:
                if m.reject:
                    self.denied[n] |= {m.source}
                else:
                    self.granted[n] |= {m.source}
            if self.won(n) or self.lost(n):
                self.handling[n] = m
        if m.kind == Kind.APPEND_REPLY and self.role[n] == Role.LEADER and self.is_member(n, m.source):
            if m.reject:
                self.back_off(n, m.source, m)
            else:
                self.note_match(n, m.source, m)

    def note_match(self, n: Node, p: Node, m: Message) -> None:
        """Member p holds the leader's log up to a position, as far as is known for the first time."""
        moved = m.index > self.match_index[n, p]
        probed = self.progress[n, p] == Progress.PROBE and m.index == self.match_index[n, p]
        if moved:
            self.match_index[n, p] = m.index
            self.next_index[n, p] = max(self.next_index[n, p], m.index + 1)
        if moved or probed:
            self.recount[n] = True
            # From here on the entries behind it are at hand.
            if self.progress[n, p] == Progress.PROBE or (self.progress[n, p] == Progress.SNAPSHOT and self.compacted[n] <= self.match_index[n, p]):
                self.progress[n, p] = Progress.REPLICATE
                self.next_index[n, p] = self.match_index[n, p] + 1
                self.pending_snapshot[n, p] = Index(0)

    def back_off(self, n: Node, p: Node, m: Message) -> None:
        """Member p refused a call: go back to where its log may agree, never below what it is known to hold (section 3.5)."""
        if self.progress[n, p] == Progress.REPLICATE:
            if m.index > self.match_index[n, p]:
                self.progress[n, p] = Progress.PROBE
                self.next_index[n, p] = self.match_index[n, p] + 1
        elif self.next_index[n, p] == m.index + 1:
            at = self.guess(n, m.hint, m.log_term) if m.log_term > 0 else m.hint
            self.next_index[n, p] = max(min(m.index, at + 1), self.match_index[n, p] + 1)

    def store(self, n: Node, m: Message) -> None:
        """Take over the entries of a call and what it says to be committed (section 3.5)."""
        new = first(i for i in m.entries.indices() if i > self.log[n].last or self.log[n][i].term != m.entries[i].term)
        if new is not None:
            # What is committed is never replaced.
            require(new > self.commit[n])
            self.log[n] = self.log[n].splice(new, m.entries)
        # Beyond the last entry that the call covers, the log may still differ from the leader's.
        covered = m.entries.last if in_force("clamp the leader's commit index") else self.log[n].last
        self.commit[n] = max(self.commit[n], min(m.commit, covered))

    def install(self, n: Node, i: Index, after: Config) -> None:
        """Put a configuration in force at server n; a leader forgets who is no member and begins to probe who is new."""
        # All servers apply the same; founding entries are applied a second time, on top of the founders.
        require(i <= self.founding.last or all(c.index != i or c.config == after for c in self.configs))
        if self.role[n] == Role.LEADER:
            for p in Node:
                if self.names(after, p):
                    if not self.is_member(n, p):
                        self.next_index[n, p] = max(self.log[n].last, Index(0) + 1)
                else:
                    self.match_index[n, p] = Index(0)
                    self.next_index[n, p] = Index(0)
                    self.progress[n, p] = Progress.PROBE
                    self.pending_snapshot[n, p] = Index(0)
            self.recount[n] = n in after.incoming or n in after.outgoing
        self.config[n] = after
        self.applied[n] = i
        self.configs |= {ConfigAt(i, after)}

    # --- Conditions

    def agreed(self, n: Node, i: Index) -> bool:
        """Whether enough voters are known to leader n to hold its log up to i."""
        return self.suffice(n, Set({p for p in Node if i <= self.match_index[n, p]}))

    def follows_on(self, n: Node, m: Message) -> bool:
        """Whether server n holds the entry before those of a call."""
        # A log has no gaps, whatever the rules.
        gapless = m.index <= self.log[n].last
        return gapless and (self.term_at(n, m.index) == m.log_term or not in_force("AppendEntries consistency check"))

    def wants_snapshot(self, n: Node, m: Message) -> bool:
        """Whether follower n has to replace its log by the snapshot that it has received."""
        timely = m.kind == Kind.SNAPSHOT and m.term == self.term[n] and self.role[n] == Role.FOLLOWER
        return timely and m.entries.last > self.commit[n] and not self.matches_snapshot(n, m)

    def matches_snapshot(self, n: Node, m: Message) -> bool:
        """Whether server n holds the last entry of a snapshot."""
        return m.entries.last <= self.log[n].last and self.term_at(n, m.entries.last) == m.entries[m.entries.last].term

    def belongs_to(self, c: ConfigAt, last: Index, m: Message) -> bool:
        """Whether a configuration is that of the snapshot's last position."""
        return c.index <= last and all(i <= c.index or m.entries[i].change is None for i in m.entries.indices())

    def next_change(self, n: Node) -> Option[Index]:
        """The next change in server n's log that it has not applied."""
        return first(i for i in self.log[n].indices() if i > self.applied[n] and self.log[n][i].change is not None)

    def may_change(self, n: Node) -> bool:
        """Whether leader n has applied all that may be a change."""
        return self.pending_change[n] <= self.handed_out[n] and not any(
            i > self.applied[n] and i <= self.pending_change[n] and self.log[n][i].change is not None for i in self.log[n].indices()
        )

    def changed(self, config: Config, change: Change) -> Config:
        """The configuration after a change; who becomes a learner but still counts as a voter has to wait for the end of the joint one."""
        outgoing = config.incoming if change.joint else Set()
        incoming = (config.incoming | change.voters) - change.removed - change.learners
        demoted = change.learners & outgoing
        learners = (config.learners - change.voters - change.removed) | (change.learners - outgoing)
        if change.leave:
            return Config(config.incoming, Set(), config.learners | config.learners_next, Set())
        return Config(incoming, outgoing, learners, demoted)

    def guess(self, n: Node, at: Index, t: Term) -> Index:
        """The highest position up to a given one whose term is at most t, or not known to server n: where logs may agree."""
        later = first(i for i in self.log[n].indices() if self.log[n][i].term > t)
        # Terms never decrease along a log.
        bound = at if later is None or later > at else later - 1
        unknown = at > self.log[n].last or at < self.compacted[n]
        below = self.compacted[n] - 1 if self.compacted[n] > 0 else Index(0)
        return at if unknown else max(bound, below)

    def known_term(self, n: Node, i: Index) -> Term:
        """The term of an entry, 0 where server n does not know it."""
        return Term(0) if i > self.log[n].last or i < self.compacted[n] else self.term_at(n, i)
