"""A cluster whose every event is a call, followed by a checker: what a failing run is told in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from conformance.told import remark, told_message
from impl.simulation import events

Move: TypeAlias = tuple[Any, ...]
"""The name of a method of a cluster, and its arguments."""

PATIENCE = 1_000
"""Rounds of ticks and messages after which a cluster that gets nothing done is stuck. Correct ones need a fifth of it at most."""


_WIDEST = 28
"""Characters of a call, so that what comes of it stands in a column."""


class Stuck(Exception):
    """All hosts are up and nothing gets in their way, but clients are not served."""


class Cluster:
    """Hosts 1..nodes; each method is an event, and one that cannot happen does nothing.

    Messages wait in order on the link from sender to receiver, until they are delivered or lost.

    A class of its own for each implementation makes the hosts, and may be called with `nodes`, `seed` and the settings.

    Args:
        hosts: the hosts.
        checker: called with each event, after it happened.
        seed: of the hosts' own chance.
        settings: of the implementation's Config.
        refusals: what a host raises where it does not take a client's command.
    """

    weights: ClassVar[Mapping[str, float]] = {"message": 50, "write": 27, "tick": 7, "propose": 8, "crash": 1.5, "partition": 0.7}
    """How often what happens in a random run, of the middle sort: methods of Chaos, or of this class with a host as their argument."""

    def __init__(
        self,
        hosts: Mapping[int, Any],
        checker: Callable[[events.Event], None],
        seed: int,
        settings: dict[str, Any],
        refusals: tuple[type[Exception], ...] = (),
    ) -> None:
        self.hosts, self.checker = hosts, checker
        self._seed, self._settings = seed, settings
        self.links: dict[tuple[int, int], list[Any]] = {(a, b): [] for a in hosts for b in hosts}
        self.moves: list[Move] = []
        """The calls that had an effect."""
        self.writing: set[int] = set()
        """The hosts whose write is under way."""
        self._refusals = refusals
        self._commands = 0

    def play(self) -> Play:
        """What has happened so far, as a value."""
        return Play(type(self), len(self.hosts), self._seed, self._settings, list(self.moves))

    # --- What happens to a host

    def tick(self, n: int) -> None:
        """A unit of the host's time passes."""
        if self.hosts[n].node is not None:
            self._note("tick", n)
            self.hosts[n].tick()
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
        except self._refusals:
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
        except self._refusals:
            return
        self.checker(events.Read(n, context))

    def begin(self, n: int) -> None:
        """The host hands out a Ready and begins to write."""
        if self.hosts[n].has_work() and n not in self.writing:
            self._note("begin", n)
            self.writing.add(n)
            sent = self.hosts[n].begin_write()
            self.checker(events.BeginWrite(n, sent))
            self._send(sent)

    def finish(self, n: int) -> None:
        """The write is done."""
        if n in self.writing:
            self._note("finish", n)
            self.writing.remove(n)
            sent = self.hosts[n].finish_write()
            self.checker(events.FinishWrite(n, sent))
            self._send(sent)

    def crash(self, n: int, surviving: int = 0) -> None:
        """The host loses all but its disk, and so many pieces of the write under way."""
        if self.hosts[n].node is not None:
            self._note("crash", n, surviving)
            self.writing.discard(n)
            self.hosts[n].crash(surviving)
            self.checker(events.Crash(n, surviving))

    def restart(self, n: int) -> None:
        """The host comes up."""
        if self.hosts[n].node is None:
            self._note("restart", n)
            self.hosts[n].restart()
            self.checker(events.Restart(n))

    # --- The network

    def deliver(self, sender: int, receiver: int, position: int = 0, again: bool = False) -> None:
        """A message of a link arrives, the oldest or a later one; with `again`, a copy goes to the end of the link."""
        waiting = self.links[sender, receiver]
        if position >= len(waiting) or self.hosts[receiver].node is None:
            return
        self._note("deliver", sender, receiver, *([position] if position or again else []), *([again] if again else []))
        message = waiting.pop(position)
        if again:
            waiting.append(message)
        self.hosts[receiver].receive(message)
        self.checker(events.Deliver(receiver, message))

    def lose(self, sender: int, receiver: int, position: int = 0) -> None:
        """A message never arrives."""
        waiting = self.links[sender, receiver]
        if position < len(waiting):
            self._note("lose", sender, receiver, *([position] if position else []))
            waiting.pop(position)

    def arrived(self, message: Any, delivered: bool) -> None:
        """What follows from a message's arrival, or its loss, besides."""

    # --- Many at once

    def work(self, n: int) -> None:
        """The host writes what it has to."""
        self.begin(n)
        self.finish(n)

    def deliver_all(self, sender: int, receiver: int) -> None:
        """All that waits on a link arrives."""
        for _ in list(self.links[sender, receiver]):
            self.deliver(sender, receiver)

    def cut(self, sender: int, receiver: int) -> None:
        """All that waits on a link is lost."""
        for _ in list(self.links[sender, receiver]):
            self.lose(sender, receiver)

    def calm(self, rounds: int = 1) -> None:
        """The network and the disks work: so many times, each host writes and every message arrives."""
        for _ in range(rounds):
            for n in self.hosts:
                self.work(n)
            for (sender, receiver), waiting in self.links.items():
                for message in list(waiting):
                    self.deliver(sender, receiver)
                    self.arrived(message, True)

    def recover(self) -> None:
        """The trouble is over: all hosts come up, every message arrives, clients ask again; Stuck where their commands are not carried out everywhere."""
        noted = len(self.moves)
        for n in self.hosts:
            self.restart(n)
        done = {n: len(host.completed) for n, host in self.hosts.items()}
        late = set(self.hosts)
        for number in range(PATIENCE):
            for n in self.hosts:
                self.tick(n)
                if number % 8 == 0:
                    self.propose(n, b"after the trouble: command %d at host %d" % (number, n))
            self.calm(2)
            late -= {n for n in late if any(command.startswith(b"after") for command, _ in self.hosts[n].completed[done[n] :])}
            if not late:
                return
        del self.moves[noted:]
        self._note("recover")
        raise Stuck(
            f"all hosts were up and all messages arrived for {PATIENCE} ticks, but host {min(late)} has carried out no command that clients gave meanwhile: "
            "the cluster makes no progress"
        )

    def _send(self, sent: list[Any]) -> None:
        for m in sent:
            self.links[m.sender, m.receiver].append(m)

    def _note(self, *move: Any) -> None:
        self.moves.append(move)


