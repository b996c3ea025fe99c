"""What a search is asked and what it answers: the contract that both explorers keep to the letter.

Breadth-first order, the same in every engine and for every number of workers:

1. The initial states, in the order of `Protocol.initial_states()`, are level 0. Each is checked against the
   type invariant and the invariants in the order of their definition.
2. A level's states are expanded in the order in which they were found; a state's steps in the order of
   `Protocol.successors()`. Each step counts as generated and is checked against the action properties; a state not
   seen before counts as distinct, is checked against the invariants and joins the next level.
3. A state that fails a named constraint, or lies at the depth limit, is counted and checked but not expanded.
4. Where messages are sent at once (`model_check/eager.py`), dead ones are left out of every state, and the first step of a state
   that only adds messages is the only one that is generated and checked; it keeps its position among `Protocol.successors()`.
5. The first violation in this order is the one reported; the level in which it shows is finished first, so that the
   figures do not depend on the number of workers. With symmetry, states that are permutations of each other are one.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from spec.language import Protocol, Scope, State, ir

TYPE_INVARIANT = "type_invariant"
"""The invariant that every protocol has: each variable holds a value of its type within the scope."""


@dataclass(frozen=True)
class Progress:
    """A look at a running search: depth, counts, seconds, bytes held, frontier size, busiest action."""

    depth: int
    distinct_states: int
    generated_states: int
    seconds: float
    memory: int
    frontier: int
    busiest_action: str


@dataclass(frozen=True)
class Options:
    """How to search.

    `max_memory` is in bytes; `start` begins the search at given states instead of the initial ones;
    `properties` limits the check to some invariants and action properties (None: all); `constraints` names
    the protocol's constraints that bound the search; `refinement` names a refinement mapping that every step is
    checked against: one that the abstract protocol does not allow violates a property of the mapping's name;
    `eager` takes a step that only sends messages first and alone, and forgets dead messages (`model_check/eager.py`).
    """

    engine: str = "native"
    symmetry: bool = False
    eager: bool = False
    workers: int = 1
    max_depth: int | None = None
    max_memory: int | None = None
    constraints: tuple[str, ...] = ()
    properties: tuple[str, ...] | None = None
    start: tuple[State, ...] | None = None
    refinement: str | None = None
    progress: Callable[[Progress], None] | None = field(default=None, compare=False)


@dataclass
class ActionCoverage:
    """How often an action was evaluated (argument tuples tried), enabled, and led to a new state."""

    evaluated: int = 0
    enabled: int = 0
    new: int = 0


@dataclass(frozen=True)
class Violation:
    """A violated property and the way there.

    `path[0]` is the number of the initial (or start) state; each further number is the position of the step
    among `Protocol.successors()` of the state before, counted from 0.
    """

    property: str
    path: tuple[int, ...]


@dataclass
class Outcome:
    """What a search found. `stopped` is empty if everything in reach was explored, else says why not."""

    distinct_states: int = 0
    generated_states: int = 0
    depth: int = 0
    seconds: float = 0.0
    compile_seconds: float = 0.0
    memory: int = 0
    stopped: str = ""
    violation: Violation | None = None
    coverage: dict[str, ActionCoverage] = field(default_factory=dict)
    witnesses: dict[str, int | None] = field(default_factory=dict)
    exact: bool = False
    """Whether states were compared in full, not by fingerprint."""
    warnings: list[str] = field(default_factory=list)


class Stoppable(typing.Protocol):
    """What a search or walks have found so far."""

    stopped: str


@contextmanager
def ending_in_order(found: Stoppable) -> Iterator[None]:
    """Ctrl-C and the end of memory end what is done inside and are noted; all figures so far stay."""
    try:
        yield
    except KeyboardInterrupt:
        found.stopped = "interrupted"
    except MemoryError:
        found.stopped = "out of memory"


def abstraction(protocol: Protocol, refinement: str) -> tuple[Protocol, ir.Refinement]:
    """The abstract protocol of a refinement mapping, at the sizes that the concrete one gives to the sorts they share."""
    mapping = next(r for r in protocol.ir.refinements if r.name == refinement)
    target: type[Protocol] = mapping.target
    names = target.sort_names()
    systems = {name: system for name, system in protocol.quorum_systems.items() if name in names}
    return target(Scope(**{name: protocol.scope.sizes[name] for name in names}), quorums=systems), mapping


def in_bytes(count: int) -> str:
    """An amount of memory in the unit that suits it."""
    size = float(count)
    for unit in ("B", "KB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
