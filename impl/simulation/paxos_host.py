"""A machine that runs Single-Decree Paxos in all roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from impl.paxos import Accept, Accepted, Acceptor, AcceptorState, Config, Learner, Message, Phase, Prepare, Proposer, ProposerState
from impl.paxos.machine import Ready
from impl.simulation.disk import Disk
from impl.simulation.host import CommandLog, Host, StateMachine

Write: TypeAlias = AcceptorState | ProposerState


@dataclass(slots=True)
class PaxosStorage:
    """What a node that is acceptor and proposer has persisted."""

    acceptor: AcceptorState
    proposer: ProposerState


@dataclass(slots=True)
class PaxosNode:
    """The three machines of a node."""

    acceptor: Acceptor
    proposer: Proposer
    learner: Learner

    def step(self, message: Message) -> None:
        """Duty 5: to each machine that takes the kind."""
        if isinstance(message, Accepted):
            self.learner.step(message)
        (self.acceptor if isinstance(message, Prepare | Accept) else self.proposer).step(message)

    def has_ready(self) -> bool:
        """Whether a machine has something to do."""
        return self.acceptor.has_ready() or self.proposer.has_ready()

    @property
    def chosen(self) -> bytes | None:
        """The value chosen, once the node knows."""
        known = self.learner.chosen or self.proposer.chosen
        return known.value if known else None


class PaxosHost(Host):
    """The machines of a node, its disk, and a state machine that is applied to the one command that is chosen.

    Single-Decree Paxos chooses one command. To replicate an object with it, all clients propose a compare-and-set of its first
    value: the chosen one succeeds, and every other fails, whoever answers it. So a host that knows what is chosen applies it, and
    after it the commands of its own clients, which change nothing more.
    """

    __slots__ = ("_decided", "_proposed")

    node: PaxosNode | None
    disk: Disk[PaxosStorage, Write]
    machine: StateMachine
    writing: list[tuple[Acceptor | Proposer, list[Message]]] | None

    def __init__(self, config: Config, random: Callable[[int], int], machine: Callable[[], StateMachine] = CommandLog) -> None:
        super().__init__(config, random, machine, Disk(PaxosStorage(AcceptorState(), ProposerState()), _put, _whole))

    def _make_node(self) -> PaxosNode:
        """Duty 3: machines from what was persisted."""
        storage = self.disk.storage
        return PaxosNode(Acceptor(self.config, storage.acceptor), Proposer(self.config, self._random, storage.proposer), Learner(self.config))

    def _begin(self) -> None:
        super()._begin()
        self._proposed: list[bytes] = []
        self._decided = False

    def has_work(self) -> bool:
        """Whether begin_write would have anything to do; False during a write."""
        return self.writing is None and super().has_work()

    def tick(self) -> None:
        """A unit of the host's own time passes."""
        self._up().proposer.tick()

    def receive(self, message: Message) -> None:
        """A message arrives."""
        node: PaxosNode = self._up()
        node.step(message)
        if node.chosen is not None:
            self._decide(node.chosen)

    def propose(self, command: bytes) -> None:
        """A client's command; while the proposer is busy with another one's, the client waits to hear which is chosen."""
        node: PaxosNode = self._up()
        self._proposed.append(command)
        if node.chosen is not None:
            self._decide(node.chosen)
        elif node.proposer.phase is Phase.IDLE:
            node.proposer.propose(command)

    def read(self, context: bytes) -> None:
        """A client's read, to be answered once the node knows what is chosen."""
        node: PaxosNode = self._up()
        self._reads.append(context)
        if node.chosen is not None:
            self._decide(node.chosen)

    def begin_write(self) -> list[Message]:
        """Duties 1 and 2, the first half; no message may leave before the write."""
        node: PaxosNode = self._up()
        self.writing = []
        for machine in (node.acceptor, node.proposer):
            if machine.has_ready():
                ready: Ready[AcceptorState] | Ready[ProposerState] = machine.ready()
                if ready.state is not None:
                    self.disk.unsynced.append(ready.state)
                self.writing.append((machine, ready.messages))
        return []

    def finish_write(self) -> list[Message]:
        """Duties 1 and 2, the second half."""
        done: list[tuple[Acceptor | Proposer, list[Message]]] = self._written()
        for machine, _ in done:
            machine.advance()
        return [message for _, messages in done for message in messages]

    def _decide(self, chosen: bytes) -> None:
        if not self._decided:
            self._decided = True
            self.completed.append((chosen, self.machine.apply(chosen)))
        self.completed += [(command, self.machine.apply(command)) for command in self._proposed]
        self.answered += self._reads
        self._proposed, self._reads = [], []


def _put(storage: PaxosStorage, write: Write) -> None:
    if isinstance(write, AcceptorState):
        storage.acceptor = write
    else:
        storage.proposer = write


def _whole(write: Write) -> Iterator[Write]:
    """A state is written in one piece."""
    yield write
