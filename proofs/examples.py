"""Writes `proofs/examples.md`: `python -m proofs.examples`. For each action of a proof, a step of it where every lemma holds.

A proof would say nothing of an action that its lemmas exclude. The solver looks for a state of a small cluster that satisfies
all lemmas and in which the action changes something; CPython looks at every lemma there, and takes the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_check.check import EngineError
from model_check.smt.circuit import Solver
from model_check.smt.unbounded.small_clusters import SLOTS, sizes_of_clusters
from model_check.smt.unrolling import Unrolling
from proofs import SHIPPED, shipped_proof
from spec.language import IonianError, Protocol, Scope, State, Step

PAGE = Path(__file__).with_name("examples.md")

_OPENING = """\
# Each action, where every lemma holds

Written by `python -m proofs.examples`. A lemma that no state satisfies, or that rules out some action, would make a proof easy and
worthless. Here is, for each action of each proof, a step from a state in which all lemmas hold, found by Z3 in a small cluster;
CPython finds all lemmas true there, too, and takes the step. The state need not be reachable: it is what the induction starts
from. That the actions occur in runs from the initial states, with all lemmas true, is tested by simulation.
"""


@dataclass(frozen=True)
class Example:
    """A step of an action from a state in which all lemmas hold."""

    sizes: dict[str, int]
    before: State
    step: Step
    after: State

    def page(self) -> str:
        """As Markdown."""
        sizes = ", ".join(f"{name}={size}" for name, size in self.sizes.items())
        lines = [*repr(self.before).splitlines(), "", str(self.step), *(f"    {line}" for line in self.before.diff(self.after))]
        return f"### `{self.step.action}`\n\nIn a cluster with {sizes}:\n\n```text\n" + "\n".join(lines) + "\n```\n"


def examples(protocol: type[Protocol]) -> Iterator[Example]:
    """An example for each action; IonianError where no small cluster has one."""
    wanted = {a.name for a in protocol.ir.actions}
    for sizes in sizes_of_clusters(protocol):
        cluster = protocol(Scope(**sizes))
        for action in [a.name for a in protocol.ir.actions if a.name in wanted]:
            found = _example(cluster, action)
            if found is not None:
                wanted.remove(action)
                yield Example(sizes, *found)
        if not wanted:
            return
    raise IonianError(f"{protocol.ir.name}: no small cluster has a state in which all lemmas hold and {', '.join(sorted(wanted))} changes something")


def _example(cluster: Protocol, action: str) -> tuple[State, Step, State] | None:
    properties = [p for p in cluster.ir.properties if p.kind in ("invariant", "action_property")]
    unrolling = Unrolling(cluster, 1, properties, SLOTS)
    circuit, (move,), (before, after) = unrolling.encoder.circuit, unrolling.moves, unrolling.states
    taken = next(t.literal for t in move.actions if t.action.name == action)
    wanted = circuit.all_of((taken, -move.undefined, -unrolling.encoder.same(before, after)))
    solver = Solver(circuit)
    for condition in unrolling.conditions:
        solver.require(condition)
    answer = solver.check(wanted)
    if answer.verdict != "sat":
        return None
    answer = unrolling.smaller(solver, wanted, answer)
    domains = unrolling.encoder.domains
    state, step = domains.decode_state(answer, before), move.decode(domains, answer)
    reached = cluster.step(state, step)
    if not all(cluster.holds(p, state) for p in cluster.ir.of_kind("invariant")):
        raise EngineError(f"internal error: CPython finds a lemma false before {step}; please report it")
    return state, step, reached


def main() -> None:
    """Write the page."""
    parts = [_OPENING]
    for name in SHIPPED:
        protocol = shipped_proof(name)
        parts += [f"## {protocol.ir.name}\n", *(example.page() for example in examples(protocol))]
    PAGE.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
