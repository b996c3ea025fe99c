"""Leaving out events: what is left fails, and needs every event."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from conformance.shrink import shrink


def needing(needed):
    """A run fails as soon as it has had all that is needed, in order."""

    def failing(moves):
        left = list(needed)
        for position, move in enumerate(moves):
            if left and move == left[0]:
                del left[0]
            if not left:
                return moves[: position + 1]
        return None

    return failing


@given(st.lists(st.integers(0, 9), max_size=40), st.lists(st.integers(0, 9), min_size=1, max_size=5), st.randoms())
def test_only_what_is_needed_is_left(noise, needed, random):
    moves = sorted([(random.random(), m) for m in noise] + [(0.1 + 0.8 * i / len(needed), m) for i, m in enumerate(needed)], key=lambda pair: pair[0])
    assert shrink([m for _, m in moves], needing(needed), 10.0) == needed


def test_when_the_time_is_up_the_best_so_far_is_the_answer():
    assert shrink(list("abcabc"), needing("c"), 0.0) == list("abcabc")
