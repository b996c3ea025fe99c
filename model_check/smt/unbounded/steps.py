"""Actions as symbolic paths: what must be true for a path to be taken, and the state after it as a function of the one before.

Each updated variable is an expression over the state before the step, so there is no second vocabulary and no frame
axiom. A path forks at `if`, at a local truth value and at `first`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import z3

from model_check.smt.unbounded.formulas import Formulas
from model_check.smt.unbounded.frames import Frame, Ground, Later, Naming, State
from model_check.smt.unbounded.universe import fold_and, fold_not, fold_or, is_interned, le, same
from model_check.smt.unbounded.values import FALSE, TRUE, Members, Optional, Record, Related, Scalar, Value, anything, choose, mentions, rebuild
from model_check.smt.unbounded.values import replace as replace_term
from spec.language import ir
from spec.language.types import BOOL, OptionType, SetType, SortType, Type


@dataclass(frozen=True)
class Path:
    """One way through an action: names, the state so far, what was assumed on the way."""

    frame: Frame
    ground: Ground
    parameters: tuple[tuple[str, Value], ...] = ()

    @property
    def facts(self) -> list[z3.BoolRef]:
        """All that is true if the path is taken."""
        return self.ground.facts

    def fork(self) -> Path:
        """A copy that may assume more."""
        return replace(self, ground=self.ground.copy())

    def assume(self, formula: z3.BoolRef) -> Path | None:
        """The path with one more assumption, None where that is plainly false."""
        if z3.is_false(formula):
            return None
        if not z3.is_true(formula):
            self.ground.facts.append(formula)
        return self

    def bind(self, name: str, value: Value | Later) -> Path:
        """The path with one more name."""
        return replace(self, frame=self.frame.bind(name, value))

    def store(self, update: State) -> Path:
        """The path with the new values of some variables."""
        return replace(self, frame=replace(self.frame, state={**self.frame.state, **update}))


class Steps:
    """The actions of a protocol as paths from a state."""

    def __init__(self, formulas: Formulas) -> None:
        self.formulas = formulas
        self.universe = formulas.universe

    def initial(self, init: ir.Action) -> list[State]:
        """The initial states, one for each path through `init`."""
        return [path.frame.state for path in self.paths(init, {})]

    def paths(self, action: ir.Action, state: State) -> list[Path]:
        """All paths through an action from a state."""
        starts = [Path(Frame({}, state), Ground())]
        for binder in action.parameters:
            starts = [chosen for start in starts for chosen in self._choose(binder, start)]
        return [path for start in starts for path in self._block(action.body, start)]

    def _choose(self, binder: ir.Binder, path: Path) -> Iterator[Path]:
        """A parameter: a constant of its domain, one path for each shape that it may have."""
        universe, type_ = self.universe, binder.type
        cases: list[tuple[Value, ir.Expr | None]] = []
        match binder.domain:
            case ir.SortDomain(type=SortType() as sort):
                cases.append((Scalar(sort, universe.fresh(universe.sort(sort), binder.name)), None))
            case ir.SortDomain():
                cases += [(rebuild(universe, type_, shape, ()), None) for shape, _ in self.formulas.shapes(type_)]
            case ir.QuorumDomain(sort=sort):
                cases.append((self.formulas.quorum(sort, universe.fresh(universe.quorum_sort(sort), binder.name)), None))
            case ir.SetDomain(set=members):
                for shape, sorts in self.formulas.shapes(type_):
                    columns = tuple(universe.fresh(universe.sort(s), f"{binder.name}.{i}") for i, s in enumerate(sorts))
                    value = Scalar(type_, columns[0]) if is_interned(type_) else rebuild(universe, type_, shape, columns)
                    cases.append((value, members))
            case _:
                self.formulas.refuse(ir.Name(type=type_, name=binder.name), f"the parameter `{binder.name}: {type_}`")
        for value, drawn_from in cases:
            new = path.fork()
            if drawn_from is not None:
                naming = Naming(universe, new.ground)
                new.ground.facts.append(self.formulas.member(value, drawn_from, new.frame, True, new.ground, naming))
            yield replace(new.bind(binder.name, value), parameters=(*path.parameters, (binder.name, value)))

    # --- Statements

    def _block(self, statements: tuple[ir.Statement, ...], path: Path) -> list[Path]:
        paths = [path]
        for statement in statements:
            paths = [after for before in paths for after in self._statement(statement, before)]
        return paths

    def _statement(self, statement: ir.Statement, path: Path) -> list[Path]:
        match statement:
            case ir.Require(condition=condition, rule=rule):
                return [path] if rule and rule in self.formulas.without else self._assume(condition, True, path)
            case ir.Let(name=name, value=value):
                return self._let(name, value, path)
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                applies, fails = self._assume(condition, True, path.fork()), self._assume(condition, False, path.fork())
                return [self._leave(path, p) for q in applies for p in self._block(then, q)] + [
                    self._leave(path, p) for q in fails for p in self._block(otherwise, q)
                ]
            case ir.Perform(procedure=procedure, arguments=arguments):
                naming = Naming(self.universe, path.ground)
                names: dict[str, Value | Later] = {
                    p: self._argument(a, type_, path, naming) for (p, type_), a in zip(procedure.parameters, arguments, strict=True)
                }
                inner = replace(path, frame=replace(path.frame, names=names))
                return [self._leave(path, p) for p in self._block(procedure.body, inner)]
            case ir.ForEach(binder=binder, body=body):
                return [self._for_each(binder, body, path)]
            case ir.Store() | ir.Insert() | ir.Remove():
                return [path.store(self.stored(statement, path.frame, path.ground))]
        raise AssertionError(statement)

    def _leave(self, outer: Path, inner: Path) -> Path:
        """Back in the names of the outer block."""
        return replace(inner, frame=replace(inner.frame, names=outer.frame.names))

    def _assume(self, condition: ir.Expr, truth: bool, path: Path) -> list[Path]:
        found = path.assume(self.formulas.holds(condition, path.frame, truth, path.ground))
        return [] if found is None else [found]

    def _argument(self, expr: ir.Expr, type_: Type, path: Path, naming: Naming) -> Value | Later:
        if isinstance(type_, SetType) or type_ == BOOL:
            return Later(expr, path.frame)
        return self._settled(self.formulas.value(expr, path.frame, naming), naming)

    @staticmethod
    def _settled(value: Value, naming: Naming) -> Value:
        """A value with its related elements named, so that it is the same wherever it is used."""
        return Scalar(value.type, naming.term(value)) if isinstance(value, Related) else value

    def _let(self, name: str, value: ir.Expr, path: Path) -> list[Path]:
        if isinstance(value, ir.First):
            return self._first(name, value, path)
        if value.type == BOOL:
            found = []
            for truth in (True, False):
                found += [p.bind(name, Scalar(BOOL, z3.BoolVal(truth))) for p in self._assume(value, truth, path.fork())]
            return found
        naming = Naming(self.universe, path.ground)
        return [path.bind(name, self._argument(value, value.type, path, naming))]

    def _first(self, name: str, first: ir.First, path: Path) -> list[Path]:
        """None, where no candidate passes; or the one that passes and has none below it."""
        binder, type_ = first.binder, first.type
        assert isinstance(type_, OptionType) and isinstance(type_.of, SortType)
        formulas, frame = self.formulas, path.frame

        def passes(inner: Frame, truth: bool, ground: Ground | None) -> list[z3.BoolRef]:
            return [formulas.holds(f, inner, truth, ground) for f in binder.filters]

        none, some = path.fork(), path.fork()
        ((variables, within, value),) = formulas.range(binder.domain, binder.type, frame)
        rejected = fold_or([within(False, None), *passes(frame.bind(binder.name, value), False, None)])
        none.ground.facts.append(z3.ForAll(list(variables), rejected))
        ((chosen,), lies_within, least) = formulas.range(binder.domain, binder.type, frame)[0]
        some.ground.facts += [lies_within(True, some.ground), *passes(frame.bind(binder.name, least), True, some.ground)]
        some.ground.facts.append(z3.ForAll(list(variables), fold_or([le(chosen, variables[0]), rejected])))
        return [
            none.bind(name, Optional(type_, TRUE, anything(self.universe, type_.of))),
            some.bind(name, Optional(type_, FALSE, least)),
        ]

    # --- Updates

    def stored(self, statement: ir.Store | ir.Insert | ir.Remove, frame: Frame, ground: Ground) -> State:
        """The variable's new value at any keys."""
        formulas, naming = self.formulas, Naming(self.universe, ground)
        if isinstance(statement, ir.Store) and isinstance(statement.value, ir.MapComprehension):
            return {statement.variable: lambda keys: self._entry_of_map(statement.value, keys, frame)}
        keys = tuple(formulas.term(k, frame, naming) for k in statement.keys)
        old = frame.state.get(statement.variable)
        if isinstance(statement, ir.Store):
            new = self._settled(self._snapshot(statement.value, frame, naming), naming)
        else:
            assert old is not None
            element, held = formulas.value(statement.element, frame, naming), old(keys)
            assert isinstance(held, Members)
            settled = self._settled_parts(element, naming)
            join = fold_or if isinstance(statement, ir.Insert) else lambda parts: fold_and([parts[0], fold_not(parts[1])])
            new = Members(held.type, lambda shape, columns: join([held.has(shape, columns), formulas.matches(settled, shape, columns)]))

        def at(asked: tuple[z3.ExprRef, ...]) -> Value:
            here = fold_and([same(a, k) for a, k in zip(asked, keys, strict=True)])
            return new if z3.is_true(here) or old is None else choose(here, new, old(asked))

        return {statement.variable: at}

    def _snapshot(self, expr: ir.Expr, frame: Frame, naming: Naming) -> Value:
        return self._settled_parts(self.formulas.value(expr, frame, naming), naming)

    def _settled_parts(self, value: Value, naming: Naming) -> Value:
        """The value, each related element in it named."""
        match value:
            case Optional(type=type_, none=none, value=inner) if not z3.is_true(none):
                return Optional(type_, none, self._settled_parts(inner, naming))
            case Record(type=record, fields=fields):
                return Record(record, {n: self._settled_parts(v, naming) for n, v in fields.items()})
            case _:
                return self._settled(value, naming)

    def _entry_of_map(self, expr: ir.Expr, keys: tuple[z3.ExprRef, ...], frame: Frame) -> Value:
        assert isinstance(expr, ir.MapComprehension)
        inner = frame
        for binder, key in zip(expr.binders, keys, strict=True):
            inner = inner.bind(binder.name, Scalar(binder.type, key))
        # The keys may be bound: a name would stand for one value where there is one for each key.
        naming = Naming(self.universe, None)
        found = self.formulas.value(expr.value, inner, naming)
        if naming.open:
            self.formulas.refuse(expr, f"a value that must be named for each {expr.binders[0].type}")
        return found

    def _for_each(self, binder: ir.Binder, body: tuple[ir.Statement, ...], path: Path) -> Path:
        """All turns of a loop at once: run for one element, then read at the entry's own key."""
        universe = self.universe
        turn = universe.fresh(universe.sort(binder.type), binder.name)
        known = len(path.facts)
        inner = path.frame.bind(binder.name, Scalar(binder.type, turn))
        after = self._merged(body, inner, path.ground)
        if any(mentions(fact, turn) for fact in path.facts[known:]):
            self.formulas.refuse(body[0], f"a value that must be named for each `{binder.name}`")
        positions = _key_positions(body, binder.name)

        def entry(variable: str, position: int, asked: tuple[z3.ExprRef, ...]) -> Value:
            own = (*asked[:position], turn, *asked[position + 1 :])
            return replace_term(after[variable](own), turn, asked[position])

        return path.store({v: functools.partial(entry, v, p) for v, p in positions.items()})

    def _merged(self, body: tuple[ir.Statement, ...], frame: Frame, ground: Ground) -> State:
        """The state after statements, branches joined by conditions inside the values."""
        for statement in body:
            match statement:
                case ir.If(condition=condition, then=then, otherwise=otherwise):
                    test = self.formulas.exact(condition, frame, Naming(self.universe, ground))
                    a, b = self._merged(then, frame, ground), self._merged(otherwise, frame, ground)
                    changed = {v for v in a if a[v] is not frame.state[v] or b[v] is not frame.state[v]}
                    joined = {v: _join(test, a, b, v) for v in changed}
                    frame = replace(frame, state={**frame.state, **joined})
                case ir.Store() | ir.Insert() | ir.Remove():
                    frame = replace(frame, state={**frame.state, **self.stored(statement, frame, ground)})
                case ir.Perform(procedure=procedure, arguments=arguments):
                    names: dict[str, Value | Later] = {p: Later(a, frame) for (p, _), a in zip(procedure.parameters, arguments, strict=True)}
                    frame = replace(frame, state=self._merged(procedure.body, replace(frame, names=names), ground))
                case _:
                    self.formulas.refuse(statement, f"`{type(statement).__name__}` within a `for`")
        return frame.state


def _join(test: z3.BoolRef, a: State, b: State, variable: str) -> Callable[[tuple[z3.ExprRef, ...]], Value]:
    return lambda keys: choose(test, a[variable](keys), b[variable](keys))


def _key_positions(body: tuple[ir.Statement, ...], name: str) -> dict[str, int]:
    """For each variable that a loop's body assigns to, which of its keys is the loop's own name."""
    found: dict[str, int] = {}
    for item in ir.walk_all(body):
        if isinstance(item, (ir.Store, ir.Insert, ir.Remove)):
            found[item.variable] = next(i for i, k in enumerate(item.keys) if isinstance(k, ir.Name) and k.name == name)
    return found
