"""A behaviour of a protocol under construction: steps are given, not enumerated.

A step costs time in proportion to what it changes, not to the state: sets of messages and logs are changed in place,
and an undo log leads back. The whole state, and what a refusal or an undefined step is due to, are made on demand;
CPython over the spec's own methods has the last word on these.
"""

from __future__ import annotations

import itertools
from typing import Any

from model_check.evaluation import guarded
from model_check.explain import Explanation, explain
from model_check.validation.compile import Misfit, compiled
from model_check.validation.journal import ADDED, FOUND, STEP, STORED, Cells, Change, undo
from model_check.validation.lookups import Indexed
from model_check.validation.operations import Tables
from model_check.validation.refusal import Refusal, check_types, misfit, refusal
from spec.language import Map, NotEnabled, Protocol, Seq, State, Step
from spec.language.ir import Property
from spec.language.types import RecordType, SeqType, SetType, Type
from spec.language.values import Undefined

# What generated code raises where an expression has no value.
_UNDEFINED = (Undefined, AttributeError, TypeError, IndexError)
_STEP_ENDS: Change = ({}, None, STEP, None)


class Run:
    """A behaviour of a protocol, built step by step: the present state, and how it came about.

    Arguments and values are the spec language's own. Nothing is enumerated over an ordered sort, so scopes may be huge.
    Without a state, the run begins in the protocol's only initial state; ValueError where it has several.
    """

    def __init__(self, protocol: Protocol, state: State | None = None) -> None:
        self.protocol = protocol
        if state is None:
            initial = protocol.initial_states()
            if len(initial) != 1:
                raise ValueError(f"{protocol.ir.name} has {len(initial)} initial states: say in which one the run begins")
            (state,) = initial
        self._journal: list[Change] = []
        self._taken: list[tuple[str, tuple[Any, ...]]] = []
        self._state: State | None = None
        self._cells: dict[str, Cells] = {v.name: {} for v in protocol.ir.variables}
        self._enter(state)
        program = compiled(protocol.ir, protocol.without)
        self._actions = program.bind(Tables(protocol.context), self._cells, self._journal.append)
        self._parameters = {a.name: tuple(b.name for b in a.parameters) for a in protocol.ir.actions}

    def take(self, action: str, *arguments: Any) -> bool:
        """Take one step; False where it is not enabled, the state is then as before.

        Raises TypeError where an argument is of another type than its parameter, SpecError where the step is undefined.
        """
        journal = self._journal
        mark = len(journal)
        try:
            taken = self._actions[action](*arguments)
        except NotEnabled:
            taken = False
        except Misfit:
            check_types(self.protocol, self._step(action, arguments))
            taken = False
        except (KeyError, *_UNDEFINED):
            self.back(mark)
            taken = self._take_slowly(self._step(action, arguments))
        if taken:
            self._taken.append((action, arguments))
            journal.append(_STEP_ENDS)
            self._state = None
        elif len(journal) > mark:
            self.back(mark)
        return bool(taken)

    def _take_slowly(self, step: Step) -> bool:
        """Take a step by CPython over the spec's own method: one that generated code has no value for."""
        if misfit(self.protocol, self.state, step) is not None:
            return False
        with guarded(self.protocol, step, self.state):
            after = self.protocol.attempt(self.state, step)
        if after is not None:
            self._enter(after)
        return after is not None

    def refusal(self, action: str, *arguments: Any) -> Refusal:
        """Why a step is not enabled in the present state; ValueError where it is."""
        return refusal(self.protocol, self.state, self._step(action, arguments))

    @property
    def steps(self) -> list[Step]:
        """The steps taken so far."""
        return [self._step(action, arguments) for action, arguments in self._taken]

    @property
    def state(self) -> State:
        """The present state as a whole, in time proportional to its size."""
        if self._state is None:
            ir, freeze = self.protocol.ir, type(self.protocol).state_of
            self._state = freeze(**{v.name: _whole(v.keys, v.value_type, self._cells[v.name]) for v in ir.variables})  # type: ignore[assignment]  # one function makes them all
        assert self._state is not None
        return self._state

    def value(self, variable: str, *keys: Any) -> Any:
        """The present value of a variable, or of one entry of a map variable, in time proportional to its size."""
        found = self.protocol.ir.variable(variable)
        if found.keys and not keys:
            return _whole(found.keys, found.value_type, self._cells[variable])
        return _language_value(found.value_type, self._cells[variable][_key(keys)])

    def peek(self, variable: str, *keys: Any) -> Any:
        """As `value`, without a copy: of a sequence, the list of its entries; of a set, a Python set. For reading, and only until the next step."""
        return self._cells[variable][_key(keys)]

    @property
    def length(self) -> int:
        """How many steps were taken."""
        return len(self._taken)

    def steps_since(self, mark: int) -> list[Step]:
        """The steps taken since a mark."""
        count = sum(change is _STEP_ENDS for change in self._journal[mark:])
        return [self._step(action, arguments) for action, arguments in self._taken[len(self._taken) - count :]]

    def mark(self) -> int:
        """The present point, to come back to."""
        return len(self._journal)

    def back(self, mark: int) -> None:
        """Undo all steps since a mark."""
        journal = self._journal
        while len(journal) > mark:
            change = journal.pop()
            if change is _STEP_ENDS:
                self._taken.pop()
            else:
                undo(change)
        self._state = None

    def touched(self, mark: int) -> set[tuple[str, tuple[Any, ...]]]:
        """The variables, and entries of map variables, that steps since a mark have changed: `(variable, keys)`."""
        names = {id(held): name for name, held in self._cells.items()}
        return {(names[id(held)], _keys(key)) for held, key, kind, _ in self._journal[mark:] if kind not in (STEP, FOUND)}

    def added(self, mark: int) -> list[tuple[str, tuple[Any, ...], Any]]:
        """The members that came into set variables since a mark and are still there, in order: `(variable, keys, member)`."""
        return self._members(mark, (ADDED,))

    def put(self, mark: int) -> list[tuple[str, tuple[Any, ...], Any]]:
        """As `added`, with the members that steps put into sets that had them already."""
        return self._members(mark, (ADDED, FOUND))

    def _members(self, mark: int, kinds: tuple[int, ...]) -> list[tuple[str, tuple[Any, ...], Any]]:
        names = {id(held): name for name, held in self._cells.items()}
        changes = [(held, key, detail) for held, key, kind, detail in self._journal[mark:] if kind in kinds]
        return [(names[id(held)], _keys(key), member) for held, key, member in changes if member in held[key]]

    def violated(self, mark: int) -> list[Explanation]:
        """The invariants that the present state violates, and the action properties that a step since a mark does.

        CPython evaluates them over whole states: to be asked now and then, not after each step of a long run.
        """
        taken = self.steps_since(mark)
        self.back(mark)
        states = [self.state]
        for step in taken:
            self.take(step.action, *(value for _, value in step.arguments))
            states.append(self.state)
        found = [explain(self.protocol, p.name, self.state) for p in self.protocol.ir.of_kind("invariant") if not self._holds(p, self.state)]
        for p in self.protocol.ir.of_kind("action_property"):
            wrong = next(((a, b) for a, b in itertools.pairwise(states) if not self._holds(p, a, b)), None)
            if wrong is not None:
                found.append(explain(self.protocol, p.name, *wrong))
        return found

    def _holds(self, prop: Property, state: State, after: State | None = None) -> bool:
        with guarded(self.protocol, f"property `{prop.name}`", state):
            return self.protocol.holds(prop, state, after)

    def _enter(self, state: State) -> None:
        """Make a state the present one."""
        for variable in self.protocol.ir.variables:
            held, value = self._cells[variable.name], getattr(state, variable.name)
            for key, entry in value.items() if variable.keys else [((), value)]:
                self._store(held, key, _held(variable.value_type, entry))

    def _store(self, held: Cells, key: Any, value: Any) -> None:
        if key in held and held[key] != value:
            self._journal.append((held, key, STORED, held[key]))
        if key not in held or held[key] != value:
            held[key] = value

    def _step(self, action: str, arguments: tuple[Any, ...]) -> Step:
        if action not in self._parameters:
            raise ValueError(f"{self.protocol.ir.name} has no action `{action}`; its actions are {', '.join(self._parameters)}")
        names = self._parameters[action]
        if len(names) != len(arguments):
            raise TypeError(f"{self.protocol.ir.name}.{action} takes {', '.join(names) or 'no arguments'}; given were {len(arguments)} arguments")
        return Step(action, tuple(zip(names, arguments, strict=True)))


def _key(keys: tuple[Any, ...]) -> Any:
    """Keys as they stand in cells."""
    return keys[0] if len(keys) == 1 else keys


def _keys(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def _held(type_: Type, value: Any) -> Any:
    """What a cell holds of a value."""
    match type_:
        case SetType(of=RecordType()):
            return Indexed(value)
        case SetType():
            return set(value)
        case SeqType():
            return list(value.entries)
        case _:
            return value


def _language_value(type_: Type, held: Any) -> Any:
    """The value of which a cell holds this."""
    match type_:
        case SetType():
            return frozenset(held)
        case SeqType(index=index):
            return Seq(index.cls, 0, tuple(held))
        case _:
            return held


def _whole(keys: tuple[Any, ...], type_: Type, held: Cells) -> Any:
    """The value of a whole variable."""
    if not keys:
        return _language_value(type_, held[()])
    found = Map({key: _language_value(type_, entry) for key, entry in held.items()})
    found.freeze()
    return found
