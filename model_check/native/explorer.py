"""The native explorer: the generated program driven level by level, by one worker or several.

The frontier is a list of chunks (rows and their offsets); a chunk is consumed in slices, each through the kernel's
three phases, and every slice yields one chunk of the next level. For traces only two small numbers a state are kept:
how many children it has, and at which position of its parent's successors it stands; as states are numbered in
breadth-first order, that is enough to walk back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model_check.evaluation import guarded
from model_check.native import kernel
from model_check.native.compiler import undisturbed
from model_check.native.engine import PROGRESS_SECONDS, Batch, Engine, Pace, Prints, Table, Words, doubled
from model_check.native.runtime import move_prints
from model_check.search import Options, Outcome, Progress, Violation, ending_in_order, in_bytes
from spec.language import Protocol, State

SLICE = 65_536
RECENT = 65_536
"""Fingerprints that a worker remembers within a slice: more than it finds in one, few enough for a core's cache."""


@dataclass
class Chunk:
    """Some states of a level: rows one behind the other, and offsets (one more than states)."""

    rows: Words
    offsets: Words

    @property
    def count(self) -> int:
        """Number of states."""
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.rows.nbytes + self.offsets.nbytes


class Buffers(Batch):
    """One worker's buffers: successors of a batch, states found in a slice, counters."""

    def __init__(self, notes: Words, actions: int, witnesses: int) -> None:
        super().__init__(1 << 20, 1 << 16)
        self.notes = notes
        self.found = np.zeros(1 << 23, np.int64)
        self.found_at = np.zeros(1 << 19, np.int64)
        self.found_print = np.zeros(1 << 19, np.uint64)
        self.found_meta = np.zeros(1 << 19, np.int64)
        self.accepted = np.ones(1 << 19, np.bool_)
        self.recent = np.zeros(RECENT, np.uint64)
        self.own = np.zeros(kernel.BATCH, np.int64)
        self.own_print = np.zeros(kernel.BATCH, np.uint64)
        self.evaluated = np.zeros(actions, np.int64)
        self.saved = np.zeros(2 * actions, np.int64)
        self.enabled = np.zeros(actions, np.int64)
        self.new = np.zeros(actions, np.int64)
        self.seen = np.zeros(witnesses, np.int64)
        self.positions = np.zeros(1 << 19, np.uint16)

    def grow(self) -> None:
        """Twice the room, for states with very many successors."""
        for name in ("cand", "cand_at", "cand_tail", "cand_meta", "found", "found_at", "found_print", "found_meta", "positions"):
            setattr(self, name, doubled(getattr(self, name)))
        self.accepted = np.ones(2 * len(self.accepted), np.bool_)


@dataclass
class Links:
    """For each state in breadth-first order: its number of children and its position among its parent's successors."""

    first: int = 0
    children: list[npt.NDArray[np.uint16]] = field(default_factory=list)
    positions: list[npt.NDArray[np.uint16]] = field(default_factory=list)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes for a in (*self.children, *self.positions))

    def path(self, state: int) -> tuple[int, ...]:
        """Number of the first state and positions of the steps that lead to a state."""
        steps: list[int] = []
        bounds = np.cumsum([0, *(len(p) for p in self.positions)])
        sums = np.cumsum([0, *(int(c.sum(dtype=np.int64)) for c in self.children)])
        starts = np.cumsum([0, *(len(c) for c in self.children)])
        while state >= self.first:
            child = state - self.first
            part = int(np.searchsorted(bounds, child, "right")) - 1
            steps.append(int(self.positions[part][child - bounds[part]]))
            block = int(np.searchsorted(sums, child, "right")) - 1
            within = np.cumsum(self.children[block], dtype=np.int64)
            state = int(starts[block] + np.searchsorted(within, child - sums[block], "right"))
        return (state, *reversed(steps))


def explore(protocol: Protocol, options: Options) -> Outcome:
    """Breadth-first search with compiled code; see `model_check.search` for what it promises.

    Raises ScopeError where the scope does not fit the layout, IonianError where an expression is undefined.
    """
    return _Explorer(protocol, options).run()


def explore_for(protocol: Protocol, options: Options, state: State) -> tuple[Outcome, bool]:
    """The same search, and whether it visited a state (or, with symmetry, a permutation of it), as far as fingerprints tell."""
    explorer = _Explorer(protocol, options)
    outcome = explorer.run()
    return outcome, explorer.visited(state)


