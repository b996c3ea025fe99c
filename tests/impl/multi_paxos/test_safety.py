"""Agreement and progress on hostile networks with torn writes; and mistakes in the nodes, each of which such runs find."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from log_network import Network, Unsafe

from impl.multi_paxos import Accept, ConfigError, MessageError, Node, Prepare, ReadState, Run, VotedUpTo, WhatWasVoted
from impl.multi_paxos import config as multi_config
from impl.multi_paxos.leadership import Candidacy, Leadership
from impl.multi_paxos.log import Log
from impl.multi_paxos.node import _HANDLERS
from impl.multi_paxos.reads import QuorumReads
from impl.paxos.ballot import Ballot

EVENTS = 1500


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_every_slot_has_one_choice_and_it_stays(size: int) -> None:
    lengths, answered = [], 0
    for seed in range(20):
        network = Network(seed, size)
        network.run(EVENTS)
        lengths.append(max(len(h.applied) for h in network.hosts.values()))
        answered += network.answered
    assert max(lengths) > 10, "runs that choose nothing test nothing"
    assert answered > 100, "runs that read nothing test no reads"


@pytest.mark.parametrize("size", [1, 3, 5])
def test_once_the_network_is_well_everybody_applies_the_same_log(size: int) -> None:
    for seed in range(20):
        network = Network(seed, size)
        network.run(EVENTS)
        network.heal()
        assert len({tuple(h.applied) for h in network.hosts.values()}) == 1


@given(seed=st.integers(0, 1 << 32), open_slots=st.integers(1, 8), batch=st.integers(1, 100))
@settings(max_examples=40)
def test_small_windows_and_batches_are_as_safe(seed: int, open_slots: int, batch: int) -> None:
    network = Network(seed, 3, max_open_slots=open_slots, max_batch_bytes=batch)
    network.run(500)
    network.heal()


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=20)
def test_a_seed_is_a_run(seed: int) -> None:
    twins = Network(seed), Network(seed)
    for network in twins:
        network.run(300)
    assert twins[0].flying == twins[1].flying
    assert twins[0].chosen == twins[1].chosen


Patch = pytest.MonkeyPatch


def forget_promises(patch: Patch) -> None:
    """A promise is not persisted."""

    def prepare(self: Node, m: Any) -> None:
        real(self, m)
        self._handed_max_bal = self.max_bal

    real = Node._prepare
    patch.setitem(_HANDLERS, Prepare, prepare)


def forget_votes(patch: Patch) -> None:
    """A follower's votes are not persisted."""

    def accept(self: Node, m: Any) -> None:
        votes = list(self._out.votes)
        real(self, m)
        self._out.votes = votes

    real = Node._accept
    patch.setitem(_HANDLERS, Accept, accept)


def use_a_ballot_twice(patch: Patch) -> None:
    """A candidate does not persist its ballot."""

    def stand(self: Node) -> None:
        real(self)
        self._handed_max_bal = self.max_bal

    real = Node._stand
    patch.setattr(Node, "_stand", stand)


def vote_below_the_promise(patch: Patch) -> None:
    """A node takes part in every ballot."""
    patch.setattr(Node, "_refuses", lambda self, m: False)


def adopt_the_last_vote_reported(patch: Patch) -> None:
    """Of two votes reported for a slot, the candidate takes the one that it hears of last."""

    def promise(self: Candidacy, acceptor: int, votes: list[Any]) -> bool:
        for vote in votes:
            self._highest.pop(vote.slot, None)
        return real(self, acceptor, votes)

    real = Candidacy.promise
    patch.setattr(Candidacy, "promise", promise)


def fill_every_slot_with_noops(patch: Patch) -> None:
    """A new leader takes open slots for gaps."""
    real = Candidacy.open_commands
    patch.setattr(Candidacy, "open_commands", lambda self: [b""] * len(real(self)))


def propose_nothing_again(patch: Patch) -> None:
    """A new leader begins with empty slots, whatever was reported."""
    patch.setattr(Candidacy, "open_commands", lambda self: [])


