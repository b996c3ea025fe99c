"""Protocols as ordinary Python: states, actions, and the base class that runs a spec under CPython."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar, cast

from spec.language import ir as tree
from spec.language.context import Context, QuorumSystem, Scope, activate
from spec.language.errors import NotEnabled, ScopeError, SpecError, did_you_mean
from spec.language.parser import parse_protocol
from spec.language.types import EnumType, SortType
from spec.language.values import Map, elements, quorums, rule_id, show, sort_key
from spec.quorums import majorities

F = TypeVar("F", bound=Callable[..., Any])


def action(method: F) -> F:
    """An atomic step; its parameters are the nondeterministic choice, `require` its guard."""
    return method


def invariant(method: F) -> F:
    """A state predicate that must hold in every reachable state."""
    return method


def action_property(method: F) -> F:
    """A predicate of a state and the one after it that must hold for every step."""
    return method


def witness(method: F) -> F:
    """A predicate of states (or steps) that must be true somewhere: guards against a vacuous verdict."""
    return method


def constraint(method: F) -> F:
    """A state predicate that bounds a search when named: states that fail it are not expanded."""
    return method


def lemma(topic: str) -> Callable[[F], F]:
    """An invariant that a proof rests on, under the topic that it belongs to."""

    def mark(method: F) -> F:
        return method

    return mark


def refines(abstract: type[Protocol]) -> Callable[[F], F]:
    """A refinement mapping: the state of the abstract protocol as a function of this one's."""

    def mark(method: F) -> F:
        return method

    return mark


