"""Native random walks: the interpreter's walks, drawn and checked by compiled code (see `model_check/walks.py`)."""

from __future__ import annotations

import time

import numpy as np

from model_check.evaluation import guarded
from model_check.native import kernel, walk_kernel
from model_check.native.compiler import undisturbed
from model_check.native.engine import PROGRESS_SECONDS, Batch, Engine, Pace, Table, doubled
from model_check.search import Options, Progress, Violation, ending_in_order, in_bytes
from model_check.walks import Task, Walked, Walker
from spec.language import Protocol

SLICE = 4_096
"""Most steps between two looks at the clock and the keyboard."""


def walk(protocol: Protocol, task: Task) -> Walked:
    """Walk with compiled code.

    Raises ScopeError where the scope does not fit the layout, SpecError where an expression is undefined.
    """
    return _Walks(protocol, task).run()


class _Walks(Engine):
    """The walks of one task."""

    def __init__(self, protocol: Protocol, task: Task) -> None:
        began = time.perf_counter()
        super().__init__(protocol, Options(properties=task.properties), walk_kernel)
        self.task = task
        with guarded(protocol, "init", None):
            self.first, self.first_at = self.rows_of(protocol.initial_states())
        actions, witnesses = len(self.actions), len(self.program.witnesses)
        self.batch, self.table = Batch(1 << 16, 1 << 12), Table(1)
        while len(self.batch.cand) < len(self.first):
            self.batch.grow()
        self.row, self.way = np.zeros_like(self.batch.cand), np.zeros(1 << 8, np.int64)
        self.pace = Pace(SLICE)
        self.notes, self.tally = self.notes_of_its_own(), np.zeros(walk_kernel.TALLY, np.int64)
        self.draws = np.array([task.seed % (1 << 64), 0], np.uint64)
        self.evaluated, self.saved, self.enabled, self.moving, self.new = (np.zeros(actions, np.int64) for _ in range(5))
        self.seen, self.reached, self.reached_before = np.zeros(witnesses, np.int64), *(np.full(witnesses, kernel.NEVER) for _ in range(2))
        self.clear(self.notes)
        self.tally[walk_kernel.LENGTH] = kernel.NONE
        # No step of it, so that walking does not wait for the compiler.
        undisturbed(lambda: self._wander(0))
        self.compiled.publish()
        self.met = Walked(compile_seconds=time.perf_counter() - began)

    def _wander(self, budget: int) -> bool:
        b = self.batch
        lacking: bool = self.code.wander(
            self.first, self.first_at, self.row, self.way, b.cand, b.cand_at, b.cand_tail, b.cand_meta, self.table.prints, self.table.limit,
            self.notes, self.tally, self.draws, self.evaluated, self.saved, self.enabled, self.moving, self.new,
            self.seen, self.reached, self.reached_before, self.task.steps, self.task.walks, budget,
        )  # fmt: skip
        return lacking

    def run(self) -> Walked:
        """All walks, up to the first violation, an interruption or the end of memory."""
        self.began = self.told = time.perf_counter()
        with ending_in_order(self.met):
            while not self.met.stopped and not self._finished():
                began = time.perf_counter()
                lacking = self._wander(self.pace.size)
                self.pace.took(self.pace.size, time.perf_counter() - began)
                if lacking:
                    self._make_room()
                self._raise_undefined()
                self._look()
        self._report()
        return self.met

    def _finished(self) -> bool:
        walks, length = int(self.tally[walk_kernel.WALKS]), int(self.tally[walk_kernel.LENGTH])
        return self.bad(self.notes) is not None or (walks == self.task.walks and length in (kernel.NONE, self.task.steps))

    def _make_room(self) -> None:
        if self.notes[kernel.FULL]:
            self.batch.grow()
            self.row = doubled(self.row)
            self.notes[kernel.FULL] = 0
        if self.tally[walk_kernel.LENGTH] + 2 > len(self.way):
            self.way = doubled(self.way)
        self.table.count = int(self.tally[walk_kernel.KNOWN])
        self.table.room_for(1, lambda work: work(0))

    def _raise_undefined(self) -> None:
        """Let the interpreter walk the present walk again, and word the error."""
        if not self.notes[kernel.UNDEFINED]:
            return
        again = Walker(self.protocol, self.task)
        again.draws.state = int(self.draws[1])
        again.met.witnesses = self.witnesses(self.reached_before)
        again.walk()
        raise self.undefined(self.notes, self.state_of(self.row[: self.layout.fixed_words + self.tally[walk_kernel.TAIL]]))

    def _look(self) -> None:
        """Progress for the caller, and the memory limit (a table about to grow needs room for both copies)."""
        if self.table.prints.nbytes * 3 // 2 > self.memory_limit:
            self.met.stopped = f"memory limit of {in_bytes(self.memory_limit)}"
        now = time.perf_counter()
        if self.task.progress and now - self.told > PROGRESS_SECONDS:
            self.told = now
            walks, known, steps = (int(self.tally[i]) for i in (walk_kernel.WALKS, walk_kernel.KNOWN, walk_kernel.STEPS))
            busiest = self.actions[int(np.argmax(self.new))]
            self.task.progress(Progress(walks, known, steps, now - self.began, self.table.prints.nbytes, 0, busiest))

    def _report(self) -> None:
        met = self.met
        met.seconds = time.perf_counter() - self.began
        met.walks, met.steps, met.distinct_states = (int(self.tally[i]) for i in (walk_kernel.WALKS, walk_kernel.STEPS, walk_kernel.KNOWN))
        met.coverage = self.coverage(self.evaluated, self.enabled, self.new)
        met.witnesses = self.witnesses(self.reached)
        found = self.bad(self.notes)
        if found is not None:
            met.violation = Violation(found[1], tuple(int(x) for x in self.way[: int(self.tally[walk_kernel.LENGTH]) + 1]))
