"""Dead messages: those whose receipt can never have an effect again, as tables over what the receiver knows.

A receipt is an action of which one parameter is a member of a set of messages. What it does depends, as far as it is understood here, on
a few cells of the state: those that it reads under its own parameters and the message's fields as keys, such as `current_term[n]`.
A message is dead for a receiver if no action leads from what these cells hold now to what lets its receipt change anything, or send what
has not been sent (`possibilities.py` runs the actions with everything else unknown: more may be dead than is found, never less).
A state without its dead messages and the state with them then have the same future but for messages: see `eager.py`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeAlias

from model_check.possibilities import Cell, Free, Possibilities, World, values
from spec.language import Protocol, Scope, ir
from spec.language.types import OptionType, RecordType, SetType, SortType, Type

MOST_CONTENTS, MOST_MESSAGES = 1024, 4096
"""Contents of the cells, and messages, that are told apart; cells and fields that would make it more are left unknown."""
LIVE, DEAD, ANSWERED = 0, 1, 2

Renaming: TypeAlias = Mapping[type, Mapping[int, int]]
Fates: TypeAlias = dict[tuple[Any, ...], Any]
"""A message's fields and the cells' contents, to DEAD or to the answer that has to have been sent."""


@dataclass(frozen=True)
class Receipt:
    """The receipt of one variable's messages, and what becomes of a message.

    `table` has an entry for each combination of `axes` (parameters, then fields that matter, then cells), the last one varying fastest:
    LIVE, DEAD, or ANSWERED + i, which is dead where `answers[i]` has been sent: a variable, and a message as its fields' values.
    """

    variable: str
    parameters: tuple[Free, ...]
    fields: tuple[Free, ...]
    cells: tuple[tuple[str, tuple[Free, ...]], ...]
    axes: tuple[int, ...]
    table: tuple[int, ...]
    answers: tuple[tuple[str, tuple[Any, ...]], ...]


def receipts(protocol: Protocol, messages: frozenset[str]) -> dict[str, tuple[Receipt, ...]]:
    """The receipts of each set of messages of which some may be dead, in the order of the variables.

    Their axes are those that matter with all rules in force, and whatever matters without those removed: as a rule the same.
    """
    return _receipts(type(protocol), protocol.scope, protocol.without, messages) if messages else {}  # type: ignore[arg-type]  # a class has a hash


@lru_cache(maxsize=64)
def _receipts(cls: type[Protocol], scope: Scope, without: frozenset[str], messages: frozenset[str]) -> dict[str, tuple[Receipt, ...]]:
    found: dict[str, tuple[Receipt, ...]] = {}
    for variable in (v.name for v in cls.ir.variables if v.name in messages):
        actions = [a for a in cls.ir.actions if any(isinstance(n, ir.Read) and n.variable == variable for n in ir.walk(a))]
        if not all(_receives(a) for a in actions):
            continue
        given = {rules: [_Analysis(cls(scope, without=tuple(rules)), messages, variable, a) for a in actions] for rules in (frozenset[str](), without)}
        if any(all(analysis.any_dead for analysis in group) for group in given.values()):
            kept = [sorted({i for group in given.values() for i in group[number].matter}) for number in range(len(actions))]
            found[variable] = tuple(analysis.receipt(which) for analysis, which in zip(given[without], kept, strict=True))
    return found


def _receives(action: ir.Action) -> bool:
    """Whether an action's parameters are one message and elements of sorts."""
    others = [b for b in action.parameters if not (isinstance(b.domain, ir.SetDomain) and isinstance(b.type, RecordType))]
    return len(others) == len(action.parameters) - 1 and all(isinstance(b.domain, ir.SortDomain) for b in others)


