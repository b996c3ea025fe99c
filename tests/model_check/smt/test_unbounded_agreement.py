"""The unbounded encoding, read in finite states, says what CPython does: steps, initial states, properties, axioms.

Whatever CPython can do in a state is a solution of one path's facts, and of no path with another outcome; what CPython
refuses (other than at the end of the scope) is a solution of none. An invariant as an assumption, as a denial and as a
goal to refute has the value that CPython gives it. States are reachable ones, ones drawn at random, and both mixed.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "native"))
sys.path.insert(0, str(Path(__file__).parent))
from differential import random_state
from encoding_mutants import LONG_LOGS, MUTANTS
from structure_agreement import Agreement, disturbed, walk

from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from spec.consensus import Value
from spec.language import Protocol, Scope, State
from spec.raft import Node
from spec.replicated_log import Index, Term
from spec.replicated_log import Value as Command
from spec.voting import Acceptor, Ballot


class PaxosUpsideDown(PaxosProof):
    """Paxos with the sorts in another order: what a function gave, a relation gives, and the other way round."""

    order = (Value, Acceptor, Ballot)


class RaftUpsideDown(RaftProof):
    """Raft likewise; positions stay below what they are positions of."""

    order = (Node, Term, Index, Command)


SMALL = {
    PaxosProof: (Scope(acceptor=3, ballot=2, value=2), Scope(acceptor=2, ballot=3, value=1)),
    PaxosUpsideDown: (Scope(acceptor=3, ballot=2, value=2),),
    RaftProof: (Scope(node=2, term=1, index=1, value=1), Scope(node=2, term=2, index=2, value=1), Scope(node=3, term=2, index=2, value=2)),
    RaftUpsideDown: (Scope(node=2, term=1, index=1, value=1), Scope(node=2, term=2, index=2, value=1)),
}
# A property's quantifiers over three acceptors take seconds to read.
TWO_ACCEPTORS = (Scope(acceptor=2, ballot=2, value=2), Scope(acceptor=2, ballot=3, value=1))
AS_PROVED = (PaxosProof, RaftProof)
# Where states drawn at random soon go along every path: a conflict in the logs takes two terms and one position.
ROOMY = {p: Scope(node=2, term=2, index=1, value=1) if issubclass(p, RaftProof) else scopes[0] for p, scopes in SMALL.items()}


def sample(protocol: Protocol, size: int, chance: random.Random) -> list[State]:
    """Reachable states, random ones, and reachable ones of which one variable is random."""
    reached = walk(protocol, size, chance)
    drawn = [random_state(protocol, chance) for _ in range(size)]
    return [*reached, *drawn, *(disturbed(s, random_state(protocol, chance), chance) for s in reached)]


def differences(agreement: Agreement, protocol: Protocol, size: int, chance: random.Random) -> list[str]:
    found = agreement.first_states(protocol, chance)
    for state in sample(protocol, size, chance):
        found += agreement.steps(protocol, state, chance)
    return found


@pytest.mark.parametrize("protocol", [pytest.param(p, marks=[pytest.mark.long] if p is RaftUpsideDown else []) for p in SMALL])
def test_steps(protocol):
    """Steps agree, and the comparison went along every path that the encoding holds possible."""
    agreement, chance = Agreement(protocol), random.Random(1)
    for scope, size in zip(SMALL[protocol], (40, 10, 5), strict=False):
        assert differences(agreement, protocol(scope), size, chance) == []
    untaken, roomy = agreement.possible() - agreement.taken.keys(), protocol(ROOMY[protocol])
    for _ in range(1000):
        if not untaken:
            break
        assert agreement.steps(roomy, random_state(roomy, chance), chance) == []
        untaken -= agreement.taken.keys()
    assert untaken == set()


@pytest.mark.parametrize("protocol", [pytest.param(p, marks=[] if p is PaxosProof else pytest.mark.long) for p in SMALL])
def test_steps_without_rules(protocol):
    """With each rule removed from both sides."""
    chance, scope = random.Random(2), SMALL[protocol][0]
    for rule, _ in protocol.ir.rules:
        agreement = Agreement(protocol, frozenset({rule}))
        assert differences(agreement, protocol(scope, without=(rule,)), 3, chance) == []


@pytest.mark.parametrize("protocol", [pytest.param(p, marks=[] if p in AS_PROVED else pytest.mark.long) for p in SMALL])
def test_properties(protocol):
    """Invariants and lemmas agree, and each was seen to be true, and false but for a few that random states hardly violate."""
    agreement, chance = Agreement(protocol), random.Random(3)
    for scope in TWO_ACCEPTORS if issubclass(protocol, PaxosProof) else SMALL[protocol][:2]:
        instance = protocol(scope)
        for state in sample(instance, 12, chance):
            assert agreement.properties(instance, state, chance) == []
    names = {p.name for p in protocol.ir.of_kind("invariant")}
    assert {n for n in names if not agreement.values[n, True]} == set()
    assert len({n for n in names if not agreement.values[n, False]}) <= len(names) // 5


# Those of which it takes many states until they show; mistakes in long logs are among them.
SELDOM = ("sequences of one length are equal", "both branches of an `if` may be taken", "records differ in all fields", "None equals anything")


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.long] if m.scope == LONG_LOGS or n in SELDOM else []) for n, m in MUTANTS.items()])
def test_mutants(name):
    """An encoding broken in one construct disagrees with CPython somewhere."""
    mutant = MUTANTS[name]
    instance, chance = mutant.protocol(mutant.scope), random.Random(4)
    with mutant.broken():
        agreement = Agreement(mutant.protocol)
        compare = getattr(agreement, mutant.shows)
        states = [*walk(instance, 50, chance), *(random_state(instance, chance) for _ in range(400))]
        assert any(compare(instance, state, chance) for state in states)


@pytest.mark.long
@pytest.mark.parametrize("protocol", SMALL)
@pytest.mark.parametrize("seed", range(5))
def test_steps_and_properties_long(protocol, seed):
    """Many more states."""
    agreement, chance = Agreement(protocol), random.Random(100 + seed)
    for scope in SMALL[protocol]:
        instance = protocol(scope)
        for state in sample(instance, 200, chance):
            assert agreement.steps(instance, state, chance) + agreement.properties(instance, state, chance) == []
