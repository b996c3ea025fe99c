"""Servers as etcd's library plays them: their state, elections and terms, and their disks. The base of `spec/etcd_raft.py`.

Sections are those of Ongaro's dissertation (2014).
"""

from __future__ import annotations

from spec.etcd_records import (
    Change,
    Commitment,
    Config,
    ConfigAt,
    Disk,
    Entry,
    Held,
    Kind,
    KnownCommit,
    Message,
    Node,
    Office,
    Progress,
    Reached,
    Role,
    Slot,
    Write,
    empty_log,
    log_of,
    nobody,
    nothing,
)
from spec.language import History, Map, Option, Protocol, Seq, Set, Volatile, action, in_force, is_majority, require
from spec.replicated_log import Index, Term


class EtcdServers(Protocol):
    """Servers begin, stand for election, write to their disks, crash and come back."""

    # What the server has in memory; the disk holds what was written.
    term: Map[Node, Term]
    """Latest term that the server has seen."""
    vote: Map[Node, Option[Node]]
    """The candidate that has its vote in this term."""
    log: Map[Node, Seq[Index, Entry]]
    """Its log, with the entries that only a snapshot stands for."""
    compacted: Map[Node, Index]
    """Entries up to here are at hand in a snapshot only; of the last of them the term is known."""
    commit: Map[Node, Index]
    """Highest position known to be committed."""
    config: Volatile[Map[Node, Config]]
    """The members, by the entries that it has applied."""
    applied: Volatile[Map[Node, Index]]
    """The last change of members that it has applied, or the position of the configuration it began with."""
    handed_out: Volatile[Map[Node, Index]]
    """The application was given the entries up to here to apply."""
    role: Volatile[Map[Node, Role]]
    """Follower, pre-candidate, candidate or leader."""
    lead: Volatile[Map[Node, Option[Node]]]
    """The leader that it knows of in this term."""

    # What it is in the middle of.
    handling: Volatile[Map[Node, Option[Message]]]
    """The message that it has received and not yet dealt with."""
    asking: Volatile[Map[Node, Set[Node]]]
    """On candidates: the voters that are still to be asked, itself included."""
    opening: Volatile[Map[Node, bool]]
    """On leaders: the empty entry that opens the term is still to be appended."""
    recount: Volatile[Map[Node, bool]]
    """On leaders: whether more is committed is still to be found out."""

    # What only candidates and leaders need.
    granted: Volatile[Map[Node, Set[Node]]]
    """On candidates: who gave it a vote."""
    denied: Volatile[Map[Node, Set[Node]]]
    """On candidates: who refused."""
    match_index: Volatile[Map[tuple[Node, Node], Index]]
    """On leaders: the highest position known to be on each member's disk, its own included."""
    next_index: Volatile[Map[tuple[Node, Node], Index]]
    """On leaders: the next position to send to each member."""
    progress: Volatile[Map[tuple[Node, Node], Progress]]
    """On leaders: how entries are sent to each member."""
    pending_snapshot: Volatile[Map[tuple[Node, Node], Index]]
    """On leaders: the last entry of the snapshot that was sent to each member, while it waits for it."""
    pending_change: Volatile[Map[Node, Index]]
    """On leaders: no other change is proposed before this position is applied."""

    # Disks.
    disk: Map[Node, Disk]
    """What is certainly on a server's disk."""
    writes: Set[Write]
    """What servers have handed over to be written, and is perhaps not done."""
    unwritten: Map[Node, Slot]
    """How many writes a server has in its queue."""
    known_commits: Set[KnownCommit]
    """Commit indices that a server may find on its disk with what it holds or will hold: any of those handed over with it."""

    # Messages: made, waiting for a disk, on their way.
    queued: Set[Message]
    """Made since their sender last handed out messages."""
    held: Set[Held]
    """Handed out, but waiting for a write."""
    network: Set[Message]
    """Sent: each may be delivered any number of times, in any order, or never."""
    reached: Set[Reached]
    """Terms in which servers have sent messages, also of kinds that are left out here."""

    # What the cluster was set up with, and the applications' record of configurations, for snapshots and restarts.
    founding: Seq[Index, Entry]
    """The entries that a founding server begins with."""
    founders: Config
    """The members at the beginning."""
    configs: Set[ConfigAt]
    """Configurations by position."""

    offices: History[Set[Office]]
    """Every election ever won."""
    committed: History[Seq[Index, Entry]]
    """The entries in the order in which leaders first committed them."""
    commitments: History[Set[Commitment]]
    """What each leader has committed."""

    def init(self, voters: Set[Node], learners: Set[Node], founded: bool) -> None:
        """Disks are empty but for the configuration, which the founders know or will be founded with (section 4.4); others know of none."""
        require(voters != Set())
        require(voters & learners == Set())
        # Founding entries make voters.
        require(learners == Set() or not founded)
        self.term = Map({n: Term(0) for n in Node})
        self.vote = Map({n: None for n in Node})
        self.log = Map({n: Seq.empty(Index) for n in Node})
        self.compacted = Map({n: Index(0) for n in Node})
        self.commit = Map({n: Index(0) for n in Node})
        founders = Config(voters, Set(), learners, Set())
        self.config = Map({n: founders if not founded and (n in voters or n in learners) else nobody() for n in Node})
        self.applied = Map({n: Index(0) for n in Node})
        self.handed_out = Map({n: Index(0) for n in Node})
        self.role = Map({n: Role.FOLLOWER for n in Node})
        self.lead = Map({n: None for n in Node})
        self.handling = Map({n: None for n in Node})
        self.asking = Map({n: Set() for n in Node})
        self.opening = Map({n: False for n in Node})
        self.recount = Map({n: False for n in Node})
        self.granted = Map({n: Set() for n in Node})
        self.denied = Map({n: Set() for n in Node})
        self.match_index = Map({(n, p): Index(0) for n in Node for p in Node})
        self.next_index = Map({(n, p): Index(0) for n in Node for p in Node})
        self.progress = Map({(n, p): Progress.PROBE for n in Node for p in Node})
        self.pending_snapshot = Map({(n, p): Index(0) for n in Node for p in Node})
        self.pending_change = Map({n: Index(0) for n in Node})
        self.disk = Map({n: Disk(Term(0), None, nothing(), Index(0)) for n in Node})
        self.writes = Set()
        self.unwritten = Map({n: Slot(0) for n in Node})
        self.known_commits = Set({KnownCommit(n, Slot(0), Index(0)) for n in Node})
        self.queued = Set()
        self.held = Set()
        self.network = Set()
        self.reached = Set()
        self.founding = empty_log().append(Entry(Term(0) + 1, Change(voters, Set(), Set(), False, False))) if founded else empty_log()
        self.founders = founders
        self.configs = Set({ConfigAt(Index(0), nobody())}) if founded else Set({ConfigAt(Index(0), founders), ConfigAt(Index(0), nobody())})
        self.offices = Set()
        self.committed = Seq.empty(Index)
        self.commitments = Set()

    # --- Elections (sections 3.4, 9.6)

    @action
    def stand(self, n: Node) -> None:
        """Server n asks whether it would win an election; that changes no term and no vote (PreVote)."""
        require(self.idle(n))
        require(self.role[n] != Role.LEADER)
        require(self.promotable(n))
        require(not self.has_unapplied_change(n), rule="apply committed changes before campaigning")
        self.role[n] = Role.PRE_CANDIDATE
        self.lead[n] = None
        self.granted[n] = Set()
        self.denied[n] = Set()

    @action
    def lose_pre_vote(self, n: Node) -> None:
        """Pre-candidate n would not win, and is a follower again."""
        require(self.idle(n))
        require(self.role[n] == Role.PRE_CANDIDATE)
        self.step_down(n)

    @action
    def campaign(self, n: Node) -> None:
        """Server n begins a term and stands for election (section 3.4)."""
        require(self.idle(n))
        require(self.role[n] != Role.LEADER)
        # Learners and servers that are no members do not stand.
        require(self.promotable(n))
        # Otherwise it could win with the majority of a configuration that is no longer in use.
        require(not self.has_unapplied_change(n), rule="apply committed changes before campaigning")
        self.term[n] = self.term[n] + 1
        self.vote[n] = n
        self.step_down(n)
        self.role[n] = Role.CANDIDATE
        self.asking[n] = self.config[n].incoming | self.config[n].outgoing

    @action
    def ask(self, n: Node, p: Node) -> None:
        """Candidate n asks voter p; itself by granting the vote, in a message that waits for its own disk."""
        require(p in self.asking[n])
        self.asking[n] -= {p}
        if p == n:
            self.queued |= {self.message(Kind.VOTE_REPLY, self.term[n], n, p, Index(0), Term(0), Index(0))}
        else:
            self.queued |= {self.message(Kind.VOTE, self.term[n], n, p, self.log[n].last, self.last_term(n), Index(0))}

    @action
    def answer_vote(self, n: Node) -> None:
        """Server n grants or refuses the vote that it is asked for (section 3.4)."""
        m = self.handling[n]
        require(m is not None)
        require(m.kind == Kind.VOTE)
        require(m.term == self.term[n])
        self.handling[n] = None
        granted = self.grants_vote(n, m)
        if granted:
            self.vote[n] = m.source
        refusal = Message(Kind.VOTE_REPLY, self.term[n], n, m.source, Index(0), Term(0), nothing(), Index(0), not granted, Index(0))
        self.queued |= {refusal}

    @action
    def become_leader(self, n: Node) -> None:
        """Candidate n has won: majorities of all voters' sets are for it (section 3.4; section 4.3)."""
        require(self.handling[n] is not None)
        require(self.role[n] == Role.CANDIDATE)
        require(self.won(n), rule="leader needs a majority of votes")
        self.step_down(n)
        self.role[n] = Role.LEADER
        self.lead[n] = n
        self.opening[n] = True
        # Whatever the log holds may be a change that is not yet applied.
        self.pending_change[n] = self.log[n].last
        for p in Node:
            if self.is_member(n, p):
                self.next_index[n, p] = self.log[n].last + 1
        if self.is_member(n, n):
            self.match_index[n, n] = self.log[n].last
            self.progress[n, n] = Progress.REPLICATE
        self.offices |= {Office(self.term[n], n)}

    @action
    def lose(self, n: Node) -> None:
        """Candidate n cannot win any more, and is a follower of its own term."""
        require(self.handling[n] is not None)
        require(self.role[n] == Role.CANDIDATE)
        require(self.lost(n))
        self.step_down(n)

    @action
    def abdicate(self, n: Node) -> None:
        """Leader n steps down in its own term: it hears of no majority (CheckQuorum), or is no voter any more (section 4.2.2)."""
        require(self.idle(n))
        require(self.role[n] == Role.LEADER)
        self.step_down(n)

    @action
    def forget_leader(self, n: Node) -> None:
        """Follower n is told to forget whom it follows, so that it may vote at once."""
        require(self.idle(n))
        require(self.role[n] == Role.FOLLOWER)
        require(self.lead[n] is not None)
        self.lead[n] = None

    # --- Terms

    @action
    def adopt_term(self, n: Node) -> None:
        """Server n has received a message of a later term, and is a follower in that term (section 3.3)."""
        m = self.handling[n]
        require(m is not None)
        require(m.term > self.term[n])
        self.term[n] = m.term
        self.vote[n] = None
        self.step_down(n)
        if m.kind in (Kind.APPEND, Kind.HEARTBEAT, Kind.SNAPSHOT):
            self.lead[n] = m.source
            self.handling[n] = m
        if m.kind == Kind.VOTE:
            self.handling[n] = m

    @action
    def hear_of_term(self, n: Node, x: Reached) -> None:
        """Server n receives a message of a later term that is of no kind modelled here (pre-votes, transfer of leadership, reads)."""
        require(x in self.reached)
        require(x.node != n)
        require(self.idle(n))
        require(x.term > self.term[n])
        self.term[n] = x.term
        self.vote[n] = None
        self.step_down(n)

    @action
    def concede(self, n: Node) -> None:
        """Candidate n hears from the leader of its term, and follows it (section 3.4)."""
        m = self.handling[n]
        require(m is not None)
        require(m.term == self.term[n])
        require(m.kind in (Kind.APPEND, Kind.HEARTBEAT, Kind.SNAPSHOT))
        require(self.role[n] in (Role.CANDIDATE, Role.PRE_CANDIDATE))
        self.step_down(n)
        self.lead[n] = m.source
        self.handling[n] = m

    # --- Disks (section 3.8)

    @action
    def ready(self, n: Node) -> None:
        """Server n hands out what is to be written and sent; answers that promise something wait for what they promise to be written."""
        require(self.idle(n))
        disk = Disk(self.term[n], self.vote[n], self.log[n].window(Index(0), self.log[n].last), self.compacted[n])
        if not self.is_handed_over(n, disk):
            self.unwritten[n] = self.unwritten[n] + 1
            self.writes |= {Write(n, self.unwritten[n], disk)}
        self.known_commits |= {KnownCommit(n, self.unwritten[n], self.commit[n])}
        slot = self.unwritten[n]
        self.held |= Set({Held(slot, m) for m in self.queued if m.source == n and self.waits(m, slot)})
        self.network |= Set({m for m in self.queued if m.source == n and not self.waits(m, slot)})
        self.queued -= Set({m for m in self.queued if m.source == n})
        self.reached |= {Reached(self.term[n], n)}
        self.handed_out[n] = max(self.handed_out[n], self.commit[n])

    @action
    def persist(self, n: Node, w: Write) -> None:
        """The next write of server n is done, and what waited for it leaves."""
        require(w in self.writes)
        require(w.node == n)
        require(w.slot == 1)
        self.disk[n] = w.disk
        self.unwritten[n] = self.unwritten[n] - 1
        self.network |= Set({h.message for h in self.held if h.message.source == n and h.slot == 1})
        # All others are one place further.
        self.writes = Set({x for x in self.writes if x.node != n}) | Set({Write(n, x.slot - 1, x.disk) for x in self.writes if x.node == n and x.slot > 1})
        self.held = Set({h for h in self.held if h.message.source != n}) | Set(
            {Held(h.slot - 1, h.message) for h in self.held if h.message.source == n and h.slot > 1}
        )
        self.known_commits = Set({k for k in self.known_commits if k.node != n}) | Set(
            {KnownCommit(n, k.slot - 1, k.commit) for k in self.known_commits if k.node == n and k.slot > 0}
        )

    @action
    def vouch_for_commit(self, n: Node, i: Index) -> None:
        """The application of server n keeps on its disk what it has applied up to i, and so that this is committed."""
        require(i > 0)
        require(i <= self.handed_out[n])
        require(i <= self.disk[n].log.last)
        require(self.disk[n].log[i] == self.log[n][i])
        self.known_commits |= {KnownCommit(n, Slot(0), i)}

    @action
    def restart(self, n: Node, k: KnownCommit, compacted: Index, c: ConfigAt) -> None:
        """Server n crashes and comes back with what is on its disk, and a commit index; c is the application's configuration."""
        require(k in self.known_commits)
        require(c in self.configs)
        require(k.node == n)
        require(k.slot == 0)
        disk = self.disk[n]
        # A forgotten vote could be cast again.
        kept = disk if in_force("promises survive a restart") else Disk(Term(0), None, disk.log, disk.compacted)
        self.come_back(n, kept, k.commit, disk.log.last, compacted, c)

    @action
    def restart_torn(self, n: Node, w: Write, last: Index, k: KnownCommit, compacted: Index, c: ConfigAt) -> None:
        """Server n crashes while it writes: of the next write, entries are on its disk, some or all, but nothing else."""
        require(w in self.writes)
        require(k in self.known_commits)
        require(c in self.configs)
        require(w.node == n)
        require(w.slot == 1)
        require(k.node == n)
        require(k.slot == 0)
        disk = self.disk[n]
        # A snapshot in it would be there as a whole; what its application has dropped, it held before.
        require(w.disk.compacted <= disk.log.last)
        require(all(w.disk.log[i] == disk.log[i] for i in disk.log.indices() if i <= w.disk.compacted))
        require(last <= w.disk.log.last)
        require(k.commit <= last)
        # Entries are written from the first new one on, and the first one takes away those that it replaces.
        require(all(i <= last or (i <= w.disk.log.last and w.disk.log[i] != disk.log[i]) for i in disk.log.indices()))
        self.come_back(n, Disk(disk.term, disk.vote, w.disk.log, disk.compacted), k.commit, last, compacted, c)

    @action
    def found(self, n: Node) -> None:
        """Server n is set up with the founding entries, in term 1."""
        require(self.idle(n))
        require(self.founding.last > 0)
        require(self.names(self.founders, n))
        require(self.term[n] == 0)
        require(self.log[n].last == 0)
        self.term[n] = self.term[n] + 1
        self.log[n] = self.founding
        self.commit[n] = self.founding.last
        self.config[n] = self.founders
        self.configs |= {ConfigAt(self.founding.last, self.founders)}

    # --- Parts of the steps

    def come_back(self, n: Node, disk: Disk, commit: Index, last: Index, compacted: Index, c: ConfigAt) -> None:
        """Begin again from what a disk holds, of the log the entries up to last; what had not left is lost."""
        # The application had applied what it dropped.
        require(disk.compacted <= compacted)
        require(compacted == disk.compacted or compacted <= self.handed_out[n])
        require(compacted <= commit)
        # Its configuration is one that it has applied, and no older than its snapshot.
        require(c.index <= commit or c.index <= compacted)
        require(c.index > 0 or c.config == self.first_config(n) or (self.founding.last == 0 and c.config == self.founders))
        require(all(i <= c.index or i > compacted or disk.log[i].change is None for i in disk.log.indices() if i <= last))
        self.term[n] = disk.term
        self.vote[n] = disk.vote
        self.commit[n] = commit
        kept = log_of(disk.log).window(Index(0), last)
        self.log[n] = log_of(kept)
        self.compacted[n] = compacted
        self.config[n] = c.config
        self.applied[n] = c.index
        # What it had been given before counts as given, whether the application keeps its state or applies all of it again.
        self.handed_out[n] = max(compacted, min(self.handed_out[n], commit))
        self.step_down(n)
        self.disk[n] = Disk(disk.term, disk.vote, kept, disk.compacted)
        self.unwritten[n] = Slot(0)
        self.writes -= Set({w for w in self.writes if w.node == n})
        self.known_commits -= Set({k for k in self.known_commits if k.node == n and k.slot > 0})
        self.queued -= Set({m for m in self.queued if m.source == n})
        self.held -= Set({h for h in self.held if h.message.source == n})
        self.network -= Set({m for m in self.network if m.source == n and m.target == n})

    def step_down(self, n: Node) -> None:
        """Be a follower that knows of no leader, and forget what only candidates and leaders need."""
        self.role[n] = Role.FOLLOWER
        self.lead[n] = None
        self.handling[n] = None
        self.asking[n] = Set()
        self.opening[n] = False
        self.recount[n] = False
        self.granted[n] = Set()
        self.denied[n] = Set()
        self.pending_change[n] = Index(0)
        for p in Node:
            self.match_index[n, p] = Index(0)
            self.next_index[n, p] = Index(0)
            self.progress[n, p] = Progress.PROBE
            self.pending_snapshot[n, p] = Index(0)

    # --- Conditions

    def idle(self, n: Node) -> bool:
        """Whether server n has dealt with all that it must deal with before anything else."""
        return self.handling[n] is None and self.asking[n] == Set() and not self.opening[n] and not self.recount[n]

    def waits(self, m: Message, slot: Slot) -> bool:
        """Whether a message waits for a write: one that promises what its sender must remember, a vote, or that it holds entries."""
        return slot > 0 and m.kind in (Kind.VOTE_REPLY, Kind.APPEND_REPLY) and in_force("promises wait for the disk")

    def promises_as_much(self, a: Disk, b: Disk) -> bool:
        """Whether two states of a disk are the same for all that answers promise."""
        return a.term == b.term and a.vote == b.vote and a.log == b.log

    def is_handed_over(self, n: Node, disk: Disk) -> bool:
        """Whether server n's latest write, or else its disk, holds all that another would."""
        if self.unwritten[n] == 0:
            return self.promises_as_much(self.disk[n], disk)
        return any(w.node == n and w.slot == self.unwritten[n] and self.promises_as_much(w.disk, disk) for w in self.writes)

    def names(self, config: Config, n: Node) -> bool:
        """Whether n is a voter or a learner, now or when a joint configuration ends."""
        return n in config.incoming or n in config.outgoing or n in config.learners or n in config.learners_next

    def first_config(self, n: Node) -> Config:
        """The configuration that server n begins with: a founder knows it already, or is founded with it, and others know of none."""
        return self.founders if self.founding.last == 0 and self.names(self.founders, n) else nobody()

    def is_member(self, n: Node, p: Node) -> bool:
        """Whether p is a member in the eyes of server n."""
        return self.names(self.config[n], p)

    def promotable(self, n: Node) -> bool:
        """Whether server n takes itself for a voter."""
        return n in self.config[n].incoming or n in self.config[n].outgoing

    def won(self, n: Node) -> bool:
        """Whether enough voters are for candidate n."""
        return self.suffice(n, self.granted[n])

    def lost(self, n: Node) -> bool:
        """Whether so many are against candidate n that it cannot win."""
        return not self.suffice(n, (self.config[n].incoming | self.config[n].outgoing) - self.denied[n])

    def suffice(self, n: Node, members: Set[Node]) -> bool:
        """Whether members decide in the eyes of server n: majorities of both voters' sets of a joint configuration (section 4.3)."""
        config = self.config[n]
        both = config.outgoing == Set() or is_majority(members, config.outgoing) or not in_force("a joint configuration needs both majorities")
        return is_majority(members, config.incoming) and both

    def grants_vote(self, n: Node, m: Message) -> bool:
        """Whether server n votes for the candidate: its vote is free, it knows no leader, and the candidate's log is as up to date (section 3.6.1)."""
        # A second vote in a term could elect a second leader.
        free = self.vote[n] == m.source or (self.vote[n] is None and self.lead[n] is None) or not in_force("vote once per term")
        last = self.last_term(n)
        up_to_date = m.log_term > last or (m.log_term == last and m.index >= self.log[n].last)
        return free and (up_to_date or not in_force("candidate's log must be up to date"))

    def has_unapplied_change(self, n: Node) -> bool:
        """Whether server n knows a change to be committed and has not applied it."""
        return any(i > self.applied[n] and i <= self.commit[n] and self.log[n][i].change is not None for i in self.log[n].indices())

    def term_at(self, n: Node, i: Index) -> Term:
        """The term of the entry at a position, 0 before the first."""
        return Term(0) if i == 0 else self.log[n][i].term

    def last_term(self, n: Node) -> Term:
        """The term of the last entry, 0 where there is none."""
        return self.term_at(n, self.log[n].last)

    def message(self, kind: Kind, t: Term, n: Node, p: Node, index: Index, log_term: Term, commit: Index) -> Message:
        """A message without entries that refuses nothing."""
        return Message(kind, t, n, p, index, log_term, nothing(), commit, False, Index(0))
