"""`spec/etcd_raft.py`: what must be possible is possible, its spaces are what TLC counts, and what its majorities mean.

What each rule prevents stands in `test_etcd_raft_rules.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from etcd_play import BOUNDS, STAGED, Play, restore, snapshot, snapshot_under_way

from model_check.check import check
from spec.etcd_raft import EtcdRaft
from spec.etcd_records import Kind, Node
from spec.language import Scope, is_majority
from spec.replicated_log import Index

WITNESSES = [p.name for p in EtcdRaft.ir.of_kind("witness")]
PLAYS: dict[str, Callable[[], Play]] = {}


def test_a_majority_of_a_set_is_more_than_half_of_it() -> None:
    a, b, c, d = (Node(i) for i in range(4))
    assert is_majority(frozenset({a, b}), frozenset({a, b, c}))
    assert not is_majority(frozenset({a, b}), frozenset({a, b, c, d}))
    assert not is_majority(frozenset({c, d}), frozenset({a, b, c}))
    assert not is_majority(frozenset({a}), frozenset())


def test_a_server_by_itself() -> None:
    """The whole space of one server; TLC's counts of larger ones stand in `tests/model_check/tlc_counts.json`."""
    result = check(EtcdRaft(Scope(node=1, term=1, index=1, slot=1)), engine="interpreter")
    assert (result.verdict, result.distinct_states, result.depth) == ("holds", 268, 19)


@pytest.mark.long
def test_the_default_scope() -> None:
    result = check(EtcdRaft())
    assert (result.verdict, result.distinct_states, result.depth) == ("holds", 370_202, 38)


@pytest.mark.long
def test_two_voters_one_term_and_one_entry() -> None:
    """The whole space within bounds: an election, an entry committed and known to both, crashes in between."""
    result = check(EtcdRaft(Scope(node=2, term=1, index=1, slot=1)), symmetry=True, constraints=(*BOUNDS, "all_servers_vote"), workers=2)
    assert (result.verdict, result.distinct_states, result.depth) == ("holds", 12_327_532, 64)
    assert result.witnesses["a_follower_learns_of_the_commit"] == 27


@pytest.mark.long
def test_two_servers_close_to_the_beginning() -> None:
    """Any voters and learners, founded or not: all behaviours of 17 steps within bounds, up to a joint configuration."""
    result = check(EtcdRaft(STAGED), symmetry=True, constraints=BOUNDS, max_depth=17)
    assert (result.verdict, result.distinct_states) == ("holds", 5_075_553)
    assert result.witnesses["a_configuration_is_joint"] == 15


@pytest.mark.parametrize("witness", WITNESSES)
def test_what_must_be_possible(witness: str) -> None:
    play = PLAYS[witness]()
    assert play.reaches(witness)
    assert play.violated() == set()


def shows(*witnesses: str) -> Callable[[Callable[[], Play]], Callable[[], Play]]:
    """A behaviour that reaches these."""

    def note(make: Callable[[], Play]) -> Callable[[], Play]:
        PLAYS.update(dict.fromkeys(witnesses, make))
        return make

    return note


@shows("a_leader_is_elected", "an_entry_is_committed", "a_follower_learns_of_the_commit")
def _() -> Play:
    play = Play(1, 2, 3)
    play.lead(1, 2)
    play.keep(1)
    play.copy(1, 2)
    play.copy(1, 2)
    return play


@shows("a_leader_is_deposed", "a_conflicting_suffix_is_truncated")
def _() -> Play:
    """Leader 1 of term 1 gives up its own entry for that of leader 3 of term 2."""
    play = Play(1, 2, 3)
    play.lead(1, 2)
    play.write(1)
    play.hear(3, 1)
    play.lead(3, 2)
    play.send(3, 1)
    return play


@shows("a_promise_is_lost_before_it_is_made")
def _() -> Play:
    """Server 2 has the term on its disk, but not yet its vote."""
    play = Play(1, 2, 3)
    play.stand(1)
    play.hear(2, 1)
    play.write(2)
    play.be_asked(2, 1)
    play.crash(2)
    return play


@shows("a_write_is_torn")
def _() -> Play:
    """Of two entries and a term, server 2 finds one entry on its disk."""
    play = Play(1, 2, 3)
    play.lead(1, 3)
    play.take("propose", 1)
    play.send(1, 2)
    play.take("ready", 2)
    (write,) = play.queue(2)
    play.take("restart_torn", 2, write, Index(1), play.known_commit(2, 0), Index(0), play.config_at(2, 0))
    return play


@shows("a_member_is_removed", "a_configuration_is_joint", "a_joint_configuration_ends", "a_voter_waits_to_be_a_learner")
def _() -> Play:
    """Server 2 becomes a learner, by way of a joint configuration that still counts its vote."""
    play = about_to_leave()
    play.take("apply_change", 1)
    return play


def about_to_leave() -> Play:
    """The change of server 2 to a learner is applied, and the end of the joint configuration is committed."""
    play = Play(1, 2)
    play.lead(1, 2)
    settle(play)
    play.change(1, learners=(2,), joint=True)
    settle(play)
    play.take("apply_change", 1)
    play.recount(1)
    play.take("propose_leave", 1)
    settle(play)
    return play


def settle(play: Play) -> None:
    """All that leader 1 has is on both disks, committed, and with the application."""
    play.keep(1)
    play.copy(1, 2)
    play.take("ready", 1)


@shows("a_learner_becomes_a_voter")
def _() -> Play:
    play = Play(1, learners=(2,))
    play.lead(1)
    settle(play)
    play.change(1, voters=(2,))
    settle(play)
    play.take("apply_change", 1)
    return play


shows("a_snapshot_is_restored")(snapshot)


def test_an_application_sends_a_snapshot_of_what_it_has_applied_since() -> None:
    """It has been given no more than what is committed."""
    play = snapshot_under_way()
    play.take("propose", 1)
    made = play.latest(Kind.SNAPSHOT, 1, 2)
    assert play.refused("send_later_snapshot", 1, made, Index(2)) == "last <= self.handed_out[n]"
    play.keep(1)
    play.take("ready", 1)
    play.take("send_later_snapshot", 1, made, Index(2))
    restore(play)
    assert play.state.commit[play.node(2)] == 2
    assert play.violated() == set()


def test_the_end_of_a_joint_configuration_is_not_rejected_by_an_empty_change() -> None:
    """An empty change ends it."""
    play = about_to_leave()
    assert play.refused("reject_change", 1) == "self.config[n].outgoing == Set()"
    play.take("apply_change", 1)


def test_founders_begin_with_the_same_entry() -> None:
    """They apply it again or skip it, and cannot reject it."""
    play = Play(1, 2, founded=True)
    for n in (1, 2):
        play.take("found", n)
        play.write(n)
    assert play.refused("reject_change", 1) == "i > self.founding.last"
    play.take("apply_change", 1)
    play.take("skip_founding_change", 2)
    play.lead(1, 2)
    settle(play)
    assert play.state.committed.last == 2
    assert play.violated() == set()
