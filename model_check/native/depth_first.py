"""Native depth-first search: the interpreter's order and figures, by one worker, with a table of fingerprints and one stack."""

from __future__ import annotations

import time

import numpy as np

from model_check.evaluation import guarded
from model_check.native import depth_kernel, kernel
from model_check.native.compiler import undisturbed
from model_check.native.engine import PROGRESS_SECONDS, Batch, Engine, Pace, Table, doubled
from model_check.native.runtime import move_depths
from model_check.search import Options, Outcome, Progress, Violation, ending_in_order, in_bytes
from spec.language import Protocol

SLICE = 16_384
"""States expanded between two looks at limits and the keyboard."""


def explore_depth_first(protocol: Protocol, options: Options) -> Outcome:
    """Depth-first search with compiled code; ends at the first violation, as `interpreter.explore_depth_first` does.

    Raises ScopeError where the scope does not fit the layout, SpecError where an expression is undefined.
    """
    return _DepthFirst(protocol, options).run()


class Stack:
    """The states to expand, the newest last: see `depth_kernel`."""

    def __init__(self) -> None:
        self.rows = np.zeros(1 << 16, np.int64)
        self.at = np.zeros((1 << 12) + 1, np.int64)
        self.depth = np.zeros(1 << 12, np.int64)
        self.place = np.zeros(1 << 12, np.int64)
        self.way = np.zeros(1 << 8, np.int64)

    def room_for(self, states: int, words: int, depth: int) -> None:
        """Grow until so many more states, of so many words in all, surely fit, and a way to a depth."""
        top = len(self.depth)
        while len(self.depth) < states + 2:
            self.at, self.depth, self.place = np.concatenate([self.at, np.zeros(top, np.int64)]), doubled(self.depth), doubled(self.place)
            top = len(self.depth)
        while len(self.rows) < words:
            self.rows = doubled(self.rows)
        while len(self.way) < depth + 2:
            self.way = doubled(self.way)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(a.nbytes for a in vars(self).values())


