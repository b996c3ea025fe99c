"""Looks in small clusters for what leaves an obligation open: a step from a state that satisfies all lemmas, to one that does not.

Where the solver of the unbounded encoding has no answer (satisfiable queries with quantifiers are what it is worst at),
the finite encoding of the same action and the same lemmas, at a scope of two or three elements of each sort, has one in a
second. A step found there is one of the unbounded encoding, too: a scope only takes steps away.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from model_check import itf
from model_check.check import EngineError
from model_check.evaluation import guarded
from model_check.interpreter import RefinementMapping
from model_check.smt.circuit import Literal, Solver
from model_check.smt.finite_refinement import Abstraction
from model_check.smt.unbounded.definedness import DEFINED
from model_check.smt.unbounded.obligations import IMPLICATION, INITIATION, Obligation
from model_check.smt.unrolling import DEFINED as EVERYTHING_DEFINED
from model_check.smt.unrolling import Counterexample, Unrolling, explain_failure
from spec.language import Protocol, Scope, State, ir

_SIZES = ((2, 2, 2), (3, 3, 2), (3, 3, 3), (1, 2, 2))
"""Elements of each sort with quorums, of each other unordered and of each ordered sort, cluster by cluster; the last has a quorum of one."""
SLOTS = 2
"""Most members of a set that is too large to try all of them."""


def sizes_of_clusters(protocol: type[Protocol]) -> list[dict[str, int]]:
    """The elements of each sort, for each of the small clusters."""
    voting, sorts = ir.sorts_with_quorums(protocol.ir), protocol.sort_names().items()
    return [{name: ordered if sort.ordered else voters if sort.name in voting else unordered for name, sort in sorts} for voters, unordered, ordered in _SIZES]


@dataclass(frozen=True)
class SmallStep:
    """A counterexample to induction in a small cluster, as plain data: classes of a user's file do not travel between processes."""

    sizes: dict[str, int]
    found: dict[str, Any]

    def counterexample(self, protocol: type[Protocol], without: frozenset[str]) -> Counterexample:
        """In the protocol's terms, with the reason why the goal is false at the end."""
        cluster = protocol(Scope(**self.sizes), without=tuple(without))
        states = tuple(itf.decode_state(cluster, state) for state in self.found["states"])
        steps = tuple(itf.decode_step(cluster, step) for step in self.found["steps"])
        goal = self.found["goal"]
        return Counterexample(
            goal,
            states,
            steps,
            explain_failure(cluster, goal, states),
            without_value=self.found.get("without_value", ""),
            images=_images(cluster, goal, states),
        )

    def to_json(self) -> dict[str, Any]:
        """The scope, the states and steps, and why the goal fails, as JSON values."""
        return {"scope": self.sizes, **self.found}


class SmallClusters:
    """The small clusters of a protocol with lemmas, some of its rules removed."""

    def __init__(self, protocol: type[Protocol], without: frozenset[str]) -> None:
        self.protocol, self.without = protocol, without
        self._steps: dict[int, _Steps] = {}

    def find(self, obligation: Obligation, seconds: float) -> SmallStep | None:
        """A step that breaks the lemma, or is none of the abstract protocol; None where no small cluster has one, or none was found in time."""
        ends = time.monotonic() + seconds
        goal = next((p for p in self.protocol.ir.properties if p.name == obligation.lemma), None)
        for number, sizes in enumerate(sizes_of_clusters(self.protocol)):
            cluster = self.protocol(Scope(**sizes), without=tuple(self.without))
            if time.monotonic() > ends:
                return None
            if obligation.action == INITIATION:
                found = _initial(cluster, obligation.lemma)
            elif obligation.action == IMPLICATION:
                found = _implied(cluster, goal, ends)
            else:
                if number not in self._steps:
                    self._steps[number] = _Steps(cluster)
                found = self._steps[number].find(obligation, ends)
            if found is not None:
                return SmallStep(sizes, found.to_json())
        return None


