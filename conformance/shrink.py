"""The shortest run that still fails, of those that leaving out events leads to."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

T = TypeVar("T")

Failing = Callable[[list[T]], list[T] | None]
"""Plays a run; the events up to the failure, or None where there is none."""


def shrink(moves: Sequence[T], failing: Failing[T], seconds: float, kinds: Sequence[Callable[[T], Hashable]] = ()) -> list[T]:
    """Leave out events, many at a time and then one by one, as long as the run still fails (Zeller and Hildebrandt, 2002).

    Args:
        moves: the events of a failing run.
        failing: plays a run; the events up to the failure, or None where there is none.
        seconds: after so much time, what was reached is the answer.
        kinds: what events are; all of a kind are left out at once first, for most kinds have nothing to do with a failure.

    Returns:
        Events that fail, none of which can be left out by itself (time permitting).
    """
    end = time.monotonic() + seconds
    best = list(moves)
    for kind in kinds:
        best = _without_kinds(best, failing, end, kind)
    size = max(1, len(best) // 2)
    while True:
        start, shorter = 0, False
        while start < len(best):
            if time.monotonic() > end:
                return best
            found = failing(best[:start] + best[start + size :])
            if found is not None and len(found) < len(best):
                best, shorter = found, True
            else:
                start += size
        if size == 1 and not shorter:
            return best
        size = max(1, size // 2)


def _without_kinds(moves: list[T], failing: Failing[T], end: float, kind: Callable[[T], Hashable]) -> list[T]:
    """Leave out all events of a kind, the commonest kinds first, where the run still fails."""
    best = moves
    for left_out, _ in Counter(map(kind, moves)).most_common():
        if time.monotonic() > end:
            break
        found = failing([move for move in best if kind(move) != left_out])
        if found is not None:
            best = found
    return best
