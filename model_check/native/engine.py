"""What every native search begins with: the program compiled for its kind of loops, its switches, and the way back to CPython."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from model_check import interpreter
from model_check.eager import Eagerness
from model_check.native import depth_kernel, kernel
from model_check.native.cache import Compiled
from model_check.native.codegen import Program
from model_check.native.layout import Layout
from model_check.native.runtime import move_prints
from model_check.search import ActionCoverage, Options, abstraction
from spec.language import IonianError, Protocol, ScopeError, State

Words = npt.NDArray[np.int64]
Prints = npt.NDArray[np.uint64]

SMALL_TABLE = 1 << 22
PROGRESS_SECONDS = 0.5
FIRST_SLICE = 16


class Engine:
    """A protocol compiled with the loops of one kind of search (a module of them), its properties chosen by the options.

    Raises ScopeError where the scope does not fit the layout.
    """

    def __init__(self, protocol: Protocol, options: Options, loops: ModuleType) -> None:
        self.protocol, self.options = protocol, options
        self.layout = Layout(protocol)
        self.eager = Eagerness(protocol, options)
        self.program = program_of(self.layout, options, loops)
        self.compiled = Compiled(self.program.source)
        self.code: Any = self.compiled.module
        self.actions = [a.name for a in protocol.ir.actions]
        self.masks = (*self._masks(), *self.program.fates)
        self.memory_limit = options.max_memory or _physical_memory() * 8 // 10

    def _masks(self) -> tuple[int, ...]:
        """Rules removed, state properties, step properties and constraints wanted, as bits by their numbers in the program."""

        def mask(names: list[str], wanted: Callable[[str], bool]) -> int:
            return sum(1 << i for i, name in enumerate(names) if wanted(name))

        chosen = self.options.properties
        return (
            mask([rule for rule, _ in self.protocol.ir.rules], lambda r: r in self.protocol.without),
            mask(self.program.state_names, lambda p: chosen is None or p in chosen),
            mask([p.name for p in self.program.action_properties], lambda p: chosen is None or p in chosen),
            mask([c.name for c in self.program.constraints], lambda c: c in self.options.constraints),
        )

    def notes_of_its_own(self) -> Words:
        """Notes for a worker."""
        return np.zeros(kernel.REMOVED_RULES + len(self.masks), np.int64)

    def clear(self, notes: Words) -> None:
        """Make notes ready for a run of the loops."""
        notes[:] = 0
        notes[kernel.REMOVED_RULES :] = self.masks
        notes[[kernel.STEP_BAD, kernel.STATE_BAD]] = kernel.NONE

    def rows_of(self, states: Sequence[State]) -> tuple[Words, Words]:
        """The states' rows, one behind the other, and their offsets (one more than states)."""
        rows = [self.layout.pack(s) for s in states]
        return np.array([w for r in rows for w in r], np.int64), np.cumsum([0, *map(len, rows)], dtype=np.int64)

    def state_of(self, row: Words) -> State:
        """The state of a row."""
        return self.layout.unpack_state([int(x) for x in row])

    def bad(self, notes: Words) -> tuple[int, str] | None:
        """The first violation noted: where it shows (parent << 24 | position of the step), and the property; a step's comes before a state's."""
        found: list[tuple[int, int, str]] = []
        if notes[kernel.STEP_BAD] != kernel.NONE:
            found.append((int(notes[kernel.STEP_BAD]) >> 8, 0, self.program.step_names[notes[kernel.STEP_PROPERTY]]))
        if notes[kernel.STATE_BAD] != kernel.NONE:
            found.append((int(notes[kernel.STATE_BAD]) >> 8, 1, self.program.state_names[notes[kernel.STATE_PROPERTY]]))
        if not found:
            return None
        where, _, name = min(found)
        return where, name

    def refuse_many_steps(self, notes: Words) -> None:
        """ScopeError where a state has more steps than positions can number."""
        if notes[kernel.POSITION] > kernel.MOST_SUCCESSORS:
            raise ScopeError(f"a state has more than {kernel.MOST_SUCCESSORS:,} enabled steps, the most for the native engine; use --engine interpreter")

    def interpret(self, states: tuple[State, ...], depth: int) -> None:
        """Run the interpreter from some states; SpecError at the first undefined expression."""
        plain = replace(self.options, start=states, max_depth=depth, symmetry=False, refinement=None, max_memory=None, progress=None)
        interpreter.explore(self.protocol, plain)

    def undefined(self, notes: Words, state: State) -> IonianError:
        """The error for an undefined expression at which CPython found nothing wrong."""
        place = self.program.places[int(notes[kernel.UNDEFINED]) - 1]
        return IonianError(
            f"{place}: an expression has no value here (a read past the end, or a field of None) in or after the state\n{state!r}\nguard it with a test"
        )

    def witnesses(self, reached: Words) -> dict[str, int | None]:
        """The least depth at which each witness was met, by name."""
        return {w.name: None if depth == kernel.NEVER else int(depth) for w, depth in zip(self.program.witnesses, reached, strict=True)}

    def coverage(self, evaluated: Words, enabled: Words, new: Words) -> dict[str, ActionCoverage]:
        """The actions' counts by name."""
        return {name: ActionCoverage(int(evaluated[i]), int(enabled[i]), int(new[i])) for i, name in enumerate(self.actions)}


