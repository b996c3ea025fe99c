"""A machine that runs Multi-Paxos."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from impl.multi_paxos import Ballot, Commands, Config, MemoryStorage, Message, Node, Ready, Run
from impl.simulation.disk import Disk
from impl.simulation.host import CommandLog, Host, StateMachine

Write: TypeAlias = Ballot | Run | int
"""max_bal, votes, commit_index."""

_COMMAND: Final = b"c"
_READ: Final = b"r"


class MultiPaxosHost(Host):
    """A Multi-Paxos node, its disk and its state machine.

    Reads go through the log: what is proposed is a client's command, or the context of a read, told apart by their first byte.
    The state machine is volatile: after a crash it applies the whole log again.
    """

    __slots__ = ("_machine", "_random", "_reads", "config")

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
        self._reads: set[bytes] = set()
        self.completed, self.answered = [], []

    def tick(self) -> None:
        """A unit of the host's own time passes."""
        self._up().tick()

    def receive(self, message: Message) -> None:
        """A message arrives."""
        self._up().step(message)

    def propose(self, command: bytes) -> None:
        """A client's command comes in."""
        self._up().propose(_COMMAND + command)

    def read(self, context: bytes) -> None:
        """A client's read comes in; its context appears in `answered` when its place in the log is applied here."""
        self._up().propose(_READ + context)
        self._reads.add(context)

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
        """Duties 1 to 4, the second half."""
        node: Node = self._up()
        ready: Ready = self._written()
        if ready.committed is not None:
            self._apply(ready.committed)
        node.advance()
        return ready.messages_after_write

    def _apply(self, committed: Commands) -> None:
        for entry in committed.commands:
            kind, content = entry[:1], entry[1:]
            if kind == _COMMAND:
                self.completed.append((content, self.machine.apply(content)))
            elif content in self._reads:  # an empty entry, a no-op, is none
                self._reads.remove(content)
                self.answered.append(content)


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
