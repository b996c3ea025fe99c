"""Mistakes planted in `impl`, each of which the refinement has to find: `python -m tests.refinement.mutants [--write] [NAME...]`."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.refinement.paxos_mutants import MULTI_PAXOS, PAXOS

REPOSITORY = Path(__file__).parents[2]
TABLE = Path(__file__).parent / "MUTANTS.md"
LIMIT = 60
"""Seconds of one processor core within which each is to be caught: what else the machine does must not count."""
PATIENCE = 600.0
"""Seconds after which one that waits for ever has survived, too."""


@dataclass(frozen=True)
class Mutant:
    """A mistake: a text of one file of a package of `impl`, and what stands there instead."""

    name: str
    file: str
    text: str
    instead: str
    nodes: int = 3
    package: str = "raft"


@dataclass(frozen=True)
class Catch:
    """How a mutant was caught: by what, after how many seconds, in a run of how many events; empty where it survived."""

    by: str
    seconds: float
    length: int
    result: dict[str, Any]


MUTANTS = (
    # --- Elections
    Mutant("a vote of an earlier term is counted", "election.py", "node.role is CANDIDATE and m.term == node.current_term", "node.role is CANDIDATE"),
    Mutant("two votes in one term", "election.py", " and node.voted_for in (None, m.sender)", ""),
    Mutant(
        "a vote for a log that is not up to date",
        "election.py",
        "granted = up_to_date and m.term == node.current_term",
        "granted = m.term == node.current_term",
    ),
    Mutant("a vote in an election of an earlier term", "election.py", "granted = up_to_date and m.term == node.current_term", "granted = up_to_date"),
    Mutant(
        "a vote told before it is written",
        "election.py",
        "node.send_after_write(VoteReply(node.current_term, node.id, m.sender, granted, False))",
        "node.send(VoteReply(node.current_term, node.id, m.sender, granted, False))",
    ),
    Mutant("votes asked for before the own one is written", "election.py", "node.send_after_write(RequestVote(", "node.send(RequestVote("),
    Mutant("a leader with one vote too few", "election.py", "if granted_by >= node.quorum:", "if granted_by >= node.quorum - 1:"),
    Mutant(
        "a vote is not written where the term stays",
        "core.py",
        "if self.current_term != self._handed_hard_state.current_term or self.voted_for != self._handed_hard_state.voted_for:",
        "if self.current_term != self._handed_hard_state.current_term:",
    ),
    Mutant(
        "a restart forgets the vote",
        "state.py",
        "self.current_term, self.voted_for = hard_state.current_term, hard_state.voted_for",
        "self.current_term, self.voted_for = hard_state.current_term, None",
    ),
    Mutant("a request for a pre-vote moves the term", "core.py", "            if m.pre_vote:\n                return True\n", ""),
    Mutant(
        "a pre-candidate begins the term",
        "election.py",
        "    node.take_role(PRE_CANDIDATE, None)",
        "    node.begin_term(term)\n    node.take_role(PRE_CANDIDATE, None)",
    ),
    Mutant(
        "an election on request stays in its term",
        "election.py",
        "node.begin_term(_next_term(node))",
        "node.begin_term(node.current_term if transfer else _next_term(node))",
    ),
    # --- Terms
    Mutant("calls of an earlier term are obeyed", "replication.py", "    if m.term < term:\n        _refuse", "    if m.term < 0:\n        _refuse"),
    Mutant(
        "answers of an earlier term are believed", "replication.py", "if node.role is not LEADER or m.term < node.current_term:", "if node.role is not LEADER:"
    ),
    Mutant("a vote is kept into a later term", "state.py", "self.current_term, self.voted_for = term, None", "self.current_term = term"),
    # --- The log
    Mutant(
        "entries follow on whatever the term before them",
        "replication.py",
        "if log.term(prev_log_index) != m.prev_log_term and prev",
        "if log.term(prev_log_index) is None and prev",
    ),
    Mutant("the search for a conflict ends one entry early", "log.py", "for position in range(overlap):", "for position in range(overlap - 1):"),
    Mutant("a conflict cuts nothing off", "log.py", "                self._truncate(cut)", "                pass"),
    Mutant(
        "an old call takes entries away",
        "log.py",
        "            cut = self.conflict(entries)",
        "            cut = entries.first_index if entries.terms else None",
    ),
    Mutant(
        "an acknowledgement before the write",
        "replication.py",
        "node.send_after_write(AppendReply(term, node.id, m.sender, True,",
        "node.send(AppendReply(term, node.id, m.sender, True,",
    ),
    Mutant(
        "an acknowledgement of one entry too many",
        "replication.py",
        "AppendReply(term, node.id, m.sender, True, match_index,",
        "AppendReply(term, node.id, m.sender, True, match_index + 1,",
    ),
    # --- Commitment
    Mutant(
        "commitment by counting entries of an earlier term",
        "replication.py",
        "if index > node.commit_index and node.log.term(index) == node.current_term:",
        "if index > node.commit_index:",
    ),
    Mutant("commitment with one holder too few", "replication.py", "index = held[node.quorum - 1]", "index = held[node.quorum - 2]"),
    Mutant("a leader counts what it has not written", "replication.py", "held.append(node.log.stable_index)", "held.append(node.log.last_index)", nodes=1),
    Mutant(
        "a follower commits beyond what the call covers",
        "replication.py",
        "node.commit_to(m.leader_commit if m.leader_commit < match_index else match_index)",
        "node.commit_to(m.leader_commit if m.leader_commit < log.last_index else log.last_index)",
    ),
    Mutant(
        "what is written counts for what replaced it",
        "log.py",
        "if index < self.offset or self.term(index) != term:",
        "if index < self.offset or index > self.last_index:",
    ),
    Mutant(
        "entries are applied before they are committed",
        "core.py",
        "committed = log.entries(self.handed_index + 1, self.commit_index,",
        "committed = log.entries(self.handed_index + 1, log.last_index,",
    ),
    # --- Snapshots
    Mutant(
        "a restored snapshot drops its last term",
        "storage.py",
        "snapshot.last_index + 1, snapshot.last_term\n        self._terms, self._commands = [], []",
        "snapshot.last_index + 1, 0\n        self._terms, self._commands = [], []",
    ),
    Mutant("a compaction drops one entry too many", "storage.py", "        gone = index - self._first + 1\n", "        gone = index - self._first + 2\n"),
    Mutant(
        "a snapshot replaces a log that has more",
        "replication.py",
        "    elif node.log.term(match_index) == snapshot.last_term:\n        node.commit_to(match_index)\n",
        "",
    ),
    Mutant(
        "an old snapshot replaces a newer state",
        "replication.py",
        "if match_index <= node.commit_index:\n        match_index = node.commit_index\n    elif",
        "if",
    ),
    # --- Reads
    Mutant("a read without confirmation", "reads.py", "    if node.quorum == 1:", "    if node.quorum:"),
    Mutant(
        "a new leader's read does not wait for its term's first entry",
        "reads.py",
        "read_index = max(node.commit_index, node.term_start)",
        "read_index = node.commit_index",
    ),
    Mutant("a read joins a round that has gone out", "replication.py", "node.to_replicate = node.read_round_open = False", "node.to_replicate = False"),
    Mutant("a read confirmed by one follower", "reads.py", "confirmed = rounds[node.quorum - 2]", "confirmed = rounds[0]", nodes=5),
    # --- What people who did not know these tests broke on purpose
    Mutant("half of the voters are a majority", "state.py", "len(config.voters) // 2 + 1", "(len(config.voters) + 1) // 2", nodes=4),
    Mutant("the fewest holders decide", "replication.py", "    held.sort(reverse=True)\n", "    held.sort()\n", nodes=4),
    Mutant(
        "the longer log is the later one",
        "log.py",
        "(last_term, last_index) >= (self.last_term, self.last_index)",
        "(last_index, last_term) >= (self.last_index, self.last_term)",
    ),
    Mutant("a commit index falls", "state.py", "self.commit_index = max(self.commit_index, index)", "self.commit_index = index"),
    Mutant("pre-votes count in the election", "state.py", "        self.votes = {}\n        self.progress", "        self.progress"),
    Mutant("a vote granted is not noted", "election.py", "    if granted:\n        node.voted_for = m.sender\n", "    if granted:\n"),
    Mutant(
        "a candidate stays one under its term's leader",
        "replication.py",
        "        node.become_follower(term, m.sender)\n    node.election_elapsed = 0\n    log,",
        "        node.leader = m.sender\n    node.election_elapsed = 0\n    log,",
    ),
    Mutant(
        "a later term is met with the old role",
        "core.py",
        "        self.become_follower(m.term, m.sender if",
        "        self.begin_term(m.term) or (m.sender if",
    ),
    Mutant(
        "an acknowledgement of all that is there",
        "replication.py",
        "    match_index = prev_log_index + len(entries.terms)\n",
        "    match_index = max(log.last_index, prev_log_index + len(entries.terms))\n",
    ),
    Mutant(
        "an old acknowledgement takes back a newer one",
        "progress.py",
        "        if news:\n            self.match_index = index\n",
        "        self.match_index = index\n",
    ),
    Mutant(
        "to look for agreement is to forget it",
        "progress.py",
        "        self.flow = Flow.PROBE\n        self.next_index",
        "        self.flow = Flow.PROBE\n        self.match_index = 0\n        self.next_index",
    ),
    Mutant("the first new entry is skipped", "log.py", "entries_from(entries, self.last_index + 1)", "entries_from(entries, self.last_index + 2)"),
    Mutant(
        "entries of the term before", "state.py", "self.log.append(self.current_term, commands)", "self.log.append(max(1, self.current_term - 1), commands)"
    ),
    Mutant(
        "a heartbeat names the last term of the log",
        "replication.py",
        "        prev_log_term = node.log.term(prev_log_index)\n        if",
        "        prev_log_term = node.log.last_term\n        if",
    ),
    Mutant("entries are applied twice", "core.py", "self.handed_index += len(committed.terms)\n", "self.handed_index += max(1, len(committed.terms) - 1)\n"),
    Mutant(
        "a restored snapshot is applied as entries, too",
        "replication.py",
        "        node.commit_to(match_index)\n        node.handed_index = match_index\n",
        "        node.commit_to(match_index)\n",
    ),
    Mutant("an election timer is not set back", "state.py", "        self.election_elapsed = 0\n        self.timeout", "        self.timeout"),
    Mutant(
        "the search for agreement goes on too far",
        "replication.py",
        "p.probe(max(min(m.prev_log_index, candidate + 1), p.match_index + 1))",
        "p.probe(max(min(m.prev_log_index, candidate + 2), p.match_index + 2))",
    ),
)


def planted(mutant: Mutant, folder: Path) -> None:
    """A copy of `impl` with the mistake, in a folder."""
    shutil.copytree(REPOSITORY / "impl", folder / "impl", ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / "impl" / mutant.package / mutant.file
    source = file.read_text()
    if source.count(mutant.text) != 1:
        raise ValueError(f"{mutant.name}: {mutant.file} has the text {source.count(mutant.text)} times, and should have it once:\n{mutant.text}")
    file.write_text(source.replace(mutant.text, mutant.instead))


def catch(mutant: Mutant, limit: int = LIMIT) -> Catch | None:
    """Hold a mutant against the spec; None where it survives."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planted(mutant, folder)
        command = [sys.executable, "-m", "ionian", "refine", "impl", mutant.package, "--seeds", "1000000", "--nodes", str(mutant.nodes)]
        # The folder comes first, so its `impl` is the one that is run.
        environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{REPOSITORY}"}
        before = _processor_seconds()
        try:
            subprocess.run(
                [*command, "--json", "result.json"],
                cwd=folder,
                env=environment,
                timeout=PATIENCE,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
                capture_output=True,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        seconds = _processor_seconds() - before
        if not (folder / "result.json").exists():
            return None
        result = json.loads((folder / "result.json").read_text())
        return Catch(_by(result["departure"]), seconds, result["length"], result)


def _processor_seconds() -> float:
    """What ended processes of this one have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _by(departure: dict[str, Any]) -> str:
    """What caught it, in a few words."""
    if str(departure.get("error")).startswith("Stuck"):
        return "no progress in the end"
    if "error" in departure:
        return f"the implementation's own {departure['error'].partition(':')[0]}"
    for refusal in (departure["refusals"] + departure["denials"])[:1]:
        return f"`{refusal['step'].partition('(')[0]}`: not `{refusal['conjunct']}`"
    if departure["differences"]:
        return "differs: " + departure["differences"][0].partition(":")[0]
    return str(departure["remark"]).partition(":")[0].partition(" (")[0]


def table(caught: Sequence[tuple[Mutant, Catch | None]]) -> str:
    """The table, in Markdown."""
    lines = [
        "# Mistakes planted in `impl`",
        "",
        "Each was found by `ionian refine impl raft` (`paxos`, `multi_paxos`) within 60 seconds of one processor core, and its run shrunk.",
        "Seconds are of the whole command.",
        "`python -m tests.refinement.mutants --write` makes this table; `pytest -m long tests/refinement` runs all of them.",
        "",
        "| mistake | file | caught by | seconds | events in the shrunk run |",
        "|---|---|---|---|---|",
    ]
    for mutant, found in caught:
        by = found.by.replace("|", "\\|") if found is not None else "**survives**"
        figures = f"{found.seconds:.1f} | {found.length}" if found is not None else " | "
        lines.append(f"| {mutant.name} | `{mutant.package}/{mutant.file}` | {by} | {figures} |")
    return "\n".join(lines) + "\n"


def everyone() -> list[Mutant]:
    """All mistakes, in `impl/raft`, `impl/paxos` and `impl/multi_paxos`."""
    return [*MUTANTS, *(Mutant(*m, package=package) for package, mistakes in (("paxos", PAXOS), ("multi_paxos", MULTI_PAXOS)) for m in mistakes)]


def main(arguments: Sequence[str]) -> int:
    """Plant the mistakes, print the table, and write it where that is asked for."""
    names = [a for a in arguments if not a.startswith("--")]
    caught = []
    for mutant in everyone():
        if not names or any(n in mutant.name for n in names):
            found = catch(mutant)
            caught.append((mutant, found))
            print(table(caught[-1:]).splitlines()[-1], flush=True)  # noqa: T201  # a command line of its own
    if "--write" in arguments:
        TABLE.write_text(table(caught))
    return 1 if any(found is None for _, found in caught) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
