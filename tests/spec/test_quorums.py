"""Quorum systems: their members, whether they intersect, whether permutations leave them as they are."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spec.language import ScopeError
from spec.quorums import explicit, majorities, symmetric, weighted


def intersecting(quorums: tuple[frozenset[int], ...]) -> bool:
    """Whether any two quorums have a member in common."""
    return all(a & b for a, b in itertools.combinations(quorums, 2))


@pytest.mark.parametrize(("size", "quorums"), [(1, 1), (2, 1), (3, 3), (4, 4), (5, 10)])
def test_majorities(size: int, quorums: int) -> None:
    found = majorities(size)
    assert len(found) == quorums
    assert {len(q) for q in found} == {size // 2 + 1}
    assert intersecting(found)
    assert symmetric(majorities, size)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5))
def test_weighted_quorums_intersect_and_are_minimal(weights: list[int]) -> None:
    found = weighted(weights)(len(weights))
    assert intersecting(found)
    for quorum in found:
        assert 2 * sum(weights[i] for i in quorum) > sum(weights)
        assert all(2 * sum(weights[i] for i in quorum - {member}) <= sum(weights) for member in quorum)
    assert not any(a < b for a, b in itertools.permutations(found, 2))


def test_equal_weights_are_majorities() -> None:
    assert set(weighted([1, 1, 1])(3)) == set(majorities(3))
    assert symmetric(weighted([1, 1, 1]), 3)
    assert not symmetric(weighted([3, 1, 1, 1]), 4)


def test_weights_for_another_number_of_members() -> None:
    with pytest.raises(ScopeError, match="^2 weights for 3 members$"):
        weighted([1, 2])(3)


def test_explicit_quorums_need_not_intersect() -> None:
    found = explicit([1], [2, 3])(3)
    assert found == (frozenset({0}), frozenset({1, 2}))
    assert not intersecting(found)
    assert not symmetric(explicit([1], [2, 3]), 3)


@pytest.mark.parametrize("quorums", [[], [[]], [[0]], [[4]]])
def test_quorums_of_nobody_or_of_strangers(quorums: list[list[int]]) -> None:
    with pytest.raises(ScopeError, match=r"^quorums must be non-empty sets of members 1\.\.3$"):
        explicit(*quorums)(3)
