"""The proposer: leads ballots, one after the other, until a value is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from impl.paxos.ballot import Ballot, Proposal, next_ballot
from impl.paxos.config import Config
from impl.paxos.errors import UsageError
from impl.paxos.machine import Machine
from impl.paxos.messages import Accept, Accepted, Message, Nack, Prepare, Promise

RandomSource = Callable[[int], int]
"""An integer from 0 up to, not including, the argument; e.g. `random.Random(seed).randrange`."""


@dataclass(frozen=True, slots=True)
class ProposerState:
    """What a proposer must never forget: to use a ballot again could be to propose two values in it."""

    round: int = 0
    """The round of its latest ballot."""


class Phase(Enum):
    """What a proposer is about."""

    IDLE = "idle"
    PREPARING = "phase 1"
    ACCEPTING = "phase 2"
    BACKING_OFF = "backing off"
    DONE = "done"


_MOST_DOUBLINGS = 6


class Proposer(Machine[ProposerState]):
    """A proposer ("Paxos Made Simple", section 2.2): `phase_1a` and `phase_2a`, with retries (section 2.4)."""

    def __init__(self, config: Config, random: RandomSource, state: ProposerState | None = None) -> None:
        super().__init__(config, config.acceptors, (Promise, Accepted, Nack), state or ProposerState())
        self.phase = Phase.IDLE
        self.ballot: Ballot | None = None
        """The ballot that it leads."""
        self.chosen: Proposal | None = None
        """The value that is chosen, in which ballot, once it knows."""
        self._random = random
        self._value = b""
        self._proposed = b""
        self._promises: dict[int, Promise] = {}
        self._accepted: set[int] = set()
        self._highest_seen: Ballot | None = None
        self._refusals = 0
        self._wait = 0

    def propose(self, value: bytes) -> None:
        """Try to have a value chosen; perhaps another is (see `chosen`). UsageError if it is not bytes, or not the first."""
        if type(value) is not bytes:
            raise UsageError(f"propose: {type(value).__name__} is not bytes; encode the value")
        if self.phase is not Phase.IDLE:
            raise UsageError("propose: this proposer has a value already; there is one value to choose")
        self._value = value
        self._phase_1a()

    def tick(self) -> None:
        """A unit of time has passed: ask again, or begin a higher ballot after backing off."""
        if self.phase in (Phase.IDLE, Phase.DONE):
            return
        self._wait -= 1
        if self._wait > 0:
            return
        if self.phase is Phase.BACKING_OFF:
            self._phase_1a()
        else:
            self._ask()

    def _handle(self, message: Message) -> None:
        if message.ballot != self.ballot:
            return  # an answer to a ballot that was given up
        if isinstance(message, Promise) and self.phase is Phase.PREPARING:
            self._promises[message.sender] = message
            if self.config.is_quorum(self._promises.keys()):
                self._phase_2a()
        elif isinstance(message, Accepted) and self.phase in (Phase.ACCEPTING, Phase.BACKING_OFF):
            self._accepted.add(message.sender)
            if self.config.is_quorum(self._accepted):
                self.phase, self.chosen = Phase.DONE, Proposal(message.ballot, message.value)
        elif isinstance(message, Nack) and self.phase in (Phase.PREPARING, Phase.ACCEPTING):
            self._back_off(message)

    def _phase_1a(self) -> None:
        """Begin a ballot above all that it has led or heard of."""
        own = Ballot(self.state.round, self.config.id)
        self.ballot = next_ballot(self.config.id, own, self._highest_seen)
        self.state = ProposerState(self.ballot.round)
        self.phase = Phase.PREPARING
        self._promises, self._accepted = {}, set()
        self._ask()

    def _phase_2a(self) -> None:
        """Propose the value of the highest vote that the quorum reports, or one's own where there is none."""
        votes = [p.highest_vote for p in self._promises.values() if p.highest_vote is not None]
        self._proposed = self._adopt(votes) if votes else self._value
        self.phase = Phase.ACCEPTING
        self._ask()

    def _adopt(self, votes: list[Proposal]) -> bytes:
        return max(votes).value

    def _ask(self) -> None:
        """Send the request of the present phase to all who have not answered it."""
        assert self.ballot is not None, "it leads a ballot in both phases"
        for a in self.config.acceptors:
            if self.phase is Phase.PREPARING and a not in self._promises:
                self._outbox.append(Prepare(self.ballot, self.config.id, a))
            elif self.phase is Phase.ACCEPTING and a not in self._accepted:
                self._outbox.append(Accept(self.ballot, self.config.id, a, self._proposed))
        self._wait = self.config.retry_ticks

    def _back_off(self, m: Nack) -> None:
        """Another proposer is ahead: leave it some time, each of us another, or we could outbid each other for ever."""
        self._highest_seen = m.promised if self._highest_seen is None else max(self._highest_seen, m.promised)
        self.phase = Phase.BACKING_OFF
        self._wait = 1 + self._random(self.config.backoff_ticks << min(self._refusals, _MOST_DOUBLINGS))
        self._refusals += 1
