"""The log: an unstable tail in memory over what storage holds."""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate

from impl.raft.entries import Entries
from impl.raft.storage import Snapshot, Storage

MAX_BATCH_ENTRIES = 4096
"""Entries taken from storage at a time, however small they are: the work of a step stays bounded."""


class Log:
    """All entries of a node, by index from 1 on. Terms are found in constant time; runs share the log's own columns.

    The tail's columns are handed out as they are. While somebody may hold them they are not changed but replaced, so that a
    run means the same for ever.
    """

    __slots__ = ("_commands", "_run", "_storage", "_terms", "last_index", "last_term", "offset", "snapshot")

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.snapshot: Snapshot | None = None
        """One that was received and is not yet persisted: it stands for storage's whole content."""
        self.last_index = storage.last_index()
        self.last_term = storage.term(self.last_index)
        self.offset = self.last_index + 1
        """Index of the first unstable entry."""
        self._terms: list[int] = []
        self._commands: list[bytes] = []
        self._run: Entries | None = None
        """The whole tail, where it has been handed out."""

    @property
    def stable_index(self) -> int:
        """The last entry known to be on stable storage."""
        return self.offset - 1

    def first_index(self) -> int:
        """Index of the first entry that was not compacted away."""
        return self._storage.first_index() if self.snapshot is None else self.snapshot.last_index + 1

    def stored_snapshot(self) -> Snapshot | None:
        """A snapshot for a follower that lacks what was compacted away."""
        return self.snapshot or self._storage.snapshot()

    def term(self, index: int) -> int | None:
        """Term of the entry at an index; None where the log ends before, or was compacted beyond."""
        if index == self.last_index:
            return self.last_term
        position = index - self.offset
        if position >= 0:
            return self._terms[position] if index < self.last_index else None
        if self.snapshot is not None:
            return self.snapshot.last_term if index == self.snapshot.last_index else None
        return self._storage.term(index) if index >= self._storage.first_index() - 1 else None

    def is_up_to_date(self, last_index: int, last_term: int) -> bool:
        """Whether a log that ends so is at least as up-to-date as this one (section 5.4.1)."""
        return (last_term, last_index) >= (self.last_term, self.last_index)

    def append(self, term: int, commands: list[bytes]) -> None:
        """A leader's own new entries."""
        terms = [term] * len(commands)
        if self._run is None:
            self._terms += terms
            self._commands += commands
        else:
            self._replace_tail(self._terms + terms, self._commands + commands)
        self.last_index += len(commands)
        self.last_term = term

    def conflict(self, entries: Entries) -> int | None:
        """Index of the first entry whose term here differs; None where all that are here agree.

        The entry before the first must be here, and agree.
        """
        first, terms = entries.first_index, entries.terms
        overlap = min(self.last_index + 1 - first, len(terms))
        for position in range(overlap):
            if self.term(first + position) != terms[position]:
                return first + position
        return None

    def store(self, entries: Entries) -> None:
        """Take over a leader's entries that follow on this log (section 5.3).

        Only a conflict takes entries away: an old call must not undo a later one (Figure 2, receiver rules 3 and 4).
        """
        if entries.first_index <= self.last_index:
            cut = self.conflict(entries)
            if cut is not None:
                self._truncate(cut)
            entries = entries_from(entries, self.last_index + 1)
        if not entries.terms:
            return
        if self._run is None:
            self._terms += entries.terms
            self._commands += entries.commands
        else:
            self._replace_tail(self._terms + entries.terms, self._commands + entries.commands)
        self.last_index += len(entries.terms)
        self.last_term = entries.terms[-1]

    def last_match_candidate(self, index: int, term: int) -> int:
        """The last index up to `index` whose term here is at most `term`.

        Terms never fall along a log, so nothing after it can agree with a log that has `term` at `index`, or before (section 5.3).
        """
        low, high = self.first_index(), min(index, self.last_index)
        return low - 1 + bisect_right(range(low, high + 1), term, key=self._held_term)

    def unstable(self) -> Entries | None:
        """The tail that is to be persisted."""
        return (self._run or self._tail()) if self._terms else None

    def entries(self, first: int, last: int, max_bytes: int) -> Entries:
        """Entries from `first` on, up to `last`, of at most `max_bytes` in all, yet at least one; `first..last` are held."""
        if last - first >= MAX_BATCH_ENTRIES:
            last = first + MAX_BATCH_ENTRIES - 1
        if first >= self.offset:
            run = self._run or self._tail()
            if first > self.offset or last < self.last_index:
                run = _slice(run, first, last)
        elif last < self.offset:
            run = self._storage.entries(first, last)
        else:
            run = self._storage.entries(first, self.offset - 1)
            tail = _slice(self._tail(), self.offset, last)
            run = Entries(first, run.terms + tail.terms, run.commands + tail.commands)
        return run if first == last or size(run.commands) <= max_bytes else _beginning(run, max_bytes)

    def persisted(self, index: int, term: int) -> None:
        """Everything up to an entry is on stable storage, unless it was replaced since."""
        if index < self.offset or self.term(index) != term:
            return
        if index == self.last_index:
            self._terms, self._commands, self._run = [], [], None
        else:
            done = index + 1 - self.offset
            self._replace_tail(self._terms[done:], self._commands[done:])
        self.offset = index + 1

    def restore(self, snapshot: Snapshot) -> None:
        """Begin anew after a snapshot from the leader."""
        self.snapshot = snapshot
        self.last_index, self.last_term = snapshot.last_index, snapshot.last_term
        self.offset = snapshot.last_index + 1
        self._replace_tail([], [])

    def _held_term(self, index: int) -> int:
        term = self.term(index)
        assert term is not None, "the entry is held"
        return term

    def _truncate(self, index: int) -> None:
        """Give up the entries from an index on."""
        last_term = self.term(index - 1)
        assert last_term is not None, "the entry before a conflict agrees, hence is held"
        keep = max(index - self.offset, 0)
        self._replace_tail(self._terms[:keep], self._commands[:keep])
        self.offset = min(self.offset, index)
        self.last_index, self.last_term = index - 1, last_term

    def _replace_tail(self, terms: list[int], commands: list[bytes]) -> None:
        self._terms, self._commands, self._run = terms, commands, None

    def _tail(self) -> Entries:
        if self._run is None:
            self._run = Entries(self.offset, self._terms, self._commands)
        return self._run


def entries_from(entries: Entries, first: int) -> Entries:
    """The entries from an index on."""
    gone = first - entries.first_index
    return entries if gone <= 0 else Entries(first, entries.terms[gone:], entries.commands[gone:])


def size(commands: list[bytes]) -> int:
    """Bytes of commands."""
    return sum(map(len, commands))


def _slice(entries: Entries, first: int, last: int) -> Entries:
    low, high = first - entries.first_index, last + 1 - entries.first_index
    return Entries(first, entries.terms[low:high], entries.commands[low:high])


def _beginning(entries: Entries, max_bytes: int) -> Entries:
    """The longest beginning of at most so many bytes, yet at least one entry."""
    fitting = bisect_right(list(accumulate(map(len, entries.commands))), max_bytes)
    return _slice(entries, entries.first_index, entries.first_index + max(fitting, 1) - 1)
