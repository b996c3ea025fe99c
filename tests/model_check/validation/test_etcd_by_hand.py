"""Correct behaviour of etcd/raft that is easily refused, as the library's own trace spec does: each explained, and refused when it is falsified a little.

The falsified twin differs from the trace in what the test does when `false` is set; its last line has to be the one refused.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from model_check.validation.trace_check import check_trace
from tests.model_check.validation.etcd_by_hand import ByHand, Wire

ALL = ["1", "2", "3"]


def a_message_is_delivered_twice(false: bool) -> ByHand:
    """A network may; what a leader says to itself does not cross it."""
    trace = ByHand(3)
    trace.elect(2, [3])
    answer = trace.take_over(trace.call(2, 3, 3, 1, 1))
    trace.receive(answer)
    trace.event("Commit", 2, commit=4)
    own = next(line["event"]["msg"] for line in trace.lines if line["event"].get("msg", {}).get("index") == 4)
    trace.receive(own if false else answer)
    return trace


def a_restart_shows_its_term_late(false: bool) -> ByHand:
    """InitState shows term and vote 0; the line after shows what is on disk: a vote that was delivered, in any case."""
    trace = ByHand(3)
    trace.elect(2, [3])
    trace.start(3, conf=[1, 2, 3], log=3, commit=3, term=2, vote=0 if false else 2)
    return trace


def a_pre_candidate_hears_of_a_term(false: bool) -> ByHand:
    """Pre-votes are not traced, but a refused one may raise the term, to one that somebody has reached."""
    trace = ByHand(3)
    trace.elect(2, [3])
    trace.event("Ready", 1, role="PreCandidate")
    trace.event("BecomeFollower", 1, term=3 if false else 2, role="Follower")
    return trace


def a_call_of_an_earlier_term_is_answered(false: bool) -> ByHand:
    """With CheckQuorum or PreVote, so that its sender learns of the later term; the answer acknowledges nothing."""
    trace = ByHand(3)
    trace.elect(2, [3])
    late = trace.call(2, 3, 3, 1, 1)
    trace.stand(3)
    trace.receive(late)
    trace.send("MsgAppResp", 3, 2, index=4 if false else 0)
    return trace


def a_vote_request_is_dropped(false: bool) -> ByHand:
    """By a server that hears from its leader (CheckQuorum); one that has no leader answers."""
    trace = ByHand(3)
    trace.elect(2, [3])
    call = trace.call(2, 3, 3, 1, 1)
    if not false:
        trace.take_over(call)
    trace.stand(1)
    asked = trace.stand(1)
    trace.receive(asked[3])
    trace.ready(3)
    return trace


def a_call_tells_a_commit_beyond_its_entries(false: bool) -> ByHand:
    """The call is limited in size; its receiver takes for committed what it covers."""
    trace = ByHand(3)
    trace.elect(2, [1])
    trace.receive(trace.take_over(trace.call(2, 1, 3, 1, 1)))
    trace.event("Commit", 2, commit=4)
    trace.append(2, 2)
    answer = trace.take_over(trace.call(2, 1, 4, 2, 2), commit=4)
    trace.receive(answer)
    trace.event("Commit", 2, commit=6)
    trace.take_over(trace.call(2, 3, 3, 1, 2), commit=6 if false else 5)
    if false:
        trace.lines.pop()
    return trace


def a_joint_configuration_is_left_by_an_entry_without_a_line(false: bool) -> ByHand:
    """Two changes at once make it joint; the entry that ends it shows by the length of the log only."""
    trace = ByHand(3)
    apply_joint_change(trace)
    joint = [["1", "2", "4"], ALL]
    trace.event("Commit", 2, conf=joint)
    own = trace.send("MsgAppResp", 2, 2, changes={"log": 6}, index=6)
    trace.ready(2)
    trace.receive(own)
    trace.event("Commit", 2)
    if not false:
        trace.receive(trace.take_over(trace.call(2, 1, 5, 2, 1), commit=5))
        trace.event("Commit", 2, commit=6)
        trace.ready(2)
    trace.event("ApplyConfChange", 2, newconf=["1", "2", "4"])
    if not false:
        trace.event("Commit", 2, conf=[["1", "2", "4"], []])
    return trace


def outgoing_voters_show_a_line_after_the_change(false: bool) -> ByHand:
    """The line that applies it shows those before; whoever shows others then departs there, not at the change."""
    trace = ByHand(3)
    apply_joint_change(trace)
    trace.event("Commit", 2, conf=[["1", "2", "4"], ["1", "2"] if false else ALL])
    return trace


def apply_joint_change(trace: ByHand) -> None:
    """Leader 2 commits a change that replaces server 3 by server 4, and applies it."""
    trace.elect(2, [1])
    trace.receive(trace.take_over(trace.call(2, 1, 3, 1, 1)))
    trace.event("Commit", 2, commit=4)
    proposed = [{"nid": "4", "action": "AddNewServer"}, {"nid": "3", "action": "RemoveServer"}]
    trace.event("ChangeConf", 2, proposed=proposed)
    own = trace.send("MsgAppResp", 2, 2, changes={"log": 5}, index=5)
    trace.ready(2)
    trace.receive(own)
    trace.event("Commit", 2)
    trace.receive(trace.take_over(trace.call(2, 1, 4, 2, 1), commit=4))
    trace.event("Commit", 2, commit=5)
    trace.ready(2)
    trace.event("ApplyConfChange", 2, newconf=["1", "2", "4"])


def a_snapshot_is_acknowledged(false: bool) -> ByHand:
    """Its last position stands where other messages count entries; the answer is the one to a call."""
    trace = ByHand(3)
    send_snapshot_to_new_server(trace)
    trace.send("MsgAppResp", 4, 2, index=6 if false else 5)
    return trace


def an_answer_of_a_new_server_is_received_before_the_line_that_hands_it_out(false: bool) -> ByHand:
    """As of any other server; what it does next has to be that line."""
    trace = ByHand(3)
    send_snapshot_to_new_server(trace)
    answer = trace.send("MsgAppResp", 4, 2, index=5)
    trace.receive(answer)
    if not false:
        trace.event("Commit", 2)
        trace.ready(4)
    return trace


def lead_in_step_with_all(trace: ByHand) -> None:
    """Server 2 is elected, and both others acknowledge the entry that begins its term."""
    trace.elect(2, [1])
    for voter, known in ((1, 3), (3, 4)):
        trace.receive(trace.take_over(trace.call(2, voter, 3, 1, 1), commit=known))
        trace.event("Commit", 2, commit=4)


def send_snapshot_to_new_server(trace: ByHand) -> None:
    """Leader 2 adds server 4 as a learner, and sends it a snapshot, which it restores."""
    add_learner(trace)
    restore(trace, make_snapshot(trace, 5))


def add_learner(trace: ByHand) -> None:
    """Leader 2 is elected, and adds server 4 as a learner."""
    trace.elect(2, [1])
    trace.receive(trace.take_over(trace.call(2, 1, 3, 1, 1)))
    trace.event("Commit", 2, commit=4)
    trace.ready(2)
    trace.start(4)
    propose_change(trace, "4", "AddLearner")
    trace.event("ApplyConfChange", 2, newconf=ALL)
    trace.event("Commit", 2)


def make_snapshot(trace: ByHand, last: int) -> Wire:
    """Leader 2 sends server 4 a snapshot."""
    snapshot = trace.send("MsgSnap", 2, 4, entries=last)
    trace.ready(2)
    return snapshot


def propose_change(trace: ByHand, server: str, action: str) -> None:
    """Leader 2 commits a change with server 1, and gives it to its application."""
    last = trace.now[2]["log"] + 1
    trace.event("ChangeConf", 2, proposed=[{"nid": server, "action": action}])
    own = trace.send("MsgAppResp", 2, 2, changes={"log": last}, index=last)
    trace.ready(2)
    trace.receive(own)
    trace.event("Commit", 2)
    trace.receive(trace.take_over(trace.call(2, 1, last - 1, 2, 1), commit=last - 1))
    trace.event("Commit", 2, commit=last)
    trace.ready(2)


def restore(trace: ByHand, snapshot: Wire, voters: list[str] = ALL) -> None:
    """Server 4, which was new, takes over a snapshot."""
    last = snapshot["entries"]
    trace.receive(snapshot)
    trace.event("BecomeFollower", 4, term=2)
    trace.event("ApplyConfChange", 4, newconf=voters, log=last, commit=last)
    trace.now[4]["conf"] = [voters, []]


def a_later_snapshot_is_sent_by_the_application(false: bool) -> ByHand:
    """It has applied more by then; but no more than what is committed."""
    trace = ByHand(3)
    add_learner(trace)
    snapshot = make_snapshot(trace, 5)
    trace.append(2)
    if false:
        trace.receive({**snapshot, "entries": 6})
        return trace
    trace.receive(trace.take_over(trace.call(2, 1, 5, 2, 1), commit=5))
    trace.event("Commit", 2, commit=6)
    trace.ready(2)
    restore(trace, {**snapshot, "entries": 6})
    answer = trace.send("MsgAppResp", 4, 2, index=6)
    trace.ready(4)
    trace.receive(answer)
    return trace


def a_snapshot_includes_a_change_that_was_rejected(false: bool) -> ByHand:
    """No line says that the application rejects it, but it did so before it took a snapshot, which has the configuration before it."""
    trace = ByHand(3)
    add_learner(trace)
    propose_change(trace, "3", "RemoveServer")
    restore(trace, make_snapshot(trace, 6), ["1", "2"] if false else ALL)
    return trace


def an_old_entry_is_committed_by_a_new_one(false: bool) -> ByHand:
    """Figure 8 of the Raft paper: a majority holds an entry of an earlier term; it counts when one of the leader's term does."""
    trace = ByHand(3)
    trace.elect(1, [2])
    trace.stand(3)
    trace.elect(3, [2])
    trace.event("BecomeFollower", 1, role="Follower")
    trace.stand(1, log_term=2)
    trace.elect(1, [2], log_term=2)
    trace.receive(trace.call(1, 2, 4, 2, 1))
    refused = trace.send("MsgAppResp", 2, 1, index=4, reject=True, rejectHint=3, logTerm=1)
    trace.ready(2)
    trace.receive(refused)
    trace.receive(trace.take_over(trace.call(1, 2, 3, 1, 1)))
    if false:
        trace.event("Commit", 1, commit=4)
        return trace
    trace.event("Commit", 1)
    trace.receive(trace.take_over(trace.call(1, 2, 4, 2, 1)))
    trace.event("Commit", 1, commit=5)
    return trace