class _Analysis:
    """Works out one receipt: for the first of each kind of arguments, then for all by renaming."""

    def __init__(self, protocol: Protocol, messages: frozenset[str], variable: str, action: ir.Action) -> None:
        self.protocol, self.messages, self.variable, self.action = protocol, messages, variable, action
        binder = next(b for b in action.parameters if isinstance(b.domain, ir.SetDomain))
        assert isinstance(binder.type, RecordType)
        self.parameters = tuple(Free((b.name,), b.type) for b in action.parameters if b is not binder)
        reading = Possibilities(protocol, messages)
        reading.run(action, {})
        keys = {k for _, names in reading.reads for k in names}
        small = [Free((binder.name, name), t) for name, t in binder.type.fields if values(protocol, t)]
        # Keys first: a cell under a field that is left out for want of room is not followed.
        self.fields = self._some(sorted(small, key=lambda f: f not in keys), MOST_MESSAGES, lambda f: f.type)
        named = [cell for cell in reading.reads if all(k in self.parameters or k in self.fields for k in cell[1])]
        self.cells: tuple[tuple[str, tuple[Free, ...]], ...] = self._some(named, MOST_CONTENTS, lambda cell: self._held(cell[0]))
        self.later = [v.name for v in protocol.ir.variables]
        self.later = self.later[self.later.index(variable) + 1 :]
        self.courses: dict[tuple[Cell, ...], list[tuple[Mapping[Cell, Any], Mapping[Cell, Any]]]] = {}

    def _some(self, items: list[Any], most: int, type_of: Any) -> tuple[Any, ...]:
        """As many of some items as have no more than `most` combinations of values."""
        found, size = [], 1
        for item in items:
            count = len(values(self.protocol, type_of(item)))
            if size * count <= most:
                found.append(item)
                size *= count
        return tuple(found)

    def _held(self, variable: str) -> Type:
        return self.protocol.ir.variable(variable).value_type

    def _values(self, type_: Type) -> list[Any]:
        return values(self.protocol, type_)

    def _combinations(self, items: tuple[Free, ...]) -> Iterator[tuple[Any, ...]]:
        return itertools.product(*(self._values(i.type) for i in items))

    @cached_property
    def types(self) -> list[Type]:
        """Of the parts of a situation: the message's fields, then the cells."""
        return [*(f.type for f in self.fields), *(self._held(v) for v, _ in self.cells)]

    @cached_property
    def fates(self) -> dict[tuple[Any, ...], Fates]:
        """For the first of each kind of arguments, what becomes of messages."""
        return {arguments: self._fates(arguments) for arguments in self._combinations(self.parameters) if self._first_names(arguments)[0] == arguments}

    @property
    def any_dead(self) -> bool:
        """Whether some message may be dead."""
        return any(self.fates.values())

    @property
    def matter(self) -> list[int]:
        """The parts of a situation that make a difference."""
        return [i for i, t in enumerate(self.types) if any(_matters(i, len(self._values(t)), fate) for fate in self.fates.values())]

    def receipt(self, kept: list[int]) -> Receipt:
        """The receipt, with a table over some parts of a situation: at least those that make a difference."""
        types = self.types
        answers: dict[tuple[str, tuple[Any, ...]], int] = {}
        table = []
        for arguments in self._combinations(self.parameters):
            first, there, back = self._first_names(arguments)
            situation = [self._values(t)[0] for t in types]
            for chosen in itertools.product(*(self._values(types[i]) for i in kept)):
                for i, value in zip(kept, chosen, strict=True):
                    situation[i] = self._rename(value, types[i], there)
                fate = self.fates[first].get(tuple(situation), LIVE)
                if isinstance(fate, tuple):
                    variable, message = fate
                    of = self.protocol.ir.variable(variable).type
                    assert isinstance(of, SetType)
                    fate = ANSWERED + answers.setdefault((variable, self._rename(message, of.of, back)), len(answers))
                table.append(fate)
        fields = tuple(self.fields[i] for i in kept if i < len(self.fields))
        cells = tuple(self.cells[i - len(self.fields)] for i in kept if i >= len(self.fields))
        axes = tuple(len(self._values(t)) for t in (*(p.type for p in self.parameters), *(types[i] for i in kept)))
        return Receipt(self.variable, self.parameters, fields, cells, axes, tuple(table), tuple(answers))

    # --- names

    def _first_names(self, arguments: tuple[Any, ...]) -> tuple[tuple[Any, ...], Renaming, Renaming]:
        """Arguments renamed to the first elements of their unordered sorts, the renaming, and the way back."""
        there: dict[type, dict[int, int]] = {}
        for value, parameter in zip(arguments, self.parameters, strict=True):
            if isinstance(parameter.type, SortType) and not parameter.type.ordered:
                known = there.setdefault(parameter.type.cls, {})
                known.setdefault(value, len(known))
        for sort in self.protocol.ir.sorts:
            if not sort.ordered:
                known = there.setdefault(sort.cls, {})
                for value in self._values(sort):
                    known.setdefault(value, len(known))
        back = {cls: {new: old for old, new in names.items()} for cls, names in there.items()}
        return tuple(self._rename(v, p.type, there) for v, p in zip(arguments, self.parameters, strict=True)), there, back

    def _rename(self, value: Any, type_: Type, names: Renaming) -> Any:
        match type_:
            case SortType(cls=cls):
                return names[cls][value] if cls in names else value
            case OptionType(of=of):
                return None if value is None else self._rename(value, of, names)
            case SetType(of=of):
                return frozenset(self._rename(v, of, names) for v in value)
            case RecordType(fields=fields):
                return tuple(self._rename(v, t, names) for v, (_, t) in zip(value, fields, strict=True))
            case _:
                return value

    # --- fates

    def _fates(self, arguments: tuple[Any, ...]) -> Fates:
        """What becomes of messages where the parameters have these values."""
        chosen = {p.key: v for p, v in zip(self.parameters, arguments, strict=True)}
        keys = tuple(f for f in self.fields if any(f in names for _, names in self.cells))
        found: Fates = {}
        for key in self._combinations(keys):
            given = chosen | {f.key: v for f, v in zip(keys, key, strict=True)}
            found |= _Fates(self, given).found()
        return found

    def steps(self, cells: tuple[Cell, ...]) -> list[tuple[Mapping[Cell, Any], Mapping[Cell, Any]]]:
        """What all actions may do to some cells: what these hold before, as far as it matters, and what then."""
        if cells not in self.courses:
            run = Possibilities(self.protocol, self.messages, cells)
            worlds = [w for a in self.protocol.ir.actions for w in run.run(a, {}) if w.now]
            pairs = {(frozenset((c, v) for c, v in w.chosen.items() if c in run.cells), frozenset(w.now.items())) for w in worlds}
            self.courses[cells] = [(dict(before), dict(after)) for before, after in pairs]
        return self.courses[cells]


