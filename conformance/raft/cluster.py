"""A cluster whose every event is a call, followed by the checker: what a failing run is told in."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from conformance.raft.checker import Checker
from impl.raft import Config, ProposalRefused, messages
from impl.simulation import events
from impl.simulation.raft_host import RaftHost

Move = tuple[Any, ...]
"""The name of a method of Cluster, and its arguments."""


@dataclass
class Play:
    """A run as a value: the cluster, and what happens in it."""

    nodes: int = 3
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)

    def again(self) -> Cluster:
        """Let it happen; Departure, or what the implementation raises, at the move that fails."""
        cluster = Cluster(self.nodes, self.seed, **self.settings)
        for name, *arguments in self.moves:
            getattr(cluster, name)(*arguments)
        return cluster

    def as_code(self) -> str:
        """Python that does the same."""
        arguments = ", ".join([f"nodes={self.nodes}", f"seed={self.seed}", *(f"{k}={v!r}" for k, v in self.settings.items())])
        calls = [f"c.{name}({', '.join(map(repr, arguments))})" for name, *arguments in self.moves]
        return "\n".join(["from conformance.raft import Cluster", "", f"c = Cluster({arguments})", *calls])


class Cluster:
    """Hosts 1..nodes; each method is an event, and one that cannot happen does nothing.

    Messages wait in order on the link from sender to receiver, until they are delivered or lost.

    Args:
        nodes: how many hosts.
        seed: of the nodes' election timeouts.
        settings: of `impl.raft.Config`.
    """

    def __init__(self, nodes: int = 3, seed: int = 0, **settings: Any) -> None:
        ids = tuple(range(1, nodes + 1))
        self.hosts = {n: RaftHost(Config(n, ids, **settings), Random(f"node {n} of {seed}").randrange) for n in ids}
        self.links: dict[tuple[int, int], list[messages.Message]] = {(a, b): [] for a in ids for b in ids}
        self.checker = Checker(self.hosts)
        self.moves: list[Move] = []
        self._seed, self._settings = seed, settings
        self._commands = 0

    def play(self) -> Play:
        """What has happened so far, as a value."""
        return Play(len(self.hosts), self._seed, self._settings, list(self.moves))

    # --- What happens to a host

    def tick(self, n: int) -> None:
        """A unit of the host's time passes."""
        host = self.hosts[n]
        if host.node is not None:
            self._note("tick", n)
            host.tick()
            self.checker(events.Tick(n))

    def propose(self, n: int, command: bytes | None = None) -> None:
        """A client's command comes in; unless it is given, one that no one has sent before."""
        if self.hosts[n].node is None:
            return
        self._note("propose", n, *([] if command is None else [command]))
        self._commands += 1
        command = command or b"command %d" % self._commands
        try:
            self.hosts[n].propose(command)
        except ProposalRefused:
            return
        self.checker(events.Propose(n, command))

    def read(self, n: int, context: bytes | None = None) -> None:
        """A client's read comes in."""
        if self.hosts[n].node is None:
            return
        self._note("read", n, *([] if context is None else [context]))
        self._commands += 1
        context = context or b"read %d" % self._commands
        try:
            self.hosts[n].read(context)
        except ProposalRefused:
            return
        self.checker(events.Read(n, context))

    def transfer(self, n: int, target: int) -> None:
        """A leader begins to hand over."""
        host = self.hosts[n]
        if host.node is not None and target in host.node.progress:
            self._note("transfer", n, target)
            host.transfer(target)
            self.checker(events.Transfer(n, target))

    def compact(self, n: int) -> None:
        """The host replaces what it has applied by a snapshot."""
        host = self.hosts[n]
        if host.can_compact():
            self._note("compact", n)
            host.compact(host.applied_index)
            self.checker(events.Compact(n, host.applied_index))

    # --- Writes

    def begin(self, n: int) -> None:
        """The host hands out a Ready and begins to write."""
        host = self.hosts[n]
        if host.node is not None and host.writing is None and host.has_work():
            self._note("begin", n)
            sent = host.begin_write()
            self.checker(events.BeginWrite(n, sent))
            self._send(sent)

    def finish(self, n: int) -> None:
        """The write is done."""
        host = self.hosts[n]
        if host.node is not None and host.writing is not None:
            self._note("finish", n)
            sent = host.finish_write()
            self.checker(events.FinishWrite(n, sent))
            self._send(sent)

    def crash(self, n: int, surviving: int = 0) -> None:
        """The host loses all but its disk, and so many pieces of the write under way."""
        host = self.hosts[n]
        if host.node is not None:
            self._note("crash", n, surviving)
            host.crash(surviving)
            self.checker(events.Crash(n, surviving))

    def restart(self, n: int) -> None:
        """The host comes up."""
        host = self.hosts[n]
        if host.node is None:
            self._note("restart", n)
            host.restart()
            self.checker(events.Restart(n))

    # --- The network

    def deliver(self, sender: int, receiver: int, position: int = 0, again: bool = False) -> None:
        """A message of a link arrives, the oldest or a later one; `again` leaves it there, to arrive once more."""
        waiting, host = self.links[sender, receiver], self.hosts[receiver]
        if position >= len(waiting) or host.node is None:
            return
        self._note("deliver", sender, receiver, *([position] if position or again else []), *([again] if again else []))
        message = waiting[position] if again else waiting.pop(position)
        host.receive(message)
        self.checker(events.Deliver(receiver, message))

    def lose(self, sender: int, receiver: int, position: int = 0) -> None:
        """A message never arrives."""
        waiting = self.links[sender, receiver]
        if position < len(waiting):
            self._note("lose", sender, receiver, *([position] if position else []))
            waiting.pop(position)

    def report(self, n: int, follower: int, delivered: bool = True) -> None:
        """The host is told how the transfer of a snapshot ended."""
        host = self.hosts[n]
        if host.node is not None:
            self._note("report", n, follower, delivered)
            host.report_snapshot(follower, delivered)
            self.checker(events.ReportSnapshot(n, follower, delivered))

    # --- Many at once

    def calm(self, rounds: int = 1) -> None:
        """The network and the disks work: so many times, each host writes and every message arrives."""
        for _ in range(rounds):
            for n in self.hosts:
                self.begin(n)
                self.finish(n)
            for (sender, receiver), waiting in self.links.items():
                for _ in range(len(waiting)):
                    snapshot = type(waiting[0]) is messages.InstallSnapshot
                    self.deliver(sender, receiver)
                    if snapshot:
                        self.report(sender, receiver)

    def elect(self, n: int) -> None:
        """The host's patience ends before the others', and the network is calm for a while."""
        host = self.hosts[n]
        if host.node is not None:
            for _ in range(host.node.timeout - host.node.election_elapsed):
                self.tick(n)
            self.calm(4)

    def _send(self, sent: list[messages.Message]) -> None:
        for m in sent:
            self.links[m.sender, m.receiver].append(m)

    def _note(self, *move: Any) -> None:
        self.moves.append(move)
