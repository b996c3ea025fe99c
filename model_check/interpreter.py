"""The reference explorer: CPython runs the spec itself, states are compared in full. Slow, exact, the arbiter.

The order of the search is the contract of `model_check/search.py`. Breadth-first finds shortest counterexamples;
depth-first (`explore_depth_first`) finds some counterexample, usually a longer one.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from model_check.eager import Eagerness, only_sends
from model_check.evaluation import attempts, guarded, successors, well_typed
from model_check.search import TYPE_INVARIANT, ActionCoverage, Options, Outcome, Progress, Violation, abstraction, ending_in_order, in_bytes
from spec.language import IonianError, Map, Protocol, Seq, Sort, State, Window, ir
from spec.language.values import elements
from spec.quorums import symmetric

_PROGRESS_EVERY = 0.25
_SAMPLE_EVERY = 64


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A state found, and how: the node before it and the position of the step among its successors."""

    state: State
    parent: _Node | None
    position: int
    depth: int

    def path(self) -> tuple[int, ...]:
        """Positions from the initial state to here."""
        reverse: list[int] = []
        node: _Node | None = self
        while node is not None:
            reverse.append(node.position)
            node = node.parent
        return tuple(reversed(reverse))


class _OutOfMemory(Exception):
    """The estimate of the memory held is above the limit."""


Permutation = Mapping[Sort, Sort]


def permute(value: Any, mapping: Permutation) -> Any:
    """A value (or state) with every element of an unordered sort replaced as the mapping says."""
    match value:
        case Sort():
            return mapping.get(value, value)
        case State():
            return State(tuple(n for n, _ in value.items()), tuple(permute(v, mapping) for _, v in value.items()))
        case Map():
            moved = {permute(k, mapping): permute(v, mapping) for k, v in value.items()}
            # The order of the keys stays: it is part of a map's hash.
            found = Map({k: moved[k] for k, _ in value.items()})
            found.freeze()
            return found
        case frozenset():
            return frozenset(permute(v, mapping) for v in value)
        case tuple():
            return tuple(permute(v, mapping) for v in value)
        case Seq() | Window():
            return type(value)(value.index, int(value.after), tuple(permute(e, mapping) for e in value.entries))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return type(value)(*(permute(getattr(value, f.name), mapping) for f in fields(value)))
        case _:
            return value


def permutations(protocol: Protocol) -> list[Permutation]:
    """All permutations of the unordered sorts, the identity left out; IonianError where states are not symmetric under them."""
    choices: list[list[dict[Sort, Sort]]] = []
    for name, sort in protocol.sort_names().items():
        if not issubclass(sort.cls, Sort):
            continue
        size = protocol.scope.sizes[name]
        system = protocol.quorum_systems.get(name)
        if system is not None and not symmetric(system, size):
            raise IonianError(f"symmetry: the quorum system of `{name}` tells its members apart; check without symmetry, or with majorities")
        members = elements(sort.cls, size)
        choices.append([dict(zip(members, order, strict=True)) for order in itertools.permutations(members)])
    combined = [{k: v for part in parts for k, v in part.items()} for parts in itertools.product(*choices)]
    return [mapping for mapping in combined if any(k is not v for k, v in mapping.items())]


def deep_size(value: Any) -> int:
    """A rough count of the bytes that a value holds (elements of sorts are shared, hence free)."""
    match value:
        case Sort() | bool() | None:
            return 0
        case Map():
            return sys.getsizeof(value) + sum(100 + deep_size(v) for _, v in value.items())
        case frozenset() | tuple():
            return sys.getsizeof(value) + sum(map(deep_size, value))
        case Seq() | Window():
            return sys.getsizeof(value) + deep_size(value.entries)
        case State():
            return sys.getsizeof(value) + sum(deep_size(v) for _, v in value.items())
        case _ if is_dataclass(value) and not isinstance(value, type):
            return sys.getsizeof(value) + sum(deep_size(getattr(value, f.name)) for f in fields(value))
        case _:
            return sys.getsizeof(value)


