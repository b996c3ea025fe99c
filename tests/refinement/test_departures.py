"""What is said of a run that departs from the spec, and that it happens again as it is told."""

from __future__ import annotations

import json
import re

import pytest

from conformance.campaign import Campaign
from conformance.departure import Departure
from conformance.raft import Cluster
from conformance.report import text
from conformance.subjects import SUBJECTS
from impl.raft.state import State
from model_check.cli.main import run


@pytest.fixture
def told_too_early(monkeypatch):
    """The mistake: nothing waits for the write."""
    monkeypatch.setattr(State, "send_after_write", State.send)


@pytest.fixture
def votes_twice(monkeypatch):
    """The mistake: a vote is forgotten with the election timer."""
    reset = State.reset_election_timer

    def forget(self):
        self.voted_for = None
        reset(self)

    monkeypatch.setattr(State, "reset_election_timer", forget)


def departure(happens) -> Departure:
    cluster = Cluster(3, election_ticks=3, pre_vote=False)
    with pytest.raises(Departure) as caught:
        happens(cluster)
    return caught.value


def test_a_message_that_leaves_too_early(told_too_early):
    found = departure(lambda c: c.elect(1))
    assert found.event == "host 1 hands out a Ready; leaving at once: RequestVote to 2, RequestVote to 3"
    assert found.remark == "a message leaves before what it says is written"
    assert [d.variable for d in found.differences] == ["vote_requests", "vote_requests"]
    assert [n.step for n in found.near if n.refusal is None] == ["timeout(n=n1)"]


def test_the_state_after_and_the_steps_that_come_nearest(votes_twice):
    found = departure(lambda c: c.elect(1))
    assert found.steps == ["timeout(n=n1)"]
    assert "current_term[n1]: 0 -> 1" in found.changes
    assert [str(d) for d in found.differences] == ["voted_for[n1]: the spec has n1, the implementation None"]


def test_a_hint_that_the_spec_refuses_is_shown_with_the_guard_and_its_values(monkeypatch):
    monkeypatch.setattr("impl.raft.election.count_vote", lambda node, voter, granted: __import__("impl.raft.election").raft.election.become_leader(node))
    monkeypatch.setattr("impl.raft.core.election.count_vote", lambda node, voter, granted: __import__("impl.raft.election").raft.election.become_leader(node))
    found = departure(lambda c: c.elect(1))
    (refusal,) = found.refusals
    assert (refusal.step.action, refusal.conjunct) == ("become_leader", "is_quorum(self.votes_granted[n], Node)")
    assert refusal.rule == "leader needs a majority of votes"
    assert dict(refusal.values)["self.votes_granted[n]"] == "{n1}"


def test_the_report_ends_with_python_that_does_it_again(told_too_early):
    campaign = Campaign(SUBJECTS["raft"], 3)
    campaign.go([0])
    assert campaign.failure is not None
    shown = text(campaign.failure, ["ionian refine impl raft --seed 0"])
    code = shown.partition("or paste into Python:\n")[2]
    assert re.search(r"c\.begin\(\d\) +# hands out a Ready; leaving at once: RequestVote to", code)
    with pytest.raises(Departure):
        exec("\n".join(line.removeprefix("  ") for line in code.splitlines()), {})


def test_a_shrunk_run_needs_each_of_its_events(told_too_early):
    campaign = Campaign(SUBJECTS["raft"], 3)
    campaign.go([0])
    play = campaign.failure.play
    for left_out in range(len(play.moves)):
        moves, cluster = play.moves[:left_out] + play.moves[left_out + 1 :], Cluster(play.nodes, play.seed, **play.settings)
        for name, *arguments in moves:
            getattr(cluster, name)(*arguments)


def test_what_the_implementation_raises_is_a_failure_too(monkeypatch):
    def broken(self, context):
        raise KeyError(context)

    monkeypatch.setattr("impl.raft.core.Raft.read", broken)
    campaign = Campaign(SUBJECTS["raft"], 3)
    campaign.go([1])
    assert not campaign.failure.departs
    shown = text(campaign.failure, [])
    assert "The implementation itself fails: KeyError" in shown
    assert "in the last event of the run below, c.read(" in shown
    assert "in broken: raise KeyError(context)" in shown


# --- The command


def test_nothing_departs(capsys, tmp_path):
    assert run(["refine", "impl", "raft", "--seeds", "1", "--nodes", "3", "--json", str(tmp_path / "r.json")]) == 0
    assert "NO DEPARTURE FOUND  every event is some steps of the spec, or none" in capsys.readouterr().out
    result = json.loads((tmp_path / "r.json").read_text())
    assert (result["verdict"], result["implementation"], result["spec"], result["runs"]) == ("no departure found", "raft", "DeployedRaft", 1)
    assert result["events"] > 1_000


def test_a_departure_is_exit_status_1(told_too_early, capsys, tmp_path):
    assert run(["refine", "impl", "raft", "--seed", "0", "--json", str(tmp_path / "r.json")]) == 1
    assert "DEPARTS  seed 0" in capsys.readouterr().out
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["verdict"] == "departs"
    assert result["departure"]["remark"] == "a message leaves before what it says is written"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zab"], "'zab' is not one of"),
        (["raft", "--nodes", "50"], "a cluster of raft has 1 to 9 nodes here"),
        (["raft", "--seeds", "0"], "--seeds"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments, message, capsys):
    assert run(["refine", "impl", *arguments]) == 2
    assert message in capsys.readouterr().err