@dataclass
class Play:
    """A run as a value: the cluster, and what happens in it.

    Attributes:
        make: The class of the cluster, which takes `nodes`, `seed` and the settings.
        nodes: How many hosts.
        seed: Of the hosts' own chance.
        settings: Of the implementation's Config.
        moves: What happens.
    """

    make: Callable[..., Cluster]
    nodes: int
    seed: int
    settings: dict[str, Any]
    moves: list[Move] = field(default_factory=list)

    def again(self) -> Cluster:
        """Let it happen; Departure, or what the implementation raises, at the move that fails."""
        cluster = self.make(self.nodes, self.seed, **self.settings)
        for name, *arguments in self.moves:
            getattr(cluster, name)(*arguments)
        return cluster

    def as_code(self) -> str:
        """Python that does the same, with what comes of each call."""
        package = self.make.__module__.rpartition(".")[0]
        arguments = ", ".join([f"nodes={self.nodes}", f"seed={self.seed}", *(f"{k}={v!r}" for k, v in self.settings.items())])
        calls = [as_call(move) for move in self.moves]
        width = min(_WIDEST, max(map(len, calls), default=0))
        lines = [f"{call:<{width}}  # {said}" if said else call for call, said in zip(calls, self.remarks(), strict=True)]
        return "\n".join([f"from {package} import Cluster", "", f"c = Cluster({arguments})", *lines])

    def remarks(self) -> list[str]:
        """What comes of each call: the message that arrives or is lost, those that leave, and the role that the host then has."""
        cluster = self.make(self.nodes, self.seed, **self.settings)
        checker, heard = cluster.checker, [""] * len(self.moves)

        def hear(event: events.Event) -> None:
            heard[number] = remark(event)
            checker(event)

        cluster.checker = hear
        for number, (name, *arguments) in enumerate(self.moves):
            before = _roles(cluster)
            with suppress(Exception):  # the failure that this run is about
                if name == "lose":
                    heard[number] = told_message(cluster.links[arguments[0], arguments[1]][arguments[2] if len(arguments) > 2 else 0])
                getattr(cluster, name)(*arguments)
            changed = [f"host {n} is {role} now" for n, role in _roles(cluster).items() if role and role != before[n] and name != "restart"]
            heard[number] = "; ".join([heard[number]] * bool(heard[number]) + changed)
        return heard


def _roles(cluster: Cluster) -> dict[int, str]:
    """What each host is, where its nodes have roles."""
    roles = {n: getattr(host.node, "role", None) for n, host in cluster.hosts.items()}
    return {n: "" if role is None else str(role.value) for n, role in roles.items()}


def as_call(move: Move) -> str:
    """Python for a move."""
    name, *arguments = move
    return f"c.{name}({', '.join(map(repr, arguments))})"
