"""Finite states as structures of the unbounded encoding: its formulas evaluated in Python, without any solver.

A `Structure` gives every function and relation of the encoding its meaning in one finite state (where a state says
nothing, such as the content of None or an entry past the end, the meaning is drawn at random). `Formula` compiles a
Z3 formula to Python. `Solutions` finds all values of a path's constants that make its facts true.
"""

from __future__ import annotations

import functools
import itertools
import operator
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import z3

from model_check.smt.unbounded.obligations import Encoding
from model_check.smt.unbounded.universe import is_interned
from model_check.smt.unbounded.values import Entries, Members, Optional, Record, Related, Scalar, Shape, Value, shapes
from spec.language import Map, Protocol, Seq, State, Window
from spec.language.context import activate
from spec.language.types import BoolType, EnumType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType
from spec.language.values import elements, quorums

ABSENT = object()
"""What a state says of a value that is not there."""


def _entry(held: Map[Any, Any], *keys: Any) -> Any:
    return held[keys if len(keys) > 1 else keys[0]]


def _itself(held: Any) -> Any:
    return held


def unflatten(type_: Type, shape: list[bool | int], columns: list[Any]) -> Any:
    """The element of a set with a shape and columns (both consumed from the front)."""
    match type_:
        case SortType():
            return columns.pop(0)
        case RecordType() if is_interned(type_):
            return columns.pop(0)
        case BoolType():
            return bool(shape.pop(0))
        case EnumType(cls=cls):
            return list(cls)[shape.pop(0)]
        case OptionType(of=of):
            return None if shape.pop(0) else unflatten(of, shape, columns)
        case RecordType(cls=cls, fields=fields):
            return cls(*[unflatten(t, shape, columns) for _, t in fields])
    raise AssertionError(type_)


def shapes_of(type_: Type) -> list[tuple[Shape, tuple[Type, ...]]]:
    """The shapes of a set's elements with the types of their columns."""
    return [((), (type_,))] if is_interned(type_) else list(shapes(type_))


