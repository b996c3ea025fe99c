"""A Raft node: the calls of its caller, and where each message goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impl.raft import election, reads, replication, transfer
from impl.raft.errors import LeadershipMoves, MessageError, NotLeader, Overloaded, ProposalRefused, UsageError
from impl.raft.log import size
from impl.raft.messages import (
    AppendEntries,
    AppendReply,
    InstallSnapshot,
    Message,
    Proposal,
    ReadReply,
    ReadRequest,
    RequestVote,
    TimeoutNow,
    VoteReply,
    check_any,
    check_append_entries,
    check_append_reply,
)
from impl.raft.ready import Ready, SoftState
from impl.raft.state import CANDIDATE, LEADER, State
from impl.raft.storage import HardState
from impl.raft.tracing import Event


class Raft(State):
    """One node of a cluster, without clock, thread, network or disk: see the package's docstring for the caller's duties.

    Args:
        config: its settings.
        storage: what it has persisted before; nothing, the first time.
        random: an integer from 0 up to, not including, its argument (`random.Random(seed).randrange`).
        tracer: called with every event.

    Raises:
        StorageError: what was persisted does not fit together.
    """

    __slots__ = ()

    # --- What may happen to a node

    def tick(self) -> None:
        """A unit of time has passed.

        Raises:
            TermsExhausted: an election is due, and there is no later term.
        """
        self.election_elapsed += 1
        if self.role is LEADER:
            self._leader_tick()
        elif self.election_elapsed >= self.timeout:
            election.stand(self)
        if self.tracer is not None:
            self.tracer(Event.DONE, self, None)

    def step(self, message: Message) -> None:
        """A message arrived.

        Raises:
            MessageError: no correct node sends this message to this one; the node's state is unchanged.
        """
        kind = type(message)
        check, refuse, handle = _KINDS.get(kind, _UNKNOWN)
        check(message)
        if message.sender not in self._peers:
            self.ignored_messages += 1
            return
        if message.receiver != self.id:
            raise MessageError(kind.__name__, "receiver", f"{message.receiver}, but this is node {self.id}")
        if refuse is not None:
            refuse(self, message)
        if self.tracer is not None:
            self.tracer(Event.RECEIVE, self, message)
        if message.term <= self.current_term or self._meet_later_term(message):
            handle(self, message)
        if self.tracer is not None:
            self.tracer(Event.DONE, self, None)

    def propose(self, command: bytes) -> int | None:
        """Take a client's command; its index where this node leads, None where it was passed on to the leader.

        It is committed when a Ready hands out this index with this term; it may be lost with a change of leader.

        Raises:
            ProposalRefused: NotLeader, Overloaded or LeadershipMoves.
            UsageError: the command is empty or not bytes.
        """
        return self.propose_batch([command])

    def propose_batch(self, commands: list[bytes]) -> int | None:
        """Take commands in order, all or none; the index of the last one, or None where they were passed on.

        Raises:
            ProposalRefused: NotLeader, Overloaded or LeadershipMoves.
            UsageError: a command is empty or not bytes, or there is none.
        """
        if not commands or not all(commands) or {*map(type, commands)} != {bytes}:
            raise UsageError("commands: at least one is needed, each bytes and not empty (an empty command opens a term)")
        if self.role is LEADER:
            self._take(commands)
            if self.tracer is not None:
                self.tracer(Event.DONE, self, None)
            return self.log.last_index
        if self.leader is None or not self.config.forward_proposals:
            raise NotLeader(self.leader)
        self.send(Proposal(self.current_term, self.id, self.leader, list(commands)))
        return None

    def read(self, context: bytes) -> None:
        """A client reads: some Ready will tell from which index on the state machine may answer (duty 6).

        Raises:
            NotLeader: no leader is known.
            UsageError: the context is not bytes.
        """
        if type(context) is not bytes:
            raise UsageError(f"context: {type(context).__name__} is not bytes; encode it")
        reads.request_read(self, context)

    def transfer_leadership(self, target: int) -> None:
        """Hand leadership over to a follower; the SoftState shows when it has happened.

        Raises:
            NotLeader: this node does not lead.
            UsageError: the target is no follower.
        """
        transfer.transfer_leadership(self, target)

    def report_snapshot(self, follower: int, delivered: bool) -> None:
        """The transfer of a snapshot has ended (duty 8)."""
        replication.snapshot_reported(self, follower, delivered)

    # --- What it asks of its caller

    def has_ready(self) -> bool:
        """Whether a Ready would hold any work; False between ready and advance."""
        if self._writing is not None:
            return False
        return bool(
            self.to_replicate
            or self.outbox
            or self.outbox_after_write
            or self.commit_index > self.handed_index
            or self.log.stable_index < self.log.last_index
            or self.log.snapshot is not None
            or self.read_states
            or self._hard_state_changed()
            or self._soft_state_changed()
        )

    def ready(self) -> Ready:
        """All work that has come up since the last Ready.

        Raises:
            UsageError: the work before was not ended with advance.
        """
        if self._writing is not None:
            raise UsageError("ready: the last Ready is not done; call advance first")
        if self.to_replicate:
            replication.replicate(self)
        log = self.log
        hard_state = soft_state = None
        if self.current_term != self._handed_hard_state.current_term or self.voted_for != self._handed_hard_state.voted_for:
            self._handed_hard_state = hard_state = HardState(self.current_term, self.voted_for)
        if self.role is not self._handed_soft_state.role or self.leader != self._handed_soft_state.leader:
            self._handed_soft_state = soft_state = SoftState(self.role, self.leader)
        committed = None
        if self.commit_index > self.handed_index:
            committed = log.entries(self.handed_index + 1, self.commit_index, self.config.max_batch_bytes)
            self.handed_index += len(committed.terms)
            if self.role is LEADER:
                self.uncommitted_bytes -= size(committed.commands)
        ready = Ready(soft_state, hard_state, log.snapshot, log.unstable(), self.outbox, self.outbox_after_write, committed, self.read_states)
        self.outbox, self.outbox_after_write = [], []
        if self.read_states:
            self.read_states = []
        self._writing = (log.last_index, log.last_term, self._handed_hard_state, log.snapshot)
        if self.tracer is not None:
            self.tracer(Event.READY, self, ready)
        return ready

    def advance(self) -> None:
        """Hard state, snapshot and entries of the last Ready are persisted, and its committed entries are applied or on their way.

        Raises:
            UsageError: there was no Ready.
        """
        if self._writing is None:
            raise UsageError("advance: there is no Ready to end; call ready first")
        if self.tracer is not None:
            self.tracer(Event.PERSISTED, self, None)
        index, term, hard_state, snapshot = self._writing
        self._writing = None
        log = self.log
        if snapshot is not None and log.snapshot is snapshot:
            log.snapshot = None
        if index >= log.offset:
            log.persisted(index, term)
            if self.role is LEADER:
                replication.advance_commit(self)
        if self.role is CANDIDATE and hard_state.current_term == self.current_term and self.id not in self.votes:
            election.count_vote(self, self.id, granted=True)
        if self.tracer is not None:
            self.tracer(Event.DONE, self, None)

    # --- Parts of the calls

    def _hard_state_changed(self) -> bool:
        handed = self._handed_hard_state
        return self.current_term != handed.current_term or self.voted_for != handed.voted_for

    def _soft_state_changed(self) -> bool:
        handed = self._handed_soft_state
        return self.role is not handed.role or self.leader != handed.leader

    def _leader_tick(self) -> None:
        transfer.transfer_tick(self)
        if self.election_elapsed >= self.config.election_ticks:
            self.election_elapsed = 0
            if self.config.check_quorum and 1 + sum(p.active for p in self.followers) < self.quorum:
                self.become_follower(self.current_term, None)
                return
            for p in self.followers:
                p.active = False
        self.heartbeat_elapsed += 1
        if self.heartbeat_elapsed >= self.config.heartbeat_ticks:
            self.heartbeat_elapsed = 0
            replication.call_followers(self)

    def _meet_later_term(self, m: Message) -> bool:
        """Follow into a message's later term (Figure 2, All Servers); whether the message is to be handled at all."""
        if type(m) is RequestVote:
            if election.sticks_to_leader(self, m):
                return False
            if m.pre_vote:
                return True
        if type(m) is VoteReply and m.pre_vote and m.vote_granted:
            return True
        self.become_follower(m.term, m.sender if type(m) in (AppendEntries, InstallSnapshot) else None)
        return True

    def _take(self, commands: list[bytes]) -> None:
        if self.transfer_target is not None:
            raise LeadershipMoves(self.transfer_target)
        uncommitted = self.uncommitted_bytes
        if uncommitted and uncommitted + size(commands) > self.config.max_uncommitted_bytes:
            raise Overloaded(uncommitted, self.config.max_uncommitted_bytes)
        self.append(commands)

    def _handle_proposal(self, m: Proposal) -> None:
        """A follower passed commands on; those that cannot be taken are lost on the way, as any message may be."""
        try:
            if self.role is not LEADER:
                raise NotLeader(self.leader)
            self._take(m.commands)
        except ProposalRefused:
            self.refused_proposals += len(m.commands)


# How a message is checked by itself and against the node's state, before anything is done about it; and how it is handled.
_Checks = tuple[Callable[[Any], None], Callable[[Raft, Any], None] | None, Callable[[Raft, Any], None]]
_KINDS: dict[type[Message], _Checks] = {
    RequestVote: (check_any, None, election.handle_request_vote),
    VoteReply: (check_any, None, election.handle_vote_reply),
    AppendEntries: (check_append_entries, replication.refuse_contradiction, replication.handle_append_entries),
    AppendReply: (check_append_reply, replication.refuse_what_was_not_sent, replication.handle_append_reply),
    InstallSnapshot: (check_any, replication.refuse_contradiction, replication.handle_install_snapshot),
    Proposal: (check_any, None, Raft._handle_proposal),
    ReadRequest: (check_any, None, reads.handle_read_request),
    ReadReply: (check_any, None, reads.handle_read_reply),
    TimeoutNow: (check_any, None, election.handle_timeout_now),
}
_UNKNOWN: _Checks = (check_any, None, Raft._handle_proposal)
