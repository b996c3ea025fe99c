"""The shortest run that still fails, of those that leaving out events leads to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def shrink(moves: Sequence[T], failing: Callable[[list[T]], list[T] | None], seconds: float) -> list[T]:
    """Leave out events, many at a time and then one by one, as long as the run still fails (Zeller and Hildebrandt, 2002).

    Args:
        moves: the events of a failing run.
        failing: plays a run; the events up to the failure, or None where there is none.
        seconds: after so much time, what was reached is the answer.

    Returns:
        Events that fail, none of which can be left out by itself (time permitting).
    """
    end = time.monotonic() + seconds
    best, size = list(moves), max(1, len(moves) // 2)
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
        size = max(1, size // 2) if not shorter or size > 1 else 1
