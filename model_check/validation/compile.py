"""Actions of the IR as plain Python functions that change the cells of a run and note what they change.

The source is written once for each protocol and set of removed rules; a run executes it over its own cells.
An action's function gives True where the step is taken and False where a guard refuses it, then perhaps halfway: whoever
calls it undoes what was noted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any

from model_check.validation import journal, operations
from model_check.validation.expressions import Constants, Expressions, cells, local
from model_check.validation.lookups import Indexed
from spec.language import NotEnabled, ir, is_majority
from spec.language.types import EnumType, MapType, RecordType, SeqType, SetType, SortType, Type


class Misfit(Exception):
    """An argument is not an element of its sort in this scope, or not a quorum or a subset of it."""


@dataclass(frozen=True)
class Program:
    """The generated source of a protocol's actions, and the constants that it names."""

    source: str
    code: CodeType
    constants: Constants

    def bind(self, tables: operations.Tables, variables: dict[str, journal.Cells], note: journal.Note) -> dict[str, Any]:
        """Execute the source over a run's cells; gives the functions of the actions, by name."""
        names: dict[str, Any] = {name: make(tables) for name, make in self.constants.by_name.items()}
        names |= {cells(name): held for name, held in variables.items()} | {"note": note, "replace_tail": journal.replace_tail}
        names |= {"NotEnabled": NotEnabled, "Misfit": Misfit, "is_majority": is_majority}
        exec(self.code, names)
        return {name.removeprefix("a_"): found for name, found in names.items() if name.startswith("a_")}


@functools.lru_cache(maxsize=64)
def compiled(spec: ir.ProtocolIR, without: frozenset[str]) -> Program:
    """The program of a protocol with some rules removed."""
    constants = Constants()
    lines: list[str] = []
    for helper in _used(spec, ir.Helper):
        lines += Definition(spec, constants, without).helper(helper)
    for procedure in _used(spec, ir.Procedure):
        lines += Definition(spec, constants, without).procedure(procedure)
    for act in spec.actions:
        lines += Definition(spec, constants, without).action(act)
    source = "\n".join(lines) + "\n"
    return Program(source, compile(source, f"<actions of {spec.name}>", "exec"), constants)


def _used(spec: ir.ProtocolIR, kind: type[Any]) -> list[Any]:
    """The helpers or procedures that actions use, by name."""
    found = {}
    for act in spec.actions:
        for item in ir.walk_all(act.body):
            part = item.helper if isinstance(item, ir.Call) else item.procedure if isinstance(item, ir.Perform) else None
            if isinstance(part, kind):
                found[part.name] = part
    return [found[name] for name in sorted(found)]


