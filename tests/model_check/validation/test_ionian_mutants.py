"""Mistakes planted in `impl/raft` show in the traces of simulated clusters: refused, by the step of the spec that one would expect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.refinement.mutants import MUTANTS, REPOSITORY, planted


@dataclass(frozen=True)
class Shows:
    """In which run a mistake shows: a short or a long one, and its seed; by which step it is refused, at which kind of line."""

    seed: int
    action: str
    event: str
    long: bool = False


SHOWN = {
    "two votes in one term": Shows(0, "handle_request_vote", "receive"),
    "a vote for a log that is not up to date": Shows(0, "handle_request_vote", "receive"),
    "a vote in an election of an earlier term": Shows(3, "handle_request_vote", "receive", long=True),
    "a vote told before it is written": Shows(0, "handle_request_vote", "send"),
    "votes asked for before the own one is written": Shows(0, "timeout", "send"),
    "a leader with one vote too few": Shows(0, "become_leader", "step"),
    "a restart forgets the vote": Shows(0, "restart", "start"),
    "a request for a pre-vote moves the term": Shows(1, "adopt_term", "step"),
    "a pre-candidate begins the term": Shows(1, "adopt_term", "step"),
    "an election on request stays in its term": Shows(2, "timeout", "step", long=True),
    "calls of an earlier term are obeyed": Shows(2, "handle_append_entries", "receive", long=True),
    "a vote is kept into a later term": Shows(0, "handle_request_vote", "receive"),
    "the search for a conflict ends one entry early": Shows(13, "handle_append_entries", "receive"),
    "a conflict cuts nothing off": Shows(13, "handle_append_entries", "receive"),
    "an old call takes entries away": Shows(2, "handle_append_entries", "receive"),
    "an acknowledgement before the write": Shows(0, "handle_append_entries", "send"),
    "an acknowledgement of one entry too many": Shows(0, "handle_append_entries", "send"),
    "commitment by counting entries of an earlier term": Shows(0, "advance_commit", "receive"),
    "commitment with one holder too few": Shows(0, "advance_commit", "step"),
    "a leader counts what it has not written": Shows(13, "lose_unwritten", "start"),
    "a follower commits beyond what the call covers": Shows(59, "handle_append_entries", "receive"),
    "a compaction drops one entry too many": Shows(62, "restart", "start", long=True),
    "a restored snapshot drops its last term": Shows(8, "restart", "start"),
    "half of the voters are a majority": Shows(0, "become_leader", "receive"),
    "the fewest holders decide": Shows(0, "advance_commit", "receive"),
    "a commit index falls": Shows(16, "handle_append_entries", "receive"),
    "pre-votes count in the election": Shows(35, "become_leader", "receive"),
    "a vote granted is not noted": Shows(0, "handle_request_vote", "send"),
    "a candidate stays one under its term's leader": Shows(11, "handle_append_entries", "receive"),
    "a later term is met with the old role": Shows(3, "become_leader", "receive"),
    "an acknowledgement of all that is there": Shows(2, "handle_append_entries", "receive", long=True),
    "an old acknowledgement takes back a newer one": Shows(2, "choose_next_index", "send"),
    "to look for agreement is to forget it": Shows(3, "choose_next_index", "send"),
    "the first new entry is skipped": Shows(6, "handle_append_entries", "receive"),
    "entries of the term before": Shows(0, "client_request", "receive"),
    "a heartbeat names the last term of the log": Shows(16, "append_entries", "send"),
}
RARE = "takes a rarer run: a trace of it stands in test_ionian_traces.py"
NOT_SHOWN = {
    "a vote is not written where the term stays": "hands out Readys without end; nothing in them is wrong",
    "entries are applied before they are committed": "a trace does not show what is applied",
    "a read without confirmation": "a trace does not show reads",
    "a new leader's read does not wait for its term's first entry": "a trace does not show reads",
    "a read joins a round that has gone out": "a trace does not show reads",
    "a read confirmed by one follower": "a trace does not show reads",
    "entries are applied twice": "a trace does not show what is applied",
    "a restored snapshot is applied as entries, too": "a trace does not show what is applied",
    "an election timer is not set back": "costs progress, not safety",
    "the search for agreement goes on too far": "costs progress, not safety",
    "the longer log is the later one": "takes a voter whose log is shorter and of a later term: rarer than these runs",
    "a vote of an earlier term is counted": RARE,
    "answers of an earlier term are believed": RARE,
    "entries follow on whatever the term before them": RARE,
    "an old snapshot replaces a newer state": RARE,
    "a snapshot replaces a log that has more": RARE,
    "what is written counts for what replaced it": "needs a leader whose own entries are replaced while it writes them, and that crashes then",
}
"""What `ionian refine impl raft` finds and these few runs do not."""
QUICK = ("two votes in one term", "an acknowledgement before the write")


def _first_departure(name: str, folder: Path) -> dict[str, object]:
    mutant, shows = next(m for m in MUTANTS if m.name == name), SHOWN[name]
    planted(mutant, folder)
    command = [sys.executable, "-m", "tests.model_check.validation.ionian_mutant", str(mutant.nodes), str(int(shows.long)), str(shows.seed)]
    # The folder comes first, so its `impl` is the one that is run.
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=True)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_all_mistakes_of_the_core_are_spoken_of() -> None:
    assert {m.name for m in MUTANTS if m.package == "raft"} == SHOWN.keys() | NOT_SHOWN.keys()


@pytest.mark.parametrize("name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in SHOWN])
def test_a_planted_mistake_is_refused_where_it_shows(name: str, tmp_path: Path) -> None:
    found = _first_departure(name, tmp_path)
    assert found["verdict"] == "refused"
    assert (found["action"], found["text"]["event"]) == (SHOWN[name].action, SHOWN[name].event)
