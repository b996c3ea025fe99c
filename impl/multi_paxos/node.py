"""A node of a Multi-Paxos cluster: acceptor and learner of all slots, and at times their proposer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from impl.multi_paxos.config import Config
from impl.multi_paxos.errors import NotLeader, ProposalRefused
from impl.multi_paxos.leadership import Candidacy, Leadership
from impl.multi_paxos.log import Commands, Log, Run
from impl.multi_paxos.messages import Accept, Accepted, Behind, Commit, Message, Nack, Prepare, Promise, Propose, VotedUpTo, WhatWasVoted, check, commands_fault
from impl.multi_paxos.reads import QuorumReads
from impl.multi_paxos.ready import MemoryStorage, Outbox, Ready, Role
from impl.multi_paxos.tally import Tally
from impl.paxos.ballot import Ballot, next_ballot
from impl.paxos.errors import ConfigError, MessageError, UsageError

_MOST_COMMITTED = 4096
"""Commands in one Ready: the work of a call stays bounded."""


class Node:
    """One node, without clock, thread, network or disk: see the package's docstring for the caller's duties.

    Args:
        config: its settings.
        random: an integer from 0 up to, not including, its argument (`random.Random(seed).randrange`).
        storage: what it has persisted before; nothing, the first time.
        applied: the last slot that its state machine has applied.

    Raises:
        ConfigError: no node can have persisted what the storage holds.
    """

    def __init__(self, config: Config, random: Callable[[int], int], storage: MemoryStorage | None = None, applied: int = 0) -> None:
        storage = storage or MemoryStorage()
        self.config = config
        self.max_bal = storage.max_bal
        """The highest ballot that it has taken part in, for all slots."""
        self.leader: int | None = None
        """Who leads, as far as this node knows."""
        self.ignored_messages = 0
        """Messages ignored, because their senders are unknown."""
        self.refused_proposals = 0
        """Commands that were forwarded to this node and that it could not take."""
        self._log: Log = storage.log.copy()
        self._random, self._tally = random, Tally(config)
        self._peers = frozenset(config.members) - {config.id}
        self._voted_in = _restored(storage, applied)
        self._highest_seen: Ballot | None = None
        self._candidacy: Candidacy | None = None
        self._leadership: Leadership | None = None
        self._following: Ballot | None = None
        self._reads = QuorumReads(config, self._tally)
        self._out = Outbox()
        self._handed_over: Ready | None = None
        self._handed_max_bal, self._handed_commit, self._handed_index = self.max_bal, self.commit_index, applied
        self._wait_for_leader()

    # --- What it is

    @property
    def role(self) -> Role:
        """What the node is, besides an acceptor and a learner."""
        if self._leadership is not None:
            return Role.LEADER
        return Role.FOLLOWER if self._candidacy is None else Role.CANDIDATE

    @property
    def commit_index(self) -> int:
        """Every slot up to this one is known to be chosen."""
        return self._log.commit_index

    # --- What may happen to it

    def tick(self) -> None:
        """A unit of time has passed."""
        self._reads.tick()
        if self._leadership is not None:
            self._leadership.tick(self._out)
            return
        self._elapsed += 1
        if self._elapsed >= self._timeout:
            self._stand()

    def step(self, message: Message) -> None:
        """A message arrived.

        Raises:
            MessageError: no correct node sends this message to this one; the node's state is unchanged.
        """
        check(message)
        if message.sender not in self._peers:
            self.ignored_messages += 1
            return
        if message.receiver != self.config.id:
            raise MessageError(type(message).__name__, "receiver", f"is {message.receiver}, but this is node {self.config.id}")
        _HANDLERS[type(message)](self, message)

    def propose(self, command: bytes) -> int | None:
        """Take a client's command; its slot where this node leads, None where it was passed on to the leader.

        It is chosen when a Ready hands it out; with a change of leader it may be lost, or take effect although nobody tells.

        Raises:
            ProposalRefused: NotLeader or Overloaded.
            UsageError: the command is empty or not bytes.
        """
        return self.propose_batch([command])

    def propose_batch(self, commands: list[bytes]) -> int | None:
        """Take commands in order, all or none; the slot of the last one, or None where they were passed on.

        Raises:
            ProposalRefused: NotLeader or Overloaded.
            UsageError: a command is empty or not bytes, or there is none.
        """
        if fault := commands_fault(commands):
            raise UsageError(f"commands: {fault} (an empty command is a no-op)")
        if self._leadership is not None:
            return self._leadership.take(commands)
        if self.leader is None or self._following is None or not self.config.forward_proposals:
            raise NotLeader(self.leader)
        self._out.messages.append(Propose(self._following, self.config.id, self.leader, list(commands)))
        return None

    def read(self, context: bytes) -> None:
        """A client reads, at any node: some Ready will tell from which slot on the state machine may answer (duty 9).

        Raises:
            UsageError: the context is not bytes.
        """
        if type(context) is not bytes:
            raise UsageError(f"context: {type(context).__name__} is not bytes; encode it")
        self._reads.begin(context, self._log.last_slot, self._out)

    # --- What it asks of its caller

    def has_ready(self) -> bool:
        """Whether a Ready would hold any work; False between ready and advance."""
        if self._handed_over is not None:
            return False
        out, leads, commit = self._out, self._leadership, self._log.commit_index
        return bool(
            out.messages_after_write
            or out.messages
            or out.read_states
            or commit > self._handed_index
            or commit > self._handed_commit
            or self.max_bal != self._handed_max_bal
            or (leads is not None and (leads.queue or leads.told_commit < commit))
        )

    def ready(self) -> Ready:
        """The work that has come up; UsageError where `advance` has not confirmed the previous Ready."""
        if self._handed_over is not None:
            raise UsageError("ready: the previous Ready is not confirmed; call advance() when its duties are done")
        leads, out, commit = self._leadership, self._out, self._log.commit_index
        if leads is not None:
            if leads.queue:
                leads.propose(out)
            if leads.told_commit < commit:
                leads.tell_commit(out)
        self._handed_over = Ready(
            self.max_bal if self.max_bal != self._handed_max_bal else None,
            out.votes,
            commit if commit != self._handed_commit else None,
            out.messages,
            out.messages_after_write,
            self._to_apply(),
            out.read_states,
        )
        self._out, self._handed_max_bal, self._handed_commit = Outbox(), self.max_bal, commit
        return self._handed_over

    def advance(self) -> None:
        """Confirm that all of the last Ready is persisted and sent; UsageError where there is none."""
        done = self._handed_over
        if done is None:
            raise UsageError("advance: there is no Ready to confirm; call ready() first")
        self._handed_over = None
        # The node's own promise and votes count like any other's: once they are written.
        if self._leadership is not None:
            for run in done.votes:
                if run.ballot == self._leadership.ballot:
                    self._leadership.count(self.config.id, run.first_slot, run.last_slot)
        elif self._candidacy is not None and done.max_bal == self._candidacy.ballot:
            self._promised(self.config.id, self._log.votes_from(self._candidacy.first_slot))

    def _to_apply(self) -> Commands | None:
        if self._log.commit_index == self._handed_index:
            return None
        first, last = self._handed_index + 1, min(self.commit_index, self._handed_index + _MOST_COMMITTED)
        self._handed_index = last
        return Commands(first, self._log.commands(first, last))

    # --- Acceptor

    def _prepare(self, m: Prepare) -> None:
        """Phase 1b: promise for all slots; a repeated request gets the same promise again, for the first may have been lost."""
        if self._refuses(m):
            return
        if m.ballot == self._voted_in:
            return  # its leader has gone on to phase 2, and a promise made now would report what the first did not
        if m.ballot != self.max_bal:
            self.max_bal = m.ballot
            self._wait_for_leader()
        self._out.messages_after_write.append(Promise(m.ballot, self.config.id, m.sender, m.first_slot, self._log.votes_from(m.first_slot)))

    def _accept(self, m: Accept) -> None:
        """Phase 2b: vote in all slots of a run."""
        if self._refuses(m):
            return
        self._follow(m)
        if m.first_slot - 1 - self._log.last_slot > self.config.max_open_slots:
            return  # too much is missing before it: ask for that first, when the leader tells of it
        if self.max_bal is None or m.ballot > self.max_bal:
            self.max_bal = m.ballot
        run = Run(self.max_bal, m.first_slot, m.commands)  # the ballot as an object that its votes share
        self._voted_in = run.ballot
        self._log.vote(run)
        self._out.votes.append(run)
        self._log.commit_voted_in(run.ballot, m.commit_index)
        self._out.messages_after_write.append(Accepted(run.ballot, self.config.id, m.sender, run.first_slot, run.last_slot, self.commit_index))

    def _refuses(self, m: Prepare | Accept | Commit) -> bool:
        """Whether a promise forbids to take part in a message's ballot; then its sender is told."""
        if self.max_bal is None or m.ballot >= self.max_bal:
            return False
        self._out.messages.append(Nack(m.ballot, self.config.id, m.sender, self.max_bal))
        return True

    # --- Learner

    def _commit(self, m: Commit) -> None:
        """A leader tells how far the log is chosen; ask for what is missing."""
        if self._refuses(m):
            return
        self._follow(m)
        self._log.commit_voted_in(m.ballot, m.commit_index)
        if self.commit_index < m.commit_index:
            self._out.messages.append(Behind(m.ballot, self.config.id, m.sender, self.commit_index))

    def _what_was_voted(self, m: WhatWasVoted) -> None:
        """A vote that is not written yet may be told of: that can only make the reader wait."""
        self._out.messages.append(VotedUpTo(self.config.id, m.sender, m.context, self._log.last_slot))

    def _voted_up_to(self, m: VotedUpTo) -> None:
        self._reads.answered(m, self._out)

    # --- Proposer

    def _stand(self) -> None:
        """Phase 1a: stand for election, or ask again whoever has not answered where nobody is known to be ahead."""
        candidacy = self._candidacy
        if candidacy is None:
            self.max_bal = next_ballot(self.config.id, self.max_bal, self._highest_seen)
            self._wait_for_leader()
            candidacy = self._candidacy = Candidacy(self.max_bal, self.commit_index + 1, self._tally)
        else:
            self._restart_timer()
        self._out.messages_after_write += [
            Prepare(candidacy.ballot, self.config.id, peer, candidacy.first_slot)
            for peer in self.config.members
            if peer != self.config.id and not candidacy.promised & self._tally.bit[peer]
        ]

    def _promise(self, m: Promise) -> None:
        if self._candidacy is None or m.ballot != self._candidacy.ballot:
            return
        if m.first_slot != self._candidacy.first_slot:
            raise MessageError("Promise", "first_slot", f"is {m.first_slot}, but the promise was asked for from {self._candidacy.first_slot} on")
        slot = m.first_slot
        for vote in m.votes:
            if vote.slot - slot > self.config.max_open_slots + 1:
                raise MessageError("Promise", "votes", f"slot {vote.slot} after {slot}: no gap exceeds max_open_slots, {self.config.max_open_slots}")
            slot = vote.slot
        self._promised(m.sender, m.votes)

    def _promised(self, acceptor: int, votes: list[Any]) -> None:
        assert self._candidacy is not None, "only a candidate counts promises"
        if self._candidacy.promise(acceptor, votes):
            self._leadership = Leadership(self.config, self._candidacy, self._log, self._tally)
            self._voted_in, self._candidacy, self.leader = self._leadership.ballot, None, self.config.id
            self._leadership.tell_commit(self._out)

    def _accepted(self, m: Accepted) -> None:
        if self._leadership is not None and m.ballot == self._leadership.ballot:
            self._leadership.accepted(m, self._out)

    def _behind(self, m: Behind) -> None:
        if self._leadership is not None and m.ballot == self._leadership.ballot:
            self._leadership.behind(m.sender, m.commit_index, self._out)

    def _nack(self, m: Nack) -> None:
        """Another node is ahead: leave the lead to it, for a while chosen by chance, or both could outbid each other for ever."""
        ours = self._leadership or self._candidacy
        if ours is not None and m.ballot == ours.ballot:
            self._highest_seen = m.promised if self._highest_seen is None else max(self._highest_seen, m.promised)
            self._wait_for_leader()

    def _take_over(self, m: Propose) -> None:
        """A follower passed commands on; those that cannot be taken are lost on the way, as any message may be."""
        try:
            if self._leadership is None:
                raise NotLeader(self.leader)
            self._leadership.take(m.commands)
        except ProposalRefused:
            self.refused_proposals += len(m.commands)

    # --- Follower

    def _follow(self, m: Accept | Commit) -> None:
        """A message from the leader of a ballot that no promise forbids."""
        if self._leadership is not None or self._candidacy is not None:
            self._wait_for_leader()
        self.leader, self._following, self._elapsed = m.sender, m.ballot, 0

    def _wait_for_leader(self) -> None:
        """Lead no ballot and follow nobody, for a time chosen by chance."""
        self._leadership = self._candidacy = self.leader = None
        self._following = None
        self._restart_timer()

    def _restart_timer(self) -> None:
        self._elapsed = 0
        self._timeout = self.config.election_ticks + self._random(self.config.election_ticks)


def _restored(storage: MemoryStorage, applied: int) -> Ballot | None:
    """The highest ballot that a stored log has votes in; ConfigError where no node can have stored it."""
    log, voted_in = storage.log, storage.log.highest_ballot()
    if voted_in is not None and (storage.max_bal is None or storage.max_bal < voted_in):
        raise ConfigError(f"storage: a vote in {voted_in} is above the highest ballot taken part in, {storage.max_bal}")
    if not log.is_whole(log.commit_index):
        raise ConfigError(f"storage: not every slot up to commit_index, {log.commit_index}, has a vote")
    if not 0 <= applied <= log.commit_index:
        raise ConfigError(f"applied: {applied} is not in 0..{log.commit_index}, the stored commit_index")
    return voted_in


_HANDLERS: dict[type, Callable[[Node, Any], None]] = {
    Prepare: Node._prepare,
    Promise: Node._promise,
    Accept: Node._accept,
    Accepted: Node._accepted,
    Nack: Node._nack,
    Commit: Node._commit,
    Behind: Node._behind,
    Propose: Node._take_over,
    WhatWasVoted: Node._what_was_voted,
    VotedUpTo: Node._voted_up_to,
}
