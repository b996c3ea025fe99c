"""Bounded model checking of random protocols against the interpreter's exhaustive search: the same verdicts and witnesses, at the same depths."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from agreement import random_case

from model_check import interpreter
from model_check.search import Options
from model_check.smt import bmc as engine
from model_check.smt.finite import Element
from model_check.smt.precedence import Precedence
from spec.language import IonianError, Protocol, Scope, Set, Sort, action, invariant, ir

DEPTH = 3


def first_reached(protocol: Protocol, witness: ir.Property, constraints: tuple[str, ...]) -> int | None:
    """The depth at which a witness is first reached: where its negation, taken for a property, is first violated."""
    negated = replace(witness, body=ir.Not(type=witness.body.type, operand=witness.body))
    search = engine._Search(protocol, DEPTH, constraints, (negated,), None, None)
    for depth in range(DEPTH + 1):
        if search._query()[0].verdict == "sat":
            return depth
        for condition in search.precedence.step(search.unrolling.step()):
            search.solver.require(condition)
    return None


def compare(protocol: Protocol, constraints: tuple[str, ...], found: Counter[str]) -> None:
    """Both on one protocol; counts what came of it."""
    try:
        wanted = interpreter.explore(protocol, Options(max_depth=DEPTH, constraints=constraints))
    except IonianError:
        # Breadth-first order may come to it before or after a violation of the same depth.
        return
    result = engine.bmc(protocol, DEPTH, constraints=constraints)
    if wanted.violation is not None:
        assert (result.verdict, result.depth) == ("violated", len(wanted.violation.path) - 1)
        found[f"violated after {result.depth}"] += 1
        return
    assert (result.verdict, result.depth) == ("holds", DEPTH)
    for witness in protocol.ir.of_kind("witness"):
        depth = first_reached(protocol, witness, constraints)
        assert depth == wanted.witnesses[witness.name], witness.name
        found[f"witness after {depth}"] += 1


def compared(seeds: range, folder: Path) -> Counter[str]:
    """Random protocols, and how often each came of them."""
    found: Counter[str] = Counter()
    for seed in seeds:
        chance = random.Random(seed)
        case = random_case(chance, False, folder)
        if case is not None:
            protocol, _ = case
            compare(protocol, tuple(p.name for p in protocol.ir.of_kind("constraint") if chance.random() < 0.5), found)
    return found


def test_verdicts_and_depths(tmp_path: Path) -> None:
    found = compared(range(150), tmp_path)
    for what in ("violated after 0", "violated after 1", "witness after 0", "witness after 1", "witness after 2", "witness after None"):
        assert found[what] > 0, found


@pytest.mark.long
def test_verdicts_and_depths_long(tmp_path: Path) -> None:
    compared(range(1000, 2000), tmp_path)


class Lamp(Sort):
    """One of some."""


class Lamps(Protocol):
    """One after the other is lit."""

    default_scope = Scope(lamp=2)

    lit: Set[Lamp]

    def init(self) -> None:
        """None."""
        self.lit = Set()

    @action
    def light(self, x: Lamp) -> None:
        """Light one."""
        self.lit |= {x}

    @invariant
    def some_are_dark(self) -> bool:
        """Not all are lit: true for one step."""
        return any(x not in self.lit for x in Lamp)


def test_a_wrong_order_of_elements_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Never to use a second element loses behaviours."""
    compare(Lamps(), (), Counter())

    def first_alone(self: Precedence, used, taken: int, arguments) -> list[int]:
        elements = [e for type_, e in arguments if type_ in used and isinstance(e, Element)]
        return [self.circuit.any_of((-taken, -x)) for e in elements for x in e.literals[1:]]

    monkeypatch.setattr(Precedence, "_use", first_alone)
    with pytest.raises(AssertionError):
        compare(Lamps(), (), Counter())
