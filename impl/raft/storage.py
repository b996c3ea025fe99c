"""What a node keeps on stable storage: how the core reads it, and storage in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from impl.raft.entries import Entries
from impl.raft.errors import StorageError


@dataclass(frozen=True, slots=True)
class HardState:
    """What a node must not forget besides its log (Figure 2, persistent state)."""

    current_term: int = 0
    voted_for: int | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state machine after `last_index`, in place of the log up to there (Figure 12); `data` is the caller's."""

    last_index: int
    last_term: int
    data: bytes


class Storage(Protocol):
    """How the core reads what was persisted; writing is the caller's, as a Ready tells it (duty 1)."""

    def hard_state(self) -> HardState:
        """The last hard state that was persisted."""

    def snapshot(self) -> Snapshot | None:
        """The latest snapshot; None where the log was never compacted, or while none can be had."""

    def first_index(self) -> int:
        """Index of the first entry held: 1, or one after what was compacted away."""

    def last_index(self) -> int:
        """Index of the last entry held; `first_index() - 1` where there is none."""

    def term(self, index: int) -> int:
        """Term of an entry in `first_index() - 1 .. last_index()`, in constant time."""

    def entries(self, first: int, last: int) -> Entries:
        """The entries `first..last`, all of them held; their columns are the caller's to keep, not to change."""


class MemoryStorage:
    """Storage in memory. It survives its node, which can be made again from it: a restart."""

    __slots__ = ("_commands", "_first", "_hard_state", "_last_compacted_term", "_snapshot", "_terms")

    def __init__(self) -> None:
        self._hard_state = HardState()
        self._snapshot: Snapshot | None = None
        self._first = 1
        self._last_compacted_term = 0
        self._terms: list[int] = []
        self._commands: list[bytes] = []

    def hard_state(self) -> HardState:
        """The last hard state that was persisted."""
        return self._hard_state

    def snapshot(self) -> Snapshot | None:
        """The latest snapshot."""
        return self._snapshot

    def first_index(self) -> int:
        """Index of the first entry held."""
        return self._first

    def last_index(self) -> int:
        """Index of the last entry held."""
        return self._first + len(self._terms) - 1

    def term(self, index: int) -> int:
        """Term of an entry, or of the last one compacted away."""
        position = index - self._first
        if position >= 0:
            return self._terms[position]
        if position == -1:
            return self._last_compacted_term
        raise StorageError(f"entry {index} was compacted away; entries begin at {self._first}")

    def entries(self, first: int, last: int) -> Entries:
        """The entries `first..last`."""
        low, high = first - self._first, last - self._first + 1
        if low < 0 or high > len(self._terms):
            raise StorageError(f"entries {first}..{last} are not all held; storage has {self._first}..{self.last_index()}")
        return Entries(first, self._terms[low:high], self._commands[low:high])

    def set_hard_state(self, hard_state: HardState) -> None:
        """Persist a hard state."""
        self._hard_state = hard_state

    def append(self, entries: Entries) -> None:
        """Persist entries; from their first index on, they replace what is held."""
        keep = entries.first_index - self._first
        if keep != len(self._terms):
            if keep < 0 or keep > len(self._terms):
                raise StorageError(f"entries from {entries.first_index} on do not join {self._first}..{self.last_index()}")
            del self._terms[keep:], self._commands[keep:]
        self._terms += entries.terms
        self._commands += entries.commands

    def restore(self, snapshot: Snapshot) -> None:
        """Persist a snapshot from the leader: it replaces the whole log."""
        self._snapshot = snapshot
        self._first, self._last_compacted_term = snapshot.last_index + 1, snapshot.last_term
        self._terms, self._commands = [], []

    def compact(self, index: int, data: bytes) -> Snapshot:
        """Replace the log up to an applied entry by a snapshot of the state machine after it (duty 7)."""
        if not self._first <= index <= self.last_index():
            raise StorageError(f"entry {index} cannot be compacted; storage has {self._first}..{self.last_index()}")
        snapshot = Snapshot(index, self.term(index), data)
        gone = index - self._first + 1
        del self._terms[:gone], self._commands[:gone]
        self._snapshot, self._first, self._last_compacted_term = snapshot, index + 1, snapshot.last_term
        return snapshot
