"""The learner: tells when a quorum has voted for a value in one ballot."""

from __future__ import annotations

from impl.paxos.ballot import Ballot, Proposal
from impl.paxos.config import Config
from impl.paxos.errors import MessageError
from impl.paxos.machine import Receiver
from impl.paxos.messages import Accepted, Message


class Learner(Receiver):
    """A learner ("Paxos Made Simple", section 2.3). It has nothing to persist: votes are repeated when a proposer asks again."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.acceptors, (Accepted,))
        self.chosen: Proposal | None = None
        """The value that is chosen, and a ballot in which it is, once this learner knows."""
        self._votes: dict[Ballot, tuple[bytes, set[int]]] = {}

    def _handle(self, message: Message) -> None:
        assert isinstance(message, Accepted), "a learner takes nothing else"
        if self.chosen is not None:
            return
        value, voters = self._votes.get(message.ballot, (message.value, set()))
        if value != message.value:
            raise MessageError("Accepted", "value", f"differs from an earlier vote's in {message.ballot}, and a ballot has one value")
        # Votes count in one ballot only: two halves of two ballots choose nothing.
        self._votes[message.ballot] = (value, voters | {message.sender})
        if self.config.is_quorum(voters | {message.sender}):
            self.chosen = Proposal(message.ballot, value)
            self._votes.clear()