class _Fates:
    """The fates of messages whose receipt looks at the same cells."""

    def __init__(self, analysis: _Analysis, given: Mapping[tuple[Any, ...], Any]) -> None:
        self.analysis, self.given = analysis, given
        self.named = [(variable, tuple(given[k.key] for k in names)) for variable, names in analysis.cells]
        self.cells: tuple[Cell, ...] = tuple(dict.fromkeys(self.named))
        protocol = analysis.protocol
        self.contents = list(itertools.product(*(values(protocol, protocol.ir.variable(v).value_type) for v, _ in self.cells)))
        options = [[given[f.key]] if f.key in given else values(protocol, f.type) for f in analysis.fields]
        self.messages = list(itertools.product(*options))
        # The messages with some value of a field, as bits.
        self.having: dict[tuple[tuple[Any, ...], Any], int] = {}
        for bit, message in enumerate(self.messages):
            for f, value in zip(analysis.fields, message, strict=True):
                self.having[f.key, value] = self.having.get((f.key, value), 0) | 1 << bit

    def found(self) -> Fates:
        """The fates: those of live messages are left out."""
        effects = self._ever([self._effects(held) for held in self.contents])
        every = (1 << len(self.messages)) - 1
        found: Fates = {}
        for held, effect in zip(self.contents, effects, strict=True):
            there = dict(zip(self.cells, held, strict=True))
            live = effect.get(None, 0)
            once = 0
            for answer, mask in effect.items():
                if answer is not None:
                    live |= once & mask
                    once |= mask
            for bit in _bits(every & ~live):
                sent = next((a for a, mask in effect.items() if a is not None and mask >> bit & 1), DEAD)
                found[(*self.messages[bit], *(there[c] for c in self.named))] = sent
        return found

    def _effects(self, held: tuple[Any, ...]) -> dict[Any, int]:
        """For what a receipt may send, the messages for which it may; under None, those for which it may do something else."""
        run = Possibilities(self.analysis.protocol, self.analysis.messages, self.cells, watched=True)
        before = dict(zip(self.cells, held, strict=True))
        found: dict[Any, int] = {}
        for world in run.run(self.analysis.action, {**self.given, **before}):
            mask = self._matching(world)
            changed = world.more or any(before[c] != v for c, v in world.now.items())
            for sent in [None] if changed else world.sent:
                known = sent if sent is not None and sent[0] in self.analysis.later else None
                found[known] = found.get(known, 0) | mask
        return found

    def _matching(self, world: World) -> int:
        mask = (1 << len(self.messages)) - 1
        for f in self.analysis.fields:
            if f.key in world.chosen:
                mask &= self.having.get((f.key, world.chosen[f.key]), 0)
        return mask

    def _ever(self, effects: list[dict[Any, int]]) -> list[dict[Any, int]]:
        """The effects from each contents on: those of all contents to which actions lead."""
        number = {held: i for i, held in enumerate(self.contents)}
        onward: list[set[int]] = [set() for _ in self.contents]
        for before, after in self.analysis.steps(self.cells):
            axes = [[before[c]] if c in before else values_of for c, values_of in zip(self.cells, self._axes(), strict=True)]
            for held in itertools.product(*axes):
                onward[number[held]].add(number[tuple(after.get(c, v) for c, v in zip(self.cells, held, strict=True))])
        waiting = set(range(len(effects)))
        while waiting:
            changed = set()
            for i in waiting:
                for j in onward[i]:
                    for what, mask in effects[j].items():
                        if mask & ~effects[i].get(what, 0):
                            effects[i][what] = effects[i].get(what, 0) | mask
                            changed.add(i)
            waiting = {i for i in range(len(effects)) if onward[i] & changed}
        return effects

    def _axes(self) -> list[list[Any]]:
        protocol = self.analysis.protocol
        return [values(protocol, protocol.ir.variable(v).value_type) for v, _ in self.cells]


def _matters(i: int, count: int, fates: Fates) -> bool:
    """Whether the i-th part of the situation, one of `count` values, makes a difference."""
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for situation, fate in fates.items():
        groups.setdefault((*situation[:i], *situation[i + 1 :]), []).append(fate)
    return any(len(group) < count or len(set(group)) > 1 for group in groups.values())


def _bits(mask: int) -> Iterator[int]:
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1
