"""Quorum systems: from the number of members, the minimal quorums.

Proofs assume only that any two quorums intersect; majorities are the default.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from spec.language.context import QuorumSystem
from spec.language.errors import ScopeError


def majorities(size: int) -> tuple[frozenset[int], ...]:
    """All sets of just over half the members."""
    return tuple(frozenset(c) for c in itertools.combinations(range(size), size // 2 + 1))


def weighted(weights: Iterable[int]) -> QuorumSystem:
    """Minimal sets whose weight exceeds half of the total (Gifford, Weighted Voting, 1979)."""
    given = tuple(weights)

    def system(size: int) -> tuple[frozenset[int], ...]:
        if len(given) != size:
            raise ScopeError(f"{len(given)} weights for {size} members")
        heavy = [frozenset(c) for n in range(1, size + 1) for c in itertools.combinations(range(size), n) if 2 * sum(given[i] for i in c) > sum(given)]
        return tuple(q for q in heavy if not any(other < q for other in heavy))

    return system


def explicit(*quorums: Iterable[int]) -> QuorumSystem:
    """The given sets of member numbers, counted from 1; they need not intersect, so that one can see why they must."""
    given = tuple(frozenset(i - 1 for i in q) for q in quorums)

    def system(size: int) -> tuple[frozenset[int], ...]:
        if not given or any(not q or not q <= set(range(size)) for q in given):
            raise ScopeError(f"quorums must be non-empty sets of members 1..{size}")
        return given

    return system


def symmetric(system: QuorumSystem, size: int) -> bool:
    """Whether the system stays the same under every permutation of its members."""
    quorums = set(system(size))
    return all({frozenset(p[i] for i in q) for q in quorums} == quorums for p in itertools.permutations(range(size)))
