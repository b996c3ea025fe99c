"""Why a property is false: its failing conjunct, and the values that falsify it.

The property's own source is evaluated by CPython, part by part: a false `and` is narrowed to its first false operand,
a false `all` to the first values of its variables that falsify it, a helper's call to the helper's body.
"""

from __future__ import annotations

import ast
import itertools
import linecache
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from model_check.evaluation import ill_typed
from model_check.search import TYPE_INVARIANT
from spec.language import Protocol, State
from spec.language.context import activate
from spec.language.source import Source
from spec.language.values import Undefined, show, sort_key


@dataclass(frozen=True)
class Explanation:
    """A violated property: what it says, the conjunct that fails with its place, the conditions under which it should hold, and the values."""

    property: str
    doc: str
    place: str
    conjunct: str
    conjunct_place: str
    given: tuple[str, ...]
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Focus:
    """A part of a property, the names bound around it, and where it stands."""

    node: ast.expr
    names: dict[str, Any]
    bound: tuple[str, ...]
    states: tuple[str, ...]
    file: str
    given: tuple[str, ...] = ()
    defined: Mapping[str, ast.expr] = field(default_factory=dict)
    """What locals were assigned."""


def explain(protocol: Protocol, name: str, state: State, after: State | None = None) -> Explanation:
    """Why a property (or the type invariant) is false in a state, or of the step to the state after it."""
    if name == TYPE_INVARIANT:
        return _explain_types(protocol, state)
    activate(protocol.context)
    prop = next(p for p in protocol.ir.properties if p.name == name)
    frames = [protocol.frame(state), *([] if after is None else [protocol.frame(after)])]
    start = body_of(type(protocol), name, frames)
    focus = narrow(start, False) if start else None
    place = shown_place(prop.place.file, prop.place.line)
    if focus is None:
        return Explanation(name, prop.doc, place, name, place, (), ())
    return Explanation(name, prop.doc, place, text_of(focus.node, focus.file), shown_place(focus.file, focus.node.lineno), focus.given, tuple(_values(focus)))


def _explain_types(protocol: Protocol, state: State) -> Explanation:
    wrong = ill_typed(protocol, state)
    types = ", ".join(f"{n} in {protocol.ir.variable(n).type}" for n in wrong)
    variable = protocol.ir.variable(wrong[0]) if wrong else protocol.ir.variables[0]
    place = shown_place(variable.place.file, variable.place.line)
    doc = "Each variable holds a value of its type within the scope."
    return Explanation(TYPE_INVARIANT, doc, place, types, place, (), tuple((n, show(getattr(state, n))) for n in wrong))


def shown_place(file: str, line: int) -> str:
    """A place as a message shows it: relative to the working directory where it lies below it."""
    here = Path.cwd()
    path = Path(file)
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{line}"


def text_of(node: ast.expr, file: str) -> str:
    """A part of the source as written, on one line."""
    written = ast.get_source_segment("".join(linecache.getlines(file)), node)
    return " ".join((written or ast.unparse(node)).split())


def body_of(cls: type, name: str, arguments: list[Any]) -> Focus | None:
    """A method's returned expression, with its parameters and locals bound; None where it is more than that."""
    owner = next(c for c in cls.__mro__ if name in vars(c))
    source = Source.of(owner)
    tree = next(f for f in source.class_tree(owner.__name__).body if isinstance(f, ast.FunctionDef) and f.name == name)
    parameters = [a.arg for a in tree.args.args]
    names = dict(zip(parameters, arguments, strict=True))
    states = tuple(n for n, v in names.items() if isinstance(v, cls))
    bound = [n for n in parameters if n not in states]
    defined: dict[str, ast.expr] = {}
    for statement in tree.body:
        match statement:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Assign(targets=[ast.Name(id=local)], value=value):
                defined[local] = value
                names[local] = evaluate(value, {**source.names, **names})
                bound.append(local)
            case ast.Return(value=ast.expr() as value):
                return Focus(value, {**source.names, **names}, tuple(bound), states, source.file, (), defined)
            case _:
                return None
    return None


