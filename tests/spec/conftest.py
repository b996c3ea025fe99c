"""A breadth-first search of a few lines, so that the protocols are tested without the checker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from spec.language import Protocol, State


@dataclass(frozen=True)
class Found:
    """The states found, the steps taken, the depth, and the property violated first, if any."""

    states: list[State]
    generated: int
    depth: int
    violated: str = ""


Explore = Callable[[Protocol], Found]


def breadth_first(protocol: Protocol) -> Found:
    """All states of a small protocol, or those found before its first violation."""
    invariants, step_properties = protocol.ir.of_kind("invariant"), protocol.ir.of_kind("action_property")
    level = protocol.initial_states()
    seen, generated, depth = dict.fromkeys(level), 0, -1
    while level:
        following: list[State] = []
        depth += 1
        for state in level:
            for _, after in protocol.successors(state):
                generated += 1
                broken = [p.name for p in step_properties if not protocol.holds(p, state, after)]
                if after not in seen:
                    broken += [p.name for p in invariants if not protocol.holds(p, after)]
                    seen[after] = None
                    following.append(after)
                if broken:
                    return Found(list(seen), generated, depth + 1, broken[0])
        level = following
    return Found(list(seen), generated, depth)


@pytest.fixture
def explore() -> Explore:
    """The search."""
    return breadth_first
