"""The two phases of a ballot that this node leads, for all slots at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from impl.multi_paxos.config import Config
from impl.multi_paxos.errors import Overloaded
from impl.multi_paxos.log import NOOP, Log, Run, Vote
from impl.multi_paxos.messages import Accept, Accepted, Commit
from impl.multi_paxos.ready import Outbox
from impl.multi_paxos.tally import Tally
from impl.paxos.ballot import Ballot


class Candidacy:
    """Phase 1: promises, and the highest vote reported in each slot from `first_slot` on."""

    def __init__(self, ballot: Ballot, first_slot: int, tally: Tally) -> None:
        self.ballot, self.first_slot = ballot, first_slot
        self.promised = 0
        """Who has promised, as a mask."""
        self._highest: dict[int, Vote] = {}
        self._tally = tally

    def promise(self, acceptor: int, votes: list[Vote]) -> bool:
        """Take a promise; whether a quorum has promised."""
        self.promised |= self._tally.bit[acceptor]
        for vote in votes:
            other = self._highest.get(vote.slot)
            if other is None or vote.ballot > other.ballot:
                self._highest[vote.slot] = vote
        return self._tally.is_quorum(self.promised)

    def open_commands(self) -> list[bytes]:
        """What must be proposed in the slots from `first_slot` on: the highest votes reported, and no-ops in the gaps between them."""
        last = max(self._highest, default=self.first_slot - 1)
        return [self._highest[s].command if s in self._highest else NOOP for s in range(self.first_slot, last + 1)]


class Pending:
    """A run that is proposed and not known to be chosen."""

    __slots__ = ("run", "sent_at", "voters")

    def __init__(self, run: Run, sent_at: int) -> None:
        self.run, self.sent_at = run, sent_at
        self.voters = 0
        """Who has voted for it, as a mask."""


class Leadership:
    """Phase 2: runs of slots are proposed without waiting for earlier ones, and counted run by run."""

    def __init__(self, config: Config, candidacy: Candidacy, log: Log, tally: Tally) -> None:
        self.ballot = candidacy.ballot
        self.queue = candidacy.open_commands()
        """Commands that have a slot and are proposed with the next Ready."""
        self.told_commit = 0
        """The commit index that followers know, if all arrives."""
        self._config, self._log, self._tally = config, log, tally
        self._peers = [m for m in config.members if m != config.id]
        self._next_slot = candidacy.first_slot
        self._pending: dict[int, Pending] = {}
        self._caught_up_at: dict[int, int] = {}
        self._now = 0

    def take(self, commands: list[bytes]) -> int:
        """Queue commands; the slot of the last one. Overloaded where too many slots are open."""
        open_slots = self._next_slot - 1 + len(self.queue) - self._log.commit_index
        if open_slots + len(commands) > self._config.max_open_slots:
            raise Overloaded(open_slots, self._config.max_open_slots)
        self.queue += commands
        return self._next_slot - 1 + len(self.queue)

    def propose(self, out: Outbox) -> None:
        """Phase 2a for what is queued; the leader's own vote counts once it is written."""
        for commands in in_batches(self.queue, self._config.max_batch_bytes):
            run = Run(self.ballot, self._next_slot, commands)
            self._next_slot += len(commands)
            self._log.vote(run)
            out.votes.append(run)
            self._pending[run.first_slot] = Pending(run, self._now)
            for peer in self._peers:
                self._send(peer, run, out)
            self.told_commit = self._log.commit_index
        self.queue = []

    def count(self, acceptor: int, first_slot: int, last_slot: int) -> bool:
        """Count an acceptor's votes in a run; whether the run was pending."""
        pending = self._pending.get(first_slot)
        if pending is None or pending.run.last_slot != last_slot:
            return False
        pending.voters |= self._tally.bit[acceptor]
        commit, is_quorum = self._log.commit_index, self._tally.is_quorum
        # Runs are chosen in any order; the log is committed in the order of its slots.
        while (head := self._pending.get(commit + 1)) is not None and is_quorum(head.voters):
            del self._pending[commit + 1]
            commit = head.run.last_slot
        self._log.commit_index = commit
        return True

    def accepted(self, m: Accepted, out: Outbox) -> None:
        """Phase 2b: count votes, or go on with a follower that is catching up."""
        if not self.count(m.sender, m.first_slot, m.last_slot) and m.last_slot == m.commit_index:
            self._catch_up(m.sender, m.commit_index, out)

    def behind(self, follower: int, commit_index: int, out: Outbox) -> None:
        """A follower asks for what it lacks: once in a heartbeat interval is enough, for it goes on by itself."""
        last = self._caught_up_at.get(follower)
        if last is None or self._now - last >= self._config.heartbeat_ticks:
            self._catch_up(follower, commit_index, out)

    def tick(self, out: Outbox) -> None:
        """A unit of time has passed; at each heartbeat, show up, and repeat what a quorum has not answered since the last one."""
        self._now += 1
        if self._now % self._config.heartbeat_ticks:
            return
        self.tell_commit(out)
        for pending in self._pending.values():
            if self._now - pending.sent_at >= self._config.heartbeat_ticks:
                pending.sent_at = self._now
                for peer in self._peers:
                    if not pending.voters & self._tally.bit[peer]:
                        self._send(peer, pending.run, out)

    def tell_commit(self, out: Outbox) -> None:
        """Tell all followers how far the log is chosen."""
        self.told_commit = self._log.commit_index
        out.messages += [Commit(self.ballot, self._config.id, peer, self.told_commit) for peer in self._peers]

    def _catch_up(self, follower: int, commit_index: int, out: Outbox) -> None:
        """Propose chosen commands to a follower again, in this ballot, from its commit index on."""
        last = min(self._log.commit_index, commit_index + _MOST_CAUGHT_UP)
        if commit_index >= last:
            return
        self._caught_up_at[follower] = self._now
        commands = next(in_batches(self._log.commands(commit_index + 1, last), self._config.max_batch_bytes))
        self._send(follower, Run(self.ballot, commit_index + 1, commands), out)

    def _send(self, receiver: int, run: Run, out: Outbox) -> None:
        out.messages.append(Accept(self.ballot, self._config.id, receiver, run.first_slot, run.commands, self._log.commit_index))


_MOST_CAUGHT_UP = 4096


def in_batches(commands: list[bytes], max_bytes: int) -> Iterator[list[bytes]]:
    """The commands in order, in lists of at most so many bytes, yet of at least one command."""
    if sum(map(len, commands)) <= max_bytes:
        if commands:
            yield commands
        return
    first, begun = 0, 0
    for position, end in enumerate(accumulate(map(len, commands))):
        if position > first and end - begun > max_bytes:
            yield commands[first:position]
            first, begun = position, end - len(commands[position])
    yield commands[first:]
