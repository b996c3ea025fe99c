"""One check of a protocol at a scope: options validated, an engine run, its answer verified by CPython, the result typed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from model_check import interpreter, itf
from model_check.eager import Eagerness, message_sets
from model_check.evaluation import guarded, well_typed
from model_check.explain import Explanation, explain
from model_check.search import TYPE_INVARIANT, ActionCoverage, Options, Outcome, Progress
from model_check.trace import Origin, Trace, replay_path
from spec.language import IonianError, Protocol, SpecError, State
from spec.language.errors import did_you_mean

Verdict: TypeAlias = Literal["holds", "violated", "inconclusive"]
EXIT_STATUS: dict[Verdict, int] = {"holds": 0, "violated": 1, "inconclusive": 3}
ENGINES = ("native", "interpreter")
SEARCHES = ("breadth-first", "depth-first")


class EngineError(IonianError):
    """An engine's answer that CPython does not confirm: a bug of the checker, never of the spec."""


@dataclass(frozen=True)
class Bounds:
    """What bounded a search beside the scope: constraints, depth limit, and where it started (empty: the initial states)."""

    constraints: tuple[str, ...] = ()
    max_depth: int | None = None
    start: str = ""

    def __bool__(self) -> bool:
        return bool(self.constraints) or self.max_depth is not None or bool(self.start)


@dataclass(frozen=True)
class Result:
    """What a check found: the verdict, within `origin.scope` and `bounds`, and the figures behind it.

    `depth` counts steps from an initial state to the deepest level; `witnesses` gives the depth at which each was
    first reached, None where it was not; `collision_chance` is the chance that a state was missed because two states
    share a fingerprint (0 where states were compared in full).
    """

    origin: Origin
    engine: str
    search: str
    symmetry: bool
    eager: bool
    verdict: Verdict
    distinct_states: int
    generated_states: int
    depth: int
    seconds: float
    compile_seconds: float
    memory: int
    property: str
    trace: Trace | None
    explanation: Explanation | None
    coverage: dict[str, ActionCoverage]
    witnesses: dict[str, int | None]
    stopped: str
    collision_chance: float
    bounds: Bounds = field(default_factory=Bounds)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, itf.Json]:
        """The whole result as JSON values; elements print as in the report, sets and maps as in ITF."""
        return {
            **self.origin.to_json(),
            "engine": self.engine,
            "search": self.search,
            "symmetry": self.symmetry,
            "eager": self.eager,
            "bounds": {"constraints": list(self.bounds.constraints), "max_depth": self.bounds.max_depth, "start": self.bounds.start},
            "verdict": self.verdict,
            "stopped": self.stopped,
            "distinct_states": self.distinct_states,
            "generated_states": self.generated_states,
            "depth": self.depth,
            "seconds": self.seconds,
            "compile_seconds": self.compile_seconds,
            "memory": self.memory,
            "collision_chance": self.collision_chance,
            "property": self.property or None,
            "explanation": None if self.explanation is None else explanation_json(self.explanation),
            "trace": trace_json(self.trace),
            "coverage": coverage_json(self.coverage),
            "witnesses": dict(self.witnesses),
            "warnings": list(self.warnings),
        }


def explanation_json(found: Explanation) -> itf.Json:
    """An explanation as JSON values."""
    return {
        "place": found.place,
        "conjunct": found.conjunct,
        "conjunct_place": found.conjunct_place,
        "given": list(found.given),
        "values": dict(found.values),
    }


def coverage_json(coverage: dict[str, ActionCoverage]) -> itf.Json:
    """What became of each action as JSON values."""
    return {name: {"evaluated": c.evaluated, "enabled": c.enabled, "new": c.new} for name, c in coverage.items()}


def trace_json(trace: Trace | None) -> itf.Json:
    """A trace as a list of `{action, arguments, state}`; the initial state has no action. None stays None."""
    if trace is None:
        return None
    found: list[itf.Json] = [{"action": None, "arguments": {}, "state": dict(itf.encode_state(trace.initial, bigint=False))}]
    for step, state in trace.steps:
        arguments = {name: itf.encode(value, bigint=False) for name, value in step.arguments}
        found.append({"action": step.action, "arguments": dict(arguments), "state": dict(itf.encode_state(state, bigint=False))})
    return found


