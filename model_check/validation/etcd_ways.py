"""In which ways a line of etcd/raft may be explained: one, or several where the trace does not show what happened.

What the library does not trace is a step of the spec like all others, taken when a line needs it. Where it can be taken late without
loss, that leaves no choice: a write is done when a message that waited for it arrives, a leader drops entries when it sends a
snapshot instead of them, and is told of a lost message when it sends anew, because until then nothing depends on it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from model_check.validation import etcd_batches, etcd_elections, etcd_members, etcd_replication, etcd_starts
from model_check.validation.etcd_lines import Event
from model_check.validation.etcd_stage import Stage, Way
from spec.etcd_records import Node, Role

_WAYS: dict[str, Callable[[Stage, Event, Node], list[Way]]] = {
    "InitState": etcd_starts.ways_to_start,
    "ApplyConfChange": etcd_members.ways_to_apply,
    "ReceiveAppendEntriesRequest": etcd_replication.ways_to_receive,
    "ReceiveAppendEntriesResponse": etcd_replication.ways_to_receive,
    "ReceiveRequestVoteRequest": etcd_replication.ways_to_receive,
    "ReceiveRequestVoteResponse": etcd_replication.ways_to_receive,
}
_ONE_WAY: dict[str, Callable[[Stage, Event, Node], None]] = {
    "BecomeFollower": etcd_elections.become_follower,
    "BecomeCandidate": etcd_elections.become_candidate,
    "BecomeLeader": etcd_elections.become_leader,
    "SendRequestVoteRequest": etcd_elections.send_request,
    "SendRequestVoteResponse": etcd_elections.send_response,
    "SendAppendEntriesRequest": etcd_replication.send_request,
    "SendAppendEntriesResponse": etcd_replication.send_response,
    "Commit": etcd_replication.commit,
    "Ready": etcd_replication.ready,
    "Replicate": etcd_batches.replicate,
    "ChangeConf": etcd_batches.change_conf,
}


def ways(stage: Stage, event: Event, n: Node) -> list[Way]:
    """The ways to explain a line, likelier ones first."""
    if event.name != "InitState" and not stage.runs(n):
        return [partial(etcd_starts.boot, stage, event, n)]
    if etcd_starts.founds(stage, event, n):
        return [partial(etcd_starts.found, stage, event, n)]
    found = _of_running(stage, event, n)
    if event.role == "StatePreCandidate" and stage.run.peek("role", n) != Role.PRE_CANDIDATE:
        return [partial(_after_standing, stage, n, way.func, *way.args) for way in found]
    return found


def _of_running(stage: Stage, event: Event, n: Node) -> list[Way]:
    if event.name == "SendAppendEntriesResponse" and event.message is not None and event.message.target == event.node:
        return etcd_batches.ways_to_append(stage, event, n)
    several = _WAYS.get(event.name)
    if several is not None:
        return several(stage, event, n)
    return [partial(_ONE_WAY[event.name], stage, event, n)]


def _after_standing(stage: Stage, n: Node, explain: Callable[..., None], *arguments: Any) -> None:
    """A server has become a pre-candidate before a line, which has no line of its own."""
    etcd_elections.stand(stage, n)
    explain(*arguments)
