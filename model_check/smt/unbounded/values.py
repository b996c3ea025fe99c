"""Symbolic values: what a variable, a field or an expression stands for in the unbounded encoding.

A value is a tree with Z3 terms at its leaves. Values that a function cannot give without leading upwards in the order
of sorts are *related*: known by the relation that holds of exactly one element, and never named unless a step does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import z3

from model_check.smt.unbounded.universe import Universe, fold_and, fold_if, fold_not, le, lt, same, subterms
from spec.language.types import (
    BoolType,
    EnumType,
    OptionType,
    RecordType,
    SeqType,
    SetType,
    SortType,
    Type,
    WindowType,
)

TRUE, FALSE = z3.BoolVal(True), z3.BoolVal(False)


@dataclass(frozen=True)
class Scalar:
    """An element of a sort or enumeration, a truth value, or an interned record, as a term."""

    type: Type
    term: z3.ExprRef


@dataclass(frozen=True)
class Related:
    """The one element of which `holds` is true; there is one wherever `exists` is true.

    `above` tells of which elements of an ordered sort it is above, so that comparing it names nothing.
    """

    type: Type
    sort: z3.SortRef
    holds: Callable[[z3.ExprRef], z3.BoolRef]
    above: Callable[[z3.ExprRef], z3.BoolRef]
    exists: z3.BoolRef = TRUE


@dataclass(frozen=True)
class Optional:
    """None, or a value."""

    type: OptionType
    none: z3.BoolRef
    value: Value


@dataclass(frozen=True)
class Record:
    """A record by its fields."""

    type: RecordType
    fields: dict[str, Value]


Shape: TypeAlias = tuple[bool | int, ...]
"""What the finite parts of a type hold (is an option None, a truth value, a member of an enumeration), in order."""


@dataclass(frozen=True)
class Members:
    """A set by its characteristic relation: one for each shape of an element, over the element's columns."""

    type: SetType
    has: Callable[[Shape, tuple[z3.ExprRef, ...]], z3.BoolRef]


@dataclass(frozen=True)
class Entries:
    """A sequence or window: the positions after+1..last and the entry at each of them."""

    type: SeqType | WindowType
    after: z3.ExprRef
    last: z3.ExprRef
    at: Callable[[z3.ExprRef], Value]


Value: TypeAlias = Scalar | Related | Optional | Record | Members | Entries


def shapes(type_: Type) -> list[tuple[Shape, tuple[SortType, ...]]]:
    """The shapes of a set's elements, each with the sorts of its columns; an interned record is one column."""
    match type_:
        case SortType():
            return [((), (type_,))]
        case BoolType():
            return [((False,), ()), ((True,), ())]
        case EnumType(members=members):
            return [((i,), ()) for i in range(len(members))]
        case OptionType(of=of):
            return [((True,), ()), *(((False, *shape), columns) for shape, columns in shapes(of))]
        case RecordType(fields=fields):
            found: list[tuple[Shape, tuple[SortType, ...]]] = [((), ())]
            for _, field in fields:
                found = [((*a, *c), (*b, *d)) for a, b in found for c, d in shapes(field)]
            return found
        case _:
            raise AssertionError(type_)


def rebuild(universe: Universe, type_: Type, shape: Sequence[bool | int], columns: Sequence[z3.ExprRef]) -> Value:
    """The value of a shape with its columns: the converse of flattening."""
    finite, infinite = list(shape), list(columns)
    return _rebuild(universe, type_, finite, infinite)


def _rebuild(universe: Universe, type_: Type, finite: list[bool | int], columns: list[z3.ExprRef]) -> Value:
    match type_:
        case SortType():
            return Scalar(type_, columns.pop(0))
        case BoolType():
            return Scalar(type_, z3.BoolVal(bool(finite.pop(0))))
        case EnumType():
            return Scalar(type_, universe.member(type_, int(finite.pop(0))))
        case OptionType(of=of):
            if finite.pop(0):
                return Optional(type_, TRUE, anything(universe, of))
            return Optional(type_, FALSE, _rebuild(universe, of, finite, columns))
        case RecordType(fields=fields):
            return Record(type_, {name: _rebuild(universe, field, finite, columns) for name, field in fields})
        case _:
            raise AssertionError(type_)


def anything(universe: Universe, type_: Type) -> Value:
    """Some value of a type where it does not matter which (the content of None)."""
    match type_:
        case SortType() | EnumType() | BoolType():
            return Scalar(type_, z3.Const(f"any_{type_}", universe.sort(type_)))
        case OptionType(of=of):
            return Optional(type_, TRUE, anything(universe, of))
        case RecordType(fields=fields):
            return Record(type_, {name: anything(universe, field) for name, field in fields})
        case _:
            raise AssertionError(type_)


def related(value: Scalar | Related) -> Related:
    """A term as the relation that holds of it alone."""
    if isinstance(value, Related):
        return value
    term = value.term
    return Related(value.type, term.sort(), lambda x: same(x, term), lambda x: lt(x, term))


