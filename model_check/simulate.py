"""Seeded random walks, for scopes too large to explore: they find violations and never show their absence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from model_check import itf
from model_check.check import ENGINES, confirm, coverage_json, explanation_json, resolve_names, trace_json, want_known
from model_check.explain import Explanation
from model_check.search import ActionCoverage, Progress
from model_check.trace import Origin, Trace, replay_path
from model_check.walks import Task, Walked
from model_check.walks import walk as walk_by_interpreter
from spec.language import IonianError, Protocol

NOT_FOUND = "no violation found"


@dataclass(frozen=True)
class Simulation:
    """What random walks found; `verdict` is 'violated', 'no violation found', or 'inconclusive' where they were stopped (`stopped` says why).

    `walks` and `steps` count what was walked; `witnesses` gives the least number of steps at which each was met.
    """

    origin: Origin
    engine: str
    seed: int
    verdict: str
    walks: int
    steps: int
    distinct_states: int
    stopped: str
    seconds: float
    compile_seconds: float
    property: str
    trace: Trace | None
    explanation: Explanation | None
    coverage: dict[str, ActionCoverage]
    witnesses: dict[str, int | None]

    def to_json(self) -> dict[str, itf.Json]:
        """The whole result as JSON values (see `check.Result.to_json`)."""
        return {
            **self.origin.to_json(),
            "engine": self.engine,
            "seed": self.seed,
            "verdict": self.verdict,
            "stopped": self.stopped,
            "walks": self.walks,
            "steps": self.steps,
            "distinct_states": self.distinct_states,
            "seconds": self.seconds,
            "compile_seconds": self.compile_seconds,
            "property": self.property or None,
            "explanation": None if self.explanation is None else explanation_json(self.explanation),
            "trace": trace_json(self.trace),
            "coverage": coverage_json(self.coverage),
            "witnesses": dict(self.witnesses),
        }


def simulate(
    protocol: Protocol,
    *,
    engine: str = "native",
    seed: int = 0,
    walks: int = 100,
    steps: int = 100,
    properties: tuple[str, ...] | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Simulation:
    """Walk at random from the initial states, checking every property on every step; the same seed gives the same walks, whatever the engine.

    Raises IonianError for arguments that do not fit the protocol, SpecError where an expression of the spec is undefined.
    """
    want_known("engine", (engine,), ENGINES)
    if walks < 1 or steps < 1:
        raise IonianError(f"walks ({walks}) and steps ({steps}) must be at least 1")
    chosen = None if properties is None else resolve_names(protocol, "property", properties)
    met = _walk(engine)(protocol, Task(seed, walks, steps, chosen, progress))
    violated, trace, explanation = "", None, None
    if met.violation is not None:
        violated = met.violation.property
        trace, explanation = confirm(protocol, violated, replay_path(protocol, met.violation.path))
    return Simulation(
        origin=Origin.of(protocol),
        engine=engine,
        seed=seed,
        verdict="violated" if trace is not None else "inconclusive" if met.stopped else NOT_FOUND,
        walks=met.walks,
        steps=met.steps,
        distinct_states=met.distinct_states,
        stopped=met.stopped,
        seconds=met.seconds,
        compile_seconds=met.compile_seconds,
        property=violated,
        trace=trace,
        explanation=explanation,
        coverage=met.coverage,
        witnesses=met.witnesses,
    )


def _walk(engine: str) -> Callable[[Protocol, Task], Walked]:
    if engine == "interpreter":
        return walk_by_interpreter
    from model_check.native import walk  # noqa: PLC0415  # Numba takes a second to import: only runs that compile pay for it

    return walk