class Structure:
    """One state of a protocol at a scope; `records` are the elements of the sorts of interned records."""

    def __init__(self, protocol: Protocol, state: State, records: Mapping[str, list[Any]], chance: random.Random) -> None:
        activate(protocol.context)
        self.domains: dict[str, list[Any]] = {"Bool": [False, True], **records}
        self.constants: dict[str, Any] = {}
        self.functions: dict[tuple[str, int], Callable[..., Any]] = {}
        self._chance = chance
        for sort in protocol.ir.sorts:
            self.domains[sort.name] = elements(sort.cls, protocol.context.sizes[sort.cls])
            if sort.ordered:
                self.constants[f"{sort.name}_0"] = sort.cls(0)
                self.functions[f"le_{sort.name}", 2] = lambda x, y: x <= y
            else:
                self.domains[f"Quorum_{sort.name}"] = quorums(sort.cls)
                self.functions[f"in_quorum_{sort.name}", 2] = lambda q, x: x in q
        self._types(protocol)
        for variable in protocol.ir.variables:
            held = getattr(state, variable.name)
            read = functools.partial(_entry, held) if variable.keys else functools.partial(_itself, held)
            self._define(variable.name, variable.value_type, len(variable.keys), read)

    def _types(self, protocol: Protocol) -> None:
        """Enumerations, and the fields of interned records, wherever a variable's type mentions them."""
        stack: list[Type] = [v.value_type for v in protocol.ir.variables]
        while stack:
            type_ = stack.pop()
            match type_:
                case EnumType(name=name, members=members, cls=cls):
                    self.domains[name] = list(cls)
                    self.constants.update(zip(members, cls, strict=True))
                case RecordType(name=name, fields=fields):
                    stack += [t for _, t in fields]
                    if is_interned(type_):
                        for field, t in fields:
                            self._define(f"{name}.{field}", t, 1, operator.attrgetter(field))
                case OptionType(of=of) | SetType(of=of) | SeqType(of=of) | WindowType(of=of):
                    stack.append(of)

    def _define(self, name: str, type_: Type, keys: int, read: Callable[..., Any]) -> None:
        """The functions and relations that stand for a value of a type, at a number of keys."""

        def part(of: Callable[[Any], Any]) -> Callable[..., Any]:
            def get(*k: Any) -> Any:
                held = read(*k)
                return ABSENT if held is ABSENT else of(held)

            return get

        match type_:
            case SortType() | EnumType() | BoolType():
                self._define_scalar(name, type_, keys, read)
            case OptionType(of=of):
                self._define_scalar(f"{name}.none", BoolType(), keys, part(lambda v: v is None))
                self._define(f"{name}.value", of, keys, part(lambda v: ABSENT if v is None else v))
            case RecordType(fields=fields):
                for field, t in fields:
                    self._define(f"{name}.{field}", t, keys, part(operator.attrgetter(field)))
            case SetType(of=of):
                for shape, columns in shapes_of(of):
                    suffix = "".join(f"#{int(p)}" for p in shape)
                    self.functions[name + suffix, keys + len(columns)] = self._membership(of, shape, keys, read)
            case SeqType(of=of, index=index) | WindowType(of=of, index=index):
                for bound in ("after", "last"):
                    self._define_scalar(f"{name}.{bound}", index, keys, part(operator.attrgetter(bound)))

                def entry(*k: Any) -> Any:
                    held = read(*k[:-1])
                    return held[k[-1]] if held is not ABSENT and held.after < k[-1] <= held.last else ABSENT

                self._define(f"{name}.entry", of, keys + 1, entry)

    def _define_scalar(self, name: str, type_: Type, keys: int, read: Callable[..., Any]) -> None:
        """A value as a function, as a relation, and as the relation of what lies below it: the encoding has one of these."""
        values: dict[tuple[Any, ...], Any] = {}
        sort = "Bool" if isinstance(type_, BoolType) else str(type_)

        def get(*k: Any) -> Any:
            if k not in values:
                held = read(*k)
                values[k] = self._chance.choice(self.domains[sort]) if held is ABSENT else held
            return values[k]

        self.functions[name, keys] = get
        self.functions[name, keys + 1] = lambda *k: (held := read(*k[:-1])) is not ABSENT and held == k[-1]
        self.functions[f"{name}.above", keys + 1] = lambda *k: (held := read(*k[:-1])) is not ABSENT and k[-1] < held

    @staticmethod
    def _membership(of: Type, shape: Shape, keys: int, read: Callable[..., Any]) -> Callable[..., bool]:
        return lambda *k: unflatten(of, list(shape), list(k[keys:])) in read(*k[:keys])

    def anything(self, name: str, sort: str) -> Any:
        """The meaning of a constant: a variable without keys, or any element, the same whenever it is asked for."""
        if (name, 0) in self.functions:
            return self.functions[name, 0]()
        return self.constants.setdefault(name, self._chance.choice(self.domains[sort]))


class Formula:
    """A Z3 term as a Python function of a structure and the values of its constants."""

    def __init__(self, term: z3.ExprRef) -> None:
        self.term = term
        self.constants: dict[str, str] = {}
        self._fresh = itertools.count()
        source = self._source(term.as_ast(), [])
        # Every name in the source is an index into F, D or c: nothing but the formula's own structure is executed.
        self.evaluate: Callable[[Mapping[tuple[str, int], Any], Mapping[str, list[Any]], Mapping[str, Any]], Any] = eval(f"lambda F, D, c: {source}")

    def __call__(self, structure: Structure, values: Mapping[str, Any]) -> Any:
        """The value of the term; constants that are not given are the structure's."""
        known = {n: structure.anything(n, s) for n, s in self.constants.items() if n not in values}
        return self.evaluate(structure.functions, structure.domains, {**values, **known})

    def _source(self, ast: z3.Ast, bound: list[str]) -> str:
        """By Z3's functions of C: its objects for terms would be a quarter of the time of all comparisons."""
        context = self.term.ctx_ref()
        match z3.Z3_get_ast_kind(context, ast):
            case z3.Z3_VAR_AST:
                return bound[-1 - z3.Z3_get_index_value(context, ast)]
            case z3.Z3_QUANTIFIER_AST:
                names = [f"x{next(self._fresh)}" for _ in range(z3.Z3_get_quantifier_num_bound(context, ast))]
                loops = " ".join(f"for {n} in D[{_sort_name(context, z3.Z3_get_quantifier_bound_sort(context, ast, i))!r}]" for i, n in enumerate(names))
                body = self._source(z3.Z3_get_quantifier_body(context, ast), [*bound, *names])
                return f"{'all' if z3.Z3_is_quantifier_forall(context, ast) else 'any'}({body} {loops})"
        declared = z3.Z3_get_app_decl(context, ast)
        parts = [self._source(z3.Z3_get_app_arg(context, ast, i), bound) for i in range(z3.Z3_get_app_num_args(context, ast))]
        name = z3.Z3_get_symbol_string(context, z3.Z3_get_decl_name(context, declared))
        match kind := z3.Z3_get_decl_kind(context, declared):
            case z3.Z3_OP_TRUE | z3.Z3_OP_FALSE:
                return str(kind == z3.Z3_OP_TRUE)
            case z3.Z3_OP_AND | z3.Z3_OP_OR:
                return f"({(' and ' if kind == z3.Z3_OP_AND else ' or ').join(parts)})"
            case z3.Z3_OP_NOT:
                return f"(not {parts[0]})"
            case z3.Z3_OP_IMPLIES:
                return f"(not {parts[0]} or {parts[1]})"
            case z3.Z3_OP_EQ | z3.Z3_OP_IFF:
                return f"({parts[0]} == {parts[1]})"
            case z3.Z3_OP_ITE:
                return f"({parts[1]} if {parts[0]} else {parts[2]})"
            case z3.Z3_OP_DT_CONSTRUCTOR | z3.Z3_OP_UNINTERPRETED if not parts:
                self.constants[name] = _sort_name(context, z3.Z3_get_range(context, declared))
                return f"c[{name!r}]"
            case z3.Z3_OP_UNINTERPRETED:
                return f"F[{name!r}, {len(parts)}]({', '.join(parts)})"
        raise AssertionError(self.term)


