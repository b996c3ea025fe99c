"""A trace with any one field of any one line falsified is refused, or what it then says is another correct behaviour: the table says which."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

import pytest

from model_check.validation.ionian import Judge
from model_check.validation.ionian_lines import EVENTS, MESSAGES, STATE_FIELDS, WITH_MESSAGE, WITH_STATE, read_header, read_lines
from model_check.validation.trace_file import BadLine
from tests.model_check.validation.ionian_traces import eventful

IGNORED = "whoever receives a message may ignore it"
COMPACTED = "a server may take a snapshot of what it knows to be committed at any time"
ABDICATES = "a candidate or a leader may give up at any time, here shortly before it crashes or the run ends"
OTHER_RECEIVER = "the message went to another server, and was lost on the way"
SENT_TOO = "the other server has sent this, too, and messages may arrive again"
CORRECT_OTHERWISE = {
    "start: event": "nothing was lost, so it may as well have been no crash at all",
    "start: last_log_index": "a crash in the middle of a write leaves as many entries as it does",
    "start: last_log_term": "a crash in the middle of a write leaves as many entries as it does",
    "start: term": "a crash in the middle of a write leaves a term or leaves it not",
    "start: voted_for": "a crash in the middle of a write leaves a vote or leaves it not",
    "start: snapshot_index": COMPACTED,
    "step: snapshot_index": COMPACTED,
    "receive request_vote: voted_for": IGNORED,
    "receive request_vote: term": IGNORED,
    "receive append_entries: commit_index": IGNORED,
    "receive append_entries: last_log_index": IGNORED,
    "receive append_entries: snapshot_index": COMPACTED,
    "receive append_reply: snapshot_index": COMPACTED,
    "receive append_reply: commit_index": "a leader may commit later, here not before it crashes",
    "receive request_vote: snapshot_index": COMPACTED,
    "receive vote_reply: snapshot_index": COMPACTED,
    "receive install_snapshot: snapshot_index": COMPACTED,
    "receive vote_reply: role": ABDICATES,
    "receive append_reply: role": ABDICATES,
    "receive vote_reply: message.from": SENT_TOO,
    "receive append_reply: message.from": SENT_TOO,
    "receive append_reply: message.match_index": SENT_TOO,
    "receive append_entries: message.leader_commit": SENT_TOO,
    "receive append_entries: message.prev_log_index": SENT_TOO,
    "send request_vote: message.to": OTHER_RECEIVER,
    "send append_entries: message.to": OTHER_RECEIVER,
    "send append_entries: message.prev_log_index": "a heartbeat that is lost may have begun elsewhere: next_index is the leader's guess",
    "send append_entries: message.leader_commit": "the leader has sent this call before, and may send it again",
    "send append_entries: message.entries": "a call that is lost may have had fewer entries",
    "send append_reply: message.to": OTHER_RECEIVER,
    "send append_reply: message.match_index": "the server has given this answer before, and may give it again",
    "send vote_reply: message.term": "a vote denied says nothing but a term, which the server has reached",
    "write: event": "a write that ends too early is not noticed where nothing is sent before the next one",
    "written: node": "both servers are writing, and the write of the one is done instead of the other's, which then crashes",
    "written: event": "a write that never ends: nobody hears of what waits for it before the crash",
}
"""The fields of which some other values are those of another behaviour of the spec, and which."""
ENOUGH = 300
"""So many lines after it, a falsified one has been noticed or is lost in a crash."""
NEVER = 1 << 39
"""A number that nothing in a run reaches."""


def _other(value: Any) -> list[Any]:
    """Values to put in place of one."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1, max(value - 1, 0), NEVER]
        case "follower" | "candidate" | "leader":
            return [role for role in ("follower", "candidate", "leader") if role != value]
        case None:
            return [1, 2, 3]
        case str():
            return [event for event in EVENTS if event != value]
        case list() if value and isinstance(value[0], list):
            (term, command), *rest = value
            return [rest, [[term + 1, command], *rest], [[term, command + "!"], *rest], [*value, value[-1]]]
        case list():
            return [value[1:], [value[0] + 1, *value[1:]], [*value, value[-1]]] if value else [[[1, "made up"]]]
    raise AssertionError(value)


