"""Log entries: one by one, and as runs that are passed around without touching their entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Entry(NamedTuple):
    """A log entry; its command is empty where a new leader opened its term (dissertation, section 6.4)."""

    term: int
    command: bytes


class Entries:
    """Consecutive log entries from `first_index` on, as two columns of equal length.

    Columns are copied, compared and searched by the interpreter's own loops, and hold nothing that the garbage collector
    must visit. A run is shared (by a Ready, messages and logs), so nobody changes its columns.
    """

    __slots__ = ("commands", "first_index", "terms")

    def __init__(self, first_index: int, terms: list[int], commands: list[bytes]) -> None:
        self.first_index, self.terms, self.commands = first_index, terms, commands

    @property
    def last_index(self) -> int:
        """Index of the last entry; `first_index - 1` where there is none."""
        return self.first_index + len(self.terms) - 1

    def __len__(self) -> int:
        return len(self.terms)

    def __iter__(self) -> Iterator[Entry]:
        return map(Entry, self.terms, self.commands)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Entries):
            return NotImplemented
        return (self.first_index, self.terms, self.commands) == (other.first_index, other.terms, other.commands)

    __hash__ = None  # type: ignore[assignment]  # how Python says that there is none

    def __repr__(self) -> str:
        return f"Entries({self.first_index}, {self.terms}, {self.commands})"
