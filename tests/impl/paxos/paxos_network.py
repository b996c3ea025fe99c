"""Single-Decree Paxos on a hostile network: one seed, one run.

Messages are lost, duplicated and reordered; nodes crash and come back with what they had persisted. What is chosen is counted
here from the votes that were sent, not by the learners under test.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from impl.paxos import Accepted, Acceptor, AcceptorState, Ballot, Config, Learner, Message, Prepare, Promise, Proposer, ProposerState


class Unsafe(AssertionError):
    """A property of consensus fails."""


@dataclass
class Host:
    """A node that plays all roles, and its disk."""

    config: Config
    random: random.Random
    acceptor_state: AcceptorState = field(default_factory=AcceptorState)
    proposer_state: ProposerState = field(default_factory=ProposerState)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin again from the disk."""
        self.acceptor = Acceptor(self.config, self.acceptor_state)
        self.proposer = Proposer(self.config, self.random.randrange, self.proposer_state)
        self.learner = Learner(self.config)

    def step(self, message: Message) -> None:
        """Duty 5: to each machine that takes the kind."""
        if isinstance(message, Accepted):
            self.learner.step(message)
        acceptors = type(message).__name__ in ("Prepare", "Accept")
        (self.acceptor if acceptors else self.proposer).step(message)

    def work(self) -> list[Message]:
        """Duties 1 and 2; answers with what is sent."""
        sent: list[Message] = []
        if self.acceptor.has_ready():
            ready = self.acceptor.ready()
            self.acceptor_state = ready.state or self.acceptor_state
            sent += ready.messages
            self.acceptor.advance()
        if self.proposer.has_ready():
            made = self.proposer.ready()
            self.proposer_state = made.state or self.proposer_state
            sent += made.messages
            self.proposer.advance()
        return sent


class Network:
    """Hosts, messages in flight, and what has been chosen so far."""

    def __init__(self, seed: int, size: int = 3, trouble: bool = True) -> None:
        self.random = random.Random(seed)
        self.trouble = trouble
        nodes = tuple(range(1, size + 1))
        self.hosts = {n: Host(Config(n, nodes, nodes, nodes, retry_ticks=3, backoff_ticks=4), random.Random(seed * 100 + n)) for n in nodes}
        self.flying: list[Message] = []
        self.votes: dict[tuple[Ballot, bytes], set[int]] = {}
        self.proposed: set[bytes] = set()
        self.chosen: set[bytes] = set()

    def run(self, events: int) -> None:
        """So many events, each safe."""
        for _ in range(events):
            self.event()
            self.assert_safe()

    def event(self) -> None:
        """A message arrives or is lost, a node ticks, does its work, or crashes."""
        chance, host = self.random.random(), self.random.choice(list(self.hosts.values()))
        if chance < 0.55 and self.flying:
            self.deliver()
        elif chance < 0.75:
            self.propose(host)
            host.proposer.tick()
        elif chance < 0.97 or not self.trouble:
            self.send(host.work())
        else:
            host.restart()

    def propose(self, host: Host) -> None:
        """A client of each node has its own value, and proposes it again after a crash."""
        if host.proposer.phase.value == "idle":
            value = b"value %d" % host.config.id
            self.proposed.add(value)
            host.proposer.propose(value)

    def deliver(self) -> None:
        """Any message; it may be lost, or stay in flight to arrive again."""
        place = self.random.randrange(len(self.flying))
        fate = self.random.random() if self.trouble else 1
        message = self.flying[place] if 0.1 < fate < 0.25 else self.flying.pop(place)
        if fate > 0.1:
            self.hosts[message.receiver].step(message)

    def send(self, messages: list[Message]) -> None:
        """Into the air; votes are counted."""
        for m in messages:
            if isinstance(m, Accepted):
                voters = self.votes.setdefault((m.ballot, m.value), set())
                voters.add(m.sender)
                if 2 * len(voters) > len(self.hosts):
                    self.chosen.add(m.value)
        self.flying += messages

    def assert_safe(self) -> None:
        """Agreement, validity, and no learner ahead of the votes."""
        if len(self.chosen) > 1:
            raise Unsafe(f"agreement: {self.chosen} are chosen")
        if not self.chosen <= self.proposed:
            raise Unsafe(f"validity: {self.chosen - self.proposed} was never proposed")
        for host in self.hosts.values():
            for learnt in (host.learner.chosen, host.proposer.chosen):
                if learnt is not None and learnt.value not in self.chosen:
                    raise Unsafe(f"node {host.config.id} takes {learnt} for chosen")

    def heal(self) -> None:
        """No more trouble: everybody learns the value."""
        self.trouble = False
        for _ in range(20_000):
            self.event()
            self.assert_safe()
            if all(h.proposer.chosen for h in self.hosts.values()):
                return
        raise Unsafe("nothing is chosen although the network is well")


def prepare(round_: int, proposer: int, acceptor: int) -> Prepare:
    """A request for a promise."""
    return Prepare(Ballot(round_, proposer), proposer, acceptor)


def promise(acceptor: int, ballot: Ballot, vote: object = None) -> Promise:
    """A promise to the ballot's proposer."""
    return Promise(ballot, acceptor, ballot.proposer, vote)