class State:
    """An immutable, hashable state; variables are attributes."""

    __slots__ = ("_hash", "_names", "_values")

    def __init__(self, names: tuple[str, ...], variable_values: tuple[Any, ...]) -> None:
        self._names, self._values, self._hash = names, variable_values, hash(variable_values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._values[self._names.index(name)]
        except ValueError:
            raise AttributeError(f"no variable `{name}`; the state has {', '.join(self._names)}") from None

    def items(self) -> list[tuple[str, Any]]:
        """Variables with their values, in the order of their declaration."""
        return list(zip(self._names, self._values, strict=True))

    def __reduce__(self) -> tuple[Any, ...]:
        return (State, (self._names, self._values))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and self._values == other._values

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return "\n".join(f"{name} = {show(value)}" for name, value in self.items())

    def diff(self, after: State) -> list[str]:
        """What differs in another state, a line each: `variable[key]: old -> new`; sets show what came and went."""
        lines: list[str] = []
        for (name, old), (_, new) in zip(self.items(), after.items(), strict=True):
            if old == new:
                continue
            if isinstance(old, Map):
                pairs = zip(old.items(), new.items(), strict=True)
                lines += [_change(f"{name}[{_key(k)}]", a, b) for (k, a), (_, b) in pairs if a != b]
            else:
                lines.append(_change(name, old, new))
        return lines


def _key(key: object) -> str:
    return ", ".join(map(repr, key)) if isinstance(key, tuple) else repr(key)


def _change(label: str, old: Any, new: Any) -> str:
    if isinstance(old, frozenset):
        signs = [f"+ {show(v)}" for v in sorted(new - old, key=sort_key)]
        signs += [f"- {show(v)}" for v in sorted(old - new, key=sort_key)]
        return f"{label}: {', '.join(signs)}"
    return f"{label}: {show(old)} -> {show(new)}"


@dataclass(frozen=True)
class Step:
    """An action with its arguments."""

    action: str
    arguments: tuple[tuple[str, Any], ...]

    def __str__(self) -> str:
        return f"{self.action}({', '.join(f'{n}={show(v)}' for n, v in self.arguments)})"


class Protocol:
    """Base of all protocols. `Raft(Scope(node=3, term=2, index=1, value=1))` is a protocol at a scope.

    Raises ScopeError where the scope lacks a sort or names one that the protocol does not have, and
    SpecError where `without` names a rule that the protocol does not have.
    """

    ir: ClassVar[tree.ProtocolIR]
    default_scope: ClassVar[Scope | None] = None
    default_reductions: ClassVar[frozenset[str]] = frozenset()
    """How the command line explores the default scope unless told otherwise: `symmetry`, `eager`, both or neither."""
    order: ClassVar[tuple[type, ...]] = ()
    """For a proof: the sorts from the highest to the lowest; functions lead down."""
    theorems: ClassVar[tuple[str, ...]] = ()
    """For a proof: invariants that follow from the lemmas and the theorems before them."""

    def __init_subclass__(cls) -> None:
        cls.ir = parse_protocol(cls, Protocol)

    def __init__(
        self,
        scope: Scope | None = None,
        *,
        without: tuple[str, ...] = (),
        quorums: Mapping[str, QuorumSystem] | None = None,
    ) -> None:
        self.scope = self._complete(scope)
        self.without = frozenset(self.rule_named(name) for name in without)
        self.quorum_systems = dict(quorums or {})
        by_name = {s.name: s.cls for s in self.ir.sorts}
        systems = {cls: self.quorum_systems.get(sort_option(name), majorities) for name, cls in by_name.items()}
        self.context = Context({c: self.scope.sizes[sort_option(n)] for n, c in by_name.items()}, self.without, systems)
        self._names = tuple(v.name for v in self.ir.variables)
        self._maps = {a.name: _written_maps(self.ir, a) for a in self.ir.actions}

    @classmethod
    def sort_names(cls) -> dict[str, SortType]:
        """The scope's names for the protocol's sorts: `Node` is `node`."""
        return {sort_option(s.name): s for s in cls.ir.sorts}

    def _complete(self, scope: Scope | None) -> Scope:
        names = self.sort_names()
        given = scope or self.default_scope or Scope()
        for name in given.sizes:
            if name not in names:
                raise ScopeError(f"{self.ir.name} has no sort `{name}`; its sorts are {', '.join(names)}")
        for name in names:
            if name not in given.sizes:
                raise ScopeError(f"the scope gives no size for `{name}`; write e.g. Scope({', '.join(f'{n}=2' for n in names)})")
        return Scope(**{name: given.sizes[name] for name in names})

    @classmethod
    def rule_named(cls, name: str) -> str:
        """The rule that a name, or the unique beginning of one, stands for; SpecError where there is none."""
        rules = [r for r, _ in cls.ir.rules]
        wanted = rule_id(name)
        matching = [wanted] if wanted in rules else [r for r in rules if r.startswith(wanted)]
        if len(matching) > 1 and wanted:
            raise SpecError(f"{cls.ir.name} has {len(matching)} rules that begin with `{name}`: {', '.join(matching)}; write more of the name")
        if len(matching) != 1:
            raise SpecError(f"{cls.ir.name} has no rule `{name}`; its rules are {', '.join(rules) or 'none'}{did_you_mean(wanted, rules)}")
        return matching[0]

    @classmethod
    def state_of(cls, **variables: Any) -> Self:
        """A state of this protocol from the values of its variables (for refinement mappings).

        It is a `State`; a spec, which sees states as instances of the protocol, may treat it as one.
        """
        return cast(Self, cls._freeze(tuple(v.name for v in cls.ir.variables), variables))

    @staticmethod
    def _freeze(names: tuple[str, ...], variables: Mapping[str, Any]) -> State:
        found = tuple(variables[name] for name in names)
        for value in found:
            if isinstance(value, Map):
                value.freeze()
        return State(names, found)

    def frame(self, state: State, thaw: frozenset[str] = frozenset()) -> Any:
        """An instance whose attributes are the state's variables; maps in `thaw` may be assigned to."""
        frame = object.__new__(type(self))
        for name, value in state.items():
            frame.__dict__[name] = value.thawed() if name in thaw else value
        return frame

    def initial_states(self) -> list[State]:
        """All initial states, in the order of init's parameters."""
        found: list[State] = []
        blank = State((), ())
        for step in self.choices(self.ir.init, blank):
            try:
                state = self.initial_state(*(value for _, value in step.arguments))
            except NotEnabled:
                continue
            if state not in found:
                found.append(state)
        return found

    def initial_state(self, *arguments: Any) -> State:
        """The initial state for arguments of init; NotEnabled where a guard of it fails."""
        activate(self.context)
        frame = object.__new__(type(self))
        getattr(frame, self.ir.init.name)(*arguments)
        return self._freeze(self._names, frame.__dict__)

    def enabled(self, state: State) -> list[Step]:
        """The steps enabled in a state, in the order of actions and arguments."""
        return [step for step, _ in self.successors(state)]

    def step(self, state: State, step: Step) -> State:
        """The state after a step; NotEnabled where a guard fails."""
        found = self.attempt(state, step)
        if found is None:
            raise NotEnabled(f"{step} is not enabled")
        return found

    def successors(self, state: State) -> Iterator[tuple[Step, State]]:
        """All enabled steps with the states they lead to, in the order of actions and arguments."""
        for act in self.ir.actions:
            for step in self.choices(act, state):
                after = self.attempt(state, step)
                if after is not None:
                    yield step, after

    def attempt(self, state: State, step: Step) -> State | None:
        """The state after a step; None where a guard fails."""
        activate(self.context)
        frame = self.frame(state, self._maps[step.action])
        try:
            getattr(frame, step.action)(*(value for _, value in step.arguments))
        except NotEnabled:
            return None
        return self._freeze(self._names, frame.__dict__)

    def choices(self, act: tree.Action, state: State) -> list[Step]:
        """The steps of an action for all arguments that a state offers, enabled or not, in order."""

        def extend(chosen: tuple[tuple[str, Any], ...]) -> Iterator[Step]:
            if len(chosen) == len(act.parameters):
                yield Step(act.name, chosen)
                return
            binder = act.parameters[len(chosen)]
            for value in self._domain(binder.domain, state, dict(chosen)):
                yield from extend((*chosen, (binder.name, value)))

        activate(self.context)
        return list(extend(()))

    def _domain(self, domain: tree.Domain, state: State, chosen: dict[str, Any]) -> list[Any]:
        match domain:
            case tree.SortDomain(type=SortType(cls=cls)):
                return list(elements(cls, self.context.sizes[cls]))
            case tree.SortDomain(type=EnumType(cls=cls)):
                return list(cls)
            case tree.SortDomain():
                return [False, True]
            case tree.QuorumDomain(sort=sort):
                return quorums(sort.cls)
            case tree.SubsetDomain(sort=sort):
                members = elements(sort.cls, self.context.sizes[sort.cls])
                return [frozenset(m for i, m in enumerate(members) if mask >> i & 1) for mask in range(1 << len(members))]
            case tree.SetDomain(set=tree.Read(variable=variable, keys=keys)):
                held = getattr(state, variable)
                if keys:
                    key = tuple(chosen[k.name] for k in keys if isinstance(k, tree.Name))
                    held = held[key if len(key) > 1 else key[0]]
                return sorted(held, key=sort_key)
            case _:
                raise AssertionError(domain)

    def holds(self, prop: tree.Property, state: State, after: State | None = None) -> bool:
        """The value of a property in a state (of a step where it is one of steps)."""
        activate(self.context)
        arguments = [self.frame(after)] if prop.on_step and after is not None else []
        return bool(getattr(self.frame(state), prop.name)(*arguments))

    def mapped(self, refinement: tree.Refinement, state: State) -> State:
        """The abstract state that a refinement mapping gives."""
        activate(self.context)
        found: State = getattr(self.frame(state), refinement.name)()
        return found

    def __repr__(self) -> str:
        removed = f", without={sorted(self.without)}" if self.without else ""
        return f"{self.ir.name}({self.scope}{removed})"


def sort_option(name: str) -> str:
    """The scope's name of a sort: `DataManager` is `data_manager`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _written_maps(protocol: tree.ProtocolIR, act: tree.Action) -> frozenset[str]:
    """The map variables to whose entries an action assigns."""
    return frozenset(
        item.variable for item in tree.walk_all(act.body) if isinstance(item, (tree.Store, tree.Insert, tree.Remove)) and protocol.variable(item.variable).keys
    )


__all__ = ["Protocol", "State", "Step", "action", "action_property", "constraint", "invariant", "lemma", "refines", "sort_option", "witness"]
