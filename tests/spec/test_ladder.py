"""Consensus, Voting and Paxos: state counts, properties, rules that matter, and each refining the one above."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spec.consensus import Consensus
from spec.language import Protocol, Scope
from spec.paxos import Paxos
from spec.quorums import explicit, weighted
from spec.voting import Voting

SMALL = Scope(acceptor=3, ballot=2, value=2)
TINY = Scope(acceptor=2, ballot=2, value=2)

Explore = Callable[[Protocol], Any]


@pytest.mark.parametrize(
    ("protocol", "distinct", "generated", "depth"),
    [
        (Consensus(Scope(value=3)), 4, 3, 1),
        (Voting(SMALL), 599, 2_835, 10),
        # TLC finds as many distinct states of Lamport's Paxos.tla.
        (Paxos(SMALL), 3_921, 23_466, 16),
    ],
    ids=["Consensus", "Voting", "Paxos"],
)
def test_counts(explore: Explore, protocol: Protocol, distinct: int, generated: int, depth: int) -> None:
    found = explore(protocol)
    assert (len(found.states), found.generated, found.depth, found.violated) == (distinct, generated, depth, "")


@pytest.mark.parametrize(
    ("protocol", "scope", "rule", "violated", "length"),
    [
        (Consensus, Scope(value=2), "choose only once", "agreement", 2),
        (Voting, SMALL, "keep the promise", "agreement", 6),
        (Voting, SMALL, "one value per ballot", "one_value_per_ballot", 4),
        (Voting, SMALL, "vote only where it is safe", "agreement", 4),
        (Paxos, SMALL, "promises from a quorum", "agreement", 6),
        # `ionian break paxos` finds them as well.
        pytest.param(Paxos, SMALL, "one value per ballot", "agreement", 9, marks=pytest.mark.long),
        pytest.param(Paxos, SMALL, "report the highest vote", "agreement", 12, marks=pytest.mark.long),
        pytest.param(Paxos, SMALL, "adopt the value of the highest vote", "agreement", 12, marks=pytest.mark.long),
        pytest.param(Paxos, SMALL, "keep the promise", "agreement", 12, marks=pytest.mark.long),
    ],
)
def test_without_a_rule_a_property_fails(explore: Explore, protocol: type[Protocol], scope: Scope, rule: str, violated: str, length: int) -> None:
    found = explore(protocol(scope, without=(rule,)))
    assert (found.violated, found.depth) == (violated, length)


@pytest.mark.parametrize("protocol", [Consensus, Voting, Paxos])
def test_every_rule_is_tested(protocol: type[Protocol]) -> None:
    marks = test_without_a_rule_a_property_fails.pytestmark
    cases = [getattr(case, "values", case) for case in marks[0].args[1]]
    tested = {case[2] for case in cases if case[0] is protocol}
    assert tested == {name for _, name in protocol.ir.rules}


@pytest.mark.parametrize(("protocol", "scope"), [(Voting, SMALL), (Paxos, TINY)])
def test_every_step_refines_a_step_or_nothing(explore: Explore, protocol: type[Protocol], scope: Scope) -> None:
    lower = protocol(scope)
    (refinement,) = lower.ir.refinements
    target: Any = refinement.target
    upper: Protocol = target(Scope(**{name: scope.sizes[name] for name in target.sort_names()}))
    abstract = {state: lower.mapped(refinement, state) for state in explore(lower).states}
    assert {abstract[state] for state in lower.initial_states()} <= set(upper.initial_states())
    allowed = {before: {before} | {after for _, after in upper.successors(before)} for before in set(abstract.values())}
    for state, before in abstract.items():
        for _, after in lower.successors(state):
            assert abstract[after] in allowed[before]


@pytest.mark.parametrize("protocol", [Consensus(Scope(value=2)), Voting(TINY), Paxos(TINY)], ids=["Consensus", "Voting", "Paxos"])
def test_every_witness_is_reached(explore: Explore, protocol: Protocol) -> None:
    states = explore(protocol).states
    assert protocol.ir.of_kind("witness")
    for witness in protocol.ir.of_kind("witness"):
        assert any(protocol.holds(witness, state) for state in states), witness.name


def test_two_quorums_without_a_common_member_choose_two_values(explore: Explore) -> None:
    found = explore(Paxos(TINY, quorums={"acceptor": explicit([1], [2])}))
    assert (found.violated, found.depth) == ("agreement", 8)


def test_weighted_quorums_agree(explore: Explore) -> None:
    assert explore(Paxos(TINY, quorums={"acceptor": weighted([2, 1])})).violated == ""
