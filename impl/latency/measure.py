"""Operations on a simulated cluster, timed one by one.

An operation begins when a client's request reaches its node, and ends when that node has the answer. The next one begins after a pause in which all
that the last one set off has come to rest. So nothing waits in a queue, and what is measured is messages and writes.
"""

from __future__ import annotations

from typing import Any

from impl.latency.bounds import Deployment
from impl.latency.methods import Method
from impl.simulation.cluster import Cluster
from impl.simulation.events import Event, Propose, Read
from impl.simulation.latency import MILLISECOND, Constant, Exponential, Latency
from impl.simulation.machines import Request
from impl.simulation.network import Link, Way
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload

_NEVER = 1e9
"""How much slower the clocks are of those who are not to stand for election."""
_UNLIKELY = 10
"""A time hardly exceeds so many times its mean."""


def measure(deployment: Deployment, method: Method, leader: int, client: int, disk: int, operations: int, seed: int) -> list[int]:
    """Microseconds that each of so many operations takes, in the order of time.

    Args:
        deployment: where the nodes are.
        method: what is done.
        leader: the node that leads, where the method has a leader.
        client: the node that the client asks.
        disk: microseconds of a synchronous write.
        operations: how many.
        seed: of all that is drawn.
    """
    if method.protocol == "paxos":  # one cluster has one value to choose
        return [time for i in range(operations) for time in _run(deployment, method, client, client, disk, 1, (seed << 32) + i)]
    return _run(deployment, method, leader, client, disk, operations, seed)


def _run(deployment: Deployment, method: Method, leader: int, client: int, disk: int, operations: int, seed: int) -> list[int]:
    rest = _rest(deployment, disk)
    cluster = _cluster(deployment, method.protocol, leader, disk, tick=10 * rest)
    watch = Stopwatch(client + 1, method.reads, operations, rest)
    run = Simulation(cluster, Workload(clients=0), seed=seed, observer=watch)
    if method.protocol != "paxos":
        run.run(until=30 * cluster.tick)  # an election takes 10 to 20 ticks
        assert run.hosts[leader + 1].node.leader == leader + 1, "only its clock ticks"
    watch.start(run)
    while len(watch.times) < operations:
        done = len(watch.times)
        run.run(until=run.now + 2 * rest * (operations - done))
        assert len(watch.times) > done, "no operation waits for long: nothing is lost"
    return watch.times


def _cluster(deployment: Deployment, protocol: str, leader: int, disk: int, tick: int) -> Cluster:
    nodes = range(len(deployment.places))
    links = {(a + 1, b + 1): Link(_one_way(deployment, (a, b))) for a in nodes for b in nodes if a != b}
    clocks = {n + 1: _NEVER for n in nodes if n != leader}
    return Cluster(protocol, len(nodes), links=links, disk=Constant(disk), tick=tick, clocks=clocks)


def _one_way(deployment: Deployment, way: Way) -> Latency:
    """Half a round trip; of an odd number of microseconds, one half is rounded down and the other up."""
    up = way[0] > way[1]
    low, more = ((time + up) // 2 for time in (deployment.round_trip(*way), deployment.jitter(*way)))
    return Exponential(low, more) if more else Constant(low)


def _rest(deployment: Deployment, disk: int) -> int:
    """More microseconds than anything takes that an operation sets off."""
    regions = range(len(deployment.topology.regions))
    pairs = [(a, b) for a in regions for b in regions]
    longest = max(deployment.topology.round_trip[a][b] + _UNLIKELY * deployment.topology.jitter[a][b] for a, b in pairs)
    return 2 * longest + 4 * disk + MILLISECOND


class Stopwatch:
    """A client that asks one node, time after time; the events of the run tell it when there is an answer."""

    def __init__(self, host: int, reads: bool, operations: int, rest: int) -> None:
        self.times: list[int] = []
        self._host, self._reads, self._operations, self._rest = host, reads, operations, rest
        self._began = 0
        self._asked = b""

    def start(self, run: Simulation) -> None:
        """Begin with the first operation."""
        self._run = run
        run.schedule(0, self._begin, self._host, None)

    def _begin(self, target: int, _: Any) -> None:
        run, host, number = self._run, self._run.hosts[target], len(self.times)
        self._began = run.now
        if self._reads:
            self._asked = b"%d" % number
            host.read(self._asked)
            run.happened(host, Read(target, self._asked))
        else:
            self._asked = Request(0, number + 1, "write", "key", (number,)).encode()
            host.propose(self._asked)
            run.happened(host, Propose(target, self._asked))

    def __call__(self, event: Event) -> None:
        """Something has happened at a host."""
        if event.host != self._host or not self._asked:
            return
        run = self._run
        host = run.hosts[event.host]
        answers = host.answered if self._reads else [command for command, _ in host.completed]
        if self._asked in answers:
            self._asked = b""
            self.times.append(run.now - self._began)
            if len(self.times) < self._operations:
                run.schedule(self._rest, self._begin, host.id, None)
