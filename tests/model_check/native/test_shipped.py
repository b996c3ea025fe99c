"""The shipped protocols: both engines find the same figures, verdicts, counterexamples, coverage and witnesses."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from differential import compare

from model_check.search import Options
from spec.consensus import Consensus
from spec.language import Protocol, Scope
from spec.paxos import Paxos
from spec.raft import Raft
from spec.replicated_log import ReplicatedLog
from spec.voting import Voting

SMALL: list[tuple[type[Protocol], Scope, int | None]] = [
    (Consensus, Scope(value=3), None),
    (Voting, Scope(acceptor=3, ballot=2, value=2), None),
    (Voting, Scope(acceptor=2, ballot=3, value=1), None),
    (Paxos, Scope(acceptor=3, ballot=2, value=2), 7),
    (Paxos, Scope(acceptor=2, ballot=2, value=3), 6),
    (ReplicatedLog, Scope(node=2, index=2, value=2), None),
    (Raft, Scope(node=2, term=2, index=1, value=1), 7),
    (Raft, Scope(node=3, term=2, index=2, value=2), 4),
]
CONSTRAINTS = {cls: tuple(p.name for p in cls.ir.of_kind("constraint")) for cls, _, _ in SMALL}


def _options(cls: type[Protocol], depth: int | None, symmetry: bool) -> Options:
    return Options(symmetry=symmetry, max_depth=depth)


@pytest.mark.parametrize("symmetry", [False, True], ids=["plain", "symmetry"])
@pytest.mark.parametrize(("cls", "scope", "depth"), SMALL, ids=lambda x: getattr(x, "__name__", None))
def test_whole_space(cls, scope, depth, symmetry):
    scope = _fitting(cls, scope)
    compare(cls(scope), _options(cls, depth, symmetry), workers=(1, 2))


def _fitting(cls: type[Protocol], scope: Scope) -> Scope:
    names = cls.sort_names()
    return Scope(**{n: scope.sizes[n] for n in names})


@pytest.mark.parametrize("seed", range(6))
def test_rules_removed(seed):
    """Random rules removed from random protocols at random small scopes: the same violations by the same paths."""
    chance = random.Random(seed)
    cls, scope, depth = chance.choice([s for s in SMALL if s[0].ir.rules])
    rules = [r for r, _ in cls.ir.rules]
    without = tuple(sorted(chance.sample(rules, chance.randint(1, min(3, len(rules))))))
    protocol = cls(_fitting(cls, scope), without=without)
    compare(protocol, _options(cls, depth, chance.random() < 0.5), workers=(1, 2))


@pytest.mark.parametrize("rule", [r for r, _ in Paxos.ir.rules])
def test_each_rule_of_paxos(rule):
    compare(Paxos(Scope(acceptor=2, ballot=2, value=2), without=(rule,)), Options(symmetry=True), workers=(1,))


def test_start_states():
    """A search from the states of some level, in another order, finds the same in both engines."""
    protocol = Paxos(Scope(acceptor=2, ballot=2, value=2))
    level = protocol.initial_states()
    for _ in range(3):
        level = [after for state in level for _, after in protocol.successors(state)]
    start = tuple(dict.fromkeys(reversed(level)))
    compare(protocol, Options(start=start[::2], max_depth=4), workers=(1, 2))
    compare(protocol, Options(start=start, symmetry=True, max_depth=3), workers=(1, 2))
    compare(protocol, Options(start=(), max_depth=3))


@pytest.mark.parametrize("cls", [c for c in CONSTRAINTS if CONSTRAINTS[c]], ids=lambda c: c.__name__)
def test_constraints(cls):
    scope, depth = next((s, d) for c, s, d in SMALL if c is cls)
    compare(cls(_fitting(cls, scope)), Options(constraints=CONSTRAINTS[cls], max_depth=depth), workers=(1, 2))


def test_chosen_properties():
    protocol = Paxos(Scope(acceptor=2, ballot=2, value=2), without=("one value per ballot",))
    for properties in ((), ("agreement",), ("stability",), ("validity", "type_invariant")):
        compare(protocol, Options(properties=properties, max_depth=6))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 140))
def test_rules_removed_long(seed):
    test_rules_removed(seed)