class Checks:
    """What is evaluated on each state and step of one protocol: properties, witnesses, constraints."""

    def __init__(self, protocol: Protocol, properties: tuple[str, ...] | None, constraints: tuple[str, ...], refinement: str | None = None) -> None:
        def chosen(kind: str) -> list[ir.Property]:
            return [p for p in protocol.ir.of_kind(kind) if properties is None or p.name in properties]

        self.protocol = protocol
        self.typed = properties is None or TYPE_INVARIANT in properties
        self.invariants, self.action_properties = chosen("invariant"), chosen("action_property")
        self.witnesses = protocol.ir.of_kind("witness")
        self.constraints = [p for p in protocol.ir.of_kind("constraint") if p.name in constraints]
        self.mapping = None if refinement is None else RefinementMapping(protocol, refinement)

    def holds(self, prop: ir.Property, state: State, after: State | None = None) -> bool:
        """The value of a property; SpecError with the place where it is undefined."""
        with guarded(self.protocol, f"property `{prop.name}`", state):
            return self.protocol.holds(prop, state, after)

    def state(self, state: State) -> str:
        """The first invariant that a state violates, empty if none."""
        if self.typed and not well_typed(self.protocol, state):
            return TYPE_INVARIANT
        return next((p.name for p in self.invariants if not self.holds(p, state)), "")

    def step(self, state: State, after: State) -> str:
        """The first action property that a step violates, empty if none."""
        found = next((p.name for p in self.action_properties if not self.holds(p, state, after)), "")
        if not found and self.mapping is not None and not self.mapping.allows(state, after):
            return self.mapping.refinement.name
        return found

    def expands(self, state: State) -> bool:
        """Whether a state satisfies all constraints."""
        return all(self.holds(p, state) for p in self.constraints)


class RefinementMapping:
    """A refinement mapping under CPython: which steps the abstract protocol allows."""

    def __init__(self, protocol: Protocol, refinement: str) -> None:
        self.protocol = protocol
        self.abstract, self.refinement = abstraction(protocol, refinement)
        self._allowed: dict[State, set[State]] = {}

    def image(self, state: State) -> State:
        """The abstract state that a state stands for."""
        with guarded(self.protocol, f"refinement mapping `{self.refinement.name}`", state):
            return self.protocol.mapped(self.refinement, state)

    def allows_initially(self, state: State) -> bool:
        """Whether the abstract protocol may start in what a state stands for."""
        return self.image(state) in self.abstract.initial_states()

    def allows(self, state: State, after: State) -> bool:
        """Whether a step is a step of the abstract protocol, or changes nothing in it."""
        before, then = self.image(state), self.image(after)
        if before == then:
            return True
        if before not in self._allowed:
            self._allowed[before] = {found for _, found in successors(self.abstract, before)}
        return then in self._allowed[before]


