"""A machine that runs Multi-Paxos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from impl.multi_paxos import Ballot, Config, MemoryStorage, Message, Node, Ready, Run
from impl.simulation.disk import Disk
from impl.simulation.host import CommandLog, LogHost, StateMachine

Write: TypeAlias = Ballot | Run | int
"""max_bal, votes, commit_index."""


class MultiPaxosHost(LogHost):
    """A Multi-Paxos node, its disk and its state machine.

    The state machine is volatile: after a crash it applies the whole log again.
    """

    __slots__ = ()

    node: Node | None
    disk: Disk[MemoryStorage, Write]
    machine: StateMachine
    writing: Ready | None

    def __init__(self, config: Config, random: Callable[[int], int], machine: Callable[[], StateMachine] = CommandLog) -> None:
        super().__init__(config, random, machine, Disk(MemoryStorage(), _put, _split))

    def _make_node(self) -> Node:
        """Duty 8: from its storage, with an empty state machine."""
        return Node(self.config, self._random, self.disk.storage)

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
        return self._end(self._written())


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
