"""Falsifies real traces of etcd/raft: one field of one line, or one line left out, repeated or moved; and says which may be behaviours still."""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Line = dict[str, Any]
Deed = Callable[[list[Line], int, random.Random], list[Line] | None]
_ROLES = ("StateFollower", "StatePreCandidate", "StateCandidate", "StateLeader")
_NUMBERS = (
    *("state.term", "state.commit", "log", "prop.match", "prop.next"),
    *("msg.term", "msg.entries", "msg.logTerm", "msg.index", "msg.commit", "msg.rejectHint"),
)
_SERVERS = ("nid", "state.vote", "msg.from", "msg.to", "msg.vote")
_SETS = ("conf.0", "conf.1", "prop.cc.newconf")


@dataclass(frozen=True)
class Falsified:
    """A trace that was made false in one place.

    Attributes:
        kind: What was done, as `event of the line: field or deed`.
        place: The line, counted from 0, that it was done to.
        lines: The altered trace.
    """

    kind: str
    place: int
    lines: list[Line]


def read_lines(path: Path) -> list[Line]:
    """The events of a trace file, without other log output."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    return [line for line in map(json.loads, text.splitlines()) if line.get("tag") == "trace"]


def write_lines(lines: list[Line], path: Path) -> Path:
    """Write a trace file."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def falsifications(lines: list[Line], draw: random.Random, count: int) -> Iterator[Falsified]:
    """Falsified copies of a trace; what is done is drawn evenly among the kinds that are possible, then the place."""
    places = _places(lines)
    kinds = sorted(places)
    for _ in range(count):
        kind = draw.choice(kinds)
        place = draw.choice(places[kind])
        altered = _DEEDS[kind.split(": ")[1]](lines, place, draw)
        if altered is not None:
            yield Falsified(kind, place, altered)


def _places(lines: list[Line]) -> dict[str, list[int]]:
    """For each kind of falsification the lines that it can be done to."""
    found: dict[str, list[int]] = defaultdict(list)
    for place, line in enumerate(lines):
        event = line["event"]
        for deed in _DEEDS:
            if deed in _WHOLE_LINES or _has(event, deed):
                found[f"{event['name']}: {deed}"].append(place)
    return found


def _has(event: Line, path: str) -> bool:
    try:
        _at(event, path)
    except (KeyError, IndexError):
        return False
    return True


def _at(event: Any, path: str) -> Any:
    for part in path.split("."):
        event = event[int(part)] if isinstance(event, list) else event[part]
    return event


def _with(lines: list[Line], place: int, path: str, value: Any) -> list[Line]:
    altered = list(lines)
    altered[place] = copy.deepcopy(lines[place])
    *outer, last = path.split(".")
    target = _at(altered[place]["event"], ".".join(outer)) if outer else altered[place]["event"]
    target[int(last) if isinstance(target, list) else last] = value
    return altered


def _servers(lines: list[Line]) -> list[str]:
    return sorted({line["event"]["nid"] for line in lines}, key=int)


def _other_number(path: str) -> Deed:
    def deed(lines: list[Line], place: int, draw: random.Random) -> list[Line] | None:
        value = _at(lines[place]["event"], path)
        other = value + draw.choice((-2, -1, 1, 2))
        return _with(lines, place, path, other) if other >= 0 else None

    return deed


def _other_server(path: str) -> Deed:
    def deed(lines: list[Line], place: int, draw: random.Random) -> list[Line] | None:
        value = _at(lines[place]["event"], path)
        none = ["0"] if path.endswith("vote") else []
        return _with(lines, place, path, draw.choice([s for s in [*none, *_servers(lines)] if s != value]))

    return deed


def _other_set(path: str) -> Deed:
    def deed(lines: list[Line], place: int, draw: random.Random) -> list[Line] | None:
        value = set(_at(lines[place]["event"], path) or ())
        return _with(lines, place, path, sorted(value ^ {draw.choice(_servers(lines))}, key=int))

    return deed


def _other_word(path: str, words: tuple[Any, ...]) -> Deed:
    def deed(lines: list[Line], place: int, draw: random.Random) -> list[Line] | None:
        value = _at(lines[place]["event"], path)
        return _with(lines, place, path, draw.choice([w for w in words if w != value]))

    return deed


def _other_change(lines: list[Line], place: int, draw: random.Random) -> list[Line] | None:
    changes = copy.deepcopy(_at(lines[place]["event"], "prop.cc.changes"))
    if not changes:
        return None
    change = draw.choice(changes)
    if draw.random() < 0.5:
        change["action"] = draw.choice([a for a in ("AddNewServer", "RemoveServer", "AddLearner") if a != change["action"]])
    else:
        change["nid"] = draw.choice([s for s in _servers(lines) if s != change["nid"]])
    return _with(lines, place, "prop.cc.changes", changes)


