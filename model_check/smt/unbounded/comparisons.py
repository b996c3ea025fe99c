"""Equality and membership of values as formulas of the unbounded encoding: of what an expression is worth, not of expressions."""

from __future__ import annotations

import z3

from model_check.smt.unbounded.frames import Ground, Naming
from model_check.smt.unbounded.universe import Universe, exists, fold_and, fold_not, fold_or, forall, is_interned, le, lt, same
from model_check.smt.unbounded.values import FALSE, TRUE, Entries, Members, Optional, Record, Related, Scalar, Shape, Value, rebuild, related, shapes
from spec.language.types import BoolType, EnumType, Type


class Comparisons:
    """Compares values over one universe."""

    def __init__(self, universe: Universe) -> None:
        self.universe = universe

    def shapes(self, type_: Type) -> list[tuple[Shape, tuple[Type, ...]]]:
        """The shapes of a set's elements, each with the types of its columns; an interned record is a column itself."""
        return [((), (type_,))] if is_interned(type_) else list(shapes(type_))

    def _has(self, members: Members, element: Value, naming: Naming) -> z3.BoolRef:
        parts = []
        for shape, _ in self.shapes(members.type.of):
            fits, columns = self._flatten(element, list(shape), naming)
            if not z3.is_false(fits):
                parts.append(fold_and([fits, members.has(shape, tuple(columns))]))
        return fold_or(parts)

    def _flatten(self, value: Value, shape: list[bool | int], naming: Naming) -> tuple[z3.BoolRef, list[z3.ExprRef]]:
        """Where a value has a shape (consumed from the front), and its columns there."""
        match value:
            case Scalar(type=BoolType(), term=term):
                return (term if shape.pop(0) else fold_not(term)), []
            case Scalar(type=EnumType() as type_, term=term):
                return same(term, self.universe.member(type_, int(shape.pop(0)))), []
            case Scalar() | Related():
                return TRUE, [naming.term(value)]
            case Optional(none=none, value=inner):
                if shape.pop(0):
                    return none, []
                fits, columns = self._flatten(inner, shape, naming)
                return fold_and([fold_not(none), fits]), columns
            case Record(fields=fields):
                conditions, found = [], list[z3.ExprRef]()
                for part in fields.values():
                    fits, columns = self._flatten(part, shape, naming)
                    conditions.append(fits)
                    found += columns
                return fold_and(conditions), found
        raise AssertionError(value)

    def matches(self, value: Value, shape: Shape, columns: tuple[z3.ExprRef, ...]) -> z3.BoolRef:
        """Whether a value is the one of a shape and columns; names nothing."""
        other: Value = (
            Scalar(value.type, columns[0]) if isinstance(value, Scalar) and is_interned(value.type) else rebuild(self.universe, value.type, shape, columns)
        )
        return self._same(value, other, None)

    def _same(self, a: Value, b: Value, naming: Naming | None) -> z3.BoolRef:
        """Equality as an exact formula."""
        match a, b:
            case Scalar(), Scalar():
                return same(a.term, b.term)
            case ((Scalar() | Related()), (Scalar() | Related())):
                known, other = (b, a) if isinstance(b, Scalar) else (a, b)
                if isinstance(known, Related):
                    assert naming is not None
                    return related(other).holds(naming.term(known))
                return related(other).holds(known.term)
            case Optional(), Optional():
                inner = self._same(a.value, b.value, naming) if not z3.is_true(a.none) and not z3.is_true(b.none) else FALSE
                return fold_or([fold_and([a.none, b.none]), fold_and([fold_not(a.none), fold_not(b.none), inner])])
            case Record(), Record():
                return fold_and([self._same(a.fields[n], b.fields[n], naming) for n in a.fields])
            case Members(), Members():
                return fold_and([self._subset(a, b), self._subset(b, a)])
        raise AssertionError((a, b))

    def _subset(self, a: Members, b: Members) -> z3.BoolRef:
        parts = []
        for shape, sorts in self.shapes(a.type.of):
            columns = tuple(self.universe.fresh(self.universe.sort(s), "x") for s in sorts)
            parts.append(forall(columns, fold_or([fold_not(a.has(shape, columns)), b.has(shape, columns)])))
        return fold_and(parts)

    def differ(self, a: Value, b: Value, ground: Ground | None) -> z3.BoolRef:
        """A formula to assert: that two values of one type differ."""
        naming = Naming(self.universe, ground)
        return naming.close(self._equal(a, b, False, naming))

    def _equal(self, a: Value, b: Value, truth: bool, naming: Naming) -> z3.BoolRef:
        """Equality, asserted to be true or false."""
        match a, b:
            case Related(), Related():
                if naming.ground is not None:
                    x, y = naming.term(a), naming.term(b)
                    return fold_and([b.holds(x), a.holds(y)]) if truth else fold_and([fold_not(b.holds(x)), fold_not(a.holds(y))])
                x = self.universe.fresh(a.sort, "x")
                if truth:
                    return forall([x], fold_and([fold_or([fold_not(a.holds(x)), b.holds(x)]), fold_or([fold_not(b.holds(x)), a.holds(x)])]))
                return forall([x], fold_or([fold_not(a.holds(x)), fold_not(b.holds(x))]))
            case Scalar(), Related():
                return self._equal(b, a, truth, naming)
            case Related(), Scalar():
                if naming.ground is not None:
                    naming.term(a)
                return a.holds(b.term) if truth else fold_not(a.holds(b.term))
            case Optional(), Optional():
                both = fold_and([fold_not(a.none), fold_not(b.none)])
                inner = FALSE if z3.is_false(both) else self._equal(a.value, b.value, truth, naming)
                if truth:
                    return fold_or([fold_and([a.none, b.none]), fold_and([both, inner])])
                return fold_or([fold_and([a.none, fold_not(b.none)]), fold_and([b.none, fold_not(a.none)]), fold_and([both, inner])])
            case Record(), Record():
                parts = [self._equal(a.fields[n], b.fields[n], truth, naming) for n in a.fields]
                return fold_and(parts) if truth else fold_or(parts)
            case Entries(), Entries():
                return self._equal_entries(a, b, truth, naming)
            case _:
                formula = self._same(a, b, naming)
                return formula if truth else fold_not(formula)

    def _equal_entries(self, a: Entries, b: Entries, truth: bool, naming: Naming) -> z3.BoolRef:
        """Sequences are equal if they have the same positions and equal entries at each."""
        ends = fold_and([same(a.after, b.after), same(a.last, b.last)])
        i = self.universe.fresh(a.last.sort(), "i")
        within = fold_and([lt(a.after, i), le(i, a.last)])
        if truth:
            own = Naming(self.universe, None)
            return fold_and([ends, forall([i], own.close(fold_or([fold_not(within), self._equal(a.at(i), b.at(i), True, own)])))])
        if naming.ground is not None:
            return fold_or([fold_not(ends), fold_and([within, self._equal(a.at(i), b.at(i), False, naming)])])
        own = Naming(self.universe, None)
        return fold_or([fold_not(ends), exists([i], fold_and([within, own.close(self._equal(a.at(i), b.at(i), False, own))]))])