def one_vote_suffices(patch: Patch) -> None:
    """One member fewer than a majority is a quorum."""
    patch.setattr(multi_config, "majority", lambda members: lambda present: 2 * len(present) > len(members) - 2)


def commit_votes_of_any_ballot(patch: Patch) -> None:
    """A follower takes what it voted for in an older ballot for what the leader says is chosen."""

    def commit(self: Log, ballot: Ballot, limit: int) -> None:
        while self.commit_index < min(limit, self.last_slot) and self._ballots[self.commit_index] is not None:
            self.commit_index += 1

    patch.setattr(Log, "commit_voted_in", commit)


def acknowledge_at_once(patch: Patch) -> None:
    """Votes are sent before they are written."""

    def accept(self: Node, m: Any) -> None:
        real(self, m)
        self._out.messages += self._out.messages_after_write
        self._out.messages_after_write = []

    real = Node._accept
    patch.setitem(_HANDLERS, Accept, accept)


def commit_over_gaps(patch: Patch) -> None:
    """A leader takes all slots up to one that is chosen for chosen."""

    def count(self: Leadership, acceptor: int, first_slot: int, last_slot: int) -> bool:
        pending = self._pending.get(first_slot)
        found = real(self, acceptor, first_slot, last_slot)
        if pending is not None and self._tally.is_quorum(pending.voters):
            self._log.commit_index = max(self._log.commit_index, pending.run.last_slot)
        return found

    real = Leadership.count
    patch.setattr(Leadership, "count", count)


def report_too_few_slots(patch: Patch) -> None:
    """An acceptor's promise leaves out the first open slot."""
    real = Log.votes_from
    patch.setattr(Log, "votes_from", lambda self, slot: real(self, slot + 1))


def shift_a_run(patch: Patch) -> None:
    """A follower stores a run one slot too late where its log is empty."""
    real: Callable[[Log, Run], None] = Log.vote
    patch.setattr(Log, "vote", lambda self, run: real(self, run._replace(first_slot=run.first_slot + (self.last_slot == 0))))


def read_what_one_node_has_voted_for(patch: Patch) -> None:
    """A read asks nobody."""

    def begin(self: QuorumReads, context: bytes, last_slot: int, out: Any) -> None:
        out.read_states.append(ReadState(context, last_slot))

    patch.setattr(QuorumReads, "begin", begin)


def read_what_is_known_to_be_chosen(patch: Patch) -> None:
    """Members tell a reader what they know to be chosen, which may be less than what is."""

    def what_was_voted(self: Node, m: Any) -> None:
        self._out.messages.append(VotedUpTo(self.config.id, m.sender, m.context, self.commit_index))

    patch.setitem(_HANDLERS, WhatWasVoted, what_was_voted)


def take_the_last_answer(patch: Patch) -> None:
    """Of the slots that a quorum tells of, a reader takes the last one told."""

    def count(self: QuorumReads, member: int, context: bytes, last_slot: int, out: Any) -> None:
        self._pending[context].read_index = 0
        real(self, member, context, last_slot, out)

    real = QuorumReads._count
    patch.setattr(QuorumReads, "_count", count)


MUTANTS: list[Callable[[Patch], None]] = [
    forget_promises,
    forget_votes,
    use_a_ballot_twice,
    vote_below_the_promise,
    adopt_the_last_vote_reported,
    fill_every_slot_with_noops,
    propose_nothing_again,
    one_vote_suffices,
    commit_votes_of_any_ballot,
    acknowledge_at_once,
    commit_over_gaps,
    report_too_few_slots,
    shift_a_run,
    read_what_one_node_has_voted_for,
    read_what_is_known_to_be_chosen,
    take_the_last_answer,
]


def many_runs() -> None:
    for seed in range(600):
        Network(seed, 3 if seed % 4 else 5).run(EVENTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.__name__)
def test_a_mistake_is_found(mutant: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutant(monkeypatch)
    with pytest.raises((Unsafe, MessageError, ConfigError)):
        many_runs()
