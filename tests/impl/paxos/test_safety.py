"""Agreement, validity and stability on hostile networks; and mistakes in the machines, each of which such runs find."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from paxos_network import Network, Unsafe

from impl.paxos import Acceptor, AcceptorState, Learner, MessageError, Phase, Proposal, Proposer, ProposerState, explicit, weighted
from impl.paxos import config as paxos_config
from impl.paxos.messages import Accept, Accepted, Message, Prepare

EVENTS = 400


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_at_most_one_value_is_chosen_and_it_stays(size: int) -> None:
    for seed in range(40):
        Network(seed, size).run(EVENTS)


def test_once_the_network_is_well_everybody_learns_one_value() -> None:
    for seed in range(30):
        network = Network(seed)
        network.run(EVENTS)
        network.heal()
        assert len(network.chosen) == 1


@given(seed=st.integers(0, 1 << 32), size=st.integers(1, 5))
@settings(max_examples=50)
def test_a_seed_is_a_run(seed: int, size: int) -> None:
    twins = Network(seed, size), Network(seed, size)
    for network in twins:
        network.run(100)
    assert twins[0].flying == twins[1].flying
    assert twins[0].votes == twins[1].votes


Patch = pytest.MonkeyPatch


def forget_promises(patch: Patch) -> None:
    """A promise is sent, and not persisted."""

    def phase_1b(self: Acceptor, m: Prepare) -> None:
        real(self, m)
        self._persisted = self.state

    real = Acceptor._phase_1b
    patch.setattr(Acceptor, "_phase_1b", phase_1b)


def forget_votes(patch: Patch) -> None:
    """A vote is sent, and not persisted."""

    def phase_2b(self: Acceptor, m: Accept) -> None:
        real(self, m)
        self._persisted = self.state

    real = Acceptor._phase_2b
    patch.setattr(Acceptor, "_phase_2b", phase_2b)


def forget_rounds(patch: Patch) -> None:
    """A proposer that comes back uses its first ballot again."""
    real = Proposer.__init__
    patch.setattr(Proposer, "__init__", lambda self, config, random, state=None: real(self, config, random, ProposerState()))


def vote_below_the_promise(patch: Patch) -> None:
    """An acceptor votes in any ballot."""

    def handle(self: Acceptor, message: Message) -> None:
        if isinstance(message, Accept):
            self._phase_2b(message)
        else:
            real(self, message)

    real = Acceptor._handle
    patch.setattr(Acceptor, "_handle", handle)


def report_no_vote(patch: Patch) -> None:
    """A promise tells nothing of the acceptor's vote."""

    def phase_1b(self: Acceptor, m: Prepare) -> None:
        state, self.state = self.state, AcceptorState(self.state.max_bal)
        real(self, m)
        self.state = AcceptorState(self.state.max_bal, state.max_vote)

    real = Acceptor._phase_1b
    patch.setattr(Acceptor, "_phase_1b", phase_1b)


def adopt_the_lowest_vote(patch: Patch) -> None:
    """A proposer adopts a vote, but not the highest."""
    patch.setattr(Proposer, "_adopt", lambda self, votes: min(votes).value)


def adopt_no_vote(patch: Patch) -> None:
    """A proposer proposes its own value, whatever was reported."""
    patch.setattr(Proposer, "_adopt", lambda self, votes: self._value)


def half_a_quorum(patch: Patch) -> None:
    """One acceptor fewer than a majority suffices."""
    patch.setattr(paxos_config, "majority", lambda acceptors: lambda present: 2 * len(present) > len(acceptors) - 2)


def count_votes_across_ballots(patch: Patch) -> None:
    """A learner counts voters whatever they voted for."""

    def handle(self: Learner, message: Accepted) -> None:
        voters = self.__dict__.setdefault("voters", set())
        voters.add(message.sender)
        if self.config.is_quorum(voters):
            self.chosen = Proposal(message.ballot, message.value)

    patch.setattr(Learner, "_handle", handle)


def go_on_after_one_promise(patch: Patch) -> None:
    """A proposer enters phase 2 on the first promise."""

    def handle(self: Proposer, message: Message) -> None:
        real(self, message)
        if self.phase is Phase.PREPARING and self._promises:
            self._phase_2a()

    real = Proposer._handle
    patch.setattr(Proposer, "_handle", handle)


MUTANTS: list[Callable[[Patch], None]] = [
    forget_promises,
    forget_votes,
    forget_rounds,
    vote_below_the_promise,
    report_no_vote,
    adopt_the_lowest_vote,
    adopt_no_vote,
    half_a_quorum,
    count_votes_across_ballots,
    go_on_after_one_promise,
]


def many_runs() -> None:
    for seed in range(3000):
        Network(seed, 3 if seed % 2 else 5).run(EVENTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.__name__)
def test_a_mistake_is_found(mutant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutant(monkeypatch)
    with pytest.raises((Unsafe, MessageError)):
        many_runs()


@pytest.mark.parametrize("quorums", [weighted({1: 3, 2: 1, 3: 1}), explicit([1, 2], [2, 3])], ids=["weighted", "explicit"])
def test_any_quorum_system_will_do(quorums: Callable[..., bool]) -> None:
    for seed in range(20):
        network = Network(seed)
        for host in network.hosts.values():
            c = host.config
            host.config = paxos_config.Config(c.id, c.proposers, c.acceptors, c.learners, quorums, 3, 4)
            host.restart()
        network.trouble = False
        for _ in range(5000):
            network.event()
        values = {h.proposer.chosen.value for h in network.hosts.values() if h.proposer.chosen}
        assert len(values) == 1