def _sort_name(context: z3.ContextObj, sort: z3.Sort) -> str:
    name: str = z3.Z3_get_symbol_string(context, z3.Z3_get_sort_name(context, sort))
    return name


def conjuncts(fact: z3.BoolRef) -> list[z3.BoolRef]:
    """A conjunction's parts, each of which may be tested as soon as its own constants have values."""
    return [p for c in fact.children() for p in conjuncts(c)] if z3.is_and(fact) else [fact]


def is_witness(name: str) -> bool:
    """Whether a constant was introduced by a path or goal (`n!12`), and is no constant of the structure (`Term_0`)."""
    return "!" in name


class Solutions:
    """All values of a set of constants that make facts true, found by trying; each fact is tested as early as possible."""

    def __init__(self, facts: list[z3.BoolRef], also: Mapping[str, str] | None = None) -> None:
        left = [Formula(part) for fact in facts for part in conjuncts(fact)]
        self._plan: list[tuple[str, str] | Formula] = []
        known: set[str] = set()

        def unknown(formula: Formula) -> list[tuple[str, str]]:
            return [(n, s) for n, s in formula.constants.items() if is_witness(n) and n not in known]

        while left:
            formula = min(left, key=lambda f: len(unknown(f)))
            left.remove(formula)
            self._name(unknown(formula), known)
            self._plan.append(formula)
        self._name([(n, s) for n, s in (also or {}).items() if n not in known], known)

    def _name(self, constants: list[tuple[str, str]], known: set[str]) -> None:
        self._plan += constants
        known.update(n for n, _ in constants)

    def of(self, structure: Structure) -> Iterator[dict[str, Any]]:
        """The solutions in a structure."""
        fixed = {n: s for step in self._plan if isinstance(step, Formula) for n, s in step.constants.items() if not is_witness(n)}
        values = {n: structure.anything(n, s) for n, s in fixed.items()}

        def extend(position: int) -> Iterator[dict[str, Any]]:
            if position == len(self._plan):
                yield dict(values)
                return
            step = self._plan[position]
            if isinstance(step, Formula):
                if step.evaluate(structure.functions, structure.domains, values):
                    yield from extend(position + 1)
                return
            name, sort = step
            for element in structure.domains[sort]:
                values[name] = element
                yield from extend(position + 1)
            values.pop(name, None)

        return extend(0)


Read = Callable[[Structure, Mapping[str, Any]], Any]
"""Reads a Python value off a structure and the values of constants."""


class Broken(str):
    """In place of a value that the encoding does not determine; equal to no value of a protocol."""

    __slots__ = ()


