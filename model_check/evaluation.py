"""Evaluation of a spec under CPython, made safe: undefined expressions become errors with a place; types are checked.

Used wherever the checker runs a spec's own methods: exploring, replaying, simulating, explaining.
"""

from __future__ import annotations

import itertools
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import spec.language
from spec.language import Map, NotEnabled, Ordered, Protocol, Seq, Sort, SpecError, State, Step, Window
from spec.language.types import BoolType, EnumType, MapType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType
from spec.language.values import Undefined, elements

_OWN = (Path(spec.language.__file__).parent, Path(__file__).parent)
# What CPython raises where an expression has no value: a read past a sequence's end, a field or an order of None.
_UNDEFINED = (Undefined, AttributeError, TypeError)


@contextmanager
def guarded(protocol: Protocol, doing: str | Step, state: State | None) -> Iterator[None]:
    """Turn an undefined expression of the spec into a SpecError that names its place, what was evaluated, and the state."""
    try:
        yield
    except _UNDEFINED as error:
        frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent not in _OWN]
        if not frames:
            raise
        last = frames[-1]
        what = f"step {doing}" if isinstance(doing, Step) else doing
        shown = "" if state is None else "\nin the state\n" + "\n".join(f"  {line}" for line in repr(state).splitlines())
        raise SpecError(
            f"{protocol.ir.name}: {what} is undefined: `{last.line}`: {error}; guard the expression so that it is evaluated only where it has a value{shown}",
            last.filename,
            last.lineno or 0,
            (last.colno or 0) + 1,
        ) from error


def attempts(protocol: Protocol, state: State) -> Iterator[tuple[str, Step | None, State | None]]:
    """Each argument tuple of each action, in order: the action's name, and where it is enabled the step and the state after it."""
    # As Protocol.successors, which gives neither the tuples that fail nor the step that is undefined.
    for act in protocol.ir.actions:
        with guarded(protocol, f"a parameter of `{act.name}`", state):
            steps = protocol.choices(act, state)
        for step in steps:
            with guarded(protocol, step, state):
                after = protocol.attempt(state, step)
            yield act.name, None if after is None else step, after


def successors(protocol: Protocol, state: State) -> Iterator[tuple[Step, State]]:
    """`Protocol.successors`, with undefined expressions reported by step and place."""
    return ((step, after) for _, step, after in attempts(protocol, state) if step is not None and after is not None)


def leads(protocol: Protocol, before: State, step: Step, after: State) -> bool:
    """Whether a step is enabled in one state and leads to the other."""
    try:
        return protocol.step(before, step) == after
    except NotEnabled:
        return False


def well_typed(protocol: Protocol, state: State) -> bool:
    """The type invariant: each variable holds a value of its type within the scope."""
    return not ill_typed(protocol, state)


def ill_typed(protocol: Protocol, state: State) -> list[str]:
    """The variables whose values are not of their types within the scope."""
    sizes = protocol.context.sizes
    return [name for name, value in state.items() if not in_scope(protocol.ir.variable(name).type, value, sizes)]


def in_scope(type_: Type, value: Any, sizes: Mapping[type, int]) -> bool:
    """Whether a value has the right class and lies within the scope (`sizes` by sort class)."""
    match type_:
        case BoolType():
            return isinstance(value, bool)
        case SortType(cls=cls):
            return type(value) is cls and 0 <= _number(value) < sizes[cls] + cls.beyond
        case EnumType(cls=cls):
            return isinstance(value, cls)
        case OptionType(of=of):
            return value is None or in_scope(of, value, sizes)
        case RecordType(cls=cls, fields=fields):
            return type(value) is cls and all(in_scope(t, getattr(value, name), sizes) for name, t in fields)
        case SetType(of=of):
            return isinstance(value, frozenset) and all(in_scope(of, member, sizes) for member in value)
        case SeqType(index=index, of=of):
            return isinstance(value, Seq) and value.index is index.cls and int(value.after) == 0 and _entries(of, value, sizes)
        case WindowType(index=index, of=of):
            return isinstance(value, Window) and value.index is index.cls and _entries(of, value, sizes)
        case MapType(keys=keys, value=of):
            expected = list(itertools.product(*(elements(k.cls, sizes[k.cls]) for k in keys)))
            found = [k if isinstance(k, tuple) else (k,) for k, _ in value.items()] if isinstance(value, Map) else None
            return found == expected and all(in_scope(of, v, sizes) for _, v in value.items())
        case _:
            raise AssertionError(type_)


def _number(value: Sort | Ordered) -> int:
    return value.number if isinstance(value, Sort) else int(value)


def _entries(of: Type, value: Seq[Any, Any] | Window[Any, Any], sizes: Mapping[type, int]) -> bool:
    return int(value.last) <= sizes[value.index] and all(in_scope(of, entry, sizes) for entry in value.entries)
