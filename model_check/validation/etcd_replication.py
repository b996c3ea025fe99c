"""Explains the lines of etcd/raft about messages, proposals, commits and Readys."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from model_check.validation.etcd_elections import forget_before_vote
from model_check.validation.etcd_lines import Event, WireMessage
from model_check.validation.etcd_members import pass_over_up_to
from model_check.validation.etcd_stage import Stage, Way, text
from model_check.validation.verdict import Refused
from spec.etcd_records import Config, Kind, Message, Node, Progress
from spec.replicated_log import Index

Untraced = tuple[Any, ...]
"""A step that the library does not trace, taken before a line's own: the action and its arguments."""


def send_request(stage: Stage, event: Event, n: Node) -> None:
    """A leader sends entries, a heartbeat or a snapshot."""
    stage.settle(n)
    message = event.message
    assert message is not None
    p = stage.cluster.nodes[message.target]
    stage.shows(event, n, "send_append")
    mark = stage.run.mark()
    if message.type == "MsgHeartbeat":
        stage.take(action := "send_heartbeat", n, p)
    elif message.type == "MsgSnap":
        pass_over_up_to(stage, n, message.entries)
        _reach_for_snapshot(stage, n, p)
        stage.take(action := "send_snapshot", n, p, Index(message.entries))
    else:
        own = int(stage.run.peek("match_index", n, n)), int(stage.run.peek("next_index", n, n))
        wanted = own if _names(stage.run.peek("config", n), n) else None
        if event.own_progress != wanted:
            raise Refused("send_append", f"prop == {text(wanted)}", f"its own match and next are {text(wanted)}, not {text(event.own_progress)}")
        _reach_next(stage, n, p, message.index + 1)
        stage.take(action := "send_append", n, p, Index(message.index + message.entries))
    stage.made(event, mark, action)


def _names(config: Config, n: Node) -> bool:
    return n in config.incoming or n in config.outgoing or n in config.learners or n in config.learners_next


def _reach_next(stage: Stage, n: Node, p: Node, wanted: int) -> None:
    """Reports that are not traced, where only they explain from where a leader sends."""
    run = stage.run
    progress, following = run.peek("progress", n, p), run.peek("next_index", n, p)
    if progress == Progress.SNAPSHOT:
        arrived = max(run.peek("pending_snapshot", n, p), run.peek("match_index", n, p)) + 1 == wanted
        stage.take("report_snapshot", n, p, arrived)
    elif progress == Progress.REPLICATE and following != wanted and run.peek("match_index", n, p) + 1 == wanted:
        stage.take("report_unreachable", n, p)


def _reach_for_snapshot(stage: Stage, n: Node, p: Node) -> None:
    """Compaction and reports that are not traced, where only they explain that a leader sends a snapshot; a report bars less than compaction."""
    run = stage.run
    progress = run.peek("progress", n, p)
    if progress == Progress.SNAPSHOT:
        # It was lost, or what follows it has been compacted meanwhile.
        stage.take("report_snapshot", n, p, False)
    elif progress == Progress.REPLICATE and run.peek("compacted", n) < run.peek("next_index", n, p):
        stage.take("report_unreachable", n, p)
    needed = run.peek("next_index", n, p)
    if run.peek("compacted", n) < needed:
        stage.take("compact", n, needed)


def send_response(stage: Stage, event: Event, n: Node) -> None:
    """A follower answers a call, a heartbeat or a snapshot."""
    message = event.message
    assert message is not None
    m = stage.run.peek("handling", n)
    if m is not None and m.term < stage.run.peek("term", n):
        action = "answer_stale"
    elif message.type == "MsgHeartbeatResp":
        action = "answer_heartbeat"
    else:
        action = "answer_snapshot" if m is not None and m.kind == Kind.SNAPSHOT else "answer_append"
    mark = stage.run.mark()
    stage.take(action, n)
    stage.shows(event, n, action)
    stage.made(event, mark, action)


def ways_to_receive(stage: Stage, event: Event, n: Node) -> list[Way]:
    """A server receives a message; a leader may have been told before what became of its calls to the sender, or have dropped entries."""
    return [partial(_receive, stage, event, n, before) for before in ((), *_told_before(stage, event, n))]