def choose(condition: z3.BoolRef, then: Value, otherwise: Value) -> Value:
    """`then` where the condition holds, else `otherwise`."""
    if z3.is_true(condition):
        return then
    if z3.is_false(condition):
        return otherwise
    match then, otherwise:
        case Scalar(type=type_, term=a), Scalar(term=b):
            return Scalar(type_, fold_if(condition, a, b))
        case ((Scalar() | Related()), (Scalar() | Related())):
            a, b = related(then), related(otherwise)
            return Related(
                a.type,
                a.sort,
                lambda x: fold_if(condition, a.holds(x), b.holds(x)),
                lambda x: fold_if(condition, a.above(x), b.above(x)),
                fold_if(condition, a.exists, b.exists),
            )
        case Optional(type=type_), Optional():
            return Optional(type_, fold_if(condition, then.none, otherwise.none), choose(condition, then.value, otherwise.value))
        case Record(type=type_), Record():
            return Record(type_, {name: choose(condition, then.fields[name], otherwise.fields[name]) for name in then.fields})
        case Members(type=type_), Members():
            return Members(type_, lambda shape, columns: fold_if(condition, then.has(shape, columns), otherwise.has(shape, columns)))
        case Entries(type=type_), Entries():
            return Entries(
                type_,
                fold_if(condition, then.after, otherwise.after),
                fold_if(condition, then.last, otherwise.last),
                lambda i: choose(condition, then.at(i), otherwise.at(i)),
            )
    raise AssertionError((then, otherwise))


def replace(value: Value, old: z3.ExprRef, new: z3.ExprRef) -> Value:
    """The value with one term in place of another."""
    if old.eq(new):
        return value

    def put(term: z3.ExprRef) -> z3.ExprRef:
        return z3.substitute(term, (old, new))

    match value:
        case Scalar(type=type_, term=term):
            return Scalar(type_, put(term))
        case Related(type=type_, sort=sort, holds=holds, above=above, exists=exists):
            return Related(type_, sort, lambda x: put_around(holds(x), old, new, (x,)), lambda x: put_around(above(x), old, new, (x,)), put(exists))
        case Optional(type=type_, none=none, value=inner):
            return Optional(type_, put(none), replace(inner, old, new))
        case Record(type=type_, fields=fields):
            return Record(type_, {name: replace(field, old, new) for name, field in fields.items()})
        case Members(type=type_, has=has):
            return Members(type_, lambda shape, columns: put_around(has(shape, columns), old, new, columns))
        case Entries(type=type_, after=after, last=last, at=at):
            return Entries(type_, put(after), put(last), lambda i: replace_around(at, i, old, new))
    raise AssertionError(value)


def put_around(formula: z3.BoolRef, old: z3.ExprRef, new: z3.ExprRef, columns: tuple[z3.ExprRef, ...]) -> z3.BoolRef:
    """The formula with one term in place of another; the columns, given from outside, do not hold the old one."""
    assert not any(mentions(c, old) for c in columns)
    return z3.substitute(formula, (old, new))


def replace_around(at: Callable[[z3.ExprRef], Value], position: z3.ExprRef, old: z3.ExprRef, new: z3.ExprRef) -> Value:
    """The entry at a position given from outside, with one term in place of another."""
    assert not mentions(position, old)
    return replace(at(position), old, new)


def mentions(term: z3.ExprRef, constant: z3.ExprRef) -> bool:
    """Whether a constant occurs in a term."""
    return any(item.eq(constant) for item in subterms([term]))


Presence: TypeAlias = Callable[[tuple[z3.ExprRef, ...]], z3.BoolRef]
"""At which keys there is a value."""


def _always(keys: tuple[z3.ExprRef, ...]) -> z3.BoolRef:
    return TRUE


