"""What an action may do to a few cells of the state when nothing else of it is known: the IR run on possibilities.

A *cell* is a variable or an entry of a map variable. A value is known, *free* (one of a few, chosen once it matters and
then kept: a parameter, a field of a message, a cell), or unknown. Where a condition is unknown, both ways are taken;
quantifiers, sequences and quorums are always unknown. So whatever a real step does to the cells is among what is found here.
Elements of unordered sorts are never told apart but by equality: what is found for some of them holds for all.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from spec.language import Protocol, ir
from spec.language.types import BOOL, BoolType, EnumType, OptionType, RecordType, SetType, SortType, Type, number_of_elements


class _Unknown:
    """The one value that may be any."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Any = _Unknown()

Cell: TypeAlias = tuple[str, tuple[int, ...]]
"""A variable and the numbers of its keys."""
MOST_VALUES = 32


def elements(protocol: Protocol, type_: Type) -> list[Any]:
    """All elements of a sort, an enumeration or bool, ascending: numbers and truth values."""
    return [False, True] if type_ == BOOL else list(range(number_of_elements(type_, protocol.context.sizes)))


def values(protocol: Protocol, type_: Type) -> list[Any]:
    """All values of a type that has at most 32, in the order of their codes: elements, None, sets of elements; else none."""
    found: list[Any]
    match type_:
        case SortType() | EnumType() | BoolType():
            found = elements(protocol, type_)
        case OptionType(of=SortType() | EnumType() | BoolType() as of):
            found = [None, *elements(protocol, of)]
        case SetType(of=SortType() | EnumType() | BoolType() as of):
            each = elements(protocol, of)
            masks = range(1 << len(each)) if len(each) < MOST_VALUES.bit_length() else ()
            found = [frozenset(m for i, m in enumerate(each) if mask >> i & 1) for mask in masks]
        case _:
            return []
    return found if len(found) <= MOST_VALUES else []


@dataclass(frozen=True)
class Free:
    """A value still to be chosen: a parameter `(name,)`, a field `(name, field)` of a record, or a cell."""

    key: tuple[Any, ...]
    type: Type


@dataclass(frozen=True)
class Message:
    """A record of which nothing is known: its fields are free."""

    name: str
    type: RecordType


@dataclass(frozen=True)
class World:
    """One course of an action so far: what was chosen, what cells hold now, messages sent, and whether more may have changed."""

    chosen: Mapping[tuple[Any, ...], Any] = field(default_factory=dict)
    now: Mapping[Cell, Any] = field(default_factory=dict)
    sent: frozenset[tuple[str, Any]] = frozenset()
    more: bool = False

    @property
    def identity(self) -> tuple[Any, ...]:
        """What tells two courses apart."""
        return frozenset(self.chosen.items()), frozenset(self.now.items()), self.sent, self.more


Outcomes: TypeAlias = list[tuple[Any, World]]


