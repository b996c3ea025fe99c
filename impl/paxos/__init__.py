"""Single-Decree Paxos as state machines without input or output: `Proposer`, `Acceptor`, `Learner`.

Lamport, "Paxos Made Simple" (2001). The machines have no clock, no thread and no random source; what they take is injected:
`step(message)` for a message that arrived, `tick()` for time, `propose(value)` for a client. What is to be done follows from
`ready()`, and `advance()` confirms that it is done.

The caller's duties:

1. **Persist before you send.** Where `Ready.state` is not None, it is on stable storage before any of `Ready.messages` leaves.
   A promise or vote that is sent and then forgotten lets two values be chosen; so does a round that is used twice.
2. **Confirm.** Call `advance()` when state and messages of a Ready are dealt with, and only then `ready()` again. Messages may
   be lost on the way, so there is no need to know that they arrived. `step` and `tick` may be called in between.
3. **Restart from what was persisted.** After a crash, make a new machine from the last state that was persisted, or from none.
   A client that still waits proposes again.
4. **Tick.** Call a proposer's `tick()` at regular intervals. Safety does not depend on time.
5. **Deliver to each role.** A node that plays several roles gives a message to every machine that takes its kind: an Accepted
   goes to its learner and to the proposer whose ballot it is of. Whoever sends it to itself may pass it on directly.

Two machines on different nodes share nothing, and may run in parallel. Malformed messages raise MessageError and change
nothing; messages of unknown senders are ignored and counted (`ignored_messages`).
"""

from impl.paxos.acceptor import Acceptor, AcceptorState
from impl.paxos.ballot import Ballot, Proposal
from impl.paxos.config import Config
from impl.paxos.errors import ConfigError, MessageError, PaxosError, UsageError
from impl.paxos.learner import Learner
from impl.paxos.machine import Ready
from impl.paxos.messages import Accept, Accepted, Message, Nack, Prepare, Promise
from impl.paxos.proposer import Phase, Proposer, ProposerState, RandomSource
from impl.paxos.quorums import QuorumSystem, explicit, majority, weighted

__all__ = [
    "Accept",
    "Accepted",
    "Acceptor",
    "AcceptorState",
    "Ballot",
    "Config",
    "ConfigError",
    "Learner",
    "Message",
    "MessageError",
    "Nack",
    "PaxosError",
    "Phase",
    "Prepare",
    "Promise",
    "Proposal",
    "Proposer",
    "ProposerState",
    "QuorumSystem",
    "RandomSource",
    "Ready",
    "UsageError",
    "explicit",
    "majority",
    "weighted",
]
