"""A replicated log by Multi-Paxos, as state machines without input or output: one `Node` for each member of the cluster.

Lamport, "Paxos Made Simple" (2001), section 3. Each slot of the log is an instance of Single-Decree Paxos, and a ballot holds for all of
them: a leader goes through phase 1 once, for all open slots together; then a command takes one round trip. Slots are proposed
without waiting for earlier ones (pipelined), and consecutive ones in one message (batched). A new leader proposes again what may
have been chosen, and no-ops in the gaps between. A follower that has fallen behind votes for chosen commands in the ballot of the
present leader: there is no second way to learn them.

Whatever happens to a node is a call: `tick`, `step`, `propose`, `propose_batch`, `read`. Whatever it asks of its caller is in the `Ready` that
`ready` hands out, and `advance` ends:

    while True:
        ...                                   # ticks, messages, proposals
        while node.has_ready():
            ready = node.ready()
            transport.send(ready.messages)
            storage.write(ready)              # max_bal, then votes, then commit_index
            disk.sync()
            transport.send(ready.messages_after_write)
            if ready.committed: machine.apply(ready.committed)
            node.advance()

The caller's duties:

1.  **Persist in order**: `max_bal`, then `votes`, then `commit_index`. A crash may leave a beginning of this sequence: a commit
    index without its votes, or a vote without its ballot, would be a state that no node can be in.
2.  **Persist before you send** `messages_after_write`: they are requests for promises, promises and votes. `commit_index` need not be
    synced, for a node that forgets how much is chosen is told again.
3.  **`messages` may leave at once**, in parallel with the write. A leader's own promise and votes count from `advance` on.
4.  **Apply in order, each once**: `committed` goes to the state machine; empty commands change nothing.
5.  **One Ready at a time.** Call `advance` once the write is done, and before the next `ready`. In between, ticks, messages
    and proposals may come in. One thread at a time calls a node.
6.  **The network may do anything** but change a message: lose, delay, reorder, duplicate. A forwarded proposal that is duplicated is
    proposed twice; clients that mind number their commands. Messages are values: change none, nor their lists.
7.  **Tick** at regular intervals; an election takes 1 to 2 times `election_ticks` of them. Safety does not depend on time.
8.  **Restart** a node that crashed from its storage, and say how much its state machine has applied.
9.  **Reads.** Answer a read of `read_states` from the state machine once it has applied `read_index`. A read that is not heard of
    for an election timeout is asked for again. Contexts tell reads apart, those before a restart included, so each is used once.

Malformed messages raise MessageError and change nothing; messages of unknown senders are ignored and counted (`ignored_messages`).
The log is kept whole: there is no compaction.
"""

from impl.multi_paxos.config import Config
from impl.multi_paxos.errors import NotLeader, Overloaded, ProposalRefused
from impl.multi_paxos.log import NOOP, Commands, Log, Run, Vote
from impl.multi_paxos.messages import Accept, Accepted, Behind, Commit, Message, Nack, Prepare, Promise, Propose, VotedUpTo, WhatWasVoted
from impl.multi_paxos.node import Node
from impl.multi_paxos.ready import MemoryStorage, ReadState, Ready, Role
from impl.paxos.ballot import Ballot
from impl.paxos.errors import ConfigError, MessageError, PaxosError, UsageError
from impl.paxos.quorums import QuorumSystem, explicit, majority, weighted

__all__ = [
    "NOOP",
    "Accept",
    "Accepted",
    "Ballot",
    "Behind",
    "Commands",
    "Commit",
    "Config",
    "ConfigError",
    "Log",
    "MemoryStorage",
    "Message",
    "MessageError",
    "Nack",
    "Node",
    "NotLeader",
    "Overloaded",
    "PaxosError",
    "Prepare",
    "Promise",
    "ProposalRefused",
    "Propose",
    "QuorumSystem",
    "ReadState",
    "Ready",
    "Role",
    "Run",
    "UsageError",
    "Vote",
    "VotedUpTo",
    "WhatWasVoted",
    "explicit",
    "majority",
    "weighted",
]