def a_voter_that_knows_a_leader_refuses(false: bool) -> ByHand:
    """Though its vote is free; without a leader it would have to vote for a log as long as its own."""
    trace = ByHand(5)
    rival = trace.stand(1)
    trace.elect(2, [3, 4])
    heartbeat = trace.send("MsgHeartbeat", 2, 5)
    trace.ready(2)
    if false:
        trace.event("Ready", 5)
    else:
        trace.receive(heartbeat)
        trace.event("BecomeFollower", 5, term=2)
        trace.send("MsgHeartbeatResp", 5, 2)
    trace.receive(rival[5])
    if false:
        trace.event("BecomeFollower", 5, term=2)
    trace.send("MsgVoteResp", 5, 1, reject=True)
    return trace


def a_ready_is_not_yet_on_disk(false: bool) -> ByHand:
    """A crash after it may lose what it handed out, but nothing of which an answer has arrived."""
    trace = ByHand(3)
    trace.elect(2, [3])
    answer = trace.take_over(trace.call(2, 3, 3, 1, 1))
    if false:
        trace.receive(answer)
        trace.event("Commit", 2, commit=4)
    trace.start(3, conf=[1, 2, 3], log=3, commit=3, term=2, vote=2)
    if false:
        del trace.lines[-2:]
    return trace