def _told_before(stage: Stage, event: Event, n: Node) -> list[Untraced]:
    """What may have happened before an acknowledgement, as far as the leader's next call to the member bears it out."""
    m, run = event.message, stage.run
    if m is None or m.type != "MsgAppResp" or m.reject or m.source == event.node:
        return []
    p = stage.cluster.nodes[m.source]
    progress = run.peek("progress", n, p)
    if progress == Progress.REPLICATE and run.peek("next_index", n, p) > m.index + 1:
        sent = stage.cluster.next_call(stage.position, m.source)
        if sent is not None and sent.index == m.index:
            # It goes on from the acknowledgement though it had sent more: it was told, before it or after it, that this was lost.
            return [("report_unreachable", n, p)]
    if progress == Progress.SNAPSHOT and run.peek("pending_snapshot", n, p) > m.index >= run.peek("compacted", n):
        sent = stage.cluster.next_call(stage.position, m.source)
        if sent is None or sent.index != m.index:
            # The acknowledgement did not suffice to go on from: what follows it was dropped already.
            return [("compact", n, Index(m.index + 1))]
    return []


def _receive(stage: Stage, event: Event, n: Node, before: Untraced) -> None:
    stage.settle(n)
    if before:
        stage.take(*before)
    stage.shows(event, n, "receive")
    message = event.message
    assert message is not None
    if message.target != event.node:
        raise Refused("receive", "m.target == n", f"server {event.node} receives a message to server {message.target}")
    forget_before_vote(stage, event, n)
    _report_before_recount(stage, event, n)
    known = stage.sent.get(message, [])
    for m in known:
        if _arrives(stage, n, m):
            return
        if m.source != n and m in stage.run.peek("queued") and stage.hands_out_before_its_line(m.source) and _arrives(stage, n, m):
            return
    if known:
        stage.take("receive", n, known[0])
    later = _later_snapshot(stage, message)
    if later is None or not _arrives(stage, n, later):
        raise Refused("receive", "m in self.network", "" if stage.quiet else stage.never_sent(message))


def _later_snapshot(stage: Stage, message: WireMessage) -> Message | None:
    """A snapshot that the application of its sender has sent in place of the library's: of all that it had applied by then."""
    if message.type != "MsgSnap":
        return None
    run, p = stage.run, stage.cluster.nodes[message.source]
    pass_over_up_to(stage, p, message.entries)
    mark = run.mark()
    replaced = [m for sent, known in stage.sent.items() if replace(message, entries=sent.entries) == sent for m in known]
    if not any(run.take("send_later_snapshot", p, m, Index(message.entries)) for m in replaced):
        return None
    later: Message = run.put(mark)[-1][2]
    stage.sent[message] = [*stage.sent.get(message, []), later]
    return later


def _arrives(stage: Stage, n: Node, m: Message) -> bool:
    """Receive a message, after its sender's disk was written where it had to wait for that."""
    if stage.run.take("receive", n, m):
        return True
    slots = [int(h.slot) for h in stage.run.peek("held") if h.message == m]
    if not slots:
        return False
    mark = stage.run.mark()
    stage.persist(m.source, min(slots))
    if stage.run.take("receive", n, m):
        return True
    stage.run.back(mark)
    return False


def _report_before_recount(stage: Stage, event: Event, n: Node) -> None:
    """A leader recounts though an acknowledgement tells it nothing new: it had been told what became of its calls to this member."""
    message, following = event.message, stage.following()
    assert message is not None
    p = stage.cluster.nodes[message.source]
    if message.type != "MsgAppResp" or message.reject or p == n or following is None or following.name != "Commit":
        return
    if stage.run.peek("match_index", n, p) != message.index:
        return
    if stage.run.peek("progress", n, p) == Progress.REPLICATE:
        stage.take("report_unreachable", n, p)
    elif stage.run.peek("progress", n, p) == Progress.SNAPSHOT:
        stage.take("report_snapshot", n, p, True)


def commit(stage: Stage, event: Event, n: Node) -> None:
    """A leader has looked for what is committed."""
    if event.commit > stage.run.peek("commit", n):
        stage.take("advance_commit", n, Index(event.commit))
    else:
        stage.take("keep_commit", n)
    stage.shows(event, n, "advance_commit")


def ready(stage: Stage, event: Event, n: Node) -> None:
    """A server hands out what is to be written, sent and applied."""
    if stage.phases[n].handed_out:
        stage.shows(event, n, "ready")
        stage.now(n, handed_out=False)
        return
    stage.settle(n)
    stage.shows(event, n, "ready")
    stage.take("ready", n)