def evaluate(node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of a part of the source, given what its names stand for."""
    # One dictionary for globals and locals: generators within the expression see only globals.
    return eval(compile(ast.Expression(node), "<property>", "eval"), names)


def narrow(focus: Focus, value: bool) -> Focus:
    """The smallest part that alone makes the focus have its value."""
    node = focus.node
    match node:
        case ast.Name(id=name) if name in focus.defined and isinstance(focus.names[name], bool):
            return narrow(_at(focus, focus.defined[name]), value)
        case ast.BoolOp(op=op, values=operands) if isinstance(op, ast.And) is not value:
            # A false `and` (a true `or`) is decided by one operand.
            return narrow(next(_at(focus, o) for o in operands if bool(evaluate(o, focus.names)) is value), value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = narrow(_at(focus, operand), not value)
            return focus if inner.node is operand else inner
        case ast.IfExp(test=test, body=then, orelse=otherwise):
            return narrow(_at(focus, then if evaluate(test, focus.names) else otherwise), value)
        case ast.Call(func=ast.Name(id="all" | "any" as quantifier), args=[ast.GeneratorExp() as generator]) if (quantifier == "any") is value:
            for names, bound in _bindings(generator.generators, focus.names):
                if bool(evaluate(generator.elt, names)) is value:
                    filters = tuple(text_of(test, focus.file) for part in generator.generators for test in part.ifs)
                    inside = Focus(generator.elt, names, (*focus.bound, *bound), focus.states, focus.file, (*focus.given, *filters), focus.defined)
                    return narrow(inside, value)
            return focus
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name), args=arguments) if owner in focus.states:
            frame = focus.names[owner]
            body = body_of(type(frame), name, [frame, *(evaluate(a, focus.names) for a in arguments)])
            inner_focus = narrow(body, value) if body else focus
            return focus if body is None or inner_focus.node is body.node else inner_focus
        case _:
            return focus


def _at(focus: Focus, node: ast.expr) -> Focus:
    return replace(focus, node=node)


def _bindings(generators: list[ast.comprehension], names: dict[str, Any]) -> Iterator[tuple[dict[str, Any], tuple[str, ...]]]:
    """All bindings of a comprehension's variables that pass its filters, in order."""
    if not generators:
        yield names, ()
        return
    generator, *rest = generators
    assert isinstance(generator.target, ast.Name)
    over = evaluate(generator.iter, names)
    # Sets in the order of their elements, not of their hashes: the same explanation every time.
    for element in sorted(over, key=sort_key) if isinstance(over, frozenset | set) else over:
        inner = {**names, generator.target.id: element}
        if all(evaluate(test, inner) for test in generator.ifs):
            for found, bound in _bindings(rest, inner):
                yield found, (generator.target.id, *bound)


def _values(focus: Focus) -> Iterator[tuple[str, str]]:
    """The bound names in the order of their binding, then the parts of the state that the focus reads."""
    for name in dict.fromkeys(focus.bound):
        yield name, show(focus.names[name])
    inner = {n.target.id for n in ast.walk(focus.node) if isinstance(n, ast.comprehension) and isinstance(n.target, ast.Name)}
    shown: set[str] = set()
    for node in reads(focus.node, focus.states):
        local = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & inner
        # `self.on[s]` for a bound s of no value here: the whole variable is shown.
        read = node.value if local and isinstance(node, ast.Subscript) else node
        text = text_of(read, focus.file)
        if text not in shown:
            shown.add(text)
            try:
                yield text, show(evaluate(read, focus.names))
            except Undefined:
                # In a branch that was not taken.
                yield text, "no value"


def reads(node: ast.AST, states: tuple[str, ...]) -> Iterator[ast.expr]:
    """The largest reads of state variables: `self.log[n]`, `after.term[n]`."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner)), args=arguments) if owner in states:
            yield from itertools.chain.from_iterable(reads(a, states) for a in arguments)
        case ast.Subscript(value=ast.Attribute(value=ast.Name(id=owner))) if owner in states:
            yield node
        case ast.Attribute(value=ast.Name(id=owner)) if owner in states:
            yield node
        case _:
            for child in ast.iter_child_nodes(node):
                yield from reads(child, states)