def an_answer_waits_while_it_is_made_again(false: bool) -> ByHand:
    """A call that comes twice is answered twice before the first answer leaves; an earlier call is not answered like it."""
    trace = ByHand(3)
    trace.elect(2, [3])
    first = trace.call(2, 3, 3, 1, 1)
    trace.receive(trace.take_over(first))
    trace.event("Commit", 2, commit=4)
    trace.append(2, 2)
    second = trace.call(2, 3, 4, 2, 2)
    trace.receive(second)
    trace.send("MsgAppResp", 3, 2, changes={"log": 6, "commit": 4}, index=6)
    trace.receive(first if false else second)
    trace.send("MsgAppResp", 3, 2, index=6)
    return trace


def pre_votes_leave_when_their_sender_follows_again(false: bool) -> ByHand:
    """They leave with the Ready after, and are refused; who was no pre-candidate has asked for none."""
    trace = ByHand(3)
    asked = trace.stand(2)
    trace.receive(asked[1], role="Follower" if false else "PreCandidate")
    trace.event("BecomeFollower", 1, term=2, role="Follower")
    trace.send("MsgVoteResp", 1, 2)
    trace.event("Ready", 1, vote=2)
    trace.event("BecomeFollower", 1)
    return trace


def a_write_is_torn_after_entries_were_dropped(false: bool) -> ByHand:
    """Of a write, one entry of two is on disk; before it the application has dropped what it had applied, but nothing else."""
    trace = ByHand(3)
    trace.elect(2, [1])
    trace.receive(trace.take_over(trace.call(2, 1, 3, 1, 1)))
    trace.event("Commit", 2, commit=4)
    trace.append(2, 2)
    trace.take_over(trace.call(2, 1, 4, 2, 2), commit=4)
    dropped = 5 if false else 4
    trace.start(1, conf=[1, 2, 3], compacted=dropped, log=5, commit=dropped, term=2, vote=2)
    if false:
        del trace.lines[-2:]
    return trace