@cache
def _fields() -> dict[str, list[int]]:
    """Every field of every kind of line and message in the run, and the lines that have it."""
    found: dict[str, list[int]] = defaultdict(list)
    for at, line in enumerate(map(json.loads, eventful()[1:]), 1):
        m = line.get("message", {})
        kind = f"{line['event']} {m['kind']}" if m else line["event"]
        for name in (*line, *(f"message.{name}" for name in m)):
            if name != "message":
                found[f"{kind}: {name}"].append(at)
    return found


def _spread(places: list[int], count: int) -> list[int]:
    """So many of them, at most, spread over the run."""
    return places if len(places) <= count else [places[(2 * i + 1) * len(places) // (2 * count + 3)] for i in range(count)]


def _falsified(at: int, name: str) -> Iterator[tuple[Any, list[str]]]:
    """The run with another value in one field."""
    lines = eventful_lines()
    outer, _, inner = name.rpartition(".")
    true = _part(json.loads(lines[at]), outer)[inner]
    for value in (value for value in _other(true) if value != true):
        line = json.loads(lines[at])
        _part(line, outer)[inner] = value
        yield value, [*lines[:at], json.dumps(line), *lines[at + 1 : at + ENOUGH]]


eventful_lines = cache(eventful)


def _part(line: dict[str, Any], outer: str) -> dict[str, Any]:
    part: dict[str, Any] = line[outer] if outer else line
    return part


def _verdict(lines: list[str]) -> str:
    try:
        header = read_header(1, lines[0])
        _, (verdict, _, _) = Judge(header).judge(read_lines(header, enumerate(lines[1:], 2)))
    except BadLine:
        return "error"
    return verdict


def test_every_field_of_every_kind_is_in_the_run() -> None:
    of_lines = {event: {"event", "node", *(STATE_FIELDS if event in WITH_STATE else ())} for event in EVENTS}
    for event, names in of_lines.items():
        for kind, fields in MESSAGES.items() if event in WITH_MESSAGE else [("", {})]:
            wanted = names | {f"message.{name}" for name in (("kind", "from", "to", "term", *fields) if kind else ())}
            assert wanted <= {name.split(": ")[1] for name in _fields() if name.startswith(f"{event} {kind}".strip() + ":")}
    assert {"step: entries", "receive vote_reply: entries"} <= _fields().keys()


def _unnoticed(name: str, count: int, values: int) -> tuple[list[tuple[int, Any]], int]:
    """The lines at which, and the values with which, a falsified field is not noticed; and how many were tried."""
    tried = [(at, value, _verdict(lines)) for at in _spread(_fields()[name], count) for value, lines in islice(_falsified(at, name.split(": ")[1]), values)]
    return [(at, value) for at, value, verdict in tried if verdict not in ("refused", "error")], len(tried)


def test_a_falsified_field_is_refused() -> None:
    for name in _fields():
        unnoticed, _ = _unnoticed(name, count=1, values=1)
        assert not unnoticed or name in CORRECT_OTHERWISE, (name, unnoticed)


@pytest.mark.long
@pytest.mark.parametrize("kind", [e for e in EVENTS if e != "send"] + [f"{e} {kind}" for e in WITH_MESSAGE for kind in MESSAGES])
def test_falsified_fields_are_refused_all_over_the_run(kind: str) -> None:
    """Those of the table, too, but for a few places and values."""
    for name in (name for name in _fields() if name.startswith(f"{kind}:")):
        unnoticed, tried = _unnoticed(name, count=12, values=4)
        assert not unnoticed or (name in CORRECT_OTHERWISE and 2 * len(unnoticed) < tried), (name, unnoticed)
