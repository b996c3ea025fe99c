"""The state of a node, and the few changes that all parts of the protocol share."""

from __future__ import annotations

from collections.abc import Callable

from impl.raft.config import Config
from impl.raft.errors import StorageError
from impl.raft.log import Log, size
from impl.raft.messages import Message
from impl.raft.progress import Progress
from impl.raft.ready import ReadState, Role, SoftState
from impl.raft.storage import HardState, Snapshot, Storage
from impl.raft.tracing import Event, Tracer

CANDIDATE = Role.CANDIDATE
FOLLOWER = Role.FOLLOWER
LEADER = Role.LEADER


class State:
    """The variables of one node; names are those of Figure 2 where it has them."""

    __slots__ = (
        "_handed_hard_state",
        "_handed_soft_state",
        "_peers",
        "_writing",
        "commit_index",
        "config",
        "current_term",
        "election_elapsed",
        "followers",
        "handed_index",
        "heartbeat_elapsed",
        "id",
        "ignored_messages",
        "leader",
        "log",
        "outbox",
        "outbox_after_write",
        "progress",
        "quorum",
        "random",
        "read_round",
        "read_round_open",
        "read_states",
        "reads",
        "refused_proposals",
        "role",
        "term_start",
        "timeout",
        "to_replicate",
        "tracer",
        "transfer_elapsed",
        "transfer_target",
        "uncommitted_bytes",
        "voted_for",
        "votes",
    )

    def __init__(self, config: Config, storage: Storage, random: Callable[[int], int], tracer: Tracer | None = None) -> None:
        self.config, self.id, self.random, self.tracer = config, config.id, random, tracer
        self.quorum = len(config.voters) // 2 + 1
        self._peers = frozenset(config.voters) - {config.id}
        # Figure 2, persistent state
        hard_state = storage.hard_state()
        self.current_term, self.voted_for = hard_state.current_term, hard_state.voted_for
        self.log = Log(storage)
        if self.log.last_term > self.current_term:
            raise StorageError(f"the log ends in term {self.log.last_term}, after current_term {self.current_term}; write the hard state first (duty 1)")
        # Figure 2, volatile state: what a snapshot covers is committed and applied
        snapshot = storage.snapshot()
        self.commit_index = snapshot.last_index if snapshot else 0
        self.handed_index = self.commit_index
        """Committed entries up to here were handed out to be applied."""
        self.role = FOLLOWER
        self.leader: int | None = None
        """The leader of current_term, where it is known."""
        self.votes: dict[int, bool] = {}
        """(Pre-)candidates: the answers so far."""
        # Volatile state on leaders
        self.progress: dict[int, Progress] = {}
        self.followers: list[Progress] = []
        self.term_start = 0
        """Index of the entry that opened the leader's term."""
        self.uncommitted_bytes = 0
        """Bytes of the commands that were not yet handed out as committed."""
        self.transfer_target: int | None = None
        """The node that is to lead instead, while leadership moves."""
        self.transfer_elapsed = 0
        self.read_round = 0
        """The latest round of calls that confirms reads."""
        self.read_round_open = False
        """No call of this round was made yet: more reads may join it."""
        self.reads: list[tuple[int, int, int, bytes]] = []
        """Reads that await confirmation: round, index, the node that asked, context; in order of rounds."""
        # Time, in ticks
        self.election_elapsed = self.heartbeat_elapsed = 0
        self.timeout = 0
        """The election timeout drawn last."""
        # What goes out with the next Ready
        self.outbox: list[Message] = []
        self.outbox_after_write: list[Message] = []
        self.read_states: list[ReadState] = []
        self.to_replicate = False
        """Something happened because of which a leader may have something to send."""
        self._handed_hard_state, self._handed_soft_state = hard_state, SoftState(FOLLOWER, None)
        self._writing: tuple[int, int, HardState, Snapshot | None] | None = None
        """Between ready and advance: last index and term of the log that the caller persists, the hard state, a snapshot."""
        # Counts for monitoring
        self.ignored_messages = 0
        """Messages from outside the cluster."""
        self.refused_proposals = 0
        """Commands that were forwarded to this node and that it could not take."""
        self.reset_election_timer()
        if tracer is not None:
            tracer(Event.START, self, None)

    def reset_election_timer(self) -> None:
        """Wait for a leader anew, for a time of 1 to 2 election timeouts (section 5.2)."""
        self.election_elapsed = 0
        self.timeout = self.config.election_ticks + self.random(self.config.election_ticks)

    def send(self, message: Message) -> None:
        """Send what need not wait for the caller's writes."""
        self.outbox.append(message)

    def send_after_write(self, message: Message) -> None:
        """Send what says that something is persisted, once it is."""
        self.outbox_after_write.append(message)

    def take_role(self, role: Role, leader: int | None) -> None:
        """Take on a role in the current term, with nothing left from the role before."""
        self.role, self.leader = role, leader
        self.votes = {}
        self.progress, self.followers, self.to_replicate = {}, [], False
        self.transfer_target = None
        self.reads, self.read_round_open = [], False
        self.uncommitted_bytes = 0
        self.heartbeat_elapsed = 0
        self.reset_election_timer()

    def begin_term(self, term: int) -> None:
        """Enter a later term, in which no vote is cast yet."""
        self.current_term, self.voted_for = term, None

    def become_follower(self, term: int, leader: int | None) -> None:
        """Follow a leader of this term or a later one, or nobody yet."""
        if term > self.current_term:
            self.begin_term(term)
        self.take_role(FOLLOWER, leader)

    def commit_to(self, index: int) -> None:
        """Entries up to an index are committed; commit_index never falls."""
        self.commit_index = max(self.commit_index, index)

    def append(self, commands: list[bytes]) -> None:
        """A leader's own new entries."""
        self.log.append(self.current_term, commands)
        self.uncommitted_bytes += size(commands)
        self.to_replicate = True
