"""The acceptor: keeps one promise and one vote, and answers for them."""

from __future__ import annotations

from dataclasses import dataclass

from impl.paxos.ballot import Ballot, Proposal
from impl.paxos.config import Config
from impl.paxos.errors import ConfigError
from impl.paxos.machine import Machine
from impl.paxos.messages import Accept, Accepted, Message, Nack, Prepare, Promise


@dataclass(frozen=True, slots=True)
class AcceptorState:
    """What an acceptor must never forget."""

    max_bal: Ballot | None = None
    """The highest ballot that it has taken part in."""
    max_vote: Proposal | None = None
    """The highest ballot in which it voted, with the value."""


class Acceptor(Machine[AcceptorState]):
    """An acceptor ("Paxos Made Simple", section 2.2): `phase_1b` and `phase_2b`."""

    def __init__(self, config: Config, state: AcceptorState | None = None) -> None:
        """An acceptor that begins, or goes on from what it last persisted; ConfigError for a state that none can be in."""
        state = AcceptorState() if state is None else state
        if state.max_vote is not None and (state.max_bal is None or state.max_bal < state.max_vote.ballot):
            raise ConfigError(f"state: a vote in {state.max_vote.ballot} is above the highest ballot taken part in, {state.max_bal}")
        super().__init__(config, config.proposers, (Prepare, Accept), state)

    def _handle(self, message: Message) -> None:
        max_bal = self.state.max_bal
        if max_bal is not None and message.ballot < max_bal:
            self._outbox.append(Nack(message.ballot, self.config.id, message.sender, max_bal))
        elif isinstance(message, Accept):
            self._phase_2b(message)
        elif isinstance(message, Prepare):
            self._phase_1b(message)

    def _phase_1b(self, m: Prepare) -> None:
        """Promise; a repeated request gets the same promise again, for the first may have been lost."""
        vote = self.state.max_vote
        if vote is not None and vote.ballot == m.ballot:
            return  # the proposer has gone on to phase 2, and a promise made now would report what the first did not
        self.state = AcceptorState(m.ballot, vote)
        self._outbox.append(Promise(m.ballot, self.config.id, m.sender, vote))

    def _phase_2b(self, m: Accept) -> None:
        """Vote, and tell all learners and the proposer."""
        self.state = AcceptorState(m.ballot, Proposal(m.ballot, m.value))
        receivers = dict.fromkeys((*self.config.learners, m.sender))
        self._outbox += [Accepted(m.ballot, self.config.id, receiver, m.value) for receiver in receivers]
