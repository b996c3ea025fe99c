"""What steps have changed, in order, so that it can be undone.

Cells are dictionaries, one for each variable: by the key of a map variable (a tuple where there are several), else by ().
A set variable's cell holds a Python set, a sequence variable's a list, all others the language's own value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from model_check.validation.operations import Entries

Cells: TypeAlias = dict[Any, Any]
Change: TypeAlias = tuple[Cells, Any, int, Any]
"""The cells, the key, what was done (below), and what it takes to undo it."""
Note: TypeAlias = Callable[[Change], None]

STORED = 0
"""Another object stands in the cell; the one before."""
ADDED = 1
"""A member came into the set; the member."""
REMOVED = 2
"""A member left the set; the member."""
APPENDED = 3
"""The sequence has one more entry; None."""
REPLACED = 4
"""A sequence's tail is another; the length of what stayed, and the tail before."""
STEP = 5
"""Nothing changed: a step ends here."""
FOUND = 6
"""Nothing changed: the set had the member that was to come into it; the member."""


def undo(change: Change) -> None:
    """Undo the latest change."""
    cells, key, kind, detail = change
    if kind == STORED:
        cells[key] = detail
    elif kind == ADDED:
        cells[key].remove(detail)
    elif kind == REMOVED:
        cells[key].add(detail)
    elif kind == APPENDED:
        cells[key].pop()
    elif kind == REPLACED:
        stayed, tail = detail
        cells[key][stayed:] = tail


def replace_tail(note: Note, cells: Cells, key: Any, stays: int, tail: Entries) -> None:
    """Give a sequence another tail behind its first entries."""
    entries = cells[key]
    before = entries[stays:]
    if before != list(tail):
        note((cells, key, REPLACED, (stays, before)))
        entries[stays:] = tail
