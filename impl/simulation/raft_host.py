"""A machine that runs Raft."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from impl.raft import Config, Entries, HardState, MemoryStorage, Raft, Ready, Snapshot, Tracer
from impl.raft.messages import Message
from impl.simulation.disk import Disk
from impl.simulation.host import CommandLog, LogHost, StateMachine

Write: TypeAlias = HardState | Snapshot | Entries


class RaftHost(LogHost):
    """A Raft node, its disk and its state machine; a tracer is called by the node with each of its events."""

    __slots__ = ("_tracer",)

    node: Raft | None
    disk: Disk[MemoryStorage, Write]
    machine: StateMachine
    writing: Ready | None

    def __init__(self, config: Config, random: Callable[[int], int], machine: Callable[[], StateMachine] = CommandLog, tracer: Tracer | None = None) -> None:
        self._tracer = tracer
        super().__init__(config, random, machine, Disk(MemoryStorage(), _put, _split))

    def _make_node(self) -> Raft:
        return Raft(self.config, self.disk.storage, self._random, self._tracer)

    def _begin(self) -> None:
        """Duty 10: a node from its storage, and its state machine from the snapshot there, or empty."""
        super()._begin()
        snapshot = self.disk.storage.snapshot()
        if snapshot is not None:
            self._restore(snapshot)

    def transfer(self, target: int) -> None:
        """Begin to hand leadership over to a follower; the node's own refusal where it does not lead."""
        self._up().transfer_leadership(target)

    def report_snapshot(self, follower: int, delivered: bool) -> None:
        """Tell the node how the transfer of a snapshot ended."""
        self._up().report_snapshot(follower, delivered)

    def compact(self, index: int) -> None:
        """Replace the log by a snapshot of the state machine as it is.

        Args:
            index: `applied_index`: a state machine knows only its present state.

        Raises:
            ValueError: another index, a write under way, or nothing to compact.
        """
        self._up()
        if not self.can_compact() or index != self.applied_index:
            raise ValueError(f"compact: host {self.id} cannot compact up to {index}; it has applied {self.applied_index}; see can_compact()")
        self.disk.storage.compact(index, self.machine.snapshot())

    def can_compact(self) -> bool:
        """Whether there are applied entries to compact, and no write is under way (duty 7)."""
        return self.node is not None and self.writing is None and self.applied_index >= self.disk.storage.first_index()

    def begin_write(self) -> list[Message]:
        """Duties 1 and 2, the first half."""
        ready: Ready = self._up().ready()
        self.writing = ready
        unsynced = self.disk.unsynced
        if ready.hard_state is not None:
            unsynced.append(ready.hard_state)
        if ready.snapshot is not None:
            unsynced.append(ready.snapshot)
        if ready.entries is not None:
            unsynced.append(ready.entries)
        return ready.messages

    def finish_write(self) -> list[Message]:
        """Duties 1 to 4 and 6, the second half."""
        ready: Ready = self._written()
        if ready.snapshot is not None:
            self._restore(ready.snapshot)
        return self._end(ready)

    def _restore(self, snapshot: Snapshot) -> None:
        self.machine.restore(snapshot.data)
        self.applied_index = snapshot.last_index


def _put(storage: MemoryStorage, write: Write) -> None:
    if type(write) is Entries:
        storage.append(write)
    elif type(write) is HardState:
        storage.set_hard_state(write)
    else:
        assert isinstance(write, Snapshot), "there is no other write"
        storage.restore(write)


def _split(write: Write) -> Iterator[Write]:
    """Entries one by one."""
    if not isinstance(write, Entries):
        yield write
        return
    for index, entry in enumerate(write, write.first_index):
        yield Entries(index, [entry.term], [entry.command])