class Pace:
    """How much compiled code takes on at a time: at most so many states, and no more than take about half a second.

    Meanwhile nothing sees to Ctrl-C, progress or memory, and at a large scope a single state may keep a worker busy for long.
    """

    def __init__(self, most: int) -> None:
        self.most, self.size = most, min(most, FIRST_SLICE)

    def took(self, states: int, seconds: float) -> None:
        """Choose the next size by what the last states cost; it grows step by step, for the next ones may cost more."""
        if states:
            self.size = max(1, min(self.most, 4 * self.size, int(states * PROGRESS_SECONDS / max(seconds, 1e-6))))


class Table:
    """The visited set: fingerprints in shards, one for each worker, at most 16 bytes a state with the links of a trace."""

    def __init__(self, shards: int) -> None:
        self.shards, self.shard_size, self.count = shards, 1 << 14, 0
        self.prints: Prints = np.zeros(self.shard_size * shards, np.uint64)

    def room_for(self, more: int, run: Callable[[Callable[[int], None]], None]) -> None:
        """Grow, all shards at once, until `more` fingerprints surely fit."""
        needed = self.count + more
        size = self.shard_size
        while needed > self._limit(size):
            size = size * 2 if size * self.shards < SMALL_TABLE else int(size * 1.25)
        if size == self.shard_size:
            return
        old, old_size = self.prints, self.shard_size
        self.prints, self.shard_size = np.zeros(size * self.shards, np.uint64), size
        run(lambda shard: move_prints(old, self.prints, shard, old_size, size))

    @property
    def limit(self) -> int:
        """Most fingerprints for the present size."""
        return int(self._limit(self.shard_size))

    def _limit(self, shard_size: int) -> float:
        """Most fingerprints for a size: half full while small, for speed; later as full as probing allows."""
        total = shard_size * self.shards
        return total * (0.5 if total <= SMALL_TABLE else 0.84)


class Batch:
    """Room for the successors of a state or of some: rows, offsets, hashes of the tails (then fingerprints), where they come from."""

    def __init__(self, words: int, rows: int) -> None:
        self.cand = np.zeros(words, np.int64)
        self.cand_at = np.zeros(rows, np.int64)
        self.cand_tail = np.zeros(rows, np.uint64)
        self.cand_meta = np.zeros(rows, np.int64)

    def grow(self) -> None:
        """Twice the room."""
        for name, old in vars(self).items():
            setattr(self, name, doubled(old))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes for a in vars(self).values())


def doubled(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same contents with as much room again."""
    return np.concatenate([array, np.zeros_like(array)])


def source(protocol: Protocol, symmetry: bool = False, search: str = "breadth-first", eager: bool = False) -> str:
    """The generated program of a search, as `--print-code` shows it."""
    return program_of(Layout(protocol), Options(symmetry=symmetry, eager=eager), depth_kernel if search == "depth-first" else kernel).source


def program_of(layout: Layout, options: Options, loops: ModuleType) -> Program:
    """The program of a protocol for some options and one kind of search."""
    mapping = None
    if options.refinement is not None:
        abstract, refinement = abstraction(layout.protocol, options.refinement)
        mapping = Layout(abstract), refinement
    return Program(layout, options.symmetry, mapping, bool(options.constraints), loops, Eagerness(layout.protocol, options))


def _physical_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
