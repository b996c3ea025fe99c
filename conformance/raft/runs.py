"""Seeded runs of a Raft cluster: one seed, one run, followed by the checker to its end or its first departure."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from conformance.outcome import Failure, Outcome
from conformance.raft.chaos import Chaos, draw_settings
from conformance.raft.checker import Checker
from conformance.raft.cluster import Cluster, Move, Play
from conformance.recording import Recorder
from conformance.shrink import shrink
from impl.simulation.cluster import Cluster as SimulatedCluster
from impl.simulation.nemesis import draw_faults
from impl.simulation.raft_host import RaftHost
from impl.simulation.simulation import Simulation

CHAOTIC_EVENTS = 2_000
SIMULATED_TIME = 1_500_000
"""Microseconds of virtual time."""
SHRINKING_SECONDS = 12.0


def run(seed: int, nodes: int) -> Outcome:
    """Two runs of one seed: of a cluster in which anything may happen at any time, and of one in simulated time with faults."""
    chaotic = run_chaos(seed, nodes)
    if chaotic.failure is not None:
        return chaotic
    simulated = run_simulation(seed, nodes)
    return Outcome(chaotic.events + simulated.events, chaotic.steps + simulated.steps, simulated.failure)


def run_chaos(seed: int, nodes: int, count: int = CHAOTIC_EVENTS) -> Outcome:
    """A run of calls."""
    random = Random(f"chaos {seed}")
    settings = draw_settings(random)
    cluster = Cluster(nodes, seed, **settings)
    chaos = Chaos(cluster, random)
    failure = None
    try:
        for _ in range(count):
            chaos.event()
    except Exception as error:  # whatever it is, it is what was looked for
        failure = Failure(error, cluster.play(), len(cluster.moves))
    return Outcome(cluster.checker.events, cluster.checker.run.length, failure)


def run_simulation(seed: int, nodes: int, time: int = SIMULATED_TIME) -> Outcome:
    """A run of the simulator, with faults and clients."""
    random = Random(f"settings of {seed}")
    settings = {**draw_settings(random), "election_ticks": random.choice([5, 10])}
    cluster = SimulatedCluster("raft", nodes, settings)
    recorder: Recorder[Checker]
    simulation = Simulation(cluster, faults=draw_faults(seed, cluster.ids, time), seed=seed, observer=lambda event: recorder(event))  # noqa: PLW0108  # the recorder comes after the hosts that it records
    recorder = Recorder(Checker({n: host for n, host in simulation.hosts.items() if isinstance(host, RaftHost)}))
    failure = None
    try:
        simulation.run(time)
    except Exception as error:
        moves = recorder.moves()
        failure = Failure(error, Play(nodes, seed, settings, moves), len(moves))
    return Outcome(recorder.checker.events, recorder.checker.run.length, failure)


def shrunk(failure: Failure, seconds: float = SHRINKING_SECONDS) -> Failure:
    """The same failure, or another one, in a run as short as can be found in that time."""
    play = failure.play
    assert isinstance(play, Play), "a run of a Raft cluster"
    last = failure.error

    def failing(moves: list[Move]) -> list[Move] | None:
        nonlocal last
        error, happened = outcome_of(Play(play.nodes, play.seed, play.settings, moves))
        if error is None or type(error) is not type(failure.error):
            return None
        last = error
        return happened

    if failing(play.moves) is None:
        return failure  # it does not depend on the calls alone
    moves = shrink(play.moves, failing, seconds)
    failing(moves)
    return Failure(last, Play(play.nodes, play.seed, play.settings, moves), failure.length)


def outcome_of(play: Play, on_cluster: Callable[[Cluster], Any] = lambda _: None) -> tuple[Exception | None, list[Move]]:
    """Let a run happen: what it raises, and the calls that had an effect up to there."""
    cluster = Cluster(play.nodes, play.seed, **play.settings)
    try:
        for name, *arguments in play.moves:
            getattr(cluster, name)(*arguments)
    except Exception as error:
        return error, cluster.moves
    return None, cluster.moves
