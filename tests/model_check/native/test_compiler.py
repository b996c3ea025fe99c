"""Compiling by Numba with what generated programs need: undisturbed by Python's memory, and with the types that Numba gives."""

from __future__ import annotations

import gc
import resource
from collections.abc import Callable

import numba
import numpy as np
import pytest

from model_check.native.compiler import ENTRY, PART, undisturbed


def _nothing() -> None:
    pass


def _calls() -> int:
    """Page faults of many calls that return at once."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(2000):
        _nothing()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def _at_depth(depth: int, work: Callable[[], int]) -> int:
    return _at_depth(depth - 1, work) if depth else work()


def test_calls_at_the_edge_of_a_piece_of_the_stack_map_no_memory():
    if max(_at_depth(depth, _calls) for depth in range(300)) < 1000:
        pytest.skip("no depth is unlucky: this interpreter does not give memory back so soon")
    assert max(_at_depth(depth, lambda: undisturbed(_calls)) for depth in range(300)) < 200


def test_the_garbage_collector_rests_and_works_again():
    assert undisturbed(gc.isenabled) is False
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError):
        undisturbed(lambda: 1 // 0)
    assert gc.isenabled()


NOTHING = -1


def _operators(x, y, u, b, words, small):
    """Each operator of generated programs on variables, small and large literals; words, hashes and truth values; arrays of several types.

    Variables that are assigned more than once, constants among them.
    """
    s = (x + 3) * (y - 7) // 5 % 1000003
    s ^= (x << 5) | (y >> 3) & 0x7FFFFFFFFFFFFFF
    s += -x if x < y else ~y
    s -= max(x, y) - min(x, 9)
    h = (u ^ np.uint64(s)) * np.uint64(0x9E3779B97F4A7C15)
    h = h ^ (h >> np.uint64(32))
    t = ((b == (x <= y)) and not (x >= 4)) or (x != y and b)
    s |= int(t) << 40
    small[1] = x & 7
    words[small[1] & 1] = h ^ words[1]
    if small[0]:
        s += small[0] - small[1]
    last = NOTHING
    for i in range(4):
        if x > i:
            last = i
    return s, h, t, last


# Hashes wrap around.
@pytest.mark.filterwarnings("ignore:overflow")
def test_types_are_those_of_numba():
    """A part called by an entry computes what Numba's own pipeline computes, on the same types."""
    part = numba.njit(**PART)(_operators)

    @numba.njit(**ENTRY)
    def entry(x, y, u, b, words, small):
        return part(x, y, u, b, words, small)

    plain = numba.njit(error_model="numpy")(_operators)
    for x, y, u, b in [(5, 9, 1, True), (-4, 2**40, 2**64 - 1, False), (2**62 - 1, 0, 0, True), (4, 4, 77, False)]:
        arrays = [(np.array([u, 5], np.uint64), np.array([3, 4], np.uint8)) for _ in range(2)]
        assert entry(x, y, np.uint64(u), b, *arrays[0]) == plain(x, y, np.uint64(u), b, *arrays[1])
        assert [a.tolist() for a in arrays[0]] == [a.tolist() for a in arrays[1]]
    assert [s.return_type for s in entry.nopython_signatures] == [s.return_type for s in plain.nopython_signatures]
