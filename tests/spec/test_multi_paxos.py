"""Multi-Paxos and what it refines: counts, what each rule prevents, witnesses, and the refinement on every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spec.consensus_log import ConsensusLog
from spec.language import Protocol, Scope
from spec.multi_paxos import MultiPaxos
from spec.paxos import Paxos

TWO_SLOTS = Scope(acceptor=2, ballot=2, slot=2, value=1)
ONE_SLOT = Scope(acceptor=3, ballot=2, slot=1, value=2)

Explore = Callable[[Protocol], Any]


@pytest.mark.parametrize(
    ("protocol", "distinct", "depth"),
    [(ConsensusLog(Scope(slot=2, value=2)), 9, 2), (MultiPaxos(TWO_SLOTS), 841, 18)],
    ids=["ConsensusLog", "MultiPaxos"],
)
def test_counts(explore: Explore, protocol: Protocol, distinct: int, depth: int) -> None:
    found = explore(protocol)
    assert (len(found.states), found.depth, found.violated) == (distinct, depth, "")


def test_with_one_slot_it_is_single_decree_paxos(explore: Explore) -> None:
    scope = Scope(acceptor=2, ballot=2, value=2)
    single, multi = explore(Paxos(scope)), explore(MultiPaxos(scope.replace(slot=1)))
    assert (len(multi.states), multi.generated, multi.depth) == (len(single.states), single.generated, single.depth)


@pytest.mark.parametrize(
    ("protocol", "rule", "violated", "length"),
    [
        (ConsensusLog, "choose only once in a slot", "stability", 2),
        (MultiPaxos, "one value per ballot and slot", "agreement", 9),
        (MultiPaxos, "promises from a quorum", "agreement", 6),
        pytest.param(MultiPaxos, "report the highest vote", "agreement", 12, marks=pytest.mark.long),
        pytest.param(MultiPaxos, "adopt the value of the highest vote", "agreement", 12, marks=pytest.mark.long),
        pytest.param(MultiPaxos, "keep the promise", "agreement", 12, marks=pytest.mark.long),
    ],
)
def test_without_a_rule_a_property_fails(explore: Explore, protocol: type[Protocol], rule: str, violated: str, length: int) -> None:
    scope = Scope(slot=1, value=2) if protocol is ConsensusLog else ONE_SLOT
    found = explore(protocol(scope, without=(rule,)))
    assert (found.violated, found.depth) == (violated, length)


def test_every_rule_is_tested() -> None:
    marks = test_without_a_rule_a_property_fails.pytestmark
    tested = {getattr(case, "values", case)[1] for case in marks[0].args[1]}
    assert tested == {name for protocol in (ConsensusLog, MultiPaxos) for _, name in protocol.ir.rules}


def test_every_step_chooses_in_one_slot_or_nothing(explore: Explore) -> None:
    lower, upper = MultiPaxos(TWO_SLOTS), ConsensusLog(Scope(slot=2, value=1))
    (refinement,) = lower.ir.refinements
    abstract = {state: lower.mapped(refinement, state) for state in explore(lower).states}
    assert {abstract[state] for state in lower.initial_states()} <= set(upper.initial_states())
    allowed = {before: {before} | {after for _, after in upper.successors(before)} for before in set(abstract.values())}
    assert len(allowed) == 4, "each slot chosen or not"
    for state, before in abstract.items():
        for _, after in lower.successors(state):
            assert abstract[after] in allowed[before]


@pytest.mark.parametrize("protocol", [ConsensusLog(Scope(slot=2, value=1)), MultiPaxos(TWO_SLOTS)], ids=["ConsensusLog", "MultiPaxos"])
def test_every_witness_is_reached(explore: Explore, protocol: Protocol) -> None:
    states = explore(protocol).states
    for witness in protocol.ir.of_kind("witness"):
        assert any(protocol.holds(witness, state) for state in states), witness.name
