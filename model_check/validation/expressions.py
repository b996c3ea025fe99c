"""Expressions of the IR as plain Python over the cells of a run.

A cell holds a language value, except that a set variable's cell holds a Python set and a sequence variable's cell
a list of its entries, both of which steps change in place. So an expression is written in one of three ways:
`value` (the language's own immutable value), `loose` (whatever is equal to it under `==`, `<`, `in` and `hash`: a
Python set, the bare number of a position) and, for sequences, `entries` (a list or tuple of them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from model_check.validation import operations
from model_check.validation.lookups import fields_asked, is_indexed
from spec.language import ir
from spec.language.types import EnumType, RecordType, SeqType, SetType, SortType, WindowType
from spec.language.values import Seq


class Constants:
    """What generated code refers to by name: classes, tables, elements. Names are unique, begin with `c_`, and bind late to a scope."""

    def __init__(self) -> None:
        self.by_name: dict[str, Callable[[Any], Any]] = {}
        self._names: dict[object, str] = {}

    def name(self, hint: str, key: object, make: Callable[[Any], Any]) -> str:
        """The name of a constant, given what tells it from others and how to make it for a run's tables."""
        if key not in self._names:
            name = f"c_{hint}"
            while name in self.by_name:
                name += "_"
            self._names[key] = name
            self.by_name[name] = make
        return self._names[key]

    def thing(self, hint: str, thing: object) -> str:
        """The name of an object that no scope changes."""
        return self.name(hint, (id(thing), hint), lambda _: thing)

    def sort(self, table: str, cls: type) -> str:
        """The name of a run's table for a sort: see `Tables`."""
        return self.name(f"{table}_{cls.__name__}", (table, cls), lambda tables: getattr(tables, table)(cls))


