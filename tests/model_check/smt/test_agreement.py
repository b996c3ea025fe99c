"""The finite encoding means what the interpreter does: steps and properties of reachable and arbitrary states."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "native"))
import finite_mutants as mutants
from agreement import agree_at_random, agree_folded, agree_solved, random_state
from shipped import SMALL

from spec.language import Protocol, Scope


@pytest.mark.parametrize("how", ["defined", "perhaps undefined"])
@pytest.mark.parametrize("solved", [False, True], ids=["folded", "solved"])
def test_random_protocols(how: str, solved: bool, tmp_path: Path) -> None:
    loose = how != "defined"
    compared = sum(agree_at_random(random.Random(seed), loose, solved, tmp_path) for seed in range(30 if solved else 80))
    assert compared > 100


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 9000, 1000))
@pytest.mark.parametrize("solved", [False, True], ids=["folded", "solved"])
def test_random_protocols_long(seed: int, solved: bool, tmp_path: Path) -> None:
    for number in range(seed, seed + (100 if solved else 400)):
        agree_at_random(random.Random(number), number % 2 == 0, solved, tmp_path)


@pytest.mark.parametrize("solved", [False, True], ids=["folded", "solved"])
def test_by_hypothesis(solved: bool, tmp_path: Path) -> None:
    """Drawn by Hypothesis, which gives a small protocol where the two differ."""

    @seeded(7)
    @settings(max_examples=10 if solved else 30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False), st.booleans())
    def agree(chance: random.Random, loose: bool) -> None:
        agree_at_random(chance, loose, solved, tmp_path)

    agree()


def walked(protocol: Protocol, chance: random.Random, steps: int):
    """The state at the end of a random walk."""
    state = chance.choice(protocol.initial_states())
    for _ in range(steps):
        following = [after for _, after in protocol.successors(state) if after != state]
        if not following:
            break
        state = chance.choice(following)
    return state


def shipped(chance: random.Random, cls: type[Protocol], scope: Scope) -> Protocol:
    """With random rules removed."""
    return cls(scope, without=tuple(r for r, _ in cls.ir.rules if chance.random() < 0.2))


@pytest.mark.parametrize(("cls", "scope"), [(c, s) for c, s, _ in SMALL], ids=lambda x: getattr(x, "__name__", ""))
def test_shipped_protocols_folded(cls: type[Protocol], scope: Scope) -> None:
    chance = random.Random(1)
    for length in (0, 3, 6, 9):
        protocol = shipped(chance, cls, scope)
        agree_folded(protocol, walked(protocol, chance, length))
        agree_folded(protocol, random_state(protocol, chance))


SMALLEST = [(c, s) for c, s, _ in SMALL if s.sizes.get("index", 1) * s.sizes.get("node", 1) <= 4]


@pytest.mark.parametrize(("cls", "scope"), SMALLEST, ids=lambda x: getattr(x, "__name__", ""))
def test_shipped_protocols_solved(cls: type[Protocol], scope: Scope) -> None:
    chance = random.Random(2)
    for length in (1, 4):
        protocol = shipped(chance, cls, scope)
        agree_solved(protocol, walked(protocol, chance, length), chance)
        agree_solved(protocol, random_state(protocol, chance), chance)


LEAVES_FIRST = '''"""A step that leaves the scope before it meets an expression without a value."""

from spec.language import Map, Ordered, Protocol, Sort, action, require

class Node(Sort):
    """A process."""

class Round(Ordered):
    """A number."""

class Counter(Protocol):
    """Counts."""

    round: Round
    """The present one."""
    log: Map[Node, Round | None]
    """What each process has noted."""

    def init(self) -> None:
        """Nothing noted."""
        self.round = Round(0)
        self.log = Map({n: None for n in Node})

    @action
    def note(self, n: Node) -> None:
        """A guard goes beyond the last round; what nobody has noted comes after it."""
        require(self.round + 1 != self.round)
        require(self.log[n] > Round(0))

    @action
    def note_or_not(self, n: Node) -> None:
        """Likewise, where the guard need not be evaluated."""
        require(self.round != Round(0) or self.round + 1 != self.round)
        self.round = self.log[n] - 1
'''


def test_what_comes_after_the_end_of_the_scope_is_not_evaluated(load_spec: Callable[[str], ModuleType]) -> None:
    """Neither in a guard nor in what follows it."""
    counter = load_spec(LEAVES_FIRST).Counter
    for rounds, undefined in ((1, 0), (2, 4)):
        protocol = counter(Scope(node=2, round=rounds))
        (state,) = protocol.initial_states()
        assert agree_folded(protocol, state) == 4
        assert agree_solved(protocol, state, random.Random(1)) == undefined


def is_caught(name: str, folder: Path) -> bool:
    """Whether some random protocol shows a mutant."""
    loose, solved = name in mutants.LOOSE, name in mutants.SOLVED
    with mutants.applied(name):
        for seed in range(400):
            try:
                agree_at_random(random.Random(seed), loose, solved, folder)
            except Exception:  # a mutant may break anything
                return True
    return False


@pytest.mark.parametrize("name", mutants.NAMES)
def test_a_broken_encoding_is_caught(name: str, tmp_path: Path) -> None:
    assert is_caught(name, tmp_path)


def test_the_whole_encoding_passes_what_catches_mutants(tmp_path: Path) -> None:
    for seed in range(150):
        agree_at_random(random.Random(seed), seed % 3 == 0, False, tmp_path)