class _Search:
    """The bookkeeping that both orders of search share."""

    def __init__(self, protocol: Protocol, options: Options) -> None:
        self.protocol, self.options = protocol, options
        self.checks = Checks(protocol, options.properties, options.constraints, options.refinement)
        self.images = permutations(protocol) if options.symmetry else []
        self.eager = Eagerness(protocol, options)
        self.outcome = Outcome(
            coverage={a.name: ActionCoverage() for a in protocol.ir.actions},
            witnesses={w.name: None for w in self.checks.witnesses},
            exact=True,
        )
        self.seen: dict[State, int] = {}
        self.began = self.reported = time.perf_counter()
        self.sampled = self.samples = 0
        self.frontier = 0

    def known(self, state: State) -> State | None:
        """The state already seen that this one is, or is a permutation of."""
        if state in self.seen:
            return state
        images = (permute(state, mapping) for mapping in self.images)
        return next((image for image in images if image in self.seen), None)

    def roots(self) -> list[_Node]:
        """Enter the initial (or start) states."""
        with guarded(self.protocol, "init", None):
            states = self.protocol.initial_states() if self.options.start is None else list(self.options.start)
        found = []
        for number, state in enumerate(map(self.eager.forget, states)):
            if self.known(state) is None:
                node = _Node(state, None, number, 0)
                self.enter(node)
                found.append(node)
        return found

    def enter(self, node: _Node) -> None:
        """Count and check a state not seen before."""
        outcome = self.outcome
        self.seen[node.state] = node.depth
        outcome.distinct_states += 1
        outcome.depth = max(outcome.depth, node.depth)
        if outcome.distinct_states % _SAMPLE_EVERY == 1:
            self.sampled += deep_size(node.state) + sys.getsizeof(node) + 100
            self.samples += 1
        self.limit_memory()
        self.violated(self.checks.state(node.state), node)
        for witness in self.checks.witnesses:
            if not witness.on_step and self.sooner(witness.name, node.depth) and self.checks.holds(witness, node.state):
                outcome.witnesses[witness.name] = node.depth

    def sooner(self, witness: str, depth: int) -> bool:
        """Whether a witness is not yet known to be reached at this depth or before."""
        known = self.outcome.witnesses[witness]
        return known is None or depth < known

    def violated(self, name: str, node: _Node, *step: int) -> None:
        """Note the first violation: in a node's state, or in a step from it."""
        if name and self.outcome.violation is None:
            self.outcome.violation = Violation(name, (*node.path(), *step))

    def expanded(self, node: _Node) -> bool:
        """Whether depth limit and constraints let a state be expanded."""
        limit = self.options.max_depth
        return (limit is None or node.depth < limit) and self.checks.expands(node.state)

    def successors(self, node: _Node) -> Iterator[tuple[_Node, ActionCoverage]]:
        """Take all steps of a state, check them, and give the nodes of all states after them, each with its action's coverage."""
        for here, action, after in self.taken(node.state):
            coverage = self.outcome.coverage[action]
            coverage.enabled += 1
            self.outcome.generated_states += 1
            self.violated(self.checks.step(node.state, after), node, here)
            for witness in self.checks.witnesses:
                if witness.on_step and self.sooner(witness.name, node.depth + 1) and self.checks.holds(witness, node.state, after):
                    self.outcome.witnesses[witness.name] = node.depth + 1
            yield _Node(after, node, here, node.depth + 1), coverage

    def taken(self, state: State) -> Iterator[tuple[int, str, State]]:
        """The steps of a state that are taken: position, action, state after."""
        enabled = self.enabled(state)
        if self.eager.sent:
            every = [(position, action, self.eager.forget(after)) for position, action, after in enabled]
            enabled = iter(next(([step] for step in every if only_sends(self.eager.sent, state, step[2])), every))
        return enabled

    def enabled(self, state: State) -> Iterator[tuple[int, str, State]]:
        """All steps of a state."""
        position = 0
        for action, _, after in attempts(self.protocol, state):
            self.outcome.coverage[action].evaluated += 1
            if after is not None:
                yield position, action, after
                position += 1

    def limit_memory(self) -> None:
        """Stop the search where the estimate of memory is above the limit."""
        self.outcome.memory = self.outcome.distinct_states * (self.sampled // max(1, self.samples))
        limit = self.options.max_memory
        if limit is not None and self.outcome.memory > limit:
            raise _OutOfMemory

    def tell(self, depth: int) -> None:
        """Report progress from time to time."""
        now = time.perf_counter()
        self.outcome.seconds = now - self.began
        if self.options.progress is None or now - self.reported < _PROGRESS_EVERY:
            return
        self.reported = now
        busiest = max(self.outcome.coverage.items(), key=lambda item: item[1].new)[0]
        out = self.outcome
        self.options.progress(Progress(depth, out.distinct_states, out.generated_states, out.seconds, out.memory, self.frontier, busiest))

    def run(self, order: Callable[[], None]) -> Outcome:
        """Search in an order; every way to end leaves all figures so far."""
        with ending_in_order(self.outcome):
            try:
                order()
            except _OutOfMemory:
                self.outcome.stopped = f"memory limit of {in_bytes(self.options.max_memory or 0)}"
        self.outcome.seconds = time.perf_counter() - self.began
        return self.outcome

    def breadth_first(self) -> None:
        """Level by level; the level in which a violation shows is finished."""
        level = self.roots()
        while level and self.outcome.violation is None:
            following: list[_Node] = []
            for node in level:
                self.frontier = len(level) + len(following)
                self.tell(node.depth)
                if not self.expanded(node):
                    continue
                for after, coverage in self.successors(node):
                    if self.known(after.state) is None:
                        coverage.new += 1
                        self.enter(after)
                        following.append(after)
            level = following

    def depth_first(self) -> None:
        """The newest state first; ends at the first violation."""
        stack = self.roots()[::-1]
        bounded = self.options.max_depth is not None
        while stack and self.outcome.violation is None:
            node = stack.pop()
            self.frontier = len(stack)
            self.tell(node.depth)
            if not self.expanded(node):
                continue
            fresh: list[_Node] = []
            for after, coverage in self.successors(node):
                known = self.known(after.state)
                if known is None:
                    coverage.new += 1
                    self.enter(after)
                    fresh.append(after)
                elif bounded and after.depth < self.seen[known]:
                    # A shorter way to it: more may lie within the depth limit now.
                    self.seen[known] = after.depth
                    fresh.append(after)
            stack.extend(reversed(fresh))


def explore(protocol: Protocol, options: Options) -> Outcome:
    """Breadth-first search in the order that `model_check/search.py` states."""
    search = _Search(protocol, options)
    return search.run(search.breadth_first)


def explore_for(protocol: Protocol, options: Options, state: State) -> tuple[Outcome, bool]:
    """The same search, and whether it visited a state (or, with symmetry, a permutation of it)."""
    search = _Search(protocol, options)
    return search.run(search.breadth_first), search.known(state) is not None


def explore_depth_first(protocol: Protocol, options: Options) -> Outcome:
    """Depth-first search: some counterexample, not the shortest; ends at the first violation found."""
    search = _Search(protocol, options)
    return search.run(search.depth_first)