class Possibilities:
    """Runs actions of a protocol while `cells` are followed.

    With `watched`, for a receipt, a course ends at the first change that the cells do not show, the sending of a known message to
    one of the sets of `messages` aside; otherwise such changes are left out. Without cells to follow, `reads` collects those that
    depend on the action's parameters and the fields of its message alone, whatever rules are removed.
    """

    def __init__(self, protocol: Protocol, messages: frozenset[str], cells: Iterable[Cell] | None = None, watched: bool = False) -> None:
        self.protocol, self.messages, self.watched = protocol, messages, watched
        self.reading = cells is None
        self.cells = frozenset(cells or ())
        self.variables = {v.name: v for v in protocol.ir.variables}
        self.followed = {variable for variable, _ in self.cells}
        self.reads: dict[tuple[str, tuple[Free, ...]], None] = {}
        self.names: dict[str, Any] = {}
        # Above 0 where CPython might not evaluate an expression: it must then not end the course.
        self.unsure = 0

    def run(self, action: ir.Action, chosen: Mapping[tuple[Any, ...], Any]) -> list[World]:
        """All courses of an action that may be enabled, some of its parameters (and cells) being chosen."""
        self.names = {b.name: self._parameter(b) for b in action.parameters}
        return self._all(action.body, [World(chosen)])

    def _parameter(self, binder: ir.Binder) -> Any:
        if isinstance(binder.type, RecordType):
            return Message(binder.name, binder.type)
        return Free((binder.name,), binder.type) if isinstance(binder.domain, ir.SortDomain) else UNKNOWN

    # --- choosing

    def _force(self, value: Any, world: World) -> Outcomes:
        """A value with everything free in it chosen."""
        if isinstance(value, Free):
            if value.key in world.chosen:
                return [(world.chosen[value.key], world)]
            options = values(self.protocol, value.type)
            return [(v, replace(world, chosen={**world.chosen, value.key: v})) for v in options] if options else [(UNKNOWN, world)]
        if isinstance(value, tuple):
            return self._each(value, world, self._force)
        return [(UNKNOWN if isinstance(value, Message) else value, world)]

    @staticmethod
    def _each(items: Iterable[Any], world: World, step: Any) -> Outcomes:
        """Several in order: the tuples of what they may be."""
        found: Outcomes = [((), world)]
        for item in items:
            found = [((*done, value), after) for done, before in found for value, after in step(item, before)]
        return found

    def _forced(self, parts: Iterable[ir.Expr], world: World) -> Outcomes:
        found: Outcomes = []
        for given, before in self._each(parts, world, self.value):
            found += [(UNKNOWN, before)] if _unknown(given) else [(UNKNOWN if _unknown(v) else v, after) for v, after in self._force(given, before)]
        return found

    # --- expressions

    def value(self, e: ir.Expr, world: World) -> Outcomes:
        """What an expression may be."""
        handler = getattr(self, f"_{type(e).__name__}", None)
        return [(UNKNOWN, world)] if handler is None else handler(e, world)

    def _Const(self, e: ir.Const, world: World) -> Outcomes:
        return [(e.value, world)]

    def _Name(self, e: ir.Name, world: World) -> Outcomes:
        return [(self.names[e.name], world)]

    def _InForce(self, e: ir.InForce, world: World) -> Outcomes:
        return [(e.rule not in self.protocol.without if not self.reading else UNKNOWN, world)]

    def _Read(self, e: ir.Read, world: World) -> Outcomes:
        type_ = self.variables[e.variable].value_type
        if self.reading:
            self._note(e.variable, e.keys, world)
        if e.variable not in self.followed:
            return [(UNKNOWN, world)]
        found: Outcomes = []
        for keys, after in self._forced(e.keys, world):
            cell = (e.variable, keys)
            held = UNKNOWN if cell not in self.cells else after.now.get(cell, Free(cell, type_))
            found.append((held, after))
        return found

    def _note(self, variable: str, keys: tuple[ir.Expr, ...], world: World) -> None:
        """Note that a cell is read, if its keys are parameters or fields."""
        for found, _ in self._each(keys, world, self.value):
            if all(isinstance(k, Free) for k in found) and values(self.protocol, self.variables[variable].value_type):
                self.reads[variable, found] = None

    def _Field(self, e: ir.Field, world: World) -> Outcomes:
        assert isinstance(e.record.type, RecordType)
        found: Outcomes = []
        for record, after in self.value(e.record, world):
            if isinstance(record, Message):
                found.append((Free((record.name, e.name), e.type) if values(self.protocol, e.type) else UNKNOWN, after))
            else:
                found.append((UNKNOWN if record is UNKNOWN else record[[n for n, _ in e.record.type.fields].index(e.name)], after))
        return found

    def _RecordExpr(self, e: ir.RecordExpr, world: World) -> Outcomes:
        return self._each(e.fields, world, self.value)

    def _Some(self, e: ir.Some, world: World) -> Outcomes:
        return self.value(e.value, world)

    def _Unwrap(self, e: ir.Unwrap, world: World) -> Outcomes:
        return [(UNKNOWN, replace(after, more=True)) if v is None else (v, after) for (v,), after in _split(self._forced((e.option,), world))]

    def _IsNone(self, e: ir.IsNone, world: World) -> Outcomes:
        return [(v if v is UNKNOWN else v is None, after) for (v,), after in _split(self._forced((e.option,), world))]

    def _Compare(self, e: ir.Compare, world: World) -> Outcomes:
        compare = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le}[e.operator]
        return [(UNKNOWN if v is UNKNOWN else compare(*v), after) for v, after in self._forced((e.left, e.right), world)]

    def _Extremum(self, e: ir.Extremum, world: World) -> Outcomes:
        choose = min if e.operator == "min" else max
        return [(v if v is UNKNOWN else choose(v), after) for v, after in self._forced((e.left, e.right), world)]

    def _Member(self, e: ir.Member, world: World) -> Outcomes:
        return [(v if v is UNKNOWN else v[0] in v[1], after) for v, after in self._forced((e.element, e.set), world)]

    def _SetExpr(self, e: ir.SetExpr, world: World) -> Outcomes:
        return [(v if v is UNKNOWN else frozenset(v), after) for v, after in self._forced(e.elements, world)]

    def _SetOperation(self, e: ir.SetOperation, world: World) -> Outcomes:
        combine = {"|": frozenset.union, "&": frozenset.intersection, "-": frozenset.difference}[e.operator]
        return [(v if v is UNKNOWN else combine(*v), after) for v, after in self._forced((e.left, e.right), world)]

    def _Neighbour(self, e: ir.Neighbour, world: World) -> Outcomes:
        found: Outcomes = []
        for (v,), after in _split(self._forced((e.of,), world)):
            if v is UNKNOWN:
                found.append((v, after))
            elif v + e.by in values(self.protocol, e.type):
                found.append((v + e.by, after))
            elif e.by < 0 or self.unsure:
                # Before the first there is nothing: the step is an error, which must not be lost.
                found.append((UNKNOWN, replace(after, more=True)))
            # Beyond the last one the step leaves the scope.
        return found

    def _Not(self, e: ir.Not, world: World) -> Outcomes:
        return [(v if v is UNKNOWN else not v, after) for (v,), after in _split(self._forced((e.operand,), world))]

    def _Junction(self, e: ir.Junction, world: World) -> Outcomes:
        decides = e.operator == "or"
        found: Outcomes = []
        courses: Outcomes = [(not decides, world)]
        for operand in e.operands:
            following: Outcomes = []
            for so_far, before in courses:
                self.unsure += so_far is UNKNOWN
                for (v,), after in _split(self._forced((operand,), before)):
                    if v is decides:
                        found.append((v, after))
                    else:
                        following.append((UNKNOWN if UNKNOWN in (v, so_far) else v, after))
                self.unsure -= so_far is UNKNOWN
            courses = following
        return found + courses

    def _Conditional(self, e: ir.Conditional, world: World) -> Outcomes:
        found: Outcomes = []
        for (v,), after in _split(self._forced((e.condition,), world)):
            found += self.value(e.then, after) if v is not False else []
            found += self.value(e.otherwise, after) if v is not True else []
        return found

    def _Call(self, e: ir.Call, world: World) -> Outcomes:
        found: Outcomes = []
        for arguments, after in self._each(e.arguments, world, self.value):
            saved, self.names = self.names, {p: a for (p, _), a in zip(e.helper.parameters, arguments, strict=True)}
            found += self.value(e.helper.body, after)
            self.names = saved
        return found

    def _LetIn(self, e: ir.LetIn, world: World) -> Outcomes:
        found: Outcomes = []
        for v, after in self.value(e.value, world):
            self.names[e.name] = v
            found += self.value(e.body, after)
        return found

    # --- statements

    def _all(self, statements: tuple[ir.Statement, ...], worlds: list[World]) -> list[World]:
        for number, statement in enumerate(statements):
            # A let gives each course a value of its own: the rest is then run for each.
            if isinstance(statement, ir.Let):
                rest = statements[number + 1 :]
                return [after for world in worlds for v, before in self.value(statement.value, world) for after in self._bound(statement.name, v, rest, before)]
            worlds = _distinct(after for world in worlds for after in ([world] if self._over(world) else self._statement(statement, world)))
        return worlds

    def _over(self, world: World) -> bool:
        return self.watched and world.more

    def _bound(self, name: str, value: Any, rest: tuple[ir.Statement, ...], world: World) -> list[World]:
        self.names[name] = value
        return self._all(rest, [world])

    def _statement(self, s: ir.Statement, world: World) -> list[World]:
        match s:
            case ir.Require():
                return self._require(s, world)
            case ir.If():
                return self._if(s, world)
            case ir.ForEach():
                return self._for(s, world)
            case ir.Perform():
                return self._perform(s, world)
            case ir.Store() | ir.Insert() | ir.Remove():
                return self._change(s, world)
            case _:
                raise AssertionError(s)

    def _require(self, s: ir.Require, world: World) -> list[World]:
        removed = bool(s.rule) and (s.rule in self.protocol.without or self.reading)
        return [after for (v,), after in _split(self._forced((s.condition,), world)) if removed or v is not False]

    def _if(self, s: ir.If, world: World) -> list[World]:
        found: list[World] = []
        for (v,), after in _split(self._forced((s.condition,), world)):
            found += self._all(s.then, [after]) if v is not False else []
            found += self._all(s.otherwise, [after]) if v is not True else []
        return found

    def _for(self, s: ir.ForEach, world: World) -> list[World]:
        worlds = [world]
        for element in elements(self.protocol, s.binder.type):
            self.names[s.binder.name] = element
            following: list[World] = []
            for before in worlds:
                courses: Outcomes = self._forced(s.binder.filters, before)
                for v, after in courses:
                    held = v if v is UNKNOWN else all(v)
                    following += self._all(s.body, [after]) if held is not False else []
                    following += [after] if held is not True else []
            worlds = _distinct(following)
        return worlds

    def _perform(self, s: ir.Perform, world: World) -> list[World]:
        found: list[World] = []
        for arguments, after in self._each(s.arguments, world, self.value):
            saved, self.names = self.names, {p: a for (p, _), a in zip(s.procedure.parameters, arguments, strict=True)}
            found += self._all(s.procedure.body, [after])
            self.names = saved
        return found

    def _change(self, s: ir.Store | ir.Insert | ir.Remove, world: World) -> list[World]:
        if self.reading:
            # What a set holds decides whether adding to it, or taking away, changes anything.
            if not isinstance(s, ir.Store):
                self._note(s.variable, s.keys, world)
            return [after for _, after in self.value(s.value if isinstance(s, ir.Store) else s.element, world)]
        if s.variable not in self.followed:
            if not self.watched:
                return [world]
            return self._send(s, world) if isinstance(s, ir.Insert) and s.variable in self.messages else [replace(world, more=True)]
        found: list[World] = []
        for keys, before in self._forced(s.keys, world):
            touched = [c for c in self.cells if c[0] == s.variable and (keys is UNKNOWN or len(keys) < len(c[1]) or c[1] == keys)]
            worlds = [before] if touched else [replace(before, more=True)]
            for cell in touched:
                certain = len(touched) == 1 and keys is not UNKNOWN and len(keys) == len(cell[1])
                worlds = [after for w in worlds for after in self._put(s, cell, w, certain)]
            found += worlds
        return found

    def _put(self, s: ir.Store | ir.Insert | ir.Remove, cell: Cell, world: World, certain: bool) -> list[World]:
        """A cell's new value; any value where the statement does not tell."""
        type_ = self.variables[s.variable].value_type
        courses: Outcomes = [(UNKNOWN, world)]
        if certain and isinstance(s, ir.Store):
            courses = [(v if v is UNKNOWN else v[0], after) for v, after in self._forced((s.value,), world)]
        elif certain and isinstance(s, (ir.Insert, ir.Remove)):
            old = world.now.get(cell, Free(cell, type_))
            courses = [
                (UNKNOWN if _unknown((v, held)) else (held | set(v) if isinstance(s, ir.Insert) else held - set(v)), after)
                for v, before in self._forced((s.element,), world)
                for held, after in self._force(old, before)
            ]
        return [
            replace(after, now={**after.now, cell: new}, more=after.more or (v is UNKNOWN and self.watched))
            for v, after in courses
            for new in (values(self.protocol, type_) if v is UNKNOWN and not self.watched else [v])
        ]

    def _send(self, s: ir.Insert, world: World) -> list[World]:
        return [
            replace(after, more=True) if v is UNKNOWN or _unknown(v) else replace(after, sent=after.sent | {(s.variable, v[0])})
            for v, after in self._forced((s.element,), world)
        ]


def _unknown(value: Any) -> bool:
    """Whether something in a value is unknown."""
    return any(map(_unknown, value)) if isinstance(value, tuple) else value is UNKNOWN


def _split(outcomes: Outcomes) -> Outcomes:
    """Outcomes of one forced expression, as tuples of one, unknown or not."""
    return [((v,) if v is UNKNOWN else v, after) for v, after in outcomes]


def _distinct(worlds: Iterable[World]) -> list[World]:
    return list({world.identity: world for world in worlds}.values())