def a_restart_behind_some_founding_entries(false: bool) -> ByHand:
    """The application had applied two of three and applies the third; it had applied one at least, for it knows the founders."""
    trace = ByHand(3)
    trace.start(3, conf=[1, 2, 3], log=3, commit=3, term=1)
    trace.ready(3)
    for _ in range(3 if false else 1):
        trace.event("ApplyConfChange", 3, newconf=ALL)
    if not false:
        trace.stand(3)
    return trace


def a_snapshot_is_sent_after_a_report_of_a_lost_call(false: bool) -> ByHand:
    """The leader was told that its call was lost, and has dropped what it would send again; the snapshot goes on from there, no earlier."""
    trace = ByHand(3)
    lead_in_step_with_all(trace)
    for last in (5, 6):
        trace.append(2)
        if last == 5:
            trace.call(2, 3, 4, 2, 1)
        trace.receive(trace.take_over(trace.call(2, 1, last - 1, 2, 1), commit=last - 1))
        trace.event("Commit", 2, commit=last)
    trace.ready(2)
    trace.send("MsgSnap", 2, 3, entries=4 if false else 5)
    if not false:
        trace.call(2, 1, 6, 2, 0)
    return trace


def an_acknowledgement_does_not_end_a_snapshot(false: bool) -> ByHand:
    """What follows it is dropped, so the leader waits on, and the same acknowledgement again tells it nothing; nor does a refusal, in any case."""
    trace = ByHand(3)
    lead_in_step_with_all(trace)
    calls = []
    for last in (5, 6):
        trace.append(2)
        calls.append(trace.call(2, 3, last - 1, 2, 1))
        trace.receive(trace.take_over(trace.call(2, 1, last - 1, 2, 1), commit=last - 1))
        trace.event("Commit", 2, commit=last)
    calls.append(trace.call(2, 3, 6, 2, 0))
    trace.send("MsgSnap", 2, 3, entries=6)
    trace.ready(2)
    trace.receive(calls[2])
    refusal = trace.send("MsgAppResp", 3, 2, index=6, reject=True, rejectHint=4, logTerm=2)
    trace.ready(3)
    acknowledgement = trace.take_over(calls[0])
    trace.receive(acknowledgement)
    trace.event("Commit", 2)
    trace.receive(refusal)
    if false:
        trace.event("Commit", 2)
    else:
        trace.receive(acknowledgement)
        trace.ready(2)
    return trace