class _DepthFirst(Engine):
    """One search."""

    def __init__(self, protocol: Protocol, options: Options) -> None:
        began = time.perf_counter()
        super().__init__(protocol, options, depth_kernel)
        actions, witnesses = len(self.actions), len(self.program.witnesses)
        self.batch, self.stack, self.table = Batch(1 << 16, 1 << 12), Stack(), Table(1)
        self.depths = np.zeros(len(self.table.prints) if options.max_depth is not None else 1, np.int64)
        self.pace = Pace(SLICE)
        self.notes, self.tally = self.notes_of_its_own(), np.zeros(depth_kernel.TALLY, np.int64)
        self.evaluated, self.enabled, self.new = (np.zeros(actions, np.int64) for _ in range(3))
        self.saved = np.zeros(actions, np.int64)
        self.seen, self.reached = np.zeros(witnesses, np.int64), np.full(witnesses, kernel.NEVER)
        self.clear(self.notes)
        # On nothing, so that exploring does not wait for the compiler.
        undisturbed(self._begin)
        undisturbed(lambda: self._descend(0))
        self.compiled.publish()
        self.outcome = Outcome(compile_seconds=time.perf_counter() - began)

    def _begin(self) -> None:
        b, s = self.batch, self.stack
        self.code.begin(
            s.rows, s.at, s.depth, s.place, b.cand, b.cand_at, b.cand_tail, b.cand_meta, self.table.prints, self.depths,
            self.notes, self.tally, self.new, self.seen, self.reached,
        )  # fmt: skip

    def _descend(self, budget: int) -> bool:
        b, s = self.batch, self.stack
        limit = kernel.NONE if self.options.max_depth is None else self.options.max_depth
        lacking: bool = self.code.descend(
            s.rows, s.at, s.depth, s.place, s.way, b.cand, b.cand_at, b.cand_tail, b.cand_meta, self.table.prints, self.depths, self.table.limit,
            self.notes, self.tally, self.evaluated, self.saved, self.enabled, self.new, self.seen, self.reached, limit, budget,
        )  # fmt: skip
        return lacking

    def run(self) -> Outcome:
        """Search until the stack is empty, a violation shows, or a limit is met."""
        self.began = self.told = time.perf_counter()
        with ending_in_order(self.outcome):
            self._enter()
            while self.tally[depth_kernel.TOP] and self.bad(self.notes) is None and not self.outcome.stopped:
                began = time.perf_counter()
                lacking = self._descend(self.pace.size)
                self.pace.took(self.pace.size, time.perf_counter() - began)
                if lacking:
                    self._make_room()
                self._raise_undefined()
                self.refuse_many_steps(self.notes)
                self._look()
        self._report()
        return self.outcome

    def _enter(self) -> None:
        """Put the first states on the stack."""
        with guarded(self.protocol, "init", None):
            states = self.protocol.initial_states() if self.options.start is None else list(self.options.start)
        rows, offsets = self.rows_of([self.eager.forget(s) for s in states])
        b, count = self.batch, len(states)
        while len(b.cand) < len(rows) or len(b.cand_at) < count + 1:
            b.grow()
        self.stack.room_for(count, len(rows), 0)
        self._room_in_table(count)
        b.cand[: len(rows)], b.cand_at[: count + 1], b.cand_meta[:count] = rows, offsets, np.arange(count) << 8
        self.notes[kernel.ROWS] = count
        self._begin()
        # No action led to these.
        self.new[:] = 0
        if self.notes[kernel.UNDEFINED]:
            self.interpret(tuple(states), 0)
            raise self.undefined(self.notes, states[0])

    def _make_room(self) -> None:
        """Grow what was too small for the newest state's successors."""
        if self.notes[kernel.FULL]:
            self.batch.grow()
            self.notes[kernel.FULL] = 0
            return
        top = int(self.tally[depth_kernel.TOP])
        count, words = int(self.notes[kernel.ROWS]), int(self.notes[kernel.WORDS])
        self.stack.room_for(top + count, int(self.stack.at[top]) + words, int(self.stack.depth[top - 1]))
        self._room_in_table(count)

    def _room_in_table(self, more: int) -> None:
        """Room for so many more states; beside a limit of depth, the depths move with the table."""
        self.table.count = int(self.tally[depth_kernel.KNOWN])
        old = self.table.prints
        self.table.room_for(more, lambda work: work(0))
        if self.table.prints is not old and self.options.max_depth is not None:
            old_depths, self.depths = self.depths, np.zeros(len(self.table.prints), np.int64)
            move_depths(old, old_depths, self.table.prints, self.depths)

    def _raise_undefined(self) -> None:
        """Let the interpreter find the undefined expression at or after the newest state, and word the error."""
        if self.notes[kernel.UNDEFINED]:
            top = int(self.tally[depth_kernel.TOP])
            state = self.state_of(self.stack.rows[self.stack.at[top - 1] : self.stack.at[top]])
            self.interpret((state,), 1)
            raise self.undefined(self.notes, state)

    def _held(self) -> int:
        return self.table.prints.nbytes + self.depths.nbytes + self.stack.nbytes + self.batch.nbytes

    def _look(self) -> None:
        """Progress for the caller, and the memory limit (a table about to grow needs room for both copies)."""
        now, held = time.perf_counter(), self._held()
        self.outcome.memory = max(self.outcome.memory, held)
        if held + (self.table.prints.nbytes + self.depths.nbytes) // 2 > self.memory_limit:
            self.outcome.stopped = f"memory limit of {in_bytes(self.memory_limit)}"
        if self.options.progress and now - self.told > PROGRESS_SECONDS:
            self.told = now
            tally = [int(x) for x in self.tally]
            busiest = self.actions[int(np.argmax(self.enabled))]
            known, generated, depth = tally[depth_kernel.KNOWN], tally[depth_kernel.GENERATED], tally[depth_kernel.DEPTH]
            self.options.progress(Progress(depth, known, generated, now - self.began, held, tally[depth_kernel.TOP], busiest))

    def _report(self) -> None:
        out = self.outcome
        out.seconds = time.perf_counter() - self.began
        out.memory = max(out.memory, self._held())
        out.distinct_states, out.generated_states = int(self.tally[depth_kernel.KNOWN]), int(self.tally[depth_kernel.GENERATED])
        out.depth = int(self.tally[depth_kernel.DEEPEST])
        out.coverage = self.coverage(self.evaluated, self.enabled, self.new)
        out.witnesses = self.witnesses(self.reached)
        found = self.bad(self.notes)
        if found is not None:
            place, name = found
            # Nothing is expanded yet where an initial state is bad.
            way = self.stack.way[: int(self.tally[depth_kernel.DEPTH]) + 1] if self.tally[depth_kernel.GENERATED] else ()
            out.violation = Violation(name, (*(int(x) for x in way), place))
