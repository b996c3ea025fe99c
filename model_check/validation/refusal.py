"""Why a given step is not a step of the protocol: the guard's failing conjunct, and the values that falsify it."""

from __future__ import annotations

import ast
import dataclasses
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

from model_check.evaluation import guarded, in_scope
from model_check.explain import Focus, body_of, evaluate, narrow, reads, shown_place, text_of
from spec.language import Map, NotEnabled, Protocol, Seq, State, Step, Window, ir
from spec.language.context import activate
from spec.language.errors import LeavesScope
from spec.language.source import module_tree
from spec.language.types import BOOL
from spec.language.values import require, show, sort_key

_SHOWN_MEMBERS = 6


@dataclass(frozen=True)
class Refusal:
    """A step that a state does not allow.

    Attributes:
        step: The step that was asked for.
        place: Where the refusing guard stands, `file:line`.
        conjunct: The guard's failing part, as written.
        rule: The safety rule that the guard stands for, empty if none.
        given: The conditions under which the conjunct should hold (filters of a quantifier).
        values: What falsifies it: each part that the conjunct reads, with its value.
    """

    step: Step
    place: str
    conjunct: str
    rule: str = ""
    given: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        rule = f" (rule: {self.rule})" if self.rule else ""
        given = f" where {' and '.join(self.given)}" if self.given else ""
        values = f"\n  with {', '.join(f'{name} = {value}' for name, value in self.values)}" if self.values else ""
        return f"{self.step} is refused by `{self.conjunct}`{given}{rule}, {self.place}{values}"


