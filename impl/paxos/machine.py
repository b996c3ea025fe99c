"""What the machines have in common: which messages they take, and how they hand over what is to be done."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from impl.paxos.config import Config
from impl.paxos.errors import UsageError
from impl.paxos.messages import Message, check

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Ready(Generic[State]):
    """What the caller has to do: persist, then send."""

    state: State | None
    """To be on stable storage before any of the messages is sent; None where nothing has changed."""
    messages: list[Message]


class Receiver(ABC):
    """Takes messages of some kinds from some senders."""

    def __init__(self, config: Config, senders: tuple[int, ...], takes: tuple[type, ...]) -> None:
        self.config = config
        self.ignored_messages = 0
        """Messages ignored, because their senders are unknown."""
        self._senders, self._takes = frozenset(senders), takes

    def step(self, message: Message) -> None:
        """Take a message; MessageError, and no change, for a malformed one or one of a kind that goes to another role."""
        check(message, self._takes, self.config.id)
        if message.sender not in self._senders:
            self.ignored_messages += 1
            return
        self._handle(message)

    @abstractmethod
    def _handle(self, message: Message) -> None:
        """Take a message of a kind that goes to this role."""


class Machine(Receiver, Generic[State]):
    """A receiver that has a persistent state and sends messages."""

    def __init__(self, config: Config, senders: tuple[int, ...], takes: tuple[type, ...], state: State) -> None:
        super().__init__(config, senders, takes)
        self.state = state
        """What survives a crash once it was persisted; replaced, never changed."""
        self._persisted = state
        self._outbox: list[Message] = []
        self._handed_over: Ready[State] | None = None

    def has_ready(self) -> bool:
        """Whether a Ready would hold anything to do; False between ready and advance."""
        return self._handed_over is None and bool(self._outbox or self.state != self._persisted)

    def ready(self) -> Ready[State]:
        """What is to be done now; UsageError where `advance` has not confirmed the previous Ready."""
        if self._handed_over is not None:
            raise UsageError("ready: the previous Ready is not confirmed; call advance() when its duties are done")
        self._handed_over = Ready(self.state if self.state != self._persisted else None, self._outbox)
        self._outbox = []
        return self._handed_over

    def advance(self) -> None:
        """Confirm that the state of the last Ready is persisted and its messages are sent; UsageError where there is none."""
        if self._handed_over is None:
            raise UsageError("advance: there is no Ready to confirm; call ready() first")
        if self._handed_over.state is not None:
            self._persisted = self._handed_over.state
        self._handed_over = None
