"""Traces in Ionian's own format: of simulated clusters, and small ones by hand."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from impl.raft import TraceLines
from impl.simulation.latency import MILLISECOND
from impl.simulation.nemesis import KINDS, draw_cluster, draw_faults
from impl.simulation.simulation import Simulation
from impl.simulation.workload import Workload
from model_check.validation.trace_check import check_trace
from model_check.validation.verdict import Result

Line = dict[str, Any]


MOST_LINES = 200_000
MANY_CRASHES = ("crash", "torn-write", "compact", "unreliable", "outage")
"""Faults that in a short run lead to restarts, denials and snapshots."""


class Full(Exception):
    """A run has written more lines than one of its length does."""


def simulated(seed: int, nodes: int = 3, milliseconds: int = 1_000, kinds: Iterable[str] = tuple(KINDS), lines: list[str] | None = None) -> list[str]:
    """The lines of a run under faults, in a list that is given, perhaps, where they stay if the run fails."""
    lines = [] if lines is None else lines

    def write(line: str) -> None:
        lines.append(line)
        if len(lines) > MOST_LINES:
            raise Full

    cluster = draw_cluster(seed, "raft", nodes)
    faults = draw_faults(seed, cluster.ids, milliseconds * MILLISECOND, kinds)
    simulation = Simulation(cluster, Workload(clients=3), faults, seed, tracer=TraceLines(write))
    simulation.run(milliseconds * MILLISECOND)
    return lines


def eventful() -> list[str]:
    """A short run with all kinds of lines and messages: votes denied, calls refused, snapshots, servers that come up with a snapshot."""
    return simulated(36, kinds=MANY_CRASHES)


def judged(lines: Iterable[str | Line], folder: Path) -> Result:
    """The verdict on lines, written to a file."""
    path = folder / "trace.ndjson"
    path.write_text("".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return check_trace(path)


# --- By hand: servers a, b and c that have each line's state on the disk when they log it

HEADER: Line = {"format": "ionian", "version": 1, "nodes": ["a", "b", "c"]}
LOGGED: Line = {**HEADER, "writes": "logged"}
NEW: Line = {"term": 0, "voted_for": None, "role": "follower", "last_log_index": 0, "last_log_term": 0, "commit_index": 0, "snapshot_index": 0}


def start(node: str, **state: Any) -> Line:
    return {"event": "start", "node": node, **NEW, **state}


def step(node: str, **state: Any) -> Line:
    return {"event": "step", "node": node, **NEW, **state}


def message(kind: str, source: str, target: str, term: int, **fields: Any) -> Line:
    return {"kind": kind, "from": source, "to": target, "term": term, **fields}


def send(m: Line) -> Line:
    return {"event": "send", "node": m["from"], "message": m}


def receive(m: Line, **state: Any) -> Line:
    return {"event": "receive", "node": m["to"], "message": m, **NEW, **state}


STARTS = [start("a"), start("b"), start("c")]
ASKED = message("request_vote", "a", "b", 1, last_log_index=0, last_log_term=0)
VOTED = message("vote_reply", "b", "a", 1, vote_granted=True)
LEADS = {"term": 1, "voted_for": "a", "role": "leader"}
ELECTION = [
    *STARTS,
    step("a", term=1, voted_for="a", role="candidate"),
    send(ASKED),
    receive(ASKED, term=1, voted_for="a"),
    send(VOTED),
    receive(VOTED, **LEADS),
]
"""a is elected in term 1, with b's vote."""


def call(target: str, entries: list[Any], commit: int = 0, prev: int = 0, term: int = 1) -> Line:
    """A call of leader a."""
    return message("append_entries", "a", target, term, prev_log_index=prev, prev_log_term=min(prev, 1), entries=entries, leader_commit=commit)


def stored(source: str, match: int, term: int = 1) -> Line:
    """A success, told to leader a."""
    return message("append_reply", source, "a", term, success=True, match_index=match)


FIRST = call("b", [[1, "x"]])
REPLICATION = [
    *ELECTION,
    step("a", **LEADS, last_log_index=1, last_log_term=1, entries=[[1, "x"]]),
    send(FIRST),
    receive(FIRST, term=1, voted_for="a", last_log_index=1, last_log_term=1),
    send(stored("b", 1)),
    receive(stored("b", 1), **LEADS, last_log_index=1, last_log_term=1, commit_index=1),
]
"""The entry x is committed by a and b."""
