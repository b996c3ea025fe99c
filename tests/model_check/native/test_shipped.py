"""The shipped protocols: both engines find the same figures, verdicts, counterexamples, coverage and witnesses."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from differential import compare, uncompiled
from shipped import SMALL, fitting

from model_check.search import Options
from spec.paxos import Paxos
from spec.raft import Raft
from spec.voting import Voting

PAXOS = next(s for c, s, _ in SMALL if c is Paxos)


def test_random_rules_scopes_and_constraints():
    """Shallow, with random rules removed, symmetry, constraints and one to three workers; generated programs as plain Python."""
    uncompiled("shipped", 0, 10)


def test_buffers_that_are_always_full():
    """Slices and batches are cut short all the time; no figure changes."""
    uncompiled("buffers")


def test_etcd_raft_from_deep_states():
    """Its messages are sets too large for words; generated programs as plain Python."""
    uncompiled("etcd")


@pytest.mark.parametrize(
    ("cls", "symmetry"), [(Paxos, False), (Paxos, True), pytest.param(Raft, True, marks=pytest.mark.long)], ids=lambda x: getattr(x, "__name__", str(x))
)
def test_compiled(cls, symmetry):
    _, scope, depth = next(s for s in SMALL if s[0] is cls)
    compare(cls(fitting(cls, scope)), Options(symmetry=symmetry, max_depth=depth), workers=(1, 2))


def test_each_rule_of_paxos():
    """One compiled program, each rule removed: the same property by the same path."""
    for rule, _ in Paxos.ir.rules:
        compare(Paxos(PAXOS, without=(rule,)), Options(max_depth=5), workers=(2,))


def test_start_states():
    """A search from the states of some level, in another order, finds the same in both engines."""
    protocol = Paxos(PAXOS)
    level = protocol.initial_states()
    for _ in range(2):
        level = list(dict.fromkeys(after for state in level for _, after in protocol.successors(state)))
    start = (*reversed(level), level[0])
    compare(protocol, Options(start=start[::2], max_depth=3), workers=(1, 2))
    compare(protocol, Options(start=(), max_depth=3))
    compare(protocol, Options(start=start, symmetry=True, max_depth=2), workers=(1, 2))


def test_chosen_properties():
    protocol = Paxos(PAXOS, without=("one value per ballot",))
    for properties in ((), ("agreement",), ("stability",), ("validity", "type_invariant")):
        compare(protocol, Options(properties=properties, max_depth=5))


@pytest.mark.long
@pytest.mark.parametrize("symmetry", [False, True], ids=["plain", "symmetry"])
@pytest.mark.parametrize(("cls", "scope", "depth"), SMALL, ids=lambda x: getattr(x, "__name__", None))
def test_whole_space_long(cls, scope, depth, symmetry):
    compare(cls(fitting(cls, scope)), Options(max_depth=depth, symmetry=symmetry), workers=(1, 2))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
def test_rules_removed_long(seed):
    """Random rules removed from random protocols, deep enough for violations."""
    chance = random.Random(seed)
    cls, scope, depth = chance.choice([s for s in SMALL if s[0] in (Voting, Paxos, Raft)])
    rules = [r for r, _ in cls.ir.rules]
    protocol = cls(fitting(cls, scope), without=tuple(chance.sample(rules, chance.randint(1, 3))))
    compare(protocol, Options(symmetry=chance.random() < 0.5, max_depth=depth), workers=(1, 2))
