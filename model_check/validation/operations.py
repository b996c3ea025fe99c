"""What generated code calls: operations on entries and windows, and the tables of a scope."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Any

from spec.language.context import Context
from spec.language.errors import LeavesScope
from spec.language.values import Undefined, Window, elements

Entries = Sequence[Any]
# Positions are numbers of a class that has its own `+` and `-`: `~-i` is i - 1 without them.


def at(entries: Entries, position: int) -> Any:
    """The entry at a position of a sequence."""
    if position > 0:
        return entries[~-position]
    raise Undefined


def at_in_window(window: Window[Any, Any], position: int) -> Any:
    """The entry at a position of a window."""
    offset = ~-int(position) - int(window.after)
    if offset >= 0:
        return window.entries[offset]
    raise Undefined


def after(window: Window[Any, Any]) -> int:
    """The position before a window's first entry."""
    return int(window.after)


def last(window: Window[Any, Any]) -> int:
    """The position of a window's last entry."""
    return int(window.after) + len(window.entries)


def positions(window: Window[Any, Any]) -> Iterable[tuple[int, Any]]:
    """A window's positions with the entries there."""
    return enumerate(window.entries, int(window.after) + 1)


def window(index: type[Any], entries: Entries, after: int, last: int) -> Window[Any, Any]:
    """The window of the entries at after+1..last."""
    if not after <= last <= len(entries):
        raise Undefined
    return Window(index, after, tuple(entries[after:last]))


def tail_of_splice(entries: Entries, at: int, window: Window[Any, Any]) -> tuple[Any, ...]:
    """What stands from position `at` on after a window is spliced in."""
    start = int(window.after)
    if not (start < at <= start + len(window.entries) and at <= len(entries) + 1):
        raise Undefined
    found: tuple[Any, ...] = window.entries[~-int(at) - start :]
    return found


def tail_of_extension(entries: Entries, window: Window[Any, Any]) -> tuple[Any, ...]:
    """The entries of a window beyond the last position."""
    if window.after > len(entries):
        raise Undefined
    found: tuple[Any, ...] = window.entries[len(entries) - int(window.after) :]
    return found


def spliced(entries: Entries, at: int, window: Window[Any, Any]) -> tuple[Any, ...]:
    """The entries with a window in place of everything from `at` on."""
    return (*entries[: ~-int(at)], *tail_of_splice(entries, at, window))


def extended(entries: Entries, window: Window[Any, Any]) -> tuple[Any, ...]:
    """The entries with those of a window that lie beyond the last."""
    return (*entries, *tail_of_extension(entries, window))


class _Table(dict[Any, Any]):
    """A function whose values are computed once, when they are first asked for."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def __missing__(self, key: Hashable) -> Any:
        found = self[key] = self.function(key)
        return found


class Tables:
    """What generated code asks about the sorts of one scope, as dictionaries that fill on demand: a scope may be huge."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def elements(self, cls: type) -> tuple[Any, ...]:
        """All elements."""
        return tuple(elements(cls, self.context.sizes[cls]))

    def members(self, cls: type) -> frozenset[Any]:
        """All elements, to be looked up."""
        return frozenset(self.elements(cls))

    def greatest(self, cls: type) -> int:
        """The number of the last element of an ordered sort."""
        beyond: int = getattr(cls, "beyond", 0)
        return self.context.sizes[cls] + beyond - 1

    def size(self, cls: type) -> int:
        """The scope's size: the number of elements, or the length of the longest sequence with positions of this sort."""
        return self.context.sizes[cls]

    def by_number(self, cls: type) -> dict[Any, Any]:
        """Elements of an ordered sort by their numbers."""
        return _Table(cls)

    def next(self, cls: type) -> dict[Any, Any]:
        """The element after each of an ordered sort."""
        greatest = self.greatest(cls)

        def step(element: int) -> Any:
            if int(element) >= greatest:
                raise LeavesScope
            return cls(int(element) + 1)

        return _Table(step)

    def previous(self, cls: type) -> dict[Any, Any]:
        """The element before each of an ordered sort."""

        def step(element: int) -> Any:
            if int(element) == 0:
                raise Undefined
            return cls(int(element) - 1)

        return _Table(step)

    def quorums(self, cls: type) -> frozenset[frozenset[Any]]:
        """The minimal quorums."""
        members = self.elements(cls)
        return frozenset(frozenset(members[i] for i in q) for q in self.context.quorums[cls](len(members)))

    def is_quorum(self, cls: type) -> dict[Any, Any]:
        """Whether a set of elements contains a quorum."""
        quorums = self.quorums(cls)
        return _Table(lambda members: any(q <= members for q in quorums))

    def append(self, cls: type) -> Callable[[Entries, Any], tuple[Any, ...]]:
        """A function that adds an entry to entries."""
        longest = self.size(cls)

        def append(entries: Entries, entry: Any) -> tuple[Any, ...]:
            if len(entries) >= longest:
                raise LeavesScope
            return (*entries, entry)

        return append
