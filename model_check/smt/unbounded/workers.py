"""Provers in processes of their own: each takes one obligation at a time; one that dies costs only its obligation."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait

import z3

from model_check.smt.unbounded.obligations import Obligation
from model_check.smt.unbounded.prover import Discharge, Hint, Limits, Prover
from spec.language import IonianError, Protocol

_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True)
class Task:
    """What a worker process needs to know; `load` gives the protocol there, for classes of a user's file do not travel."""

    load: Callable[[], type[Protocol]]
    without: frozenset[str]
    hints: Mapping[Obligation, Hint]
    limits: Limits


def _serve(task: Task, pipe: Connection) -> None:
    """The worker process: obligations in, outcomes (or one error) out, until the pipe is closed."""
    try:
        prover = Prover(task.load(), task.without, task.limits)
        while True:
            obligation = pipe.recv()
            pipe.send(_discharge(prover, obligation, task.hints.get(obligation)))
    except IonianError as error:
        pipe.send(error)
    except (EOFError, BrokenPipeError):
        pass


def _discharge(prover: Prover, obligation: Obligation, hint: Hint | None) -> Discharge:
    began = time.perf_counter()
    try:
        return prover.discharge(obligation, hint)
    except (MemoryError, z3.Z3Exception) as error:
        return Discharge(obligation, "unknown", time.perf_counter() - began, reason=str(error) or "out of memory")


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes started in the body leave Ctrl-C to their parent, and the parent meets one that comes meanwhile after the body."""
    if sys.platform == "win32":  # where signals cannot be held
        yield
        return
    # It unblocks interrupts as it starts, so not in the body.
    resource_tracker.ensure_running()
    # Blocked for the new process, which inherits that. It does not hold one back here: another thread may take it,
    # and Python would raise it in this one.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    came = False

    def note(*_: object) -> None:
        nonlocal came
        came = True

    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, note) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if came:
            signal.raise_signal(signal.SIGINT)


class Worker:
    """A worker process, and the obligation that it is at."""

    def __init__(self, task: Task) -> None:
        self.pipe, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=_serve, args=(task, theirs), daemon=True)
        with _interrupts_held():
            self.process.start()
        theirs.close()
        self.obligation: Obligation | None = None
        self._began = 0.0

    def give(self, obligation: Obligation) -> None:
        """Hand it an obligation; what it answers is for `take`."""
        self.obligation, self._began = obligation, time.perf_counter()
        # Where it has died, `take` says so.
        with suppress(BrokenPipeError):
            self.pipe.send(obligation)

    def take(self) -> Discharge:
        """The outcome. IonianError where the protocol cannot be encoded; `unknown` where the process has died."""
        assert self.obligation is not None
        obligation, self.obligation = self.obligation, None
        try:
            found = self.pipe.recv()
        except (EOFError, ConnectionError):
            self.process.join()
            reason = f"the solver's process ended ({_ending(self.process.exitcode)})"
            return Discharge(obligation, "unknown", time.perf_counter() - self._began, reason=reason)
        if isinstance(found, IonianError):
            raise found
        assert isinstance(found, Discharge)
        return found

    def stop(self) -> None:
        """End the process, whatever it is at."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _ending(status: int | None) -> str:
    if status is None or status >= 0:
        return f"exit status {status}; out of memory?"
    return f"{signal.Signals(-status).name}; out of memory?"


def discharge_all(task: Task, obligations: Sequence[Obligation], jobs: int, progress: Callable[[Discharge], None]) -> None:
    """Discharge obligations in several processes; each outcome is told as it comes, and no process outlives the call."""
    waiting = list(reversed(obligations))
    workers: list[Worker] = []
    try:
        for _ in range(min(jobs, len(obligations))):
            workers.append(Worker(task))
            workers[-1].give(waiting.pop())
        while busy := [w for w in workers if w.obligation is not None]:
            ready = wait([w.pipe for w in busy])
            for worker in [w for w in busy if w.pipe in ready]:
                progress(worker.take())
                if not waiting:
                    continue
                if not worker.process.is_alive():
                    worker.stop()
                    workers[workers.index(worker)] = worker = Worker(task)
                worker.give(waiting.pop())
    finally:
        for worker in workers:
            worker.stop()