def _left_out(lines: list[Line], place: int, draw: random.Random) -> list[Line]:
    return lines[:place] + lines[place + 1 :]


def _repeated(lines: list[Line], place: int, draw: random.Random) -> list[Line]:
    return lines[: place + 1] + lines[place:]


def _swapped(lines: list[Line], place: int, draw: random.Random) -> list[Line] | None:
    """Exchange a line with the next one of the same server."""
    node = lines[place]["event"]["nid"]
    later = next((i for i in range(place + 1, len(lines)) if lines[i]["event"]["nid"] == node), None)
    if later is None or lines[later]["event"] == lines[place]["event"]:
        return None
    altered = list(lines)
    altered[place], altered[later] = lines[later], lines[place]
    return altered


_WHOLE_LINES: dict[str, Deed] = {"left out": _left_out, "repeated": _repeated, "swapped with the next": _swapped}
_DEEDS: dict[str, Deed] = {
    **{path: _other_number(path) for path in _NUMBERS},
    **{path: _other_server(path) for path in _SERVERS},
    **{path: _other_set(path) for path in _SETS},
    "role": _other_word("role", _ROLES),
    "msg.reject": _other_word("msg.reject", (True, False)),
    "prop.cc.changes": _other_change,
    **_WHOLE_LINES,
}


def may_be_a_behaviour(lines: list[Line], made: Falsified) -> str:
    """Why a falsified trace may be a behaviour all the same; empty where it can be none."""
    event, deed = made.kind.split(": ")
    before, after = lines[made.place]["event"], made.lines[made.place]["event"] if made.place < len(made.lines) else None
    if deed in _WHOLE_LINES:
        return _STILL_POSSIBLE[deed].get(event, "")
    assert after is not None
    m = after.get("msg")
    if event.startswith("Receive") and m != before["msg"] and any(m == line["event"].get("msg") for line in lines[: made.place]):
        return "another message that was sent"
    if deed == "role" and after["role"] == "StatePreCandidate":
        return "the server may have asked for pre-votes, which are not traced"
    if event.startswith("Send") and m is not None and m["type"] == "MsgHeartbeat" and deed == "msg.to":
        return "a heartbeat to another member, of which the leader knows as little"
    if event == "SendAppendEntriesRequest" and deed in ("msg.to", "msg.entries"):
        return "a call with fewer entries, or the like to another member, that is not delivered"
    if deed == "nid" and event == "Ready":
        return "a Ready of another server in the same state"
    if deed == "prop.cc.changes":
        return "another change, that nobody applies in the trace"
    return ""


_LOST, _AGAIN, _ORDER = "a message may be lost", "it may happen again", "the two do not depend on each other"
_STILL_POSSIBLE: dict[str, dict[str, str]] = {
    "left out": {
        "ReceiveAppendEntriesRequest": _LOST,
        "ReceiveAppendEntriesResponse": _LOST,
        "ReceiveRequestVoteRequest": _LOST,
        "ReceiveRequestVoteResponse": _LOST,
        "SendAppendEntriesRequest": "nobody received it",
        "SendAppendEntriesResponse": "nobody received it",
        "Ready": "what it handed out, the next one did",
        "Replicate": "an update of what is known of a server has no line",
        "ChangeConf": "an update of what is known of a server has no line",
        "ApplyConfChange": "an application that rejects a change does not apply it, nor need it apply founding ones",
        "BecomeFollower": "a server that has begun again, or was a pre-candidate, and does nothing more",
        "Commit": "the trace ends there",
        "InitState": "the server shows nothing before",
    },
    "repeated": {
        "InitState": "a crash while it starts",
        "Ready": _AGAIN,
        "SendAppendEntriesRequest": _AGAIN,
        "ReceiveAppendEntriesRequest": "a message may be delivered twice",
        "ReceiveAppendEntriesResponse": "a message may be delivered twice",
        "ReceiveRequestVoteRequest": "a message may be delivered twice",
        "ReceiveRequestVoteResponse": "a message may be delivered twice",
        "BecomeFollower": "a server may lose a pre-vote, which is not traced",
        "ApplyConfChange": "one that changes nothing may as well be another",
    },
    "swapped with the next": dict.fromkeys(
        [
            *(f"{way}{what}{kind}" for way in ("Send", "Receive") for what in ("AppendEntries", "RequestVote") for kind in ("Request", "Response")),
            "Ready",
            "ChangeConf",
            "ApplyConfChange",
            "Commit",
            "BecomeFollower",
            "Replicate",
            "InitState",
        ],
        _ORDER,
    ),
}