class Reader:
    """Symbolic values of an encoding as Python values."""

    def __init__(self, encoding: Encoding) -> None:
        self.encoding = encoding
        self._fresh = itertools.count()
        self.constants: dict[str, str] = {}

    def constant(self, sort: z3.SortRef) -> tuple[str, z3.ExprRef]:
        """A name for what a reader ranges over."""
        name = f"read?{next(self._fresh)}"
        return name, z3.Const(name, sort)

    def formula(self, term: z3.ExprRef) -> Formula:
        """A term to be read, whose witnesses will have to be known."""
        found = Formula(term)
        self.constants.update({n: s for n, s in found.constants.items() if is_witness(n)})
        return found

    def value(self, value: Value) -> Read:
        """How to read a value."""
        match value:
            case Scalar(term=term):
                return self.formula(term)
            case Related():
                return self._related(value)
            case Optional(none=none, value=inner):
                is_none = self.formula(none)
                content = None if z3.is_true(none) else self.value(inner)
                return lambda s, c: None if is_none(s, c) or content is None else content(s, c)
            case Record(type=RecordType(cls=cls), fields=fields):
                parts = [self.value(f) for f in fields.values()]
                return lambda s, c: _made(cls, [p(s, c) for p in parts])
            case Members():
                return self._members(value)
            case Entries():
                return self._entries(value)
        raise AssertionError(value)

    def _related(self, value: Related) -> Read:
        name, x = self.constant(value.sort)
        holds = self.formula(value.holds(x))
        above = self.formula(value.above(x)) if isinstance(value.type, SortType) and value.type.ordered else None
        sort = value.sort.name()

        def read(s: Structure, c: Mapping[str, Any]) -> Any:
            found = [e for e in s.domains[sort] if holds(s, {**c, name: e})]
            if len(found) != 1:
                return Broken(f"{len(found)} values")
            if above is not None and any(above(s, {**c, name: e}) != (e < found[0]) for e in s.domains[sort]):
                return Broken("below another value")
            return found[0]

        return read

    def _members(self, value: Members) -> Read:
        of = value.type.of
        tests = []
        for shape, types in shapes_of(of):
            named = [self.constant(self.encoding.universe.sort(t)) for t in types]
            tests.append((shape, [n for n, _ in named], [x.sort().name() for _, x in named], self.formula(value.has(shape, tuple(x for _, x in named)))))

        def read(s: Structure, c: Mapping[str, Any]) -> Any:
            found = set()
            for shape, names, sorts, has in tests:
                for columns in itertools.product(*(s.domains[sort] for sort in sorts)):
                    if has(s, {**c, **dict(zip(names, columns, strict=True))}):
                        found.add(unflatten(of, list(shape), list(columns)))
            return frozenset(found)

        return read

    def _entries(self, value: Entries) -> Read:
        after, last = self.formula(value.after), self.formula(value.last)
        name, i = self.constant(value.last.sort())
        entry, sort, type_ = self.value(value.at(i)), value.last.sort().name(), value.type

        def read(s: Structure, c: Mapping[str, Any]) -> Any:
            first, end = after(s, c), last(s, c)
            held = [entry(s, {**c, name: e}) for e in s.domains[sort] if first < e <= end]
            broken = next((e for e in held if isinstance(e, Broken)), None)
            if broken is not None:
                return broken
            return (Seq if isinstance(type_, SeqType) else Window)(type_.index.cls, first, tuple(held))

        return read

    def variable(self, state: Mapping[str, Callable[[tuple[z3.ExprRef, ...]], Value]], name: str) -> Read:
        """How to read a variable of a symbolic state."""
        keys = self.encoding.ir.variable(name).keys
        named = [self.constant(self.encoding.universe.sort(k)) for k in keys]
        read = self.value(state[name](tuple(x for _, x in named)))
        if not keys:
            return read

        def read_map(s: Structure, c: Mapping[str, Any]) -> Any:
            found = {}
            for key in itertools.product(*(s.domains[k.name] for k in keys)):
                held = read(s, {**c, **{n: e for (n, _), e in zip(named, key, strict=True)}})
                if isinstance(held, Broken):
                    return Broken(f"at {key}: {held}")
                found[key if len(key) > 1 else key[0]] = held
            return Map(found)

        return read_map


def _made(cls: type, parts: list[Any]) -> Any:
    return next((p for p in parts if isinstance(p, Broken)), None) or cls(*parts)
