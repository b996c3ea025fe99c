"""The lines that the tracer of Ionian's trace format writes."""

from __future__ import annotations

import json

from impl.raft import Entries, TraceLines
from impl.raft.messages import AppendEntries, AppendReply, InstallSnapshot, ReadReply, RequestVote, TimeoutNow, VoteReply
from impl.raft.storage import Snapshot
from impl.raft.trace_lines import message_fields
from tests.impl.raft.cluster import Cluster


def traced(size: int = 3, **settings):
    """A cluster, and the list that its lines go to."""
    texts = []
    return Cluster(size, tracer=TraceLines(texts.append), **settings), texts


def test_a_trace_begins_with_its_header_and_a_start_of_each_node():
    _, texts = traced(2)
    assert [json.loads(text) for text in texts] == [
        {"format": "ionian", "version": 1, "nodes": [1, 2], "writes": "logged"},
        *(
            {
                "event": "start",
                "node": n,
                "term": 0,
                "voted_for": None,
                "role": "follower",
                "last_log_index": 0,
                "last_log_term": 0,
                "commit_index": 0,
                "snapshot_index": 0,
            }
            for n in (1, 2)
        ),
    ]


def test_a_leader_shows_what_it_appends_and_sends_before_it_has_written():
    c, texts = traced()
    leader = c.elect(1)
    c.settle()
    texts.clear()
    leader.propose(b"\x00\xff")
    c.work(1)
    events = [json.loads(text) for text in texts]
    assert events[0]["entries"] == [[1, "\x00\xff"]]
    assert [line["event"] for line in events] == ["step", "write", "send", "send", "written"]
    assert {line["message"]["to"] for line in events if "message" in line} == {2, 3}


def test_what_changes_nothing_has_no_line():
    c, texts = traced()
    c.elect(1)
    c.settle()
    texts.clear()
    c[2].tick()
    assert texts == []


def test_a_pre_candidate_is_a_follower_and_pre_votes_are_not_shown():
    c, texts = traced(pre_vote=True)
    while c[1].votes == {}:
        c[1].tick()
    assert [json.loads(text) for text in texts[4:]] == []
    c.work(1)
    assert [json.loads(text)["event"] for text in texts[4:]] == ["write", "written"]


def test_what_was_received_is_forgotten_with_the_node_that_crashes():
    c, texts = traced()
    c.elect(1)
    c.restart(1)
    assert json.loads(texts[-1])["event"] == "start"
    c[1].tick()
    assert json.loads(texts[-1])["event"] == "start"


def test_a_long_own_log_is_shown_whole():
    c, texts = traced(1, max_batch_bytes=1)
    leader = c.elect(1)
    texts.clear()
    leader.propose_batch([b"a", b"b", b"c"])
    assert json.loads(texts[0])["entries"] == [[1, "a"], [1, "b"], [1, "c"]]


def test_messages_have_the_fields_of_figure_2():
    sent = [
        RequestVote(3, 1, 2, 7, 2, False, False),
        VoteReply(3, 2, 1, True, False),
        AppendEntries(3, 1, 2, 7, 2, Entries(8, [3, 3], [b"", b"x"]), 6, 9),
        AppendReply(3, 2, 1, False, 0, 9, 7, 5, 1),
        InstallSnapshot(3, 1, 2, Snapshot(5, 2, b"state"), 0),
    ]
    ends = {"from": 1, "to": 2, "term": 3}
    back = {"from": 2, "to": 1, "term": 3}
    assert [message_fields(m) for m in sent] == [
        {"kind": "request_vote", **ends, "last_log_index": 7, "last_log_term": 2},
        {"kind": "vote_reply", **back, "vote_granted": True},
        {"kind": "append_entries", **ends, "prev_log_index": 7, "prev_log_term": 2, "entries": [3, [3, "x"]], "leader_commit": 6},
        {"kind": "append_reply", **back, "success": False, "match_index": 0},
        {"kind": "install_snapshot", **ends, "last_included_index": 5, "last_included_term": 2},
    ]
    others = [RequestVote(3, 1, 2, 7, 2, True, False), VoteReply(3, 2, 1, True, True), TimeoutNow(3, 1, 2), ReadReply(3, 1, 2, b"r", 4)]
    assert [message_fields(m) for m in others] == [None] * 4
