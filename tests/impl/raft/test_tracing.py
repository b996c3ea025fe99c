"""What a tracer sees of a node, and when."""

from __future__ import annotations

from impl.raft import Entries, Event, Role
from impl.raft.messages import AppendEntries, AppendReply, InstallSnapshot, RequestVote
from impl.raft.storage import Snapshot
from tests.impl.raft.cluster import Cluster, finish, node_with_log


def test_the_life_of_an_entry():
    events = []
    c = Cluster(tracer=lambda event, node, detail: events.append((event.value, node.id, detail)))
    leader = c.elect(1)
    events.clear()
    leader.propose(b"a")
    c.settle()
    of_leader = [(name, type(detail).__name__) for name, n, detail in events if n == 1]
    assert of_leader[:5] == [
        ("done", "NoneType"),
        ("ready", "Ready"),
        ("persisted", "NoneType"),
        ("done", "NoneType"),
        ("receive", "AppendReply"),
    ]
    assert [name for name, n, _ in events if n == 2][:5] == ["receive", "done", "ready", "persisted", "done"]


def test_what_a_call_did_is_in_the_state_at_its_end():
    """A conflict cut off and replaced, a commit, a snapshot in place of the log."""
    states = []
    node, storage = node_with_log([1, 1, 1])
    node.tracer = lambda event, node, detail: states.append((event, node.role, node.current_term, node.log.last_index, node.commit_index))
    node.step(AppendEntries(2, 2, 1, 1, 1, Entries(2, [2], [b"x"]), 2, 0))
    finish(node, storage)
    node.step(InstallSnapshot(2, 2, 1, Snapshot(9, 2, b"s"), 0))
    assert [state[1:] for state in states if state[0] is Event.DONE] == [
        (Role.FOLLOWER, 2, 2, 2),
        (Role.FOLLOWER, 2, 2, 2),
        (Role.FOLLOWER, 2, 9, 9),
    ]


def test_a_message_is_received_before_anything_is_done_about_it():
    seen = []
    node, _ = node_with_log([])
    node.tracer = lambda event, node, detail: seen.append((event, node.current_term))
    node.step(AppendReply(7, 2, 1, False, 0, 0, 1, 0, 0))
    assert seen == [(Event.RECEIVE, 0), (Event.DONE, 7)]
    node.step(AppendReply(8, 9, 1, False, 0, 0, 1, 0, 0))
    assert len(seen) == 2, "strangers are not heard"


def test_a_call_that_is_over_is_told_once_and_last():
    """Also where the message was ignored, and where nothing came of it."""
    seen = []
    node, storage = node_with_log([1], current_term=1)
    node.tracer = lambda event, node, detail: seen.append(event)
    node.tick()
    node.step(RequestVote(9, 2, 1, 5, 5, False, False))
    finish(node, storage)
    node.step(RequestVote(1, 3, 1, 0, 0, False, False))
    calls = [i for i, event in enumerate(seen) if event is Event.DONE]
    assert len(calls) == 4
    assert calls[-1] == len(seen) - 1


def test_a_start_is_an_event():
    seen = []
    c = Cluster(tracer=lambda event, node, detail: seen.append((event, node.id)))
    assert seen == [(Event.START, n) for n in c.ids]


def test_tracing_changes_nothing():
    def run(tracer):
        c = Cluster(tracer=tracer)
        c.elect(1).propose(b"a")
        c.tick(1, 5)
        return [repr(c.log(n)) for n in c.ids], {n: (c[n].current_term, c[n].commit_index, c[n].timeout) for n in c.ids}

    assert run(None) == run(lambda event, node, detail: None)
