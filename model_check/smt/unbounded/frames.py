"""What formulas are made in: what names mean in a state, what is known of constants, and how terms get names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import z3

from model_check.smt.unbounded.universe import Universe, fold_not, fold_or, forall, le, lt
from model_check.smt.unbounded.values import Related, Scalar, Value
from spec.language import ir

State: TypeAlias = Mapping[str, Callable[[tuple[z3.ExprRef, ...]], Value]]
"""Each variable's value at given keys."""


@dataclass(frozen=True)
class Later:
    """An expression to be read where its name is used, in the frame that it was written in."""

    expr: ir.Expr
    frame: Frame


@dataclass(frozen=True)
class Frame:
    """What the names of an expression mean: locals, the state, and the state after the step."""

    names: Mapping[str, Value | Later]
    state: State
    after: State | None = None

    def bind(self, name: str, value: Value | Later) -> Frame:
        """The frame with one more name."""
        return replace(self, names={**self.names, name: value})


@dataclass
class Ground:
    """The constants that a path or a goal has introduced, with what is known of each."""

    facts: list[z3.BoolRef] = field(default_factory=list)
    named: dict[tuple[str, int], tuple[z3.ExprRef, z3.ExprRef]] = field(default_factory=dict)
    goal: bool = False

    def copy(self, goal: bool = False) -> Ground:
        """A copy to go on from, in a path or to a goal."""
        return Ground(list(self.facts), dict(self.named), goal)


class Naming:
    """Gives terms to related values and neighbours: constants where all is ground, else bound variables around an atom."""

    def __init__(self, universe: Universe, ground: Ground | None) -> None:
        self.universe, self.ground = universe, ground
        self._variables: list[z3.ExprRef] = []
        self._known = ground if ground is not None else Ground()

    def _name(self, kind: str, key: z3.ExprRef, sort: z3.SortRef, facts: Callable[[z3.ExprRef], z3.BoolRef]) -> z3.ExprRef:
        held = self._known.named.get((kind, key.get_id()))
        if held is not None:
            return held[1]
        term = self.universe.fresh(sort, kind)
        # The key is kept: its number would otherwise be given to another term.
        self._known.named[kind, key.get_id()] = (key, term)
        self._known.facts.append(facts(term))
        if self.ground is None:
            self._variables.append(term)
        return term

    def term(self, value: Value) -> z3.ExprRef:
        """The term of a scalar; a related value gets a name."""
        if isinstance(value, Scalar):
            return value.term
        assert isinstance(value, Related), value
        probe = value.holds(z3.Const(f"probe_{value.sort.name()}", value.sort))
        return self._name("the", probe, value.sort, lambda t: fold_or([fold_not(value.exists), value.holds(t)]))

    def after(self, x: z3.ExprRef) -> z3.ExprRef:
        """The next element of an ordered sort; without a scope there always is one."""
        y = z3.Const("y", x.sort())
        return self._name("next", x, x.sort(), lambda t: z3.And(lt(x, t), z3.ForAll([y], z3.Or(le(y, x), le(t, y)))))

    def before(self, x: z3.ExprRef, zero: z3.ExprRef) -> z3.ExprRef:
        """The element before, where x is not the least."""
        y = z3.Const("y", x.sort())
        return self._name(
            "before",
            x,
            x.sort(),
            lambda t: z3.Or(x == zero, z3.And(lt(t, x), z3.ForAll([y], z3.Or(le(y, t), le(x, y))))),
        )

    @property
    def open(self) -> bool:
        """Whether a formula with the given terms has to be closed."""
        return bool(self._variables)

    def close(self, formula: z3.BoolRef) -> z3.BoolRef:
        """The asserted atom with its bound variables: whatever they are, if they are what they name."""
        if not self._variables:
            return formula
        return forall(self._variables, fold_or([*(fold_not(f) for f in self._known.facts), formula]))
