"""Clients: each asks one thing at a time, asks again where it is not answered, and notes what it was told.

A client that gives up does not know what became of its operation, and says so in the history, unless every host that it asked refused.
Where it asks next is drawn; a host that names the leader is believed.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Protocol, TypeAlias

from impl import multi_paxos, raft
from impl.simulation.events import Event, Propose, Read
from impl.simulation.history import Operation
from impl.simulation.host import Host
from impl.simulation.machines import Reply, Request
from impl.simulation.workload import READS, Requests, Workload

Handler: TypeAlias = Callable[[int, Any], None]


class Run(Protocol):
    """What clients see of a run."""

    now: int
    events: int
    hosts: dict[int, Host]

    def schedule(self, delay: int, handler: Handler, target: int, detail: Any) -> None:
        """Call a handler later."""

    def happened(self, host: Host, event: Event) -> None:
        """A client's request has changed a host."""


class Client:
    """One client, and its operation under way."""

    __slots__ = ("attempt", "giving_up_at", "host", "operation", "request", "unrefused")

    def __init__(self, identity: int, host: int) -> None:
        self.host = host
        """The host that it asks next."""
        self.request = Request(identity, 0, "", "", ())
        self.operation: Operation | None = None
        self.giving_up_at = 0
        self.attempt = 0
        """How many times the operation was asked for; an answer to an earlier attempt is as good."""
        self.unrefused = 0
        """How many attempts were not refused, as far as the client knows."""


class Clients:
    """All clients of a run, and the record of what they did."""

    def __init__(self, run: Run, workload: Workload, random: Random) -> None:
        self.history: list[Operation] = []
        self._run, self._workload, self._random = run, workload, random
        self._requests = Requests(workload, random)
        self._ids = tuple(run.hosts)
        self._clients = [Client(n, random.choice(self._ids)) for n in range(workload.clients)]
        self._stopped = False
        # Who waits at a host: for a command of a client, by its number; for a read, by its context.
        self._commands: dict[int, dict[int, int]] = {n: {} for n in self._ids}
        self._reads: dict[int, dict[bytes, Request]] = {n: {} for n in self._ids}
        for n in range(workload.clients):
            run.schedule(workload.think.draw(random), self._invoke, n, None)

    def stop(self) -> None:
        """No more operations; those under way go on."""
        self._stopped = True

    # --- A client's side

    def _invoke(self, n: int, _: None) -> None:
        """Begin an operation."""
        if self._stopped:
            return
        client, run = self._clients[n], self._run
        name, key, arguments = self._requests.draw()
        client.request = Request(n, client.request.sequence + 1, name, key, arguments)
        client.operation = Operation(n, name, key, arguments, run.now, run.events)
        client.giving_up_at = run.now + self._workload.patience
        client.attempt = client.unrefused = 0
        if self._random.random() < self._workload.roaming:
            client.host = self._random.choice(self._ids)
        self.history.append(client.operation)
        self._ask(n, None)

    def _ask(self, n: int, _: None) -> None:
        client, workload = self._clients[n], self._workload
        client.attempt += 1
        client.unrefused += 1
        attempt = (client.request, client.attempt)
        self._run.schedule(workload.link.draw(self._random), self._arrive, client.host, attempt)
        self._run.schedule(workload.timeout, self._time_out, n, attempt)

    def _time_out(self, n: int, attempt: tuple[Request, int]) -> None:
        client = self._clients[n]
        if client.operation is not None and attempt == (client.request, client.attempt):
            client.host = self._random.choice(self._ids)
            self._ask_again(n, 0)

    def _hear_refusal(self, n: int, refusal: tuple[tuple[Request, int], int | None]) -> None:
        attempt, leader = refusal
        client = self._clients[n]
        if client.operation is None or attempt[0] != client.request:
            return
        client.unrefused -= 1
        if attempt[1] == client.attempt:
            client.host = leader or self._random.choice(self._ids)
            self._ask_again(n, self._workload.pause)

    def _ask_again(self, n: int, pause: int) -> None:
        client = self._clients[n]
        if self._run.now + pause < client.giving_up_at:
            self._run.schedule(pause, self._ask, n, None)
        elif client.operation is not None:
            client.operation.outcome = "unknown" if client.unrefused else "fail"
            self._end(n)

    def _hear(self, n: int, reply: Reply) -> None:
        """An answer; only one to the present operation matters."""
        client, run = self._clients[n], self._run
        operation = client.operation
        if operation is None or reply.sequence != client.request.sequence:
            return
        operation.outcome, operation.result = "ok", reply.result
        operation.returned, operation.returned_event = run.now, run.events
        self._end(n)

    def _end(self, n: int) -> None:
        self._clients[n].operation = None
        self._run.schedule(self._workload.think.draw(self._random), self._invoke, n, None)

    # --- A host's side

    def _arrive(self, target: int, attempt: tuple[Request, int]) -> None:
        """A request comes in: the host takes it, refuses it, or is down and says nothing."""
        host, request = self._run.hosts[target], attempt[0]
        if host.node is None:
            return
        try:
            if request.operation in READS:
                context = b"%d.%d.%d" % (request.client, request.sequence, attempt[1])
                host.read(context)
                self._reads[target][context] = request
                self._run.happened(host, Read(target, context))
            else:
                command = request.encode()
                host.propose(command)
                self._commands[target][request.client] = request.sequence
                self._run.happened(host, Propose(target, command))
        except (raft.ProposalRefused, multi_paxos.ProposalRefused) as refusal:
            hint = (attempt, getattr(refusal, "leader", None))
            self._run.schedule(self._workload.link.draw(self._random), self._hear_refusal, request.client, hint)

    def collect(self, host: Host) -> None:
        """The host has applied commands, or may answer reads: tell the clients that wait there."""
        commands, reads = self._commands[host.id], self._reads[host.id]
        for _, reply in host.completed:
            if commands.get(reply.client) == reply.sequence:
                del commands[reply.client]
                self._run.schedule(self._workload.link.draw(self._random), self._hear, reply.client, reply)
        for context in host.answered:
            request = reads.pop(context, None)
            if request is not None:
                reply = Reply(request.client, request.sequence, host.machine.query(request))
                self._run.schedule(self._workload.link.draw(self._random), self._hear, request.client, reply)
        host.completed, host.answered = [], []

    def disconnect(self, host: int) -> None:
        """The host has crashed: nobody there knows of those who wait."""
        self._commands[host].clear()
        self._reads[host].clear()
