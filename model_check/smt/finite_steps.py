"""Initial states and steps of a protocol at a scope as circuits: the state after is a function of the state before and of choices.

The choices are fresh variables: one literal for each action, of which one is taken, and one for each element that a
parameter may have. Actions share the choices of parameters with the same domain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from model_check.smt.circuit import FALSE, TRUE, Answer, Circuit, Literal
from model_check.smt.finite import MASK_LIMIT, Algebra, Domains, Element, Slots, Table, Value, Variables
from model_check.smt.finite_expressions import Evaluator
from spec.language import Protocol, Step, ir
from spec.language.types import SetType, Type


class Executor(Evaluator):
    """Runs statements: the state changes along the path, and guards cut it off."""

    def run(self, statements: tuple[ir.Statement, ...]) -> None:
        """Statements in order, up to a guard that surely fails."""
        for statement in statements:
            if FALSE in self.path:
                return
            getattr(self, f"_{type(statement).__name__}")(statement)

    def branch(self, condition: Literal, body: tuple[ir.Statement, ...], otherwise: tuple[ir.Statement, ...] = ()) -> None:
        """Run a body where a condition holds, another one elsewhere."""
        if condition in (TRUE, FALSE):
            self.run(body if condition == TRUE else otherwise)
            return
        path, before = self.path, self.now
        guards, states = [], []
        for literal, part in ((condition, body), (-condition, otherwise)):
            self.path, self.now = (*path, literal), before
            self.run(part)
            # A guard that fails within a branch ends the path there.
            guards.append(self.circuit.all_of(self.path[len(path) + 1 :]))
            states.append(self.now)
        then, other = states
        # In init, a guard that surely fails leaves variables without a value.
        self.now = {**then, **{name: self.algebra.mux(condition, then.get(name, value), value) for name, value in other.items()}}
        refused = self.circuit.choice(condition, *guards)
        self.path = path if refused == TRUE else (*path, refused)

    def _Require(self, s: ir.Require) -> None:
        holds = self.truth(s.condition)
        if not s.rule or self.in_force(s.rule):
            self.path = (*self.path, holds)

    def _Let(self, s: ir.Let) -> None:
        self.names[s.name] = self.value(s.value)

    def _If(self, s: ir.If) -> None:
        self.branch(self.truth(s.condition), s.then, s.otherwise)

    def _ForEach(self, s: ir.ForEach) -> None:
        # The language has these loops over whole sorts only.
        for _, element in self.domain(s.binder.domain):
            self.names[s.binder.name] = element
            self.run(s.body)

    def _Perform(self, s: ir.Perform) -> None:
        arguments = {p: self.value(a) for (p, _), a in zip(s.procedure.parameters, s.arguments, strict=True)}
        saved, self.names = self.names, arguments
        self.run(s.procedure.body)
        self.names = saved

    def _Store(self, s: ir.Store) -> None:
        new = self.value(s.value)
        self.change(s.variable, self._keys(s.keys), lambda _: new)

    def _Insert(self, s: ir.Insert) -> None:
        # CPython looks up the set to change before it computes the element.
        keys, of = self._keys(s.keys), self._member_type(s.variable)
        element = self.value(s.element)
        self.change(s.variable, keys, lambda held: self.algebra.insert(of, held, element))

    def _Remove(self, s: ir.Remove) -> None:
        keys, of = self._keys(s.keys), self._member_type(s.variable)
        removed = self.algebra.collect(of, [(TRUE, self.value(s.element))])
        self.change(s.variable, keys, lambda held: self.algebra.difference(held, removed))

    def _keys(self, keys: tuple[ir.Expr, ...]) -> list[Element]:
        return [self._element(k) for k in keys]

    def _member_type(self, variable: str) -> Type:
        type_ = self.domains.protocol.ir.variable(variable).value_type
        assert isinstance(type_, SetType)
        return type_.of

    def change(self, variable: str, keys: list[Element], new: Callable[[Value], Value]) -> None:
        """Give a variable, or the entry with these keys, a new value made of the old one (in init, of none)."""
        held = self.now.get(variable, Slots(()))
        if keys:
            assert isinstance(held, Table)
            entries = []
            for key, old in held.entries:
                here = self.at_key(keys, key)
                entries.append((key, old if here == FALSE else self.algebra.mux(here, new(old), old)))
            self.now = {**self.now, variable: Table(tuple(entries))}
        else:
            self.now = {**self.now, variable: new(held)}


@dataclass
class Choice:
    """A parameter's fresh choice: a literal for each possible element, at most one true, and the element chosen."""

    made: list[Literal]
    value: Value


