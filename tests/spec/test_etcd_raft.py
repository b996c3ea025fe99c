"""`spec/etcd_raft.py` on a small scope, by CPython, and what its majorities mean."""

from __future__ import annotations

from model_check.check import check
from spec.etcd_raft import EtcdRaft, Node
from spec.language import Scope, is_majority


def test_a_majority_of_a_set_is_more_than_half_of_it() -> None:
    a, b, c, d = (Node(i) for i in range(4))
    assert is_majority(frozenset({a, b}), frozenset({a, b, c}))
    assert not is_majority(frozenset({a, b}), frozenset({a, b, c, d}))
    assert not is_majority(frozenset({c, d}), frozenset({a, b, c}))
    assert not is_majority(frozenset({a}), frozenset())


def test_its_properties_hold_close_to_the_beginning() -> None:
    """The interpreter gets as far as an election."""
    result = check(EtcdRaft(Scope(node=2, term=1, index=1, slot=1)), engine="interpreter", max_depth=6)
    assert (result.verdict, result.distinct_states) == ("holds", 269)
