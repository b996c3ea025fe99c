"""Seeded runs of a cluster: one seed, one run, followed by a checker to its end or its first departure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any, Protocol

from conformance.chaos import Chaos
from conformance.cluster import Cluster, Move, Play
from conformance.outcome import Failure, Outcome
from conformance.recording import Recorder
from conformance.shrink import shrink
from impl.simulation.cluster import Cluster as SimulatedCluster
from impl.simulation.events import Event
from impl.simulation.nemesis import draw_faults
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload
from model_check.validation.run import Run

CHAOTIC_EVENTS = 2_000
SIMULATED_TIME = 1_000_000
"""Microseconds of virtual time."""
SHRINKING_SECONDS = 12.0


class Refused(Exception):
    """A node of the simulator refused another node's message as none that a correct node sends: one of the two is wrong."""


class Checker(Protocol):
    """What follows a cluster: called with each event, right after it happened."""

    run: Run
    events: int

    def __call__(self, event: Event) -> None:
        """An event has happened; Departure where no step of the spec explains it."""


@dataclass(frozen=True)
class Runs:
    """How an implementation is run.

    Attributes:
        cluster: Its cluster of calls.
        checker: What follows hosts.
        draw_settings: Settings of a run, as in the implementation's Config.
        protocol: Its name in the simulator.
        workload: What the simulator's clients do.
        scenarios: Runs written by hand, by the number of nodes; part of the first seed.
        scenario_settings: The settings that they need.
    """

    cluster: Callable[..., Cluster]
    checker: Callable[[Mapping[int, Any]], Checker]
    draw_settings: Callable[[Random], dict[str, Any]]
    protocol: str
    workload: Workload = Workload()
    scenarios: Mapping[int, tuple[Callable[[Any], None], ...]] = field(default_factory=dict)
    scenario_settings: Mapping[str, Any] = field(default_factory=dict)

    def run(self, seed: int, nodes: int) -> Outcome:
        """Two runs of one seed: of a cluster in which anything may happen at any time, and of one in simulated time with faults."""
        kinds: list[Callable[[], Outcome]] = [lambda: self.chaos(seed, nodes), lambda: self.simulation(seed, nodes)]
        if seed == 0:
            kinds = [*(partial(self.scenario, s, nodes) for s in self.scenarios.get(nodes, ())), *kinds]
        events = steps = 0
        for kind in kinds:
            outcome = kind()
            events, steps = events + outcome.events, steps + outcome.steps
            if outcome.failure is not None:
                return Outcome(events, steps, outcome.failure)
        return Outcome(events, steps)

    def scenario(self, happens: Callable[[Any], None], nodes: int) -> Outcome:
        """A run written by hand."""
        cluster = self.cluster(nodes, 0, **self.scenario_settings)
        return self._followed(lambda: happens(cluster), cluster.checker, cluster.play)

    def chaos(self, seed: int, nodes: int, count: int = CHAOTIC_EVENTS) -> Outcome:
        """A run of calls, at the end of which the trouble is over and clients are to be served again."""
        random = Random(f"chaos {seed}")
        settings = self.draw_settings(random)
        cluster = self.cluster(nodes, seed, **settings)
        chaos = Chaos(cluster, random)

        def go() -> None:
            for _ in range(count):
                chaos.event()
            cluster.recover()

        return self._followed(go, cluster.checker, cluster.play)

    def simulation(self, seed: int, nodes: int) -> Outcome:
        """A run of the simulator, with faults and clients."""
        settings = self.draw_settings(Random(f"settings of {seed}"))
        cluster = SimulatedCluster(self.protocol, nodes, settings)

        def observe(event: Event) -> None:
            recorder(event)

        simulation = Simulation(cluster, self.workload, draw_faults(seed, cluster.ids, SIMULATED_TIME), seed=seed, observer=observe)
        recorder = Recorder(self.checker(simulation.hosts))

        def go() -> None:
            simulation.run(SIMULATED_TIME)
            if simulation.refused:
                raise Refused(simulation.refused[0])

        return self._followed(go, recorder.checker, lambda: Play(self.cluster, nodes, seed, settings, recorder.moves()))

    @staticmethod
    def _followed(go: Callable[[], None], checker: Any, play: Callable[[], Play]) -> Outcome:
        failure = None
        try:
            go()
        except Exception as error:  # whatever it is, it is what was looked for
            failed = play()
            failure = Failure(error, failed, len(failed.moves))
        return Outcome(checker.events, checker.run.length, failure)


def shrunk(failure: Failure, seconds: float = SHRINKING_SECONDS) -> Failure:
    """The same failure, or another one of its kind, in a run as short as can be found in that time."""
    play = failure.play
    assert isinstance(play, Play), "a run of calls"
    last = failure.error

    def failing(moves: list[Move]) -> list[Move] | None:
        nonlocal last
        error, happened = outcome_of(replace(play, moves=moves))
        if error is None or type(error) is not type(failure.error):
            return None
        last = error
        return happened

    if failing(play.moves) is None:
        return failure  # it does not depend on the calls alone
    moves = shrink(play.moves, failing, seconds, [lambda move: move[0], lambda move: move[:2], lambda move: move[:3]])
    failing(moves)
    return Failure(last, replace(play, moves=moves), failure.length)


def outcome_of(play: Play) -> tuple[Exception | None, list[Move]]:
    """Let a run happen: what it raises, and the calls that had an effect up to there."""
    cluster = play.make(play.nodes, play.seed, **play.settings)
    try:
        for name, *arguments in play.moves:
            getattr(cluster, name)(*arguments)
    except Exception as error:
        return error, cluster.moves
    return None, cluster.moves