class _Steps:
    """One step of a cluster from any state that satisfies all lemmas."""

    def __init__(self, cluster: Protocol) -> None:
        properties = [p for p in cluster.ir.properties if p.kind in ("invariant", "action_property")]
        self.unrolling = Unrolling(cluster, 1, properties, SLOTS)
        # All at once: the numbers of the gates, and so what is found, must not depend on what is asked first.
        self.failing = {p.name: self.unrolling.failing(p) for p in properties}
        self.failing[DEFINED] = self.unrolling.meets_no_value([p for p in properties if p.on_step])
        (move,) = self.unrolling.moves
        for mapping in cluster.ir.refinements:
            abstraction = Abstraction(self.unrolling.encoder, RefinementMapping(cluster, mapping.name).abstract, mapping)
            unmatched = abstraction.unmatched(*self.unrolling.states)
            self.failing[mapping.name] = self.unrolling.encoder.circuit.both(-move.undefined, unmatched)

    def find(self, obligation: Obligation, ends: float) -> Counterexample | None:
        """A step of the obligation's action that breaks its lemma."""
        taken = next(t.literal for t in self.unrolling.moves[0].actions if t.action.name == obligation.action)
        failing = self.unrolling.encoder.circuit.both(taken, self.failing[obligation.lemma])
        return _solved(self.unrolling, EVERYTHING_DEFINED if obligation.lemma == DEFINED else obligation.lemma, failing, ends)


def _implied(cluster: Protocol, goal: ir.Property | None, ends: float) -> Counterexample | None:
    """A state that satisfies all lemmas, and the theorems before this one, but not it; without a goal, one that leaves a property without a value."""
    invariants = cluster.ir.of_kind("invariant")
    if goal is not None:
        later = cluster.theorems[cluster.theorems.index(goal.name) :]
        unrolling = Unrolling(cluster, 0, [p for p in invariants if p.name not in later], SLOTS)
        return _solved(unrolling, goal.name, unrolling.failing(goal), ends)
    unrolling = Unrolling(cluster, 0, (), SLOTS)
    for prop in invariants:
        holds, defined = unrolling.value(prop)
        unrolling.conditions.append(unrolling.encoder.circuit.any_of((holds, -defined)))
    return _solved(unrolling, EVERYTHING_DEFINED, unrolling.meets_no_value(invariants), ends)


def _solved(unrolling: Unrolling, goal: str, failing: Literal, ends: float) -> Counterexample | None:
    solver = Solver(unrolling.encoder.circuit, ends)
    for condition in unrolling.conditions:
        solver.require(condition)
    answer = solver.check(failing)
    return unrolling.counterexample(goal, unrolling.smaller(solver, failing, answer)) if answer.verdict == "sat" else None


def _initial(cluster: Protocol, name: str) -> Counterexample | None:
    """An initial state that breaks a lemma, or whose image is no initial state of the abstract protocol."""
    goal = next((p for p in cluster.ir.properties if p.name == name), None)
    for state in cluster.initial_states():
        if goal is None:
            images = _images(cluster, name, (state,))
            if images and images[0] not in RefinementMapping(cluster, name).abstract.initial_states():
                return Counterexample(name, (state,), (), None, images=images)
            continue
        with guarded(cluster, f"property `{name}`", state):
            holds = cluster.holds(goal, state)
        if not holds:
            return Counterexample(name, (state,), (), explain_failure(cluster, name, [state]))
    return None


def _images(cluster: Protocol, name: str, states: Sequence[State]) -> tuple[State, ...]:
    """The abstract states that states stand for, if the name is a refinement mapping's; EngineError where it allows the step between them."""
    if name not in {mapping.name for mapping in cluster.ir.refinements}:
        return ()
    judge = RefinementMapping(cluster, name)
    if len(states) == 2 and judge.allows(*states):
        raise EngineError(f"internal error: CPython finds the step of a counterexample to `{name}` allowed; please report it")
    return tuple(judge.image(state) for state in states)