class Expressions:
    """Writes expressions of one definition as Python source."""

    def __init__(self, constants: Constants, without: frozenset[str]) -> None:
        self.constants, self.without = constants, without
        self.numbers: set[str] = set()
        """Names that hold the bare number of a position."""
        self.raw: set[str] = set()
        """Names of sequences that hold their entries."""
        self.at_hand: dict[ir.Expr, str] = {}
        """Entries `sequence[i]` that the loop over i's positions has under a name."""

    # --- the three ways

    def value(self, e: ir.Expr) -> str:
        """Source of the language's own value."""
        found = self.loose(e)
        if isinstance(e.type, SetType):
            return f"frozenset({found})"
        if isinstance(e, ir.Bound) or (isinstance(e, ir.Name) and e.name in self.numbers):
            assert isinstance(e.type, SortType)
            return f"{self.constants.sort('by_number', e.type.cls)}[{found}]"
        return found

    def loose(self, e: ir.Expr) -> str:
        """Source of something that equals the value."""
        if isinstance(e.type, SeqType) and self._has_entries(e):
            seq, index = self.constants.thing("Seq", Seq), self.constants.thing(e.type.index.name, e.type.index.cls)
            return f"{seq}({index}, 0, tuple({self.entries(e)}))"
        return self._written(e)

    def entries(self, e: ir.Expr) -> str:
        """Source of a sequence's or window's entries, a list or tuple."""
        if not self._has_entries(e):
            return f"{self._written(e)}.entries"
        match e:
            case ir.EmptySeq():
                return "()"
            case ir.Conditional(condition=condition, then=then, otherwise=otherwise):
                return f"({self.entries(then)} if {self.loose(condition)} else {self.entries(otherwise)})"
            case ir.Append(sequence=sequence, entry=entry, type=SeqType(index=index)):
                return f"{self.constants.sort('append', index.cls)}({self.entries(sequence)}, {self.value(entry)})"
            case ir.Splice(sequence=sequence, at=at, window=window):
                return f"{self._function(operations.spliced)}({self.entries(sequence)}, {self.loose(at)}, {self.loose(window)})"
            case ir.Extend(sequence=sequence, window=window):
                return f"{self._function(operations.extended)}({self.entries(sequence)}, {self.loose(window)})"
            case _:
                return self._written(e)

    def _has_entries(self, e: ir.Expr) -> bool:
        """Whether an expression gives a sequence's entries more readily than the sequence."""
        match e:
            case ir.Name(name=name):
                return name in self.raw
            case ir.Read() | ir.Conditional() | ir.Call():
                return isinstance(e.type, SeqType)
            case _:
                return isinstance(e, (ir.EmptySeq, ir.Append, ir.Splice, ir.Extend))

    def kept(self, e: ir.Expr, written: frozenset[str]) -> str:
        """Source of what a local holds of a value: it stays as it is while the variables in `written` change."""
        changes = any(isinstance(x, ir.Read) and x.variable in written for x in ir.walk(e))
        match e.type:
            case SeqType():
                return f"tuple({self.entries(e)})" if changes else self.entries(e)
            case SetType() if not changes:
                return self.loose(e)
            case _:
                return self.value(e)

    def keys(self, keys: tuple[ir.Expr, ...]) -> str:
        """Source of a cell's key."""
        return ", ".join(map(self.loose, keys)) if keys else "()"

    def _written(self, e: ir.Expr) -> str:
        found: str = getattr(self, f"_{type(e).__name__}")(e)
        return found

    def _function(self, function: Callable[..., Any]) -> str:
        return self.constants.thing(function.__name__, function)

    # --- names, literals, reads

    def _Const(self, e: ir.Const) -> str:
        match e.type:
            case EnumType(name=name, members=members, cls=cls) if e.value is not None:
                return self.constants.thing(f"{name}_{members[e.value]}", list(cls)[e.value])
            case SortType(cls=cls):
                return f"{self.constants.sort('by_number', cls)}[{e.value}]"
            case _:
                return repr(e.value)

    def _Name(self, e: ir.Name) -> str:
        return local(e.name)

    def _Read(self, e: ir.Read) -> str:
        return f"{cells(e.variable)}[{self.keys(e.keys)}]"

    def _Field(self, e: ir.Field) -> str:
        return f"{self.loose(e.record)}.{e.name}"

    def _RecordExpr(self, e: ir.RecordExpr) -> str:
        assert isinstance(e.type, RecordType)
        return f"{self.constants.thing(e.type.name, e.type.cls)}({', '.join(map(self.value, e.fields))})"

    def _Some(self, e: ir.Some) -> str:
        return self.value(e.value)

    def _Unwrap(self, e: ir.Unwrap) -> str:
        return self.loose(e.option)

    def _IsNone(self, e: ir.IsNone) -> str:
        return f"({self.loose(e.option)} is None)"

    # --- logic and comparison

    def _Compare(self, e: ir.Compare) -> str:
        if isinstance(e.left.type, SeqType):
            return f"(list({self.entries(e.left)}) {e.operator} list({self.entries(e.right)}))"
        sides = (e.left, e.operator, e.right)
        if (e.right.place.line, e.right.place.column) < (e.left.place.line, e.left.place.column):
            # Written as `a > b`: the side that stands first is evaluated first, in case it has no value.
            sides = (e.right, {"<": ">", "<=": ">="}.get(e.operator, e.operator), e.left)
        return f"({self._compared(sides[0])} {sides[1]} {self._compared(sides[2])})"

    def _compared(self, e: ir.Expr) -> str:
        """An operand of a comparison: a literal of an ordered sort may be its bare number."""
        return repr(e.value) if isinstance(e, ir.Const) and isinstance(e.type, SortType) else self.loose(e)

    def _Junction(self, e: ir.Junction) -> str:
        decisive = e.operator == "or"
        operands: list[str] = []
        for operand in e.operands:
            truth = self.truth(operand)
            if truth is not (not decisive):
                operands.append(self.loose(operand))
            if truth is decisive:
                break
        return f"({f' {e.operator} '.join(operands)})" if operands else repr(not decisive)

    def truth(self, e: ir.Expr) -> bool | None:
        """The value of an expression that the removed rules alone decide, None of any other."""
        match e:
            case ir.InForce(rule=rule):
                return rule not in self.without
            case ir.Not(operand=operand):
                truth = self.truth(operand)
                return None if truth is None else not truth
            case _:
                return None

    def _Not(self, e: ir.Not) -> str:
        return f"(not {self.loose(e.operand)})"

    def _Conditional(self, e: ir.Conditional) -> str:
        branch = self.loose if isinstance(e.type, SetType) else self.value
        truth = self.truth(e.condition)
        if truth is not None:
            return branch(e.then if truth else e.otherwise)
        return f"({branch(e.then)} if {self.loose(e.condition)} else {branch(e.otherwise)})"

    def _InForce(self, e: ir.InForce) -> str:
        return repr(self.truth(e))

    # --- sets

    def _Member(self, e: ir.Member) -> str:
        return f"({self.loose(e.element)} in {self.loose(e.set)})"

    def _SetExpr(self, e: ir.SetExpr) -> str:
        return "{" + ", ".join(map(self.value, e.elements)) + "}" if e.elements else "frozenset()"

    def _SetOperation(self, e: ir.SetOperation) -> str:
        return f"({self.loose(e.left)} {e.operator} {self.loose(e.right)})"

    def _SetComprehension(self, e: ir.SetComprehension) -> str:
        with self.over(e.binders) as loops:
            return f"{{{self.value(e.element)} {loops}}}"

    def _IsQuorum(self, e: ir.IsQuorum) -> str:
        return f"{self.constants.sort('is_quorum', e.sort.cls)}[{self.value(e.members)}]"

    def _IsMajority(self, e: ir.IsMajority) -> str:
        return f"is_majority({self.value(e.members)}, {self.value(e.of)})"

    # --- binders

    def _Quantifier(self, e: ir.Quantifier) -> str:
        with self.over(e.binders, e) as loops:
            return f"{e.operator}({self.loose(e.body)} {loops})"

    def _First(self, e: ir.First) -> str:
        with self.over((e.binder,)) as loops:
            return f"next(({self.value(ir.Name(type=e.binder.type, name=e.binder.name))} {loops}), None)"

    @contextmanager
    def over(self, binders: tuple[ir.Binder, ...], quantifier: ir.Quantifier | None = None) -> Iterator[str]:
        """The `for ... in ... if ...` of a comprehension, perhaps a quantifier's; within, its names are bound."""
        saved = dict(self.at_hand)
        yield " ".join(self._loop(binder, quantifier) for binder in binders)
        self.at_hand = saved

    def _loop(self, binder: ir.Binder, quantifier: ir.Quantifier | None) -> str:
        name = local(binder.name)
        match binder.domain:
            case ir.IndexDomain(sequence=sequence):
                # A loop over positions mostly reads the entries there: it gets both.
                head = f"for {name}, {name}_entry in {self._positions(sequence)}"
                self.numbers.add(binder.name)
                assert isinstance(sequence.type, (SeqType, WindowType))
                position = ir.Name(type=binder.type, name=binder.name)
                self.at_hand[ir.At(type=sequence.type.of, sequence=sequence, position=position)] = f"{name}_entry"
            case domain if quantifier is not None and is_indexed(domain) and (fields := fields_asked(binder, quantifier)):
                names, values = tuple(fields), [self.value(e) for e in fields.values()]
                head = f"for {name} in {self.domain(domain)}.where({names!r}, ({', '.join(values)}))"
            case domain:
                head = f"for {name} in {self.domain(domain)}"
        return " ".join([head, *(f"if {self.loose(test)}" for test in binder.filters)])

    def _positions(self, sequence: ir.Expr) -> str:
        """Source of the pairs of positions (bare numbers) and entries."""
        if isinstance(sequence.type, SeqType):
            return f"enumerate({self.entries(sequence)}, 1)"
        return f"{self._function(operations.positions)}({self.loose(sequence)})"

    def domain(self, domain: ir.Domain) -> str:
        """Source of what a bound name ranges over."""
        match domain:
            case ir.SortDomain(type=SortType(cls=cls)):
                return self.constants.sort("elements", cls)
            case ir.SortDomain(type=EnumType(name=name, cls=cls)):
                return self.constants.thing(name, cls)
            case ir.SortDomain():
                return "(False, True)"
            case ir.SetDomain(set=members):
                return self.loose(members)
            case ir.QuorumDomain(sort=sort):
                return self.constants.sort("quorums", sort.cls)
            case _:
                raise AssertionError(domain)

    # --- ordered sorts and sequences

    def _Neighbour(self, e: ir.Neighbour) -> str:
        assert isinstance(e.type, SortType)
        return f"{self.constants.sort('next' if e.by == 1 else 'previous', e.type.cls)}[{self.loose(e.of)}]"

    def _Extremum(self, e: ir.Extremum) -> str:
        return f"{e.operator}({self.value(e.left)}, {self.value(e.right)})"

    def _Bound(self, e: ir.Bound) -> str:
        if isinstance(e.sequence.type, SeqType):
            return f"len({self.entries(e.sequence)})" if e.which == "last" else f"(0 * len({self.entries(e.sequence)}))"
        return f"{self._function(operations.last if e.which == 'last' else operations.after)}({self.loose(e.sequence)})"

    def _At(self, e: ir.At) -> str:
        if e in self.at_hand:
            return self.at_hand[e]
        if isinstance(e.sequence.type, SeqType):
            return f"{self._function(operations.at)}({self.entries(e.sequence)}, {self.loose(e.position)})"
        return f"{self._function(operations.at_in_window)}({self.loose(e.sequence)}, {self.loose(e.position)})"

    def _Slice(self, e: ir.Slice) -> str:
        assert isinstance(e.type, WindowType)
        index = self.constants.thing(e.type.index.name, e.type.index.cls)
        return f"{self._function(operations.window)}({index}, {self.entries(e.sequence)}, {self.loose(e.after)}, {self.loose(e.last)})"

    # --- helpers

    def _Call(self, e: ir.Call) -> str:
        return f"h_{e.helper.name}({', '.join(self.kept(a, frozenset()) for a in e.arguments)})"


def local(name: str) -> str:
    """The Python name of a parameter, local or bound variable."""
    return f"l_{name}"


def cells(variable: str) -> str:
    """The Python name of a variable's cells, by key."""
    return f"v_{variable}"