class Signature:
    """The functions and relations that stand for a protocol's variables and for the fields of its interned records.

    `axioms` says what every state of the protocol satisfies by its types: related values are unique, a window's last
    position does not lie before its first. That they exist is used only where a step or a goal names one.
    """

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        self.axioms: list[z3.BoolRef] = []
        self.totality: dict[str, z3.BoolRef] = {}
        self._declared: dict[str, z3.FuncDeclRef] = {}

    def _declare(self, name: str, keys: tuple[z3.SortRef, ...], result: z3.SortRef) -> z3.FuncDeclRef:
        return self._declared.setdefault(name, z3.Function(name, *keys, result))

    def value(self, name: str, type_: Type, keys: tuple[z3.ExprRef, ...], heights: tuple[int, ...], exists: Presence = _always) -> Value:
        """The value of a variable (or field) at its keys, whose heights in the order of sorts are given; where there is one."""
        universe, sorts = self.universe, tuple(k.sort() for k in keys)
        match type_:
            case SortType() if keys and universe.height(type_) >= min(heights):
                relation = self._relation(name, sorts, type_)
                if name not in self.totality:
                    self._exists(name, type_, keys, exists)
                above = self._declared.get(f"{name}.above", relation)
                return Related(type_, universe.sort(type_), lambda x: relation(*keys, x), lambda x: above(*keys, x), exists(keys))
            case SortType() | EnumType() | BoolType():
                return Scalar(type_, self._declare(name, sorts, universe.sort(type_))(*keys))
            case OptionType(of=of):
                none = self._declare(f"{name}.none", sorts, z3.BoolSort())
                content = self.value(f"{name}.value", of, keys, heights, lambda k: fold_and([exists(k), fold_not(none(*k))]))
                return Optional(type_, none(*keys), content)
            case RecordType(fields=fields):
                return Record(type_, {n: self.value(f"{name}.{n}", t, keys, heights, exists) for n, t in fields})
            case SetType():
                return Members(type_, lambda shape, columns: self._member(name, keys, shape, columns))
            case SeqType(index=index, of=of) | WindowType(index=index, of=of):
                return self._entries(name, type_, index, of, keys, heights)
        raise AssertionError(type_)

    def _relation(self, name: str, sorts: tuple[z3.SortRef, ...], type_: SortType) -> z3.FuncDeclRef:
        """The relation of a value that no function gives; beside it, in an ordered sort, the one of what lies below the value."""
        if name not in self._declared:
            of = self.universe.sort(type_)
            relation = self._declare(name, (*sorts, of), z3.BoolSort())
            keys = [z3.Const(f"k{i}", s) for i, s in enumerate(sorts)]
            x, y = z3.Const("x", of), z3.Const("y", of)
            self.axioms.append(z3.ForAll([*keys, x, y], z3.Implies(z3.And(relation(*keys, x), relation(*keys, y)), x == y)))
            if type_.ordered:
                above = self._declare(f"{name}.above", (*sorts, of), z3.BoolSort())
                self.axioms += [
                    z3.ForAll([*keys, x, y], z3.Implies(relation(*keys, x), above(*keys, y) == lt(y, x))),
                    z3.ForAll([*keys, x, y], z3.Implies(z3.And(above(*keys, x), le(y, x)), above(*keys, y))),
                ]
        return self._declared[name]

    def _exists(self, name: str, type_: SortType, keys: tuple[z3.ExprRef, ...], exists: Presence) -> None:
        """Note that there is a value wherever there should be."""
        variables = tuple(z3.Const(f"k{i}", k.sort()) for i, k in enumerate(keys))
        x = z3.Const("x", self.universe.sort(type_))
        self.totality[name] = z3.ForAll(list(variables), z3.Implies(exists(variables), z3.Exists([x], self._declared[name](*variables, x))))

    def _member(self, name: str, keys: tuple[z3.ExprRef, ...], shape: Shape, columns: tuple[z3.ExprRef, ...]) -> z3.BoolRef:
        suffix = "".join(f"#{int(part)}" for part in shape)
        sorts = tuple(k.sort() for k in (*keys, *columns))
        return self._declare(f"{name}{suffix}", sorts, z3.BoolSort())(*keys, *columns)

    def _entries(self, name: str, type_: SeqType | WindowType, index: SortType, of: Type, keys: tuple[z3.ExprRef, ...], heights: tuple[int, ...]) -> Entries:
        universe = self.universe
        sorts, positions = tuple(k.sort() for k in keys), universe.sort(index)
        if keys and universe.height(index) >= min(heights):
            raise AssertionError(f"positions of {name} must lie below its keys in the order of sorts")
        last = self._declare(f"{name}.last", sorts, positions)
        if isinstance(type_, WindowType) and f"{name}.after" not in self._declared:
            bound = [z3.Const(f"k{i}", s) for i, s in enumerate(sorts)]
            self.axioms.append(z3.ForAll(bound, le(self._declare(f"{name}.after", sorts, positions)(*bound), last(*bound))))

        def after(*owner: z3.ExprRef) -> z3.ExprRef:
            return self._declared[f"{name}.after"](*owner) if isinstance(type_, WindowType) else universe.zero(index)

        def present(k: tuple[z3.ExprRef, ...]) -> z3.BoolRef:
            *owner, i = k
            return fold_and([lt(after(*owner), i), le(i, last(*owner))])

        def at(i: z3.ExprRef) -> Value:
            return self.value(f"{name}.entry", of, (*keys, i), (*heights, universe.height(index)), present)

        return Entries(type_, after(*keys), last(*keys), at)

    def record(self, type_: RecordType, term: z3.ExprRef) -> Record:
        """The fields of an interned record."""
        height = (self.universe.height(type_),)
        return Record(type_, {n: self.value(f"{type_.name}.{n}", t, (term,), height) for n, t in type_.fields})


__all__ = [
    "FALSE",
    "TRUE",
    "Entries",
    "Members",
    "Optional",
    "Record",
    "Related",
    "Scalar",
    "Shape",
    "Signature",
    "Value",
    "choose",
    "mentions",
    "rebuild",
    "related",
    "replace",
    "shapes",
]
