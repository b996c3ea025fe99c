"""A tracer that writes lines in Ionian's trace format: what a node was told and what it sent, with its state after each call.

`docs/trace-your-implementation.md` describes the format; `ionian trace validate` reads it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from impl.raft.entries import Entries
from impl.raft.messages import AppendEntries, AppendReply, InstallSnapshot, Message, RequestVote, VoteReply
from impl.raft.ready import Ready, Role
from impl.raft.state import State
from impl.raft.tracing import Event

Line: TypeAlias = dict[str, Any]
Shown: TypeAlias = tuple[int, int | None, str, int, int, int, int]

FOLLOWER, LEADER = Role.FOLLOWER.value, Role.LEADER.value


class TraceLines:
    """Writes what happens at the nodes of one cluster, in the order in which it happens.

    Args:
        write: takes a line of text without its line break.
    """

    __slots__ = ("_begun", "_received", "_shown", "_waiting", "_write")

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._begun = False
        self._shown: dict[int, Shown] = {}
        """The state of each node in its last line."""
        self._received: dict[int, Line] = {}
        """What a node is being told."""
        self._waiting: dict[int, list[Message]] = {}
        """What a node sends once its write is done."""

    def __call__(self, event: Event, node: State, detail: object) -> None:
        """A node's tracer."""
        n = node.id
        if event is Event.RECEIVE:
            shown = message_fields(detail)
            if shown is not None:
                self._received[n] = shown
        elif event is Event.DONE:
            self._done(node)
        elif event is Event.READY:
            assert isinstance(detail, Ready), "a Ready is its detail"
            self._put({"event": "write", "node": n})
            self._send(n, detail.messages)
            self._waiting[n] = detail.messages_after_write
        elif event is Event.PERSISTED:
            self._put({"event": "written", "node": n})
            self._send(n, self._waiting.pop(n))
        elif event is Event.START:
            self._start(node)

    def _start(self, node: State) -> None:
        if not self._begun:
            self._begun = True
            self._put({"format": "ionian", "version": 1, "nodes": list(node.config.voters), "writes": "logged"})
        self._received.pop(node.id, None)
        self._shown[node.id] = _shown(node)
        self._put({"event": "start", "node": node.id, **_state_fields(self._shown[node.id])})

    def _done(self, node: State) -> None:
        """A call has ended: tell what was received, and the state where it changed."""
        received, before, shown = self._received.pop(node.id, None), self._shown[node.id], _shown(node)
        if received is None and shown == before:
            return
        self._shown[node.id] = shown
        line: Line = {"event": "step" if received is None else "receive", "node": node.id}
        if received is not None:
            line["message"] = received
        line.update(_state_fields(shown))
        if shown[2] == LEADER and shown[3] > before[3]:
            line["entries"] = _entries_after(node, before[3])
        self._put(line)

    def _send(self, n: int, messages: list[Message]) -> None:
        for message in messages:
            shown = message_fields(message)
            if shown is not None:
                self._put({"event": "send", "node": n, "message": shown})

    def _put(self, line: Line) -> None:
        self._write(json.dumps(line, separators=(",", ":")))


def message_fields(m: object) -> Line | None:
    """A message as a trace shows it; None for what Figure 2 does not have."""
    if type(m) is AppendEntries:
        own: Line = {"prev_log_index": m.prev_log_index, "prev_log_term": m.prev_log_term, "entries": _entries(m.entries), "leader_commit": m.leader_commit}
        return _message("append_entries", m, own)
    if type(m) is AppendReply:
        return _message("append_reply", m, {"success": m.success, "match_index": m.match_index})
    if type(m) is RequestVote and not m.pre_vote:
        return _message("request_vote", m, {"last_log_index": m.last_log_index, "last_log_term": m.last_log_term})
    if type(m) is VoteReply and not m.pre_vote:
        return _message("vote_reply", m, {"vote_granted": m.vote_granted})
    if type(m) is InstallSnapshot:
        return _message("install_snapshot", m, {"last_included_index": m.snapshot.last_index, "last_included_term": m.snapshot.last_term})
    return None


def _message(kind: str, m: AppendEntries | AppendReply | RequestVote | VoteReply | InstallSnapshot, own: Line) -> Line:
    return {"kind": kind, "from": m.sender, "to": m.receiver, "term": m.term, **own}


def _entries(run: Entries) -> list[object]:
    """Each entry as a term and its command, a character a byte; the empty command, which opens a term, is not shown."""
    return [[term, command.decode("latin-1")] if command else term for term, command in zip(run.terms, run.commands, strict=True)]


def _entries_after(node: State, index: int) -> list[object]:
    """The entries that a node has appended behind an index, in as many runs as the log hands out."""
    found: list[object] = []
    while index < node.log.last_index:
        run = node.log.entries(index + 1, node.log.last_index, node.config.max_batch_bytes)
        found += _entries(run)
        index = run.last_index
    return found


def _shown(node: State) -> Shown:
    role, log = node.role, node.log
    # A pre-candidate has not begun an election: it waits.
    shown = FOLLOWER if role is Role.PRE_CANDIDATE else role.value
    return (node.current_term, node.voted_for, shown, log.last_index, log.last_term, node.commit_index, log.first_index() - 1)


def _state_fields(shown: Shown) -> Line:
    names = ("term", "voted_for", "role", "last_log_index", "last_log_term", "commit_index", "snapshot_index")
    return dict(zip(names, shown, strict=True))
