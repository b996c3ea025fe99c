"""A machine that runs Multi-Paxos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from impl.multi_paxos import Ballot, Config, MemoryStorage, Message, Node, ReadState, Ready, Run
from impl.simulation.disk import Disk
from impl.simulation.host import CommandLog, Host, StateMachine

Write: TypeAlias = Ballot | Run | int
"""max_bal, votes, commit_index."""


class MultiPaxosHost(Host):
    """A Multi-Paxos node, its disk and its state machine.

    The state machine is volatile: after a crash it applies the whole log again.
    """

    __slots__ = ("_machine", "_random", "_reads", "applied_slot", "config")

    node: Node | None
    disk: Disk[MemoryStorage, Write]
    machine: StateMachine
    writing: Ready | None

    def __init__(self, config: Config, random: Callable[[int], int], machine: Callable[[], StateMachine] = CommandLog) -> None:
        self.id, self.config = config.id, config
        self._random, self._machine = random, machine
        self.disk = Disk(MemoryStorage(), _put, _split)
        self._begin()

    def _begin(self) -> None:
        """Duty 8: a node from its storage, with an empty state machine."""
        self.node = Node(self.config, self._random, self.disk.storage)
        self.machine = self._machine()
        self.writing = None
        self.applied_slot = 0
        """The last slot that the state machine has applied."""
        self._reads: list[ReadState] = []
        self.completed, self.answered = [], []

    def begin_write(self) -> list[Message]:
        """Duties 1 to 3, the first half."""
        ready: Ready = self._up().ready()
        self.writing = ready
        unsynced = self.disk.unsynced
        if ready.max_bal is not None:
            unsynced.append(ready.max_bal)
        unsynced += ready.votes
        if ready.commit_index is not None:
            unsynced.append(ready.commit_index)
        return ready.messages

    def must_sync(self) -> bool:
        """Duty 2: what must be synced before `messages_after_write` leave; the commit index need not be."""
        ready = self.writing
        return ready is not None and bool(ready.votes or ready.max_bal is not None)

    def finish_write(self) -> list[Message]:
        """Duties 1 to 4 and 9, the second half."""
        node: Node = self._up()
        ready: Ready = self._written()
        if ready.committed is not None:
            self._carry_out(ready.committed.commands)
            self.applied_slot = ready.committed.first_slot + len(ready.committed.commands) - 1
        if reads := self._reads + ready.read_states:
            self._reads = self._answer(reads, self.applied_slot)
        node.advance()
        return ready.messages_after_write


def _put(storage: MemoryStorage, write: Write) -> None:
    if isinstance(write, Run):
        storage.log.vote(write)
    elif isinstance(write, Ballot):
        storage.max_bal = write
    else:
        storage.log.commit_index = write


def _split(write: Write) -> Iterator[Write]:
    """Votes one by one."""
    if not isinstance(write, Run):
        yield write
        return
    for slot, command in enumerate(write.commands, write.first_slot):
        yield Run(write.ballot, slot, [command])