def check(
    protocol: Protocol,
    *,
    engine: str = "native",
    search: str = "breadth-first",
    symmetry: bool = False,
    eager: bool = False,
    workers: int = 1,
    max_depth: int | None = None,
    max_memory: int | None = None,
    constraints: tuple[str, ...] = (),
    properties: tuple[str, ...] | None = None,
    start: Trace | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Explore a protocol at its scope and check its properties: `check(Paxos(Scope(acceptor=3, ballot=2, value=2)))`.

    `eager` sends messages at once and forgets dead ones (`model_check/eager.py`);
    `max_memory` is in bytes; `start` begins at the last state of a trace instead of the initial states. Raises
    IonianError for options that do not fit the protocol, SpecError where an expression of the spec is undefined.
    """
    want_known("search", (search,), SEARCHES)
    if search == "depth-first" and workers > 1:
        raise IonianError(f"depth-first search runs on one worker, not on {workers}: search breadth-first to use them")
    options = Options(
        engine=engine,
        symmetry=symmetry,
        eager=eager,
        workers=workers,
        max_depth=max_depth,
        max_memory=max_memory,
        constraints=resolve_names(protocol, "constraint", constraints),
        properties=None if properties is None else resolve_names(protocol, "property", properties),
        start=None if start is None else (start.states[-1],),
        progress=progress,
    )
    want_possible(protocol, options)
    outcome = explorer_of(engine, search)(protocol, options)
    return _result(protocol, options, outcome, search, start)


def want_possible(protocol: Protocol, options: Options) -> None:
    """IonianError for an engine or a number that there is not, or where messages are to be sent at once and the protocol, or a limit, does not go with it."""
    want_known("engine", (options.engine,), ENGINES)
    workers, max_depth, max_memory = options.workers, options.max_depth, options.max_memory
    if workers < 1 or (max_depth is not None and max_depth < 0) or (max_memory is not None and max_memory < 1):
        raise IonianError(f"workers ({workers}) and max_memory ({max_memory}) must be at least 1, max_depth ({max_depth}) at least 0")
    if options.eager and max_depth is not None:
        raise IonianError("messages that are sent at once count as steps, so a depth limit would cut off other behaviours: give one of eager and max_depth")
    if options.eager and not message_sets(protocol, options):
        raise IonianError(
            f"eager: {protocol.ir.name} has no set of messages: one that steps only add to with `self.x |= {{m}}`, and that nothing reads but"
            " `require(m in self.x)`, no property or named constraint either; check without it"
        )


def explorer_of(engine: str, search: str = "breadth-first") -> Callable[[Protocol, Options], Outcome]:
    """The explorer of an engine for a search."""
    if engine == "interpreter":
        return interpreter.explore_depth_first if search == "depth-first" else interpreter.explore
    from model_check import native  # noqa: PLC0415  # Numba takes a second to import: only runs that compile pay for it

    return native.explore_depth_first if search == "depth-first" else native.explore


def resolve_names(protocol: Protocol, kind: str, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """Names of constraints or properties as the spec writes them (hyphens for underscores allowed); SpecError for others."""
    if kind == "constraint":
        known = [p.name for p in protocol.ir.of_kind("constraint")]
    else:
        known = [TYPE_INVARIANT, *(p.name for p in protocol.ir.properties if p.kind in ("invariant", "action_property"))]
    found = tuple(name.replace("-", "_") for name in wanted)
    want_known(f"{protocol.ir.name}: {kind}", found, tuple(known))
    return found


def want_known(what: str, wanted: tuple[str, ...], known: tuple[str, ...]) -> None:
    """SpecError for a name that is not among those known."""
    for name in wanted:
        if name not in known:
            raise SpecError(f"{what} `{name}` is unknown; there is {', '.join(known) or 'none'}{did_you_mean(name, known)}")


def words_of_start(start: Trace | None, source: str = "a given trace") -> str:
    """Where a search begins that begins at the end of a trace; empty where it begins at the initial states."""
    return "" if start is None else f"the state after step {len(start.steps)} of {source}"


def _result(protocol: Protocol, options: Options, outcome: Outcome, search: str, start: Trace | None) -> Result:
    trace, explanation = None, None
    if outcome.violation is not None:
        way = replay_path(protocol, outcome.violation.path, start, Eagerness(protocol, options).forget)
        trace, explanation = confirm(protocol, outcome.violation.property, way)
    verdict: Verdict = "violated" if trace is not None else "inconclusive" if outcome.stopped else "holds"
    origin = Origin.of(protocol)
    return Result(
        origin=origin,
        engine=options.engine,
        search=search,
        symmetry=options.symmetry,
        eager=options.eager,
        verdict=verdict,
        distinct_states=outcome.distinct_states,
        generated_states=outcome.generated_states,
        depth=outcome.depth,
        seconds=outcome.seconds,
        compile_seconds=outcome.compile_seconds,
        memory=outcome.memory,
        property="" if outcome.violation is None else outcome.violation.property,
        trace=trace,
        explanation=explanation,
        coverage=outcome.coverage,
        witnesses=outcome.witnesses,
        stopped=outcome.stopped,
        collision_chance=0.0 if outcome.exact else min(1.0, outcome.distinct_states**2 / 2**65),
        bounds=Bounds(options.constraints, options.max_depth, words_of_start(start)),
        warnings=tuple(outcome.warnings),
    )


def confirm(protocol: Protocol, name: str, trace: Trace) -> tuple[Trace, Explanation]:
    """The trace marked with the property that its last state (or step) violates, and why; EngineError where it does not."""
    state = trace.states[-1]
    before: State | None = None
    if name == TYPE_INVARIANT:
        false = not well_typed(protocol, state)
    else:
        prop = next((p for p in protocol.ir.properties if p.name == name), None)
        if prop is None:
            raise EngineError(f"{protocol.ir.name} has no property `{name}`")
        if prop.on_step:
            before = trace.states[-2] if trace.steps else state
        with guarded(protocol, f"property `{name}`", state):
            false = not (protocol.holds(prop, state) if before is None else protocol.holds(prop, before, state))
    if not false:
        raise EngineError(f"internal error: the engine reports `{name}` violated after {len(trace.steps)} steps, CPython finds it true; please report it")
    explanation = explain(protocol, name, state) if before is None else explain(protocol, name, before, state)
    return replace(trace, violates=name), explanation
