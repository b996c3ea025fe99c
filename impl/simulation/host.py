"""A machine of the cluster, behind one interface for all protocols."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Protocol

from impl.simulation.disk import Disk


class HostDown(RuntimeError):
    """Something was to happen at a host that has crashed and not restarted."""


class StateMachine(Protocol):
    """What a cluster replicates."""

    def apply(self, command: bytes) -> Any:
        """Carry out a command; what its client is told."""

    def snapshot(self) -> bytes:
        """The whole state."""

    def restore(self, data: bytes) -> None:
        """Replace the state by that of a snapshot."""


class CommandLog:
    """The simplest state machine: the list of all commands applied, none of which contains a line break."""

    def __init__(self) -> None:
        self.commands: list[bytes] = []

    def apply(self, command: bytes) -> int:
        """Note a command; its number, from 1 on."""
        self.commands.append(command)
        return len(self.commands)

    def snapshot(self) -> bytes:
        """The commands, one a line."""
        return b"\n".join(self.commands)

    def restore(self, data: bytes) -> None:
        """The commands of a snapshot."""
        self.commands = data.split(b"\n") if data else []


class Host(ABC):
    """A node, its disk and its state machine. The methods are the events of a run; they do the caller's duties to the letter.

    While the host is down its `node` is None, and everything but `restart` raises HostDown.

    Args:
        config: the node's settings.
        random: the node's source of random integers; it goes on over crashes.
        machine: makes an empty state machine.
        disk: what survives.
    """

    __slots__ = ("_machine", "_random", "_reads", "answered", "completed", "config", "disk", "id", "machine", "node", "writing")

    config: Any
    node: Any
    disk: Disk[Any, Any]
    machine: Any
    writing: Any
    """What finish_write has to do; None where no write is under way."""

    def __init__(self, config: Any, random: Callable[[int], int], machine: Callable[[], StateMachine], disk: Disk[Any, Any]) -> None:
        self.id: int = config.id
        self.config, self.disk = config, disk
        self._random, self._machine = random, machine
        self._begin()

    def _begin(self) -> None:
        """Come up from the disk, with an empty state machine."""
        self.node, self.machine, self.writing = self._make_node(), self._machine(), None
        self.completed: list[tuple[bytes, Any]] = []
        """Commands applied, with what the state machine answered, until somebody takes them."""
        self.answered: list[bytes] = []
        """Contexts of reads that may be answered from the state machine as it is now, until somebody takes them."""
        self._reads: list[Any] = []
        """Reads that may not be answered yet."""

    @abstractmethod
    def _make_node(self) -> Any:
        """The node that the disk holds."""

    def has_work(self) -> bool:
        """Whether begin_write would have anything to do."""
        return self.node is not None and bool(self.node.has_ready())

    def tick(self) -> None:
        """A unit of the host's own time passes."""
        self._up().tick()

    def receive(self, message: Any) -> None:
        """A message arrives; the node's own MessageError where no correct node sends it."""
        self._up().step(message)

    def propose(self, command: bytes) -> None:
        """A client's command comes in; the node's own refusal where it is not taken."""
        self._up().propose(command)

    def read(self, context: bytes) -> None:
        """A client's read comes in; its context appears in `answered` when the state machine may answer it."""
        self._up().read(context)

    @abstractmethod
    def begin_write(self) -> list[Any]:
        """Take a Ready and queue its writes; the messages that leave at once."""

    def must_sync(self) -> bool:
        """Whether the write that begin_write began takes the time of a disk."""
        return bool(self.disk.unsynced)

    @abstractmethod
    def finish_write(self) -> list[Any]:
        """The writes are synced: apply what is committed and end the Ready; the messages that had to wait for it."""

    def crash(self, surviving: int = 0) -> None:
        """Lose everything but the disk; of the unsynced writes the first `surviving` pieces are done."""
        self._up()
        self.node = self.writing = None
        self.disk.crash(surviving)

    def restart(self) -> None:
        """Come up again from the disk; ValueError where the host is up."""
        if self.node is not None:
            raise ValueError(f"host {self.id} is up; crash it first")
        self._begin()

    def _up(self) -> Any:
        """The node; HostDown where there is none."""
        if self.node is None:
            raise HostDown(f"host {self.id} is down; restart it first")
        return self.node

    def _written(self) -> Any:
        """What was being written, which now is on the disk; ValueError where there was nothing."""
        self._up()
        written, self.writing = self.writing, None
        if written is None:
            raise ValueError(f"host {self.id} has no write under way; begin_write comes first")
        self.disk.sync()
        return written


class LogHost(Host):
    """A host whose node replicates a log of commands."""

    __slots__ = ("applied_index",)

    def _begin(self) -> None:
        super()._begin()
        self.applied_index = 0
        """The last entry that the state machine has applied."""

    def _end(self, ready: Any) -> list[Any]:
        """What a Ready holds is written: apply what is committed, answer the reads that waited for it, and go on."""
        if ready.committed is not None:
            machine, completed = self.machine, self.completed
            for command in ready.committed.commands:
                if command:  # an empty one is the protocol's own
                    completed.append((command, machine.apply(command)))
            self.applied_index += len(ready.committed.commands)
        if reads := self._reads + ready.read_states:
            applied = self.applied_index
            self.answered += [read.context for read in reads if read.read_index <= applied]
            self._reads = [read for read in reads if read.read_index > applied]
        self.node.advance()
        messages: list[Any] = ready.messages_after_write
        return messages
