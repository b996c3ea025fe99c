"""Raft as etcd's library (etcd-io/raft) plays it: what `spec/raft.py` leaves out, and what a trace of it is judged by.

Ongaro, "Consensus: Bridging Theory and Practice" (2014), chapters 3, 4 and 5; sections below are those of this
dissertation. Beside Figure 2 there are membership changes with simple and joint configurations and learners, applied when
their entry is applied; snapshots; PreVote and CheckQuorum; answers that leave only when what they promise is on disk;
a leader that acknowledges its own entries by a message to itself. One event of the library is one step here: receiving
a message, changing the role, answering, writing, sending are steps of their own, in an order that `handling` and its
like enforce within a server. Time, flow control and the contents of commands are left out: they restrict or fill what is
done here, and safety does not rest on them. `docs/deviations.md` compares it with the code.
"""

from __future__ import annotations

from enum import Enum

from spec.language import (
    History,
    Map,
    Option,
    Ordered,
    Protocol,
    Scope,
    Seq,
    Set,
    Sort,
    Volatile,
    Window,
    action,
    action_property,
    constraint,
    first,
    in_force,
    invariant,
    is_majority,
    record,
    require,
    witness,
)
from spec.replicated_log import Index, Term


class Node(Sort):
    """A server, whether a member of the cluster or not."""


class Slot(Ordered, zero=True):
    """A place in a server's queue of writes: 0 is what its disk holds, 1 the write that comes next."""


class Role(Enum):
    """What a server is in its term; a pre-candidate asks whether it would win before it begins a term (section 9.6)."""

    FOLLOWER = 0
    PRE_CANDIDATE = 1
    CANDIDATE = 2
    LEADER = 3


class Kind(Enum):
    """What a message is."""

    APPEND = 0
    APPEND_REPLY = 1
    HEARTBEAT = 2
    HEARTBEAT_REPLY = 3
    VOTE = 4
    VOTE_REPLY = 5
    SNAPSHOT = 6


class Progress(Enum):
    """How a leader sends entries to a member: one call at a time, many, or none because it needs a snapshot."""

    PROBE = 0
    REPLICATE = 1
    SNAPSHOT = 2


@record
class Config:
    """Who is a member (section 4.1): voters, of a joint configuration also those before it (section 4.3), and learners."""

    incoming: Set[Node]
    outgoing: Set[Node]
    learners: Set[Node]
    learners_next: Set[Node]


@record
class Change:
    """A change of the members: who is to be a voter, a learner, none of them; by way of a joint configuration, or out of one."""

    voters: Set[Node]
    learners: Set[Node]
    removed: Set[Node]
    joint: bool
    leave: bool


@record
class Entry:
    """An entry of the log: a command (left out), or a change of the members."""

    term: Term
    change: Option[Change]


@record
class Message:
    """A message, with the fields of the library's; entries keep their positions, and a snapshot is all the entries that it stands for."""

    kind: Kind
    term: Term
    source: Node
    target: Node
    index: Index
    log_term: Term
    entries: Window[Index, Entry]
    commit: Index
    reject: bool
    hint: Index


@record
class Held:
    """A message that may leave when the write in that place of its sender's queue is on disk."""

    slot: Slot
    message: Message


@record
class Disk:
    """What a server must not forget in a crash, for its answers promise it, and where its log begins."""

    term: Term
    vote: Option[Node]
    log: Window[Index, Entry]
    compacted: Index


@record
class Write:
    """A write in a server's queue: what its disk holds when this write and all before it are done."""

    node: Node
    slot: Slot
    disk: Disk


@record
class KnownCommit:
    """A commit index that a server has handed over with the write in that place of its queue, or after it; it is not waited for."""

    node: Node
    slot: Slot
    commit: Index


@record
class Reached:
    """That a server has sent out messages in a term."""

    term: Term
    node: Node


@record
class ConfigAt:
    """The configuration after applying the log up to a position."""

    index: Index
    config: Config