def a_change_is_applied_after_a_snapshot_that_includes_it(false: bool) -> ByHand:
    """The application was given it before, and is slow; it changes nothing any more, and is applied once."""
    trace = ByHand(3)
    lead_in_step_with_all(trace)
    trace.event("ChangeConf", 2, proposed=[{"nid": "4", "action": "AddLearner"}])
    own = trace.send("MsgAppResp", 2, 2, changes={"log": 5}, index=5)
    trace.ready(2)
    trace.receive(own)
    trace.event("Commit", 2)
    trace.receive(trace.take_over(trace.call(2, 1, 4, 2, 1), commit=4))
    trace.event("Commit", 2, commit=5)
    trace.take_over(trace.call(2, 1, 5, 2, 0), commit=5)
    trace.event("ApplyConfChange", 2, newconf=ALL)
    trace.event("Commit", 2)
    trace.append(2)
    trace.receive(trace.take_over(trace.call(2, 3, 4, 2, 2), commit=5))
    trace.event("Commit", 2, commit=6)
    trace.ready(2)
    snapshot = trace.send("MsgSnap", 2, 1, entries=6)
    trace.ready(2)
    trace.receive(snapshot)
    trace.event("ApplyConfChange", 1, newconf=ALL, log=6, commit=6, conf=[[], []])
    trace.send("MsgAppResp", 1, 2, changes={"conf": [ALL, []]}, index=6)
    for _ in range(2 if false else 1):
        trace.event("ApplyConfChange", 1, newconf=ALL)
    return trace


def a_message_is_received_before_the_line_that_hands_it_out(false: bool) -> ByHand:
    """The library's `Node` gives its Ready to the application, and logs it after; that is its next line, in any case."""
    trace = ByHand(3)
    trace.elect(2, [3])
    call = trace.send("MsgApp", 2, 3, own=(4, 5), index=3, logTerm=1, entries=1, commit=3)
    trace.receive(call)
    answer = trace.send("MsgAppResp", 3, 2, changes={"log": 4}, index=4)
    trace.ready(2)
    if false:
        trace.append(2)
    trace.receive(answer)
    if not false:
        trace.ready(3)
        trace.event("Commit", 2, commit=4)
    return trace


def a_term_is_heard_of_before_the_line_that_hands_it_out(false: bool) -> ByHand:
    """As of messages, so of pre-votes, which are not traced: they raise a term."""
    trace = ByHand(3)
    trace.event("Ready", 1, role="PreCandidate")
    trace.event("BecomeCandidate", 2, term=2, vote=2, role="Candidate")
    own = trace.send("MsgVoteResp", 2, 2)
    for voter in (1, 3):
        trace.send("MsgVote", 2, voter, index=3, logTerm=1)
    trace.event("BecomeFollower", 1, term=2, role="Follower")
    if false:
        return trace
    trace.ready(2)
    trace.receive(own)
    return trace


