"""What each rule of `EtcdRaft` prevents: a behaviour that goes wrong without it, and is refused at one step with it.

These behaviours are too deep for a search from the beginning. CPython takes each step, and judges the properties.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from etcd_play import BOUNDS, Kept, Play, follow, hand_over, handed_over

from model_check.check import check
from spec.etcd_raft import EtcdRaft
from spec.etcd_records import Kind
from spec.replicated_log import Index

Scenario = Callable[[Play], None]
SCENARIOS: dict[str, tuple[str, tuple[int, ...], tuple[int, ...], Scenario]] = {}


def prevents(rule: str, broken: str, *voters: int, learners: tuple[int, ...] = ()) -> Callable[[Scenario], Scenario]:
    """A behaviour of these servers that violates a property without the rule."""

    def note(scenario: Scenario) -> Scenario:
        SCENARIOS[rule] = (broken, voters, learners, scenario)
        return scenario

    return note


@pytest.mark.parametrize("rule", [name for _, name in EtcdRaft.ir.rules])
def test_without_the_rule_it_goes_wrong(rule):
    broken, voters, learners, scenario = SCENARIOS[rule]
    play = Play(*voters, learners=learners, without=(rule,))
    scenario(play)
    assert broken in play.violated()


@pytest.mark.parametrize("rule", [name for _, name in EtcdRaft.ir.rules])
def test_with_the_rule_it_does_not(rule):
    """A step is refused, or has another effect."""
    _, voters, learners, scenario = SCENARIOS[rule]
    play = Play(*voters, learners=learners)
    with contextlib.suppress(Kept):
        scenario(play)
    assert play.violated() == set()


@pytest.mark.long
@pytest.mark.parametrize(
    ("rule", "joint", "further"), [("a simple change concerns one voter", False, 14), ("a joint configuration needs both majorities", True, 15)]
)
def test_a_search_from_there_finds_it(rule, joint, further):
    """Nobody tells the search what to do from there on."""
    play = handed_over(joint, rule)
    result = check(play.protocol, symmetry=True, constraints=BOUNDS, start=play.trace, max_depth=further)
    assert (result.verdict, result.property, result.depth) == ("violated", "election_safety", further)


@pytest.mark.long
def test_a_search_from_there_finds_nothing_with_all_rules():
    play = handed_over(True)
    result = check(play.protocol, symmetry=True, constraints=BOUNDS, start=play.trace, max_depth=18)
    assert (result.verdict, result.distinct_states) == ("holds", 1_322_628)


@prevents("vote once per term", "election_safety", 1, 2, 3)
def _(play: Play) -> None:
    """Servers 1 and 3 both stand in term 1, and server 2 votes for both."""
    play.stand(1)
    play.stand(3)
    play.vote(2, 1)
    play.take("become_leader", 1)
    play.vote(2, 3)
    play.breach("become_leader", 3)


@prevents("leader needs a majority of votes", "election_safety", 1, 2)
def _(play: Play) -> None:
    """Both stand in term 1, neither votes for the other, and both lead."""
    play.stand(1)
    play.stand(2)
    for n, p in ((1, 2), (2, 1)):
        play.be_asked(p, n)
        play.write(p)
    for n, p in ((1, 2), (2, 1)):
        play.receive(Kind.VOTE_REPLY, p, n)
        play.breach("become_leader", n)


@prevents("candidate's log must be up to date", "leader_completeness", 1, 2, 3)
def _(play: Play) -> None:
    """An entry is committed by servers 1 and 2; server 3, without it, gets the vote of server 2."""
    play.lead(1, 2)
    play.keep(1)
    play.copy(1, 2)
    play.hear(3, 1)
    play.stand(3)
    play.vote(2, 3)
    play.breach("become_leader", 3)


@prevents("promises wait for the disk", "election_safety", 1, 2, 3)
def _(play: Play) -> None:
    """Server 2 votes, crashes before the vote is on its disk, and votes again in this term."""
    play.stand(1)
    play.be_asked(2, 1)
    play.take("ready", 2)
    play.breach("receive", 1, play.latest(Kind.VOTE_REPLY, 2, 1))
    play.take("become_leader", 1)
    play.crash(2)
    play.stand(3)
    play.vote(2, 3)
    play.take("become_leader", 3)


@prevents("promises survive a restart", "election_safety", 1, 2, 3)
def _(play: Play) -> None:
    """Server 2 votes, crashes, has forgotten its vote, and votes again in this term."""
    play.stand(1)
    play.vote(2, 1)
    play.take("become_leader", 1)
    play.crash(2)
    play.stand(3)
    play.vote(2, 3)
    play.breach("become_leader", 3)


@prevents("commit needs a majority", "leader_completeness", 1, 2, 3)
def _(play: Play) -> None:
    """Leader 1 commits what only itself holds; server 2 leads the next term without it."""
    play.lead(1, 2)
    play.take("acknowledge", 1)
    play.write(1)
    play.receive(Kind.APPEND_REPLY, 1, 1)
    play.breach("advance_commit", 1, Index(1))
    play.lead(2, 3)


@prevents("commit only entries of the current term", "leader_completeness", 1, 2, 3)
def _(play: Play) -> None:
    """Figure 8: an entry of term 1 is on a majority in term 3, and yet server 3 leads term 4 without it."""
    play.lead(1, 2)
    play.write(1)
    play.hear(3, 1)
    play.lead(3, 2)
    play.write(3)
    play.hear(1, 3)
    play.lead(1, 2)
    play.keep(1)
    # The call does not follow on what server 2 holds, so that leader 1 goes back to the entry of term 1.
    play.copy(1, 2, last=1)
    play.send(1, 2, last=1)
    play.write(2)
    play.receive(Kind.APPEND_REPLY, 2, 1)
    play.breach("advance_commit", 1, Index(1))
    play.hear(3, 1)
    play.lead(3, 2)


@prevents("ignore stale-term messages", "leader_completeness", 1, 2, 3)
def _(play: Play) -> None:
    """An entry of term 2 is committed by servers 2 and 3; a late call of term 1 takes it away from server 3, which then votes for server 1."""
    play.lead(1, 2)
    play.take("send_append", 1, 3, Index(1))
    play.write(1)
    late = play.latest(Kind.APPEND, 1, 3)
    play.lead(2, 3)
    play.keep(2)
    play.copy(2, 3)
    play.take("receive", 3, late)
    play.breach("answer_append", 3)
    play.hear(1, 2)
    play.lead(1, 3)


@prevents("AppendEntries consistency check", "log_matching", 1, 2, 3)
def _(play: Play) -> None:
    """Server 3 holds an entry of term 2 where leader 1 has one of term 1, and takes over what follows it."""
    play.lead(1, 2)
    play.write(1)
    play.hear(3, 1)
    play.lead(3, 2)
    play.write(3)
    play.hear(1, 3)
    play.lead(1, 2)
    play.send(1, 3)


@prevents("clamp the leader's commit index", "state_machine_safety", 1, 2, 3)
def _(play: Play) -> None:
    """Server 3 holds an entry of term 1 when it hears, in a call that covers no entry, that the first entry is committed."""
    play.lead(3, 2)
    play.write(3)
    play.hear(1, 3)
    play.lead(1, 2)
    play.keep(1)
    play.copy(1, 2)
    play.send(1, 3, last=0)


@prevents("apply committed changes before campaigning", "election_safety", 1, 2, 3)
def _(play: Play) -> None:
    """The configuration shrinks to server 1; server 2, which knows the first step to be committed, wins as before it, with the vote of server 3."""
    play.lead(1, 2)
    play.keep(1)
    play.copy(1, 2)
    play.take("ready", 1)
    for removed in (3, 2):
        play.change(1, removed=(removed,))
        play.keep(1)
        play.copy(1, 2)
        play.take("ready", 1)
        play.take("apply_change", 1)
        play.recount(1)
    play.breach("campaign", 2)
    play.ask(2)
    play.vote(3, 2)
    play.take("become_leader", 2)
    play.take("abdicate", 1)
    play.lead(1)


@prevents("one change at a time", "election_safety", 1, 2, 3)
def _(play: Play) -> None:
    """Leader 1 removes two servers at once, with server 3 only; that one then wins with the vote of server 2, as if nothing had changed."""
    play.lead(1, 2)
    play.keep(1)
    play.copy(1, 3)
    play.take("ready", 1)
    play.change(1, removed=(3,))
    play.breach("propose_change", 1, play.members(), play.members(), play.members(2), False)
    play.keep(1)
    play.copy(1, 3)
    play.take("ready", 1)
    for _change in range(2):
        play.take("apply_change", 1)
        play.recount(1)
    play.lead(3, 2)
    play.take("abdicate", 1)
    play.lead(1)


@prevents("a simple change concerns one voter", "election_safety", 1, learners=(2,))
def _(play: Play) -> None:
    """Server 1 puts server 2 in its own place; it crashes and does not know that this is committed, and both lead alone."""
    hand_over(play, joint=False)
    play.breach("apply_change", 1)
    follow(play)
    play.stand(2)
    play.take("become_leader", 2)
    come_back(play)


@prevents("a joint configuration needs both majorities", "election_safety", 1, learners=(2,))
def _(play: Play) -> None:
    """The same by way of a joint configuration, of which server 2 counts its own majority only."""
    hand_over(play, joint=True)
    play.take("apply_change", 1)
    follow(play)
    play.stand(2)
    play.breach("become_leader", 2)
    come_back(play)


@prevents("apply committed changes only", "election_safety", 1, learners=(2,))
def _(play: Play) -> None:
    """Server 2 applies the end of the joint configuration that only leader 1 has proposed, and not yet on its disk."""
    hand_over(play, joint=True)
    play.take("apply_change", 1)
    follow(play)
    play.take("propose_leave", 1)
    play.send(1, 2)
    play.write(2)
    play.breach("apply_change", 2)
    play.stand(2)
    play.take("become_leader", 2)
    come_back(play)


def come_back(play: Play) -> None:
    """Server 1 comes back with the configuration of the beginning, does not know more than its first entry to be committed, and leads."""
    play.crash(1, commit=1)
    play.lead(1)