class Definition:
    """Writes one function: of an action, a procedure or a helper."""

    def __init__(self, spec: ir.ProtocolIR, constants: Constants, without: frozenset[str]) -> None:
        self.spec, self.constants, self.without = spec, constants, without
        self.write = Expressions(constants, without)
        self.lines: list[str] = []
        self.depth = 0
        self.temporaries = 0
        self.written: frozenset[str] = frozenset()
        self.refuse = "raise NotEnabled"

    # --- the three kinds of functions

    def helper(self, helper: ir.Helper) -> list[str]:
        """A function that gives a set as it is at hand, of a sequence its entries, and otherwise the language's value."""
        with self._function(f"h_{helper.name}", helper.parameters):
            self._returned(helper.body)
        return self.lines

    def _returned(self, e: ir.Expr) -> None:
        match e:
            case ir.LetIn(name=name, value=value, body=body):
                self._let(name, value)
                self._returned(body)
            case ir.Conditional(condition=condition, then=then, otherwise=otherwise):
                with self._block(f"if {self.write.loose(condition)}:"):
                    self._returned(then)
                self._returned(otherwise)
            case _:
                self._line(f"return {self.write.kept(e, frozenset())}")

    def procedure(self, procedure: ir.Procedure) -> list[str]:
        """A function that changes cells, and raises NotEnabled where a guard fails."""
        self.written = _written(procedure.body)
        with self._function(f"p_{procedure.name}", procedure.parameters):
            self._statements(procedure.body)
        return self.lines

    def action(self, act: ir.Action) -> list[str]:
        """A function that takes the step, or gives False; Misfit for an argument that is not of its sort."""
        self.written = _written(act.body)
        self.refuse = "return False"
        self._line(f"def a_{act.name}({', '.join(local(b.name) for b in act.parameters)}):")
        self.depth = 1
        for binder in act.parameters:
            with self._block(f"if {self._outside(binder)}:"):
                self._line(self.refuse if isinstance(binder.domain, ir.SetDomain) else "raise Misfit")
        self._statements(act.body)
        self._line("return True")
        return self.lines

    def _outside(self, binder: ir.Binder) -> str:
        """Whether an argument lies outside its parameter's domain."""
        name, sort = local(binder.name), self.constants.sort
        match binder.domain:
            case ir.SetDomain(set=members):
                return f"{name} not in {self.write.loose(members)}"
            case ir.QuorumDomain(sort=SortType(cls=cls)):
                return f"{name} not in {sort('quorums', cls)}"
            case ir.SubsetDomain(sort=SortType(cls=cls)):
                return f"type({name}) is not frozenset or not {name} <= {sort('members', cls)}"
            case ir.SortDomain(type=SortType(cls=cls, ordered=True)):
                return f"type({name}) is not {self.constants.thing(cls.__name__, cls)} or not 0 <= {name} <= {sort('greatest', cls)}"
            case ir.SortDomain(type=SortType(cls=cls)):
                return f"type({name}) is not {self.constants.thing(cls.__name__, cls)} or not 0 <= {name}.number < {sort('size', cls)}"
            case ir.SortDomain(type=EnumType(cls=cls)):
                return f"type({name}) is not {self.constants.thing(cls.__name__, cls)}"
            case _:
                return f"type({name}) is not bool"

    @contextmanager
    def _function(self, name: str, parameters: tuple[tuple[str, Type], ...]) -> Iterator[None]:
        self.write.raw |= {n for n, t in parameters if isinstance(t, SeqType)}
        with self._block(f"def {name}({', '.join(local(n) for n, _ in parameters)}):"):
            yield

    # --- statements

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def _block(self, head: str) -> Iterator[None]:
        self._line(head)
        self.depth += 1
        before = len(self.lines)
        yield
        if len(self.lines) == before:
            self._line("pass")
        self.depth -= 1

    def _named(self, source: str) -> str:
        """A name for a value that is used more than once."""
        if source.isidentifier():
            return source
        name = self._fresh()
        self._line(f"{name} = {source}")
        return name

    def _fresh(self) -> str:
        self.temporaries += 1
        return f"t_{self.temporaries}"

    def _statements(self, statements: tuple[ir.Statement, ...]) -> None:
        for statement in statements:
            getattr(self, f"_{type(statement).__name__}")(statement)

    def _Require(self, s: ir.Require) -> None:
        if s.rule and s.rule in self.without:
            # It refuses nothing, but must have a value all the same.
            self._line(self.write.loose(s.condition))
            return
        with self._block(f"if not {self.write.loose(s.condition)}:"):
            self._line(self.refuse)

    def _Let(self, s: ir.Let) -> None:
        self._let(s.name, s.value)

    def _let(self, name: str, value: ir.Expr) -> None:
        self._line(f"{local(name)} = {self.write.kept(value, self.written)}")
        if isinstance(value.type, SeqType):
            self.write.raw.add(name)

    def _If(self, s: ir.If) -> None:
        truth = self.write.truth(s.condition)
        if truth is not None:
            self._statements(s.then if truth else s.otherwise)
            return
        with self._block(f"if {self.write.loose(s.condition)}:"):
            self._statements(s.then)
        if s.otherwise:
            with self._block("else:"):
                self._statements(s.otherwise)

    def _ForEach(self, s: ir.ForEach) -> None:
        with self._block(f"for {local(s.binder.name)} in {self.write.domain(s.binder.domain)}:"):
            self._statements(s.body)

    def _Perform(self, s: ir.Perform) -> None:
        self._line(f"p_{s.procedure.name}({', '.join(self.write.kept(a, self.written) for a in s.arguments)})")

    def _key(self, keys: tuple[ir.Expr, ...]) -> str:
        """A key that may be named several times."""
        source = self.write.keys(keys)
        return source if not keys or (isinstance(keys[0], ir.Name) and len(keys) == 1) else self._named(source)

    def _Insert(self, s: ir.Insert) -> None:
        self._change_members(s.variable, self._key(s.keys), self._named(self.write.value(s.element)), adds=True)

    def _Remove(self, s: ir.Remove) -> None:
        self._change_members(s.variable, self._key(s.keys), self._named(self.write.value(s.element)), adds=False)

    def _change_members(self, variable: str, key: str, element: str, adds: bool) -> None:
        held = self._named(f"{cells(variable)}[{key}]")
        with self._block(f"if {element} {'not in' if adds else 'in'} {held}:"):
            self._line(f"{held}.{'add' if adds else 'remove'}({element})")
            self._line(f"note(({cells(variable)}, {key}, {journal.ADDED if adds else journal.REMOVED}, {element}))")
        if adds:
            with self._block("else:"):
                self._line(f"note(({cells(variable)}, {key}, {journal.FOUND}, {element}))")

    def _Store(self, s: ir.Store) -> None:
        here = ir.Read(type=s.value.type, variable=s.variable, keys=s.keys)
        match s.value:
            case ir.MapComprehension():
                self._store_map(s.variable, s.value)
            case ir.Conditional(condition=condition, then=then, otherwise=otherwise):
                branches = [ir.Store(variable=s.variable, keys=s.keys, value=value) for value in (then, otherwise)]
                self._If(ir.If(condition=condition, then=(branches[0],), otherwise=(branches[1],)))
            case ir.Append(sequence=sequence, entry=entry) if sequence == here:
                self._append(s, entry)
            case ir.Splice(sequence=sequence, at=at, window=window) if sequence == here:
                self._splice(s, at, window)
            case ir.Extend(sequence=sequence, window=window) if sequence == here:
                self._extend(s, window)
            case ir.SetOperation(operator="|" | "-" as operator, left=left, right=right) if left == here:
                key, element = self._key(s.keys), self._fresh()
                members = self._named(self.write.kept(right, self.written))
                with self._block(f"for {element} in {members}:"):
                    self._change_members(s.variable, key, element, adds=operator == "|")
            case _:
                self._store_whole(s)

    def _store_whole(self, s: ir.Store) -> None:
        value = self._named(self._held(s.value))
        key, held = self._key(s.keys), cells(s.variable)
        with self._block(f"if {held}[{key}] != {value}:"):
            self._line(f"note(({held}, {key}, {journal.STORED}, {held}[{key}]))")
            self._line(f"{held}[{key}] = {value}")

    def _held(self, value: ir.Expr) -> str:
        """Source of what a cell holds of a value."""
        match value.type:
            case SetType(of=RecordType()):
                return f"{self.constants.thing('Indexed', Indexed)}({self.write.loose(value)})"
            case SetType():
                source = self.write.loose(value)
                return source if source.startswith("{") else f"set({source})".replace("set(frozenset())", "set()")
            case SeqType():
                return f"list({self.write.entries(value)})"
            case _:
                return self.write.value(value)

    def _store_map(self, variable: str, value: ir.MapComprehension) -> None:
        """All entries at once: each from the state before."""
        assert isinstance(value.type, MapType)
        with self.write.over(value.binders) as loops:
            names = ", ".join(local(b.name) for b in value.binders)
            pairs = self._named(f"[(({names}), {self._held(value.value)}) {loops}]")
        key, entry, held = self._fresh(), self._fresh(), cells(variable)
        with self._block(f"for {key}, {entry} in {pairs}:"), self._block(f"if {held}[{key}] != {entry}:"):
            self._line(f"note(({held}, {key}, {journal.STORED}, {held}[{key}]))")
            self._line(f"{held}[{key}] = {entry}")

    def _append(self, s: ir.Store, entry: ir.Expr) -> None:
        assert isinstance(s.value.type, SeqType)
        key, value = self._key(s.keys), self._named(self.write.value(entry))
        held = self._named(f"{cells(s.variable)}[{key}]")
        with self._block(f"if len({held}) >= {self.constants.sort('size', s.value.type.index.cls)}:"):
            self._line(self.refuse)
        self._line(f"{held}.append({value})")
        self._line(f"note(({cells(s.variable)}, {key}, {journal.APPENDED}, None))")

    def _splice(self, s: ir.Store, at: ir.Expr, window: ir.Expr) -> None:
        held, key = cells(s.variable), self._key(s.keys)
        place = self._named(self.write.loose(at))
        tail = self.constants.thing("tail_of_splice", operations.tail_of_splice)
        self._line(f"replace_tail(note, {held}, {key}, ~-int({place}), {tail}({held}[{key}], {place}, {self.write.loose(window)}))")

    def _extend(self, s: ir.Store, window: ir.Expr) -> None:
        held, key = cells(s.variable), self._key(s.keys)
        tail = self.constants.thing("tail_of_extension", operations.tail_of_extension)
        self._line(f"replace_tail(note, {held}, {key}, len({held}[{key}]), {tail}({held}[{key}], {self.write.loose(window)}))")


def _written(body: tuple[ir.Statement, ...]) -> frozenset[str]:
    """The variables that statements write to."""
    return frozenset(item.variable for item in ir.walk_all(body) if isinstance(item, (ir.Store, ir.Insert, ir.Remove)))
