"""Random walks: the generator, how a walk is drawn, and what the interpreter's walks count."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numba import njit

from model_check.native.compiler import ENTRY
from model_check.native.runtime import draw
from model_check.walks import Draws, Task, Walker, walk
from spec.consensus import Consensus
from spec.language import Scope
from spec.voting import Voting

# The first numbers of the authors' own implementation for this seed.
PUBLISHED = (1234567, [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821])


def test_the_generator_is_splitmix64():
    seed, expected = PUBLISHED
    draws = Draws(seed)
    assert [draws.next() for _ in expected] == expected


@njit(**ENTRY)
def drawn(state, count):
    """By compiled code."""
    return draw(state, count)


def test_both_engines_draw_the_same():
    for seed in (0, 1, -1, 2**63, 2**64 - 1, 2**70 + 5):
        draws, state = Draws(seed), np.array([seed % 2**64], np.uint64)
        counts = [1, 2, 3, 7, 1000, 2**31]
        assert [draws.below(n) for n in counts] == [drawn(state, n) for n in counts]


def test_draws_are_even():
    draws = Draws(7)
    seen = Counter(draws.below(6) for _ in range(60_000))
    assert sorted(seen) == list(range(6))
    assert all(abs(n - 10_000) < 400 for n in seen.values())


def test_an_action_is_drawn_before_its_step():
    """Where one action has more steps than another, each is drawn half of the time."""
    protocol = Voting(Scope(acceptor=3, ballot=2, value=2))
    state, there = protocol.initial_states()[0], Counter()
    while len(set(there.values())) < 2:
        state = next(after for _, after in protocol.successors(state) if after != state)
        enabled = list(protocol.successors(state))
        there = Counter(step.action for step, after in enabled if after != state)
    drawn = Counter()
    for seed in range(400):
        action, position, after = Walker(protocol, Task(seed))._step(state)
        assert (enabled[position][0].action, enabled[position][1]) == (action, after)
        drawn[action] += 1
    assert all(150 < n < 250 for n in drawn.values())


def test_a_walk_ends_in_a_dead_end():
    """Once a value is chosen nothing changes: each walk has one step, however many it may have."""
    met = walk(Consensus(Scope(value=3)), Task(walks=5, steps=50))
    assert (met.walks, met.steps, met.stopped, met.violation) == (5, 5, "", None)
    assert met.coverage["choose"].enabled == 15


def test_more_walks_begin_with_the_same():
    """A seed fixes the walks one after the other; asking for more adds to them."""
    protocol = Voting(Scope(acceptor=2, ballot=2, value=2), without=("one value per ballot",))
    fewer, enough, more = (walk(protocol, Task(2, walks, steps=6)) for walks in (8, 9, 60))
    assert (fewer.violation, fewer.walks) == (None, 8)
    assert enough.violation is not None
    assert (enough.violation, enough.steps) == (more.violation, more.steps)
    assert enough.walks == more.walks == 9