@record
class Office:
    """That a server was elected in a term."""

    term: Term
    node: Node


@record
class Commitment:
    """That the leader of a term has committed the log up to a position."""

    term: Term
    index: Index


def empty_log() -> Seq[Index, Entry]:
    """A log without entries."""
    return Seq.empty(Index)


def nothing() -> Window[Index, Entry]:
    """No entries."""
    return empty_log().window(Index(0), Index(0))


def log_of(entries: Window[Index, Entry]) -> Seq[Index, Entry]:
    """The log that holds these entries, from the first position on."""
    return empty_log().extend(entries)


def nobody() -> Config:
    """The configuration without members."""
    return Config(Set(), Set(), Set(), Set())


class EtcdRaft(Protocol):
    """Servers elect a leader, replicate and commit as etcd's library does, and change their members and their disks."""

    default_scope = Scope(node=2, term=2, index=2, slot=2)

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
        else:
            # A call of an earlier term may be answered, to depose its sender; all else of earlier terms is ignored.
            require(True, rule="ignore stale-term messages")
            if m.kind in (Kind.APPEND, Kind.HEARTBEAT) or not in_force("ignore stale-term messages"):
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
    def restart_torn(self, n: Node, w: Write, last: Index, k: KnownCommit, c: ConfigAt) -> None:
        """Server n crashes while it writes: of the next write, some entries are on its disk, but nothing else."""
        require(w in self.writes)
        require(k in self.known_commits)
        require(c in self.configs)
        require(w.node == n)
        require(w.slot == 1)
        require(k.node == n)
        require(k.slot == 0)
        disk = self.disk[n]
        require(w.disk.compacted == disk.compacted)
        require(last < w.disk.log.last)
        require(k.commit <= last)
        # Entries are written from the first new one on, and the first one takes away those that it replaces.
        require(all(i <= last or (i <= w.disk.log.last and w.disk.log[i] != disk.log[i]) for i in disk.log.indices()))
        self.come_back(n, Disk(disk.term, disk.vote, w.disk.log, disk.compacted), k.commit, last, disk.compacted, c)

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

    def is_busy(self, n: Node) -> bool:
        """Whether server n is in the middle of something, or has made messages that it has not sent."""
        return not self.idle(n) or any(m.source == n for m in self.queued)

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

    def agreed(self, n: Node, i: Index) -> bool:
        """Whether enough voters are known to leader n to hold its log up to i."""
        return self.suffice(n, Set({p for p in Node if i <= self.match_index[n, p]}))

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

    def has_unapplied_change(self, n: Node) -> bool:
        """Whether server n knows a change to be committed and has not applied it."""
        return any(i > self.applied[n] and i <= self.commit[n] and self.log[n][i].change is not None for i in self.log[n].indices())

    def may_change(self, n: Node) -> bool:
        """Whether leader n has applied all that may be a change."""
        return self.pending_change[n] <= self.handed_out[n] and not any(
            i > self.applied[n] and i <= self.pending_change[n] and self.log[n][i].change is not None for i in self.log[n].indices()
        )

    def changed(self, config: Config, change: Change) -> Config:
        """The configuration after a change; who becomes a learner but still counts as a voter has to wait for the end of the joint one."""
        outgoing = config.incoming if change.joint else Set({n for n in config.outgoing if False})
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

    def term_at(self, n: Node, i: Index) -> Term:
        """The term of the entry at a position, 0 before the first."""
        return Term(0) if i == 0 else self.log[n][i].term

    def last_term(self, n: Node) -> Term:
        """The term of the last entry, 0 where there is none."""
        return self.term_at(n, self.log[n].last)

    def message(self, kind: Kind, t: Term, n: Node, p: Node, index: Index, log_term: Term, commit: Index) -> Message:
        """A message without entries that refuses nothing."""
        return Message(kind, t, n, p, index, log_term, nothing(), commit, False, Index(0))

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
