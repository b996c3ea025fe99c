"""Traces: behaviours of a protocol from an initial state, built and re-checked by CPython alone."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_check.evaluation import successors
from spec.language import IonianError, Protocol, Scope, State, Step
from spec.quorums import majorities


@dataclass(frozen=True)
class Origin:
    """What it takes to build the protocol of a trace again: `spec` as on the command line, scope, rules removed, quorums."""

    spec: str
    scope: Scope
    without: tuple[str, ...] = ()
    quorums: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, protocol: Protocol) -> Origin:
        """The origin of a protocol's traces."""
        return cls(spec_reference(type(protocol)), protocol.scope, tuple(sorted(protocol.without)), quorum_texts(protocol))

    def to_json(self) -> dict[str, Any]:
        """The origin as JSON values, which every result begins with."""
        return {"spec": self.spec, "scope": dict(self.scope.sizes), "quorums": dict(self.quorums), "without": list(self.without)}

    def arguments(self) -> list[str]:
        """The origin as arguments of a command."""
        found = [self.spec]
        for name, size in self.scope.sizes.items():
            found += [scope_option(name), str(size)]
        for rule in self.without:
            found += ["--without", rule]
        for sort, system in self.quorums:
            found += ["--quorums", f"{sort}={system}"]
        return found


@dataclass(frozen=True)
class Trace:
    """A behaviour: its initial state, then steps, each with the state after it. `violates` names the property, if any."""

    origin: Origin
    initial: State
    steps: tuple[tuple[Step, State], ...] = ()
    violates: str = ""

    @property
    def states(self) -> tuple[State, ...]:
        """All states in order; state N is the one after step N."""
        return (self.initial, *(state for _, state in self.steps))

    def until(self, step: int) -> Trace:
        """The trace cut off after a step; IonianError where it is shorter."""
        if not 0 <= step <= len(self.steps):
            raise IonianError(f"step {step} is not in the trace: it has steps 1 to {len(self.steps)} (0 is the initial state)")
        return Trace(self.origin, self.initial, self.steps[:step])


def scope_option(name: str) -> str:
    """The option for a sort of the scope, in the plural where that is regular: `--nodes`, `--index`."""
    option = name.replace("_", "-")
    if re.search(r"(s|x|z|ch|sh)$", option):
        return f"--{option}"
    return f"--{option[:-1]}ies" if re.search(r"[^aeiou]y$", option) else f"--{option}s"


def spec_reference(cls: type[Protocol]) -> str:
    """How the command line names a protocol: `replicated-log` for a shipped one, `path/to/file.py:Class` otherwise."""
    if cls.__module__.startswith("spec."):
        return cls.__module__.removeprefix("spec.").replace("_", "-")
    file = Path(inspect.getfile(cls))
    relative = os.path.relpath(file)
    return f"{file if relative.startswith('..') else relative}:{cls.__name__}"


def quorum_texts(protocol: Protocol) -> tuple[tuple[str, str], ...]:
    """The quorum systems other than majorities, listed member by member: `explicit:1/2,3`."""
    found = []
    for name, system in sorted(protocol.quorum_systems.items()):
        if system is not majorities:
            sets = system(protocol.scope.sizes[name])
            found.append((name, "explicit:" + "/".join(",".join(str(i + 1) for i in sorted(q)) for q in sets)))
    return tuple(found)


def replay_path(protocol: Protocol, path: Sequence[int], prefix: Trace | None = None, seen: Callable[[State], State] = lambda state: state) -> Trace:
    """The trace of a search's path (see `search.Violation`); after a prefix, path[0] stands for the prefix's last state.

    `seen` gives the state as the search saw it, without messages that make no difference: the path counts the steps of that one.
    Raises IonianError where the path leads nowhere: then an engine and CPython disagree.
    """
    starts = protocol.initial_states() if prefix is None else [prefix.states[-1]]
    if not path or not 0 <= path[0] < len(starts):
        raise IonianError(f"internal error: path {list(path)} starts at none of the {len(starts)} initial states; please report it with the command")
    initial = starts[path[0]] if prefix is None else prefix.initial
    steps = [] if prefix is None else list(prefix.steps)
    state, shown = starts[path[0]], seen(starts[path[0]])
    for number, position in enumerate(path[1:], start=1):
        enabled = list(successors(protocol, shown))
        if not 0 <= position < len(enabled):
            raise IonianError(f"internal error: step {number} of path {list(path)} is not enabled under CPython; please report it with the command")
        step, shown = enabled[position][0], seen(enabled[position][1])
        state = protocol.step(state, step)
        steps.append((step, state))
    return Trace(Origin.of(protocol), initial, tuple(steps))


def first_wrong_step(protocol: Protocol, trace: Trace) -> str:
    """Why a trace is not a behaviour of the protocol (`step 3 is not a step of the protocol: ...`), empty if it is one."""
    if trace.initial not in protocol.initial_states():
        return "state 0 is not an initial state of the protocol"
    state = trace.initial
    for number, (step, after) in enumerate(trace.steps, start=1):
        same = [found for enabled, found in successors(protocol, state) if enabled == step]
        if not same:
            return f"step {number} is not a step of the protocol: {step} is not enabled in state {number - 1}"
        if same[0] != after:
            return f"step {number} is not a step of the protocol: {step} leads to another state ({_difference(same[0], after)})"
        state = after
    return ""


def _difference(expected: State, found: State) -> str:
    return "; ".join(expected.diff(found)) + ", where the trace's value stands last"
