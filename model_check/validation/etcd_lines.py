"""Decoder of etcd/raft's trace lines (build tag `with_tla`): one event a line, or an error that names line and field.

The format is etcd's own: `state_trace.go` of etcd-io/raft. Lines whose `tag` is not `trace` are other log output, and skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_check.validation.trace_file import BadLine, field, json_object, number, numbered_lines, one_of, text

ROLES = ("StateFollower", "StatePreCandidate", "StateCandidate", "StateLeader")
MESSAGES = ("MsgApp", "MsgAppResp", "MsgHeartbeat", "MsgHeartbeatResp", "MsgVote", "MsgVoteResp", "MsgSnap")
WITH_MESSAGE = {
    "SendAppendEntriesRequest": ("MsgApp", "MsgHeartbeat", "MsgSnap"),
    "ReceiveAppendEntriesRequest": ("MsgApp", "MsgHeartbeat", "MsgSnap"),
    "SendAppendEntriesResponse": ("MsgAppResp", "MsgHeartbeatResp"),
    "ReceiveAppendEntriesResponse": ("MsgAppResp", "MsgHeartbeatResp"),
    "SendRequestVoteRequest": ("MsgVote",),
    "ReceiveRequestVoteRequest": ("MsgVote",),
    "SendRequestVoteResponse": ("MsgVoteResp",),
    "ReceiveRequestVoteResponse": ("MsgVoteResp",),
}
WITHOUT_MESSAGE = ("InitState", "BecomeFollower", "BecomeCandidate", "BecomeLeader", "Commit", "Replicate", "ChangeConf", "ApplyConfChange", "Ready")
ACTIONS = ("AddNewServer", "RemoveServer", "AddLearner")
NOBODY = 0
LONGEST_LOG = 1 << 24
"""In entries: a server's log is held from its first entry on."""
MOST_SERVERS = 128
"""What a leader knows of each is held for each that might lead."""


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A message as a line shows it: `entries` is a count, of a snapshot its last position."""

    type: str
    term: int
    source: int
    target: int
    entries: int
    log_term: int
    index: int
    commit: int
    vote: int
    reject: bool
    hint: int


@dataclass(frozen=True, slots=True)
class Event:
    """A trace line: what happened at a server, and the server's state then.

    Attributes:
        line: Its number in the file, from 1.
        conf: The incoming and the outgoing voters, as shown.
        changes: Of ChangeConf: pairs of an action and a server.
        new_conf: Of ApplyConfChange: the incoming voters from then on.
        own_progress: Of a sent MsgApp: match and next of the sender itself, None where it is no member.
    """

    line: int
    name: str
    node: int
    term: int
    vote: int
    commit: int
    role: str
    log: int
    conf: tuple[tuple[int, ...], tuple[int, ...]]
    message: WireMessage | None
    changes: tuple[tuple[str, int], ...]
    new_conf: tuple[int, ...]
    own_progress: tuple[int, int] | None

    @property
    def servers(self) -> set[int]:
        """All servers that the line names."""
        ends = () if self.message is None else (self.message.source, self.message.target)
        return {self.node, self.vote, *self.conf[0], *self.conf[1], *self.new_conf, *(number for _, number in self.changes), *ends} - {NOBODY}


def read_etcd_events(path: Path) -> list[Event]:
    """The events of a trace file; TraceError where it cannot be read or a line is malformed."""
    events: list[Event] = []
    servers: set[int] = set()
    for line, source in numbered_lines(path):
        event = _event(line, source)
        if event is not None:
            events.append(event)
            servers |= event.servers
            if len(servers) > MOST_SERVERS:
                raise BadLine(line, "event", f"is of more than {MOST_SERVERS} servers, with those named before; such traces cannot be judged")
    return events


def _event(line: int, source: str) -> Event | None:
    # A logger may put its own words before the object, and lines of its own between them.
    start = source.find("{")
    if start < 0 or '"trace"' not in source:
        return None
    found = json_object(line, source[start:])
    if found.get("tag") != "trace":
        return None
    event = field(line, found, "event", dict)
    name = one_of(line, event, "name", (*WITH_MESSAGE, *WITHOUT_MESSAGE), "event.")
    state = field(line, event, "state", dict, "event.")
    conf = field(line, event, "conf", list, "event.")
    if len(conf) != 2:
        raise BadLine(line, "event.conf", "is to be two lists of servers")
    prop = event.get("prop") or {}
    if not isinstance(prop, dict):
        raise BadLine(line, "event.prop", "is to be an object")
    message = _message(line, field(line, event, "msg", dict, "event."), WITH_MESSAGE[name]) if name in WITH_MESSAGE else None
    changes, new_conf = _changes(line, name, prop)
    return Event(
        line=line,
        name=name,
        node=_server(line, event, "nid", "event."),
        term=number(line, state, "term", "event.state."),
        vote=_server(line, state, "vote", "event.state.", nobody=True),
        commit=number(line, state, "commit", "event.state."),
        role=one_of(line, event, "role", ROLES, "event."),
        log=_log_length(line, event),
        conf=(_servers(line, conf[0], "event.conf[0]"), _servers(line, conf[1], "event.conf[1]")),
        message=message,
        changes=changes,
        new_conf=new_conf,
        own_progress=_own_progress(line, prop) if message is not None and name.startswith("Send") and message.type == "MsgApp" else None,
    )


def _log_length(line: int, event: Mapping[str, Any]) -> int:
    length = number(line, event, "log", "event.")
    if length > LONGEST_LOG:
        raise BadLine(line, "event.log", f"is {length:,}; logs of more than {LONGEST_LOG:,} entries, dropped ones included, cannot be judged")
    return length


def _message(line: int, found: Mapping[str, Any], types: tuple[str, ...]) -> WireMessage:
    where = "event.msg."
    return WireMessage(
        type=one_of(line, found, "type", types, where),
        term=number(line, found, "term", where),
        source=_server(line, found, "from", where),
        target=_server(line, found, "to", where),
        entries=number(line, found, "entries", where),
        log_term=number(line, found, "logTerm", where),
        index=number(line, found, "index", where),
        commit=number(line, found, "commit", where),
        vote=_server(line, found, "vote", where, nobody=True),
        reject=field(line, found, "reject", bool, where),
        hint=number(line, found, "rejectHint", where),
    )


def _changes(line: int, name: str, prop: Mapping[str, Any]) -> tuple[tuple[tuple[str, int], ...], tuple[int, ...]]:
    if name not in ("ChangeConf", "ApplyConfChange"):
        return (), ()
    cc = field(line, prop, "cc", dict, "event.prop.")
    changes = cc.get("changes") or []
    if not isinstance(changes, list) or not all(isinstance(c, dict) for c in changes):
        raise BadLine(line, "event.prop.cc.changes", "is to be a list of objects")
    where = "event.prop.cc.changes[]."
    pairs = tuple((one_of(line, c, "action", ACTIONS, where), _server(line, c, "nid", where, nobody=True)) for c in changes)
    return pairs, _servers(line, cc.get("newconf") or [], "event.prop.cc.newconf")


def _own_progress(line: int, prop: Mapping[str, Any]) -> tuple[int, int] | None:
    return (number(line, prop, "match", "event.prop."), number(line, prop, "next", "event.prop.")) if prop else None


def _server(line: int, found: Mapping[str, Any], name: str, where: str, *, nobody: bool = False) -> int:
    return _identity(line, text(line, found, name, where), where + name, nobody=nobody)


def _servers(line: int, found: object, where: str) -> tuple[int, ...]:
    if not isinstance(found, list):
        raise BadLine(line, where, "is to be a list of servers")
    servers = tuple(_identity(line, s, where) for s in found)
    if list(servers) != sorted(set(servers)):
        raise BadLine(line, where, "is to name each server once, in order")
    return servers


def _identity(line: int, found: object, where: str, *, nobody: bool = False) -> int:
    if not isinstance(found, str) or not found.isascii() or not found.isdigit() or len(found) > 20:
        raise BadLine(line, where, f"is to be a server's number in quotes, not {found!r:.40}")
    if int(found) == NOBODY and not nobody:
        raise BadLine(line, where, "is to name a server; 0 stands for none")
    return int(found)
