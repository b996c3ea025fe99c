"""What etcd's servers are, say, write and remember: the sorts and records of `spec/etcd_raft.py`."""

from __future__ import annotations

from enum import Enum

from spec.language import Option, Ordered, Seq, Set, Sort, Window, record
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
