"""Refinement, checked on every transition: each step of a protocol is a step of the abstract one, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from model_check import itf
from model_check.check import EngineError, Verdict, explorer_of, trace_json, want_possible
from model_check.eager import Eagerness
from model_check.interpreter import RefinementMapping
from model_check.search import Options, Progress
from model_check.trace import Origin, Trace, replay_path
from spec.language import IonianError, Protocol, State, ir


@dataclass(frozen=True)
class RefinementResult:
    """What a refinement check found.

    `transitions` counts the steps checked. A violation has a trace whose last step (or whose initial state) the
    abstract protocol does not allow, and the abstract states before and after it.
    """

    origin: Origin
    abstract: str
    mapping: str
    engine: str
    symmetry: bool
    eager: bool
    max_depth: int | None
    verdict: Verdict
    distinct_states: int
    transitions: int
    depth: int
    seconds: float
    compile_seconds: float
    trace: Trace | None
    images: tuple[State, ...]
    stopped: str

    def to_json(self) -> dict[str, itf.Json]:
        """The whole result as JSON values."""
        return {
            **self.origin.to_json(),
            "abstract": self.abstract,
            "mapping": self.mapping,
            "engine": self.engine,
            "symmetry": self.symmetry,
            "eager": self.eager,
            "max_depth": self.max_depth,
            "verdict": self.verdict,
            "stopped": self.stopped,
            "distinct_states": self.distinct_states,
            "transitions": self.transitions,
            "depth": self.depth,
            "seconds": self.seconds,
            "compile_seconds": self.compile_seconds,
            "trace": trace_json(self.trace),
            "images": [dict(itf.encode_state(s, bigint=False)) for s in self.images],
        }


def mapping_to(protocol: type[Protocol], abstract: type[Protocol]) -> ir.Refinement:
    """The mapping of a protocol to an abstract one; IonianError where it has none."""
    for found in protocol.ir.refinements:
        if found.target is abstract:
            return found
    there = ", ".join(r.target.__name__ for r in protocol.ir.refinements) or "nothing"
    raise IonianError(f"{protocol.ir.name} has no refinement mapping to {abstract.ir.name} (it maps to {there}); write one with @refines({abstract.ir.name})")


def refused_images(protocol: Protocol, mapping: str, trace: Trace) -> tuple[State, ...]:
    """The abstract states around a trace's last step (the one of its initial state, where it has no step); none where the abstract protocol allows it."""
    judge = RefinementMapping(protocol, mapping)
    last = trace.states[-2:]
    allowed = judge.allows(*last) if trace.steps else judge.allows_initially(*last)
    return () if allowed else tuple(judge.image(s) for s in last)


def refine(
    protocol: Protocol,
    abstract: type[Protocol],
    *,
    engine: str = "native",
    symmetry: bool = False,
    eager: bool = False,
    workers: int = 1,
    max_depth: int | None = None,
    max_memory: int | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> RefinementResult:
    """Explore a protocol at its scope and check every step against the abstract protocol: `refine(Paxos(scope), Voting)`."""
    mapping = mapping_to(type(protocol), abstract)
    options = Options(
        engine=engine,
        symmetry=symmetry,
        eager=eager,
        workers=workers,
        max_depth=max_depth,
        max_memory=max_memory,
        properties=(),
        refinement=mapping.name,
        progress=progress,
    )
    want_possible(protocol, options)
    judge = RefinementMapping(protocol, mapping.name)
    wrong_start = next((i for i, s in enumerate(protocol.initial_states()) if not judge.allows_initially(s)), None)
    outcome = explorer_of(engine)(protocol, options)
    trace: Trace | None = None
    if wrong_start is not None:
        trace = replay_path(protocol, (wrong_start,))
    elif outcome.violation is not None:
        trace = replay_path(protocol, outcome.violation.path, seen=Eagerness(protocol, options).forget)
    images = () if trace is None else refused_images(protocol, mapping.name, trace)
    if trace is not None and not images:
        raise EngineError(f"internal error: the engine refuses step {len(trace.steps)}, CPython finds it allowed; please report it")
    verdict: Verdict = "violated" if trace is not None else "inconclusive" if outcome.stopped else "holds"
    return RefinementResult(
        origin=Origin.of(protocol),
        abstract=abstract.ir.name,
        mapping=mapping.name,
        engine=engine,
        symmetry=symmetry,
        eager=eager,
        max_depth=max_depth,
        verdict=verdict,
        distinct_states=outcome.distinct_states,
        transitions=outcome.generated_states,
        depth=outcome.depth,
        seconds=outcome.seconds,
        compile_seconds=outcome.compile_seconds,
        trace=None if trace is None else replace(trace, violates=mapping.name),
        images=images,
        stopped=outcome.stopped,
    )