TRACES: list[Callable[[bool], ByHand]] = [
    a_message_is_delivered_twice,
    a_restart_shows_its_term_late,
    a_pre_candidate_hears_of_a_term,
    a_call_of_an_earlier_term_is_answered,
    a_vote_request_is_dropped,
    a_call_tells_a_commit_beyond_its_entries,
    a_joint_configuration_is_left_by_an_entry_without_a_line,
    outgoing_voters_show_a_line_after_the_change,
    a_snapshot_is_acknowledged,
    a_later_snapshot_is_sent_by_the_application,
    a_snapshot_includes_a_change_that_was_rejected,
    an_old_entry_is_committed_by_a_new_one,
    a_voter_that_knows_a_leader_refuses,
    a_ready_is_not_yet_on_disk,
    an_answer_waits_while_it_is_made_again,
    pre_votes_leave_when_their_sender_follows_again,
    a_write_is_torn_after_entries_were_dropped,
    a_restart_behind_some_founding_entries,
    a_snapshot_is_sent_after_a_report_of_a_lost_call,
    an_acknowledgement_does_not_end_a_snapshot,
    a_change_is_applied_after_a_snapshot_that_includes_it,
    a_message_is_received_before_the_line_that_hands_it_out,
    an_answer_of_a_new_server_is_received_before_the_line_that_hands_it_out,
    a_term_is_heard_of_before_the_line_that_hands_it_out,
]


@pytest.mark.parametrize("trace", TRACES, ids=lambda t: t.__name__)
def test_it_is_explained(trace: Callable[[bool], ByHand], tmp_path: Path) -> None:
    made = trace(False)
    result = check_trace(made.write(tmp_path / "trace.ndjson"), "etcd")
    assert result.departure is None
    assert (result.verdict, result.explained) == ("explained", len(made.lines))


@pytest.mark.parametrize("trace", TRACES, ids=lambda t: t.__name__)
def test_its_falsified_twin_is_refused_at_its_last_line(trace: Callable[[bool], ByHand], tmp_path: Path) -> None:
    made = trace(True)
    result = check_trace(made.write(tmp_path / "trace.ndjson"), "etcd")
    assert result.verdict == "refused"
    assert result.departure is not None
    assert result.departure.line == len(made.lines)


def test_what_a_server_begins_with_does_not_hang_on_lines_that_are_missing(tmp_path: Path) -> None:
    """A trace may end while a server starts; and where its second line is wrong, its first is not."""
    trace = ByHand(0)
    trace.start(1, conf=[1, 2], compacted=10, log=10, commit=10, term=1)
    path = tmp_path / "trace.ndjson"
    whole = trace.lines
    for count in range(1, 4):
        trace.lines = whole[:count]
        assert check_trace(trace.write(path), "etcd").verdict == "explained"
    trace.lines = [whole[0], whole[2]]
    departure = check_trace(trace.write(path), "etcd").departure
    assert departure is not None
    assert (departure.line, departure.conjunct) == (2, "name == ApplyConfChange")


def test_a_trace_may_end_while_servers_are_founded(tmp_path: Path) -> None:
    """Before all founders are named; not with a founder too many at once."""
    whole, path = ByHand(3), tmp_path / "trace.ndjson"
    lines, second = whole.lines, next(i for i, line in enumerate(whole.lines) if line["event"].get("prop", {}).get("cc", {}).get("newconf") == ["1", "2"])
    for count in range(1, len(lines) + 1):
        whole.lines = lines[:count]
        assert check_trace(whole.write(path), "etcd").verdict == "explained", count
    lines[second]["event"]["prop"]["cc"]["newconf"] = ["1", "2", "3"]
    # A log of that length is taken for no number of founders.
    lines[second]["event"].update(log=1 << 24, state={**lines[second]["event"]["state"], "commit": 1 << 24})
    for count in (second + 1, len(lines)):
        whole.lines = lines[:count]
        departure = check_trace(whole.write(path), "etcd").departure
        assert departure is not None
        assert departure.line <= second + 1