class _Explorer(Engine):
    """One search."""

    def __init__(self, protocol: Protocol, options: Options) -> None:
        began = time.perf_counter()
        super().__init__(protocol, options, kernel)
        self.workers = max(1, options.workers)
        self.buffers = [Buffers(self.notes_of_its_own(), len(self.actions), len(self.program.witnesses)) for _ in range(self.workers)]
        undisturbed(self._compile)
        self.compiled.publish()
        self.table = Table(self.workers)
        self.links = Links()
        self.totals = {name: np.zeros(len(self.actions), np.int64) for name in ("evaluated", "enabled", "new")}
        self.outcome = Outcome(compile_seconds=time.perf_counter() - began)
        self.outcome.witnesses = {w.name: None for w in self.program.witnesses}
        self.violated: tuple[str, tuple[int, ...]] | None = None
        self.frontier: list[Chunk] = []
        self.base = self.consumed = 0
        self.pace = Pace(SLICE)
        self.told = time.perf_counter()

    def _compile(self) -> None:
        """Run every entry point once on nothing, so that exploring does not wait for the compiler."""
        b, empty, prints = self.buffers[0], np.zeros(2, np.int64), np.zeros(2, np.uint64)
        self._expand(b, Chunk(empty, empty), 0, 0, prints, 1, 1)
        self.code.claim(b.found_print, b.accepted, 0, prints, 0, 1, 1, b.own, b.own_print, b.notes)
        self.code.absorb(b.found, b.found_at, b.found_meta, b.accepted, 0, 0, np.zeros(1, np.uint16), b.positions, b.notes, b.new, b.seen)
        self.code.enter(empty, empty, 0, prints, 1, 1, b.accepted, b.found_meta)
        move_prints(prints, prints, 0, 0, 0)

    def _reset(self, b: Buffers) -> None:
        """Ready for the next slice."""
        self.clear(b.notes)
        b.recent[:] = 0
        b.evaluated[:] = 0
        b.enabled[:] = 0

    def _expand(self, b: Buffers, chunk: Chunk, low: int, high: int, table: Prints, shards: int, shard_size: int) -> None:
        self.code.expand(
            chunk.rows, chunk.offsets, low, high, b.cand, b.cand_at, b.cand_tail, b.cand_meta, b.found, b.found_at, b.found_print, b.found_meta, b.recent,
            table, shards, shard_size, b.notes, b.evaluated, b.saved, b.enabled, b.seen,
        )  # fmt: skip

    def _claim(self, b: Buffers, shard: int) -> None:
        count, mine = int(b.notes[kernel.FOUND]), self.buffers[shard]
        self.code.claim(b.found_print, b.accepted, count, self.table.prints, shard, self.workers, self.table.shard_size, mine.own, mine.own_print, mine.notes)

    def run(self) -> Outcome:
        """Explore level by level until nothing is new, a violation shows, or a limit is met."""
        began = time.perf_counter()
        with ThreadPoolExecutor(self.workers) as pool:
            self.pool = pool
            with ending_in_order(self.outcome):
                self._enter()
                self.outcome.stopped = self._levels(began)
        self.outcome.seconds = time.perf_counter() - began
        self._report()
        return self.outcome

    def visited(self, state: State) -> bool:
        """Whether the table holds a state's fingerprint."""
        row = self.layout.pack(self.eager.forget(state))
        # To enter a state of which the table holds the fingerprint is refused.
        fresh, meta = np.ones(1, np.bool_), np.zeros(1, np.int64)
        self.code.enter(np.array(row, np.int64), np.array([0, len(row)], np.int64), 1, self.table.prints, self.workers, self.table.shard_size, fresh, meta)
        return not fresh[0]

    def _levels(self, began: float) -> str:
        depth = 0
        while self.frontier and self.violated is None:
            if self.options.max_depth is not None and depth >= self.options.max_depth:
                return ""
            following: list[Chunk] = []
            chunks, self.frontier = self.frontier, []
            for i, chunk in enumerate(chunks):
                chunks[i] = Chunk(np.zeros(0, np.int64), np.zeros(1, np.int64))
                stopped = self._consume(chunk, following, depth, began)
                if stopped:
                    return stopped
            if following:
                depth += 1
                self.outcome.depth = depth
            self.frontier = _coalesced(following)
        return ""

    def _side_by_side(self, work: Callable[[int], None]) -> None:
        """Run a phase on every worker, the first of them in this thread (compiled code lets go of Python's lock)."""
        others = [self.pool.submit(work, w) for w in range(1, self.workers)]
        try:
            work(0)
        finally:
            wait(others)
        for other in others:
            other.result()

    def _enter(self) -> None:
        with guarded(self.protocol, "init", None):
            states = self.protocol.initial_states() if self.options.start is None else list(self.options.start)
        flat, offsets = self.rows_of([self.eager.forget(s) for s in states])
        count, b = len(states), self.buffers[0]
        while len(b.accepted) < count:
            b.grow()
        self._reset(b)
        self.table.room_for(count, self._side_by_side)
        self.code.enter(flat, offsets, count, self.table.prints, self.workers, self.table.shard_size, b.accepted, b.found_meta)
        self.first_numbers = [i for i, a in enumerate(b.accepted[:count]) if a]
        self.code.absorb(flat, offsets, b.found_meta, b.accepted, count, 0, np.zeros(1, np.uint16), b.positions, b.notes, b.new, b.seen)
        if b.notes[kernel.UNDEFINED]:
            self.interpret(tuple(states), 0)
        kept = int(b.notes[kernel.ACCEPTED])
        b.accepted[:] = True
        self.outcome.distinct_states = self.links.first = self.table.count = kept
        self.frontier = [Chunk(flat[: offsets[kept]], offsets[: kept + 1])]
        self._witnesses(0)
        found = self.bad(b.notes)
        if found is not None:
            self.violated = found[1], (found[0],)

    # --- one slice

    def _consume(self, chunk: Chunk, following: list[Chunk], depth: int, began: float) -> str:
        low, size = 0, SLICE
        self.base = self.consumed
        while low < chunk.count:
            high = min(chunk.count, low + min(size, self.pace.size))
            slice_began = time.perf_counter()
            done = self._slice(chunk, low, high, following, depth)
            self.pace.took(done - low, time.perf_counter() - slice_began)
            if done == low:
                for b in self.buffers:
                    b.grow()
            elif done < high:
                size = max(256, size // 2)
            self.consumed += done - low
            low = done
            stopped = self._look(depth, began, sum(c.nbytes for c in following) + chunk.nbytes)
            if stopped:
                return stopped
        return ""

    def _slice(self, chunk: Chunk, low: int, high: int, following: list[Chunk], depth: int) -> int:
        """Take parents low..high-1 through the three phases; returns up to where it came."""
        bounds = np.linspace(low, high, self.workers + 1).astype(np.int64)
        self.table.room_for(sum(len(b.found_print) for b in self.buffers[:1]) if self.workers == 1 else 0, self._side_by_side)
        table = self.table

        def expand(w: int) -> None:
            self._reset(self.buffers[w])
            self._expand(self.buffers[w], chunk, int(bounds[w]), int(bounds[w + 1]), table.prints, table.shards, table.shard_size)

        self._side_by_side(expand)
        used = []
        done = low
        self._raise_undefined(self.buffers, chunk, low)
        for b in self.buffers:
            self.refuse_many_steps(b.notes)
        for w, b in enumerate(self.buffers):
            used.append(b)
            done = int(b.notes[kernel.NEXT_PARENT])
            if done < bounds[w + 1]:
                break
        if self.workers > 1:
            table.room_for(sum(int(b.notes[kernel.FOUND]) for b in used), self._side_by_side)

            def claim(shard: int) -> None:
                for b in used:
                    self._claim(b, shard)

            self._side_by_side(claim)
        self._absorb(used, bounds, chunk, done, following, depth)
        return done

    def _absorb(self, used: list[Buffers], bounds: Words, chunk: Chunk, done: int, following: list[Chunk], depth: int) -> None:
        children = [np.zeros(min(int(bounds[w + 1]), done) - int(bounds[w]), np.uint16) for w in range(len(used))]
        made: list[Chunk | None] = [None] * len(used)

        def absorb(w: int) -> None:
            if w >= len(used):
                return
            b = used[w]
            b.new[:] = 0
            count, low = int(b.notes[kernel.FOUND]), int(bounds[w])
            self.code.absorb(b.found, b.found_at, b.found_meta, b.accepted, count, low, children[w], b.positions, b.notes, b.new, b.seen)
            kept = int(b.notes[kernel.ACCEPTED])
            if kept:
                made[w] = Chunk(b.found[: b.found_at[kept]].copy(), b.found_at[: kept + 1].copy())

        self._side_by_side(absorb)
        self._raise_undefined(used, chunk, int(bounds[0]))
        for w, b in enumerate(used):
            kept = int(b.notes[kernel.ACCEPTED])
            self.links.children.append(children[w])
            self.links.positions.append(b.positions[:kept].copy())
            part = made[w]
            if part is not None:
                following.append(part)
            self.outcome.distinct_states += kept
            self.table.count += kept
            self.outcome.generated_states += int(b.notes[kernel.GENERATED])
            for name in ("evaluated", "enabled", "new"):
                self.totals[name] += getattr(b, name)
            self._note_violation(b)
        self._witnesses(depth + 1)

    def _note_violation(self, b: Buffers) -> None:
        """Keep the first violation in breadth-first order: by parent, then position, a step's before a state's."""
        found = self.bad(b.notes)
        if self.violated is None and found is not None:
            where, name = found
            self.violated = name, (self.base + (where >> 24), where & 65535)

    def _raise_undefined(self, used: list[Buffers], chunk: Chunk, low: int) -> None:
        """Where a worker met an undefined expression, let the interpreter find the first one among the slice's parents, and word the error."""
        found = next((b for b in used if b.notes[kernel.UNDEFINED]), None)
        if found is None:
            return
        for parent in range(low, int(found.notes[kernel.NEXT_PARENT]) + 1):
            state = self.state_of(chunk.rows[chunk.offsets[parent] : chunk.offsets[parent + 1]])
            self.interpret((state,), 1)
        raise self.undefined(found.notes, state)

    def _witnesses(self, depth: int) -> None:
        seen = np.bitwise_or.reduce([b.seen for b in self.buffers]) if self.program.witnesses else ()
        for i, w in enumerate(self.program.witnesses):
            if seen[i] and self.outcome.witnesses[w.name] is None:
                self.outcome.witnesses[w.name] = depth
        for b in self.buffers:
            b.seen[:] = seen

    # --- limits, progress, report

    def _held(self) -> int:
        return self.table.prints.nbytes + self.links.nbytes + sum(c.nbytes for c in self.frontier) + sum(b.nbytes for b in self.buffers)

    def _look(self, depth: int, began: float, level_bytes: int) -> str:
        """Progress for the caller, and the memory limit (a table about to grow needs room for both copies)."""
        now = time.perf_counter()
        if now - self.told > PROGRESS_SECONDS or level_bytes > self.memory_limit // 8:
            memory = self._held() + level_bytes
            self.outcome.memory = max(self.outcome.memory, memory)
            if memory + self.table.prints.nbytes // 2 > self.memory_limit:
                return f"memory limit of {in_bytes(self.memory_limit)}"
            if self.options.progress and now - self.told > PROGRESS_SECONDS:
                busiest = self.actions[int(np.argmax(self.totals["enabled"]))]
                frontier = self.outcome.distinct_states - self.consumed
                self.options.progress(Progress(depth, self.outcome.distinct_states, self.outcome.generated_states, now - began, memory, frontier, busiest))
            if now - self.told > PROGRESS_SECONDS:
                self.told = now
        return ""

    def _report(self) -> None:
        self.outcome.memory = max(self.outcome.memory, self._held())
        self.outcome.coverage = self.coverage(*(self.totals[kind] for kind in ("evaluated", "enabled", "new")))
        if self.violated is not None:
            name, way = self.violated
            path: tuple[int, ...] = way if len(way) == 1 else (*self.links.path(way[0]), way[1])
            first = path[0] if len(way) == 1 else self.first_numbers[path[0]]
            self.outcome.violation = Violation(name, (first, *path[1:]))


def _coalesced(chunks: list[Chunk]) -> list[Chunk]:
    """The same states in fewer chunks: neighbours joined up to about half a slice, so that no round is nearly empty and few are copied."""
    groups: list[list[Chunk]] = []
    room = 0
    for chunk in chunks:
        if chunk.count > room:
            groups.append([])
            room = SLICE // 2
        groups[-1].append(chunk)
        room -= chunk.count
    return [g[0] if len(g) == 1 else _joined(g) for g in groups]


def _joined(chunks: list[Chunk]) -> Chunk:
    ends = np.cumsum([0, *(int(c.offsets[-1]) for c in chunks)])
    offsets = [c.offsets[:-1] + end for c, end in zip(chunks, ends, strict=False)]
    return Chunk(np.concatenate([c.rows for c in chunks]), np.concatenate([*offsets, ends[-1:]]))