def check_types(protocol: Protocol, step: Step) -> None:
    """Raise TypeError where an argument is of another type than its parameter."""
    boundless = dict.fromkeys(protocol.context.sizes, sys.maxsize // 2)
    for binder, (name, value) in zip(protocol.ir.action(step.action).parameters, step.arguments, strict=True):
        if not in_scope(binder.type, value, boundless):
            raise TypeError(f"{protocol.ir.name}.{step.action}: `{name}` is to be of type {binder.type}, not {value!r}")


def misfit(protocol: Protocol, state: State, step: Step) -> Refusal | None:
    """The refusal of a step one of whose arguments is none that its parameter ranges over; None where all are.

    Raises TypeError where an argument is of another type than its parameter.
    """
    check_types(protocol, step)
    act = protocol.ir.action(step.action)
    chosen = dict(step.arguments)
    for binder in act.parameters:
        value = chosen[binder.name]
        found = _outside(protocol, state, binder, chosen)
        if found is not None:
            place = shown_place(act.place.file, act.place.line)
            return Refusal(step, place, found[0], values=((binder.name, show(value)), *found[1]))
    return None


def _outside(protocol: Protocol, state: State, binder: ir.Binder, chosen: dict[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """The condition that an argument fails by lying outside its parameter's domain, with the values that show it."""
    value = chosen[binder.name]
    match binder.domain:
        case ir.SetDomain(set=ir.Read(variable=variable, keys=keys)):
            held = getattr(state, variable)
            names = [k.name for k in keys if isinstance(k, ir.Name)]
            if names:
                found = tuple(chosen[n] for n in names)
                held = held[found if len(found) > 1 else found[0]]
            where = f"self.{variable}[{', '.join(names)}]" if names else f"self.{variable}"
            return None if value in held else (f"{binder.name} in {where}", tuple(_missing(value, held, where)))
        case ir.QuorumDomain(sort=sort):
            system = protocol.context.quorums[sort.cls](protocol.context.sizes[sort.cls])
            numbers = frozenset(member.number for member in value)
            return None if numbers in system else (f"{binder.name} in quorums({sort})", ())
        case _:
            inside = in_scope(binder.type, value, protocol.context.sizes)
            return None if inside else (f"{binder.name} in {binder.type}", (("scope", repr(protocol.scope)),))


def refusal(protocol: Protocol, state: State, step: Step) -> Refusal:
    """Why a step is not enabled in a state.

    Raises ValueError where it is enabled, TypeError where an argument is of another type than its parameter,
    and SpecError where the step is undefined.
    """
    found = misfit(protocol, state, step)
    if found is not None:
        return found
    with guarded(protocol, step, state):
        activate(protocol.context)
        frame = protocol.frame(state, frozenset(v.name for v in protocol.ir.variables if v.keys))
        try:
            getattr(frame, step.action)(*(value for _, value in step.arguments))
        except NotEnabled as error:
            return _explained(protocol, step, error)
    raise ValueError(f"{step} is enabled")


def denials(protocol: Protocol, after: State, step: Step) -> list[Refusal]:
    """Which helpers of a step that was taken were false, where they take all of its parameters, and why: so they decided for its lesser effect.

    Args:
        protocol: The protocol.
        after: The state that the step led to; a helper that was false left alone what it reads.
        step: The step.
    """
    activate(protocol.context)
    act, frame, found = protocol.ir.action(step.action), protocol.frame(after), []
    types = [binder.type for binder in act.parameters]
    values = [value for _, value in step.arguments]
    for helper in dict.fromkeys(item.helper for item in ir.walk_all(act.body) if isinstance(item, ir.Call)):
        if [t for _, t in helper.parameters] != types or helper.body.type != BOOL or getattr(frame, helper.name)(*values):
            continue
        body = body_of(type(frame), helper.name, [frame, *values])
        if body is not None:
            focus = narrow(body, False)
            found.append(Refusal(step, shown_place(focus.file, focus.node.lineno), text_of(focus.node, focus.file), "", focus.given, tuple(_values(focus))))
    return found


def _explained(protocol: Protocol, step: Step, error: NotEnabled) -> Refusal:
    """The refusal that an exception from a spec's own code stands for."""
    frame, position = _raised_in_spec(error.__traceback__, type(protocol))
    file = frame.f_code.co_filename
    names = {**frame.f_globals, **frame.f_locals}
    states = tuple(n for n, v in frame.f_locals.items() if isinstance(v, type(protocol)))
    call = _node_at(file, position)
    place = shown_place(file, position.lineno or 0)
    if isinstance(error, LeavesScope) or not isinstance(call, ast.Call) or names.get(getattr(call.func, "id", "")) is not require:
        text = text_of(call, file) if isinstance(call, ast.expr) else position.line or ""
        return Refusal(step, place, f"{text} within the scope", values=(("reason", str(error)), ("scope", repr(protocol.scope))))
    rule = next((str(k.value.value) for k in call.keywords if k.arg == "rule" and isinstance(k.value, ast.Constant)), "")
    focus = narrow(Focus(call.args[0], names, (), states, file), False)
    return Refusal(step, shown_place(focus.file, focus.node.lineno), text_of(focus.node, focus.file), rule, focus.given, tuple(_values(focus)))


def _raised_in_spec(trace: TracebackType | None, cls: type) -> tuple[FrameType, traceback.FrameSummary]:
    """The innermost frame of the spec's own code, and the place in it."""
    modules = {c.__module__ for c in cls.__mro__}
    summaries = traceback.extract_tb(trace)
    found: tuple[FrameType, traceback.FrameSummary] | None = None
    for summary in summaries:
        assert trace is not None
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name in modules and not name.startswith("spec.language"):
            found = trace.tb_frame, summary
        trace = trace.tb_next
    assert found is not None, "a refusal comes from the spec's own code"
    return found


def _node_at(file: str, position: traceback.FrameSummary) -> ast.AST | None:
    """The expression that stands exactly at a place."""
    wanted = (position.lineno, position.colno, position.end_lineno, position.end_colno)
    for node in ast.walk(module_tree(file)):
        if isinstance(node, ast.expr) and (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset) == wanted:
            return node
    return None


def _values(focus: Focus) -> Iterator[tuple[str, str]]:
    """The parts that a failing conjunct reads: fields, variables and names, each with its value."""
    inner = {n.target.id for n in ast.walk(focus.node) if isinstance(n, ast.comprehension) and isinstance(n.target, ast.Name)}
    shown: set[str] = set()
    for node in (*_fields(focus), *reads(focus.node, focus.states), *_names(focus)):
        unbound = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & inner
        if unbound and not isinstance(node, ast.Subscript):
            continue
        text, value = _row(node, focus, inner) if unbound and isinstance(node, ast.Subscript) else (text_of(node, focus.file), evaluate(node, focus.names))
        if text not in shown:
            shown.add(text)
            yield text, _short(value)


def _row(read: ast.Subscript, focus: Focus, inner: set[str]) -> tuple[str, Any]:
    """Of a map whose keys are bound further in, the entries that the other keys allow: of `self.match_index[n, p]`, the row of n."""
    keys = read.slice.elts if isinstance(read.slice, ast.Tuple) else [read.slice]
    fixed = {i: evaluate(key, focus.names) for i, key in enumerate(keys) if not {n.id for n in ast.walk(key) if isinstance(n, ast.Name)} & inner}
    whole = evaluate(read.value, focus.names)
    if not fixed or not isinstance(whole, Map):
        return text_of(read.value, focus.file), whole
    entries = {key: value for key, value in whole.items() if all(key[i] == wanted for i, wanted in fixed.items())}
    return text_of(read, focus.file), Map({tuple(k for i, k in enumerate(key) if i not in fixed): value for key, value in entries.items()})


def _fields(focus: Focus) -> Iterator[ast.expr]:
    """The reads of a record's fields, `m.term`."""
    for node in ast.walk(focus.node):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and dataclasses.is_dataclass(focus.names.get(node.value.id)):
            yield node


def _names(focus: Focus) -> Iterator[ast.expr]:
    """The plain names of values: parameters, locals and bound variables."""
    owners = {id(n.value) for n in ast.walk(focus.node) if isinstance(n, ast.Attribute)}
    for node in ast.walk(focus.node):
        if isinstance(node, ast.Name) and id(node) not in owners and node.id not in focus.states:
            value = focus.names.get(node.id)
            if not callable(value) and node.id in focus.names:
                yield node


def _short(value: Any) -> str:
    """A value for a line of a report; of a large set or sequence, its size and its last members."""
    if isinstance(value, frozenset | set) and len(value) > _SHOWN_MEMBERS:
        return f"a set of {len(value):,}"
    if isinstance(value, Seq | Window) and len(value.entries) > _SHOWN_MEMBERS:
        tail = ", ".join(map(show, value.entries[-2:]))
        return f"{len(value.entries):,} entries ending in {tail}"
    return show(frozenset(value) if isinstance(value, set) else value)


def _missing(value: Any, held: frozenset[Any], where: str) -> Iterator[tuple[str, str]]:
    """What there is in place of a missing member: the set, and of records the one that differs in the fewest fields."""
    if not held or not dataclasses.is_dataclass(value):
        yield where, _short(held)
        return
    names = [f.name for f in dataclasses.fields(value)]

    def differing(other: Any) -> list[str]:
        return [n for n in names if getattr(other, n) != getattr(value, n)]

    nearest = min(sorted(held, key=sort_key), key=lambda other: len(differing(other)))
    yield f"nearest of the {len(held):,} in {where}", _short(nearest)
