"""Raft as a deterministic state machine, without input or output: leader election, replication, snapshots, reads, transfer.

Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm (Extended Version)" (2014), and Ongaro's
dissertation "Consensus: Bridging Theory and Practice" (2014). Whatever happens to a node is a call: `tick`, `step`,
`propose`, `propose_batch`, `read`, `transfer_leadership`, `report_snapshot`. Whatever it asks of its caller is in the `Ready` that
`ready` hands out, and `advance` ends:

    while True:
        ...                                   # ticks, messages, proposals
        while node.has_ready():
            ready = node.ready()
            transport.send(ready.messages)
            if ready.hard_state: storage.set_hard_state(ready.hard_state)
            if ready.snapshot: storage.restore(ready.snapshot)
            if ready.entries: storage.append(ready.entries)
            disk.sync()
            transport.send(ready.messages_after_write)
            if ready.snapshot: machine.restore(ready.snapshot.data)
            if ready.committed: machine.apply(ready.committed)
            node.advance()

The caller's duties:

1.  **Persist, in order.** Write the hard state, then the snapshot, then the entries, such that a crash leaves a beginning of these
    writes. What is left of them is harmless; entries of a term that the hard state has not reached are not (the node might begin
    that term again), and no node is made from such a storage.
2.  **Send after the write what says that it is written.** `messages_after_write` leave only once all that the same Ready
    has to persist is persisted: they are votes, requests for votes and acknowledgements. `messages` may leave at once, in parallel with
    the write: a leader's own disk counts as one of the majority only from `advance` on (dissertation, section 10.2.1).
3.  **Apply in order, each once.** Apply `committed` to the state machine after restoring `snapshot` and after the write. Entries
    with an empty command open a term: they change nothing. What is applied may lag behind; it never runs ahead of what was handed out.
4.  **One Ready at a time.** Call `advance` once the write is done and before the next `ready`. In between, ticks, messages
    and proposals may come in. One thread at a time calls a node.
5.  **The network may do anything** but change a message: lose, delay, reorder, duplicate. Messages are values; change none.
6.  **Reads.** Answer a read of `read_states` from the state machine once it has applied `read_index`. A read that is not heard of
    for an election timeout is asked for again: a change of leader loses it. Contexts tell reads apart, so each is used once.
7.  **Compaction.** Replace the log up to an *applied* entry by a snapshot of the state machine after that entry, in storage,
    at any time but between `ready` and `advance`.
8.  **Snapshots under way.** Tell a leader by `report_snapshot` how the transfer of an InstallSnapshot ended, one way or the other; it
    sends no second one to that follower before.
9.  **Time.** Call `tick` at regular intervals; an election takes 1 to 2 times `election_ticks` of them.
10. **Restart.** Make a node that crashed again from its storage, with an empty state machine or the storage's snapshot. It forgets what
    was committed and is told again.
"""

from impl.raft.config import Config
from impl.raft.core import Raft
from impl.raft.entries import Entries, Entry
from impl.raft.errors import (
    ConfigError,
    LeadershipMoves,
    MessageError,
    NotLeader,
    Overloaded,
    ProposalRefused,
    RaftError,
    StorageError,
    TermsExhausted,
    UsageError,
)
from impl.raft.ready import ReadState, Ready, Role, SoftState
from impl.raft.storage import HardState, MemoryStorage, Snapshot, Storage
from impl.raft.trace_lines import TraceLines
from impl.raft.tracing import Event, Tracer

__all__ = [
    "Config",
    "ConfigError",
    "Entries",
    "Entry",
    "Event",
    "HardState",
    "LeadershipMoves",
    "MemoryStorage",
    "MessageError",
    "NotLeader",
    "Overloaded",
    "ProposalRefused",
    "Raft",
    "RaftError",
    "ReadState",
    "Ready",
    "Role",
    "Snapshot",
    "SoftState",
    "Storage",
    "StorageError",
    "TermsExhausted",
    "TraceLines",
    "Tracer",
    "UsageError",
]