@dataclass
class Start:
    """The initial states, what must hold for init's choices to make sense (`valid`), and its arguments with their types."""

    state: Variables
    valid: list[Literal]
    arguments: list[tuple[Type, Value]]


@dataclass
class Taken:
    """One action within a step: the literal of its being taken, its parameters' values, and its condition."""

    action: ir.Action
    literal: Literal
    arguments: list[Value]
    enabled: Literal
    undefined: Literal


@dataclass
class Move:
    """One step: the state after it, the actions, and what must hold for the choices to make sense (`valid`)."""

    after: Variables
    actions: list[Taken]
    valid: list[Literal]
    undefined: Literal
    """That the action taken has an expression without a value; the state after it is then of no account."""

    def decode(self, domains: Domains, answer: Answer) -> Step:
        """The step that a model takes."""
        taken = next(t for t in self.actions if answer.value(t.literal))
        values = zip(taken.action.parameters, taken.arguments, strict=True)
        return Step(taken.action.name, tuple((p.name, domains.decode(answer, p.type, v)) for p, v in values))


class Encoder:
    """The protocol's initial states, steps and properties over one circuit, which another protocol's encoder may share."""

    def __init__(self, protocol: Protocol, mask_limit: int = MASK_LIMIT, circuit: Circuit | None = None) -> None:
        self.protocol = protocol
        self.circuit = Circuit() if circuit is None else circuit
        self.domains = Domains(protocol, mask_limit)
        self.algebra = Algebra(self.circuit, self.domains)

    # --- choices

    def one_of(self, count: int) -> tuple[list[Literal], list[Literal]]:
        """Fresh literals of which at most one is true, and the conditions that say so."""
        literals = [self.circuit.variable() for _ in range(count)]
        return literals, self.at_most_one(literals)

    def at_most_one(self, literals: list[Literal]) -> list[Literal]:
        """Conditions under which at most one literal is true."""
        if len(literals) <= 6:
            return [-self.circuit.both(a, b) for i, a in enumerate(literals) for b in literals[:i]]
        found, before = [], literals[0]
        for x in literals[1:]:
            found.append(-self.circuit.both(x, before))
            before = self.circuit.any_of((before, x))
        return found

    def _choice(self, evaluator: Evaluator, parameter: ir.Binder, valid: list[Literal]) -> Choice:
        """A fresh choice among the elements of a parameter's domain."""
        candidates = [(belongs, v) for belongs, v in evaluator.domain(parameter.domain) if belongs != FALSE]
        literals, conditions = self.one_of(len(candidates))
        valid += conditions
        valid += [self.circuit.any_of((-x, belongs)) for x, (belongs, _) in zip(literals, candidates, strict=True) if belongs != TRUE]
        elements = [(x, v) for x, (_, v) in zip(literals, candidates, strict=True)]
        return Choice(literals, self.algebra.choose(elements) if elements else evaluator.some_value(parameter.type))

    # --- initial states

    def initial(self) -> Start:
        """The initial states: one for each choice of init's parameters."""
        executor = Executor(self.algebra, {})
        valid: list[Literal] = []
        choices = [self._choice(executor, parameter, valid) for parameter in self.protocol.ir.init.parameters]
        valid += [self.circuit.any_of(choice.made) for choice in choices]
        executor.names = {p.name: c.value for p, c in zip(self.protocol.ir.init.parameters, choices, strict=True)}
        executor.run(self.protocol.ir.init.body)
        valid += [*executor.path, *(-x for x in executor.notes.undefined), *(-x for x in executor.notes.leaves)]
        arguments = [(p.type, c.value) for p, c in zip(self.protocol.ir.init.parameters, choices, strict=True)]
        # Where no initial state is possible, variables may lack a value.
        state = {v.name: executor.now.get(v.name) or executor.some_value(v.type) for v in self.protocol.ir.variables}
        return Start(state, valid, arguments)

    # --- steps

    def step(self, now: Variables) -> Move:
        """One step from a state, by any action with any arguments."""
        valid: list[Literal] = []
        taken, conditions = self.one_of(len(self.protocol.ir.actions))
        valid += [*conditions, self.circuit.any_of(taken)]
        pool: dict[tuple[object, int], Choice] = {}
        actions: list[Taken] = []
        states: list[Variables] = []
        for literal, action in zip(taken, self.protocol.ir.actions, strict=True):
            executor = Executor(self.algebra, now)
            arguments = self._arguments(executor, action, pool, valid)
            found, state = self.run(executor, action, literal, arguments)
            valid.append(self.circuit.any_of((-literal, found.enabled, found.undefined)))
            actions.append(found)
            states.append(state)
        possible = [(t, s) for t, s in zip(actions, states, strict=True) if t.enabled != FALSE]
        after = {name: self.algebra.choose([(t.literal, s[name]) for t, s in possible]) for name in now} if possible else now
        undefined = self.circuit.any_of(self.circuit.both(t.literal, t.undefined) for t in actions)
        return Move(after, actions, valid, undefined)

    def _arguments(self, executor: Executor, action: ir.Action, pool: dict[tuple[object, int], Choice], valid: list[Literal]) -> list[Value]:
        """Values for an action's parameters from the pool of choices; the executor's path begins where each has been chosen."""
        used: dict[object, int] = {}
        arguments: list[Value] = []
        for parameter in action.parameters:
            # A set that depends on other parameters is another set for each action.
            keyed = isinstance(parameter.domain, ir.SetDomain) and isinstance(parameter.domain.set, ir.Read) and parameter.domain.set.keys
            kind: object = (action.name, parameter.name) if keyed else parameter.domain
            key = (kind, used.get(kind, 0))
            used[kind] = key[1] + 1
            if key not in pool:
                pool[key] = self._choice(executor, parameter, valid)
                if not isinstance(parameter.domain, ir.SetDomain):
                    valid.append(self.circuit.any_of(pool[key].made))
            executor.path = (*executor.path, self.circuit.any_of(pool[key].made))
            arguments.append(pool[key].value)
            executor.names[parameter.name] = pool[key].value
        return arguments

    def run(self, executor: Executor, action: ir.Action, literal: Literal, arguments: list[Value]) -> tuple[Taken, Variables]:
        """An action with given arguments: whether it is enabled or undefined, and the state after it."""
        executor.names = dict(zip((p.name for p in action.parameters), arguments, strict=True))
        executor.run(action.body)
        undefined = self.circuit.any_of(executor.notes.undefined)
        enabled = self.circuit.all_of((*executor.path, -undefined, *(-x for x in executor.notes.leaves)))
        return Taken(action, literal, arguments, enabled, undefined), executor.now

    # --- properties

    def holds(self, prop: ir.Property, state: Variables, after: Variables | None = None) -> tuple[Literal, Literal]:
        """Whether a property is true, and whether it has no value."""
        evaluator = Evaluator(self.algebra, state, after)
        found = evaluator.truth(prop.body)
        undefined = self.circuit.any_of(evaluator.notes.undefined)
        return found, undefined

    def same(self, a: Variables, b: Variables) -> Literal:
        """Whether two states are equal."""
        return self.circuit.all_of(self.algebra.equal(value, b[name]) for name, value in a.items())
