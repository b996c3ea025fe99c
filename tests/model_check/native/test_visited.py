"""Whether a search came to a state: asked of the table of fingerprints, or of the interpreter's set of states."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from differential import random_state

from model_check import interpreter, native
from model_check.interpreter import permutations, permute
from model_check.search import Options
from spec.language import Scope, State
from spec.voting import Voting

PROTOCOL = Voting(Scope(acceptor=2, ballot=2, value=2))


def reachable(depth: int | None) -> set[State]:
    """All states within a depth."""
    found = level = set(PROTOCOL.initial_states())
    while level and depth != 0:
        level = {after for state in level for _, after in PROTOCOL.successors(state)} - found
        found = found | level
        depth = None if depth is None else depth - 1
    return found


@pytest.mark.parametrize("symmetry", [False, True])
@pytest.mark.parametrize("depth", [None, 3])
def test_a_state_is_visited_if_it_is_reachable(symmetry: bool, depth: int | None) -> None:
    chance = random.Random(1)
    known = reachable(depth)
    asked = [*sorted(reachable(None), key=repr)[::23], *(random_state(PROTOCOL, chance) for _ in range(4))]
    assert {s in known for s in asked} == {True, False}
    for state in asked:
        wanted = state in known or (symmetry and any(permute(state, m) in known for m in permutations(PROTOCOL)))
        for engine in (native, interpreter):
            outcome, visited = engine.explore_for(PROTOCOL, Options(symmetry=symmetry, max_depth=depth), state)
            assert (outcome.stopped, visited) == ("", wanted)
