"""A run of a cluster: events in the order of virtual time, all drawn from one seed."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from random import Random
from typing import Any

from impl import paxos, raft
from impl.raft import Role, Tracer
from impl.raft.messages import InstallSnapshot
from impl.simulation.clients import Clients, Handler
from impl.simulation.cluster import Cluster
from impl.simulation.events import BeginWrite, Compact, Crash, Deliver, Event, FinishWrite, Observer, ReportSnapshot, Restart, Tick, Transfer
from impl.simulation.faults import Fault, LastingFault
from impl.simulation.history import Operation
from impl.simulation.host import Host
from impl.simulation.machines import Sessions
from impl.simulation.network import full_mesh
from impl.simulation.raft_host import RaftHost
from impl.simulation.workload import OBJECTS, Workload


class Simulation:
    """A cluster, its clients and its faults.

    Equal arguments give the same run, event for event, in every process. Each part draws from a source of its own: another workload
    meets the same network.

    Args:
        cluster: the hosts and what connects them.
        workload: what the clients do.
        faults: what goes wrong, in any order.
        seed: of all that is drawn.
        observer: called with each event of a host, after it happened.
        tracer: called with each event of a Raft node.
    """

    def __init__(
        self,
        cluster: Cluster,
        workload: Workload = Workload(),
        faults: Iterable[Fault] = (),
        seed: int = 0,
        observer: Observer | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.cluster, self.seed = cluster, seed
        self.now = 0
        """Microseconds since the beginning."""
        self.events = 0
        """How many have happened."""
        self.refused: list[str] = []
        """Messages that hosts refused, as no correct node sends them: when, where and why. None, in a correct cluster."""
        model = OBJECTS[workload.object]
        self.hosts: dict[int, Host] = cluster.hosts(seed, lambda: Sessions(model), tracer)
        self._observer = observer
        self._heap: list[tuple[int, int, Handler, int, Any]] = []
        self._scheduled = 0
        self._network, self._disks = Random(f"network of {seed}"), Random(f"disks of {seed}")
        self._lives = dict.fromkeys(cluster.ids, 0)
        """How often each host has crashed: what was under way in an earlier life does not concern it."""
        self._tearing: dict[int, int] = {}
        """Hosts that are to crash with their next write, and how much of it survives."""
        self._lasting: list[LastingFault] = []
        self._mesh = full_mesh(cluster.ids, cluster.link, cluster.links)
        self._take_conditions()
        self._on_deliver, self._on_tick, self._on_written = self._deliver, self._tick, self._written
        clocks = Random(f"clocks of {seed}")
        for n in cluster.ids:  # the clocks do not tick in step
            self.schedule(clocks.randrange(cluster.tick) + 1, self._on_tick, n, None)
        for fault in faults:
            self.schedule(fault.at, self._fault_begins, 0, fault)
        self.clients = Clients(self, workload, Random(f"clients of {seed}"))

    @property
    def history(self) -> list[Operation]:
        """What the clients did, in the order in which they began it."""
        return self.clients.history

    def run(self, until: int) -> None:
        """Let happen what happens up to a time in microseconds."""
        heap = self._heap
        target, detail = 0, None
        try:
            while heap and heap[0][0] <= until:
                self.now, _, handler, target, detail = heappop(heap)
                self.events += 1
                handler(target, detail)
        except Exception as error:
            error.add_note(f"at {self.now} µs, event {self.events} of the run with seed {self.seed}: {detail} at host {target}")
            raise
        self.now = until

    def settle(self, time: int) -> None:
        """No new operations: for so many microseconds let those under way end."""
        self.clients.stop()
        self.run(self.now + time)

    def schedule(self, delay: int, handler: Handler, target: int, detail: Any) -> None:
        """Call a handler later; what is due at the same time happens in the order in which it was scheduled."""
        self._scheduled += 1
        heappush(self._heap, (self.now + delay, self._scheduled, handler, target, detail))

    # --- What happens to hosts

    def _tick(self, target: int, _: None) -> None:
        self.schedule(self._ticks[target], self._on_tick, target, None)
        host = self.hosts[target]
        if host.node is None:
            return
        host.tick()
        if self._observer is not None:
            self._observer(Tick(target))
        self._work(host)

    def _deliver(self, target: int, message: Any) -> None:
        host = self.hosts[target]
        if host.node is None:
            self._lost(message)
            return
        try:
            host.receive(message)
        except (raft.MessageError, paxos.MessageError) as error:
            self.refused.append(f"{self.now} µs, event {self.events}, host {target}: {error}")
            return
        if self._observer is not None:
            self._observer(Deliver(target, message))
        if type(message) is InstallSnapshot:
            self.schedule(0, self._report, message.sender, (target, True))
        self._work(host)

    def _written(self, target: int, life: int) -> None:
        if self._lives[target] == life:
            host = self.hosts[target]
            self._finish(host)
            self._work(host)

    def happened(self, host: Host, event: Event) -> None:
        """Something else has changed a host."""
        if self._observer is not None:
            self._observer(event)
        self._work(host)

    def _work(self, host: Host) -> None:
        """The duties, as far as they take no time."""
        if host.completed or host.answered:
            self.clients.collect(host)
        while host.has_work():
            sent = host.begin_write()
            if self._observer is not None:
                self._observer(BeginWrite(host.id, sent))
            if sent:
                self._send(sent)
            if not host.must_sync():
                self._finish(host)
            elif host.id in self._tearing:
                self._crash(host, self._tearing.pop(host.id))
            else:
                time = int(self._disk_factors[host.id] * self.cluster.disk.draw(self._disks))
                self.schedule(time, self._on_written, host.id, self._lives[host.id])

    def _finish(self, host: Host) -> None:
        sent = host.finish_write()
        if self._observer is not None:
            self._observer(FinishWrite(host.id, sent))
        if sent:
            self._send(sent)
        if host.completed or host.answered:
            self.clients.collect(host)

    def _send(self, messages: list[Any]) -> None:
        for message in messages:
            receiver = message.receiver
            link, plain = self._links[message.sender, receiver]
            if plain:
                self.schedule(link.latency.draw(self._network), self._on_deliver, receiver, message)
                continue
            arrives = False
            for time in link.arrivals(self._network):
                self.schedule(time, self._on_deliver, receiver, message)
                arrives = True
            if not arrives:
                self._lost(message)

    def _lost(self, message: Any) -> None:
        """Nobody hears of it, but whoever transfers a snapshot notices after a while."""
        if type(message) is InstallSnapshot:
            self.schedule(10 * self.cluster.tick, self._report, message.sender, (message.receiver, False))

    def _report(self, target: int, transfer: tuple[int, bool]) -> None:
        host = self.hosts[target]
        if isinstance(host, RaftHost) and host.node is not None:
            host.report_snapshot(*transfer)
            self.happened(host, ReportSnapshot(target, *transfer))

    # --- What faults do

    def _fault_begins(self, _: int, fault: Fault) -> None:
        if isinstance(fault, LastingFault):
            self._lasting.append(fault)
            self._take_conditions()
            self.schedule(fault.until - self.now, self._fault_ends, 0, fault)
        fault.begin(self)

    def _fault_ends(self, _: int, fault: LastingFault) -> None:
        self._lasting.remove(fault)
        self._take_conditions()
        fault.end(self)

    def _take_conditions(self) -> None:
        """Links, clocks and disks as the lasting faults make them."""
        links, ids = dict(self._mesh), self.cluster.ids
        ticks = {n: self.cluster.tick * self.cluster.clocks.get(n, 1.0) for n in ids}
        self._disk_factors = dict.fromkeys(ids, 1.0)
        for fault in self._lasting:
            links = {way: fault.link(way, link) for way, link in links.items()}
            for n in ids:
                ticks[n] *= fault.slower_clock(n)
                self._disk_factors[n] *= fault.slower_disk(n)
        self._links = {way: (link, link.is_plain) for way, link in links.items()}
        self._ticks = {n: max(1, round(time)) for n, time in ticks.items()}

    def crash(self, host: int) -> None:
        """The host loses all that is not synced."""
        if self.hosts[host].node is not None:
            self._crash(self.hosts[host], 0)

    def crash_while_writing(self, host: int, surviving: int) -> None:
        """The host crashes with its next write."""
        self._tearing[host] = surviving

    def _crash(self, host: Host, surviving: int) -> None:
        host.crash(surviving)
        self._lives[host.id] += 1
        self.clients.disconnect(host.id)
        if self._observer is not None:
            self._observer(Crash(host.id, surviving))

    def restart(self, host: int) -> None:
        """The host comes up from its disk."""
        self._tearing.pop(host, None)
        if self.hosts[host].node is None:
            self.hosts[host].restart()
            self.happened(self.hosts[host], Restart(host))

    def transfer(self, target: int) -> None:
        """Whoever leads hands over."""
        for host in self.hosts.values():
            if isinstance(host, RaftHost) and host.id != target and host.node is not None and host.node.role is Role.LEADER:
                host.transfer(target)
                self.happened(host, Transfer(host.id, target))

    def compact(self, host: int) -> None:
        """The host replaces its log by a snapshot."""
        found = self.hosts[host]
        if isinstance(found, RaftHost) and found.can_compact():
            found.compact(found.applied_index)
            self.happened(found, Compact(host, found.applied_index))
