"""The README, done as a reader would do it: every command that it shows is run, and what it shows is what is printed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from model_check.cache_folder import cache_root
from tests.model_check.tlc import entries

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)
QUICK_START = [
    "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/ionian check raft",
    "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest",
]


def _shown() -> dict[str, list[str]]:
    """The commands of the README with the lines of output below each; `...` stands for lines left out."""
    found: dict[str, list[str]] = {}
    for _, text in BLOCKS:
        lines: list[str] | None = None
        for line in text.splitlines():
            if line.startswith("$ "):
                lines = found.setdefault(line.removeprefix("$ "), [])
            elif lines is not None:
                lines.append(line)
    prose = re.sub(r"^```.*?^```", "", README, flags=re.DOTALL | re.MULTILINE)
    for command in re.findall(r"`(ionian [a-z]+ [^`]+|ionian list)`", prose):
        found.setdefault(command, [])
    return found


SHOWN = _shown()


@dataclass(frozen=True)
class Command:
    """How a command is run: its exit status; whether it takes long as shown, and then what is added (and found) for a quick run."""

    status: int = 0
    long: bool = False
    quick: str = ""
    distinct: str = ""


PROGRESS = re.compile(r"\w+: \d+ of \d+ obligations discharged")
INTERPRETED = " --engine interpreter"
COMMANDS = {
    "ionian check raft": Command(long=True, quick=" --nodes 2 --terms 1 --index 1" + INTERPRETED, distinct="153 distinct states"),
    "ionian check raft --help": Command(),
    "ionian list": Command(),
    'ionian check raft --nodes 3 --terms 1 --index 1 --without "vote once per term" --symmetry': Command(
        status=1, long=True, quick=INTERPRETED, distinct="687 distinct states"
    ),
    'ionian check paxos --acceptors 3 --ballots 2 --without "keep the promise" --itf trace.itf.json': Command(status=1),
    "ionian replay trace.itf.json": Command(),
    "ionian break raft": Command(long=True),
    "ionian break paxos": Command(),
    "ionian prove paxos": Command(),
    "ionian prove raft": Command(long=True, quick=" --lemma one_vote_per_term", distinct="11 of 11 obligations discharged (31 queries)"),
    "ionian refine paxos voting": Command(long=True, quick=" --acceptors 2 --ballots 2" + INTERPRETED, distinct="145 distinct states"),
    "ionian simulate raft --nodes 3 --seed 7 --walks 100000": Command(long=True, quick=" --walks 20" + INTERPRETED, distinct="NO VIOLATION FOUND"),
    "ionian graph paxos --acceptors 2 --ballots 1 -o paxos.graphml": Command(),
    "ionian export tla paxos --refines voting -o out": Command(),
    "ionian refine impl raft --seeds 5 --nodes 5": Command(),
    "ionian refine impl paxos": Command(long=True, quick=" --seeds 3", distinct="NO DEPARTURE FOUND"),
    "ionian refine impl multi-paxos": Command(long=True, quick=" --seeds 3", distinct="NO DEPARTURE FOUND"),
    "ionian run raft --runs 3": Command(),
    "ionian run raft --seed 7 --trace run.ndjson": Command(),
    "ionian trace validate run.ndjson": Command(),
    "ionian latency --topology three-zones --nodes 3 --no-jitter": Command(),
    "ionian trace validate tests/data/etcd/crash-1.ndjson.gz": Command(),
}
NEEDS = {
    "ionian replay trace.itf.json": 'ionian check paxos --acceptors 3 --ballots 2 --without "keep the promise" --itf trace.itf.json',
    "ionian trace validate run.ndjson": "ionian run raft --seed 7 --trace run.ndjson",
}


@pytest.fixture
def ionian(tmp_path: Path):
    """Run a command of the README in a folder that looks like the checkout and may be written to."""
    for package in ("spec", "model_check", "proofs", "impl", "conformance", "tests"):
        (tmp_path / package).symlink_to(ROOT / package)

    def run(command: str) -> tuple[int, str]:
        # Compiled programs are those of all tests; what an interrupted proof of the user's noted is left alone.
        cache = tmp_path / "cache" if "prove" in command else cache_root()
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "IONIAN_CACHE_DIR": str(cache), "COLUMNS": "80"}
        program = [sys.executable, "-m", "ionian", *shlex.split(command)[1:]]
        done = subprocess.run(program, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert [line for line in done.stderr.splitlines() if not PROGRESS.fullmatch(line)] == []
        return done.returncode, done.stdout

    return run


def _lines(text: list[str]) -> list[str]:
    """Lines without what depends on the machine: times and memory; nor line numbers, nor which of two equal elements is named first."""
    found = []
    for line in text:
        if line.startswith("compiling ") or re.match(r"  \w = ", line) or not line.strip():
            continue
        kept = re.sub(r"\s+\d+\.\d$", "", re.sub(r"\b[\d.]+ s\b", "- s", line.rstrip()))
        found.append(re.sub(r"(\.py):\d+", r"\1", kept))
    return found


def _agree(shown: list[str], printed: str) -> None:
    """Each shown line stands in the output, in order; where no `...` stands between two, nothing else does either."""
    wanted, there = _lines(shown), _lines(printed.splitlines())
    at, gap = 0, False
    for line in wanted:
        if line.split()[-1] == "...":
            gap = True
            continue
        assert line in there[at:], f"not printed: {line}"
        found = there.index(line, at)
        assert gap or found == at, f"left out in the README, before {line!r}: {there[at:found]}"
        at, gap = found + 1, False
    # A report goes on after a counterexample's explanation; everywhere else the README shows the end.
    assert at == len(there) or gap, f"left out in the README, at the end: {there[at:]}"


def test_the_quick_start_is_two_lines_and_the_job_reads_them() -> None:
    block = README.split("<!-- quick start -->\n", 1)[1]
    language, text = re.findall(r"\A```(\w+)\n(.*?)^```", block, flags=re.DOTALL | re.MULTILINE)[0]
    assert (language, text.splitlines()) == ("sh", QUICK_START)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (program,) = re.findall(r"awk '([^']+)' \"\$root/README.md\"", script)
    read = subprocess.run(["awk", program, str(ROOT / "README.md")], capture_output=True, text=True, check=True)
    assert read.stdout.splitlines() == QUICK_START


def test_every_command_is_run() -> None:
    assert set(SHOWN) == set(COMMANDS)


@pytest.mark.parametrize("command", [pytest.param(c, marks=pytest.mark.long if how.long else ()) for c, how in COMMANDS.items()])
def test_a_command_prints_what_is_shown(ionian, command: str) -> None:
    if command in NEEDS:
        ionian(NEEDS[command])
    status, printed = ionian(command)
    assert status == COMMANDS[command].status
    if SHOWN[command]:
        _agree(SHOWN[command], printed)


@pytest.mark.parametrize("command", [c for c, how in COMMANDS.items() if how.quick])
def test_a_long_command_in_a_small_scope(ionian, command: str) -> None:
    how = COMMANDS[command]
    status, printed = ionian(command + how.quick)
    assert status == how.status
    assert f"\n{how.distinct}" in printed


def test_the_python_shown_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = [text for language, text in BLOCKS if language == "python"]
    names: dict[str, object] = {}
    exec(compile(program, "README.md", "exec"), names)
    assert "prepares: + Prepare(ballot=0)" in capsys.readouterr().out
    test = names["test_my_protocol"]
    assert callable(test)
    test()


def test_the_figures_agree_with_those_of_tlc() -> None:
    runs = {e.name: e for e in entries()}
    assert f"| {len(runs)} runs of TLC" in README
    for name in ("paxos 3-3-2", "raft 3-1-1-1"):
        assert f": {runs[name].distinct_states:,} states" in README
    assert f"; {runs['paxos 3-3-2 up to symmetry'].distinct_states:,} up to symmetry" in README


CHECKED = {
    "3 acceptors, 3 ballots, 2 values: {} states; 17,153": "check paxos --acceptors 3 --ballots 3 --values 2",
    "3 acceptors, 4 ballots, 2 values: {} states": "check paxos --acceptors 3 --ballots 4 --values 2",
    "3 acceptors, 2 ballots, 2 slots, 2 values: {} states": "check multi-paxos --acceptors 3 --ballots 2 --slots 2 --values 2",
    "3 nodes, 3 terms, 1 entry, 1 value: {} states": "check raft --nodes 3 --terms 3 --index 1 --values 1 --symmetry --eager",
    "2 nodes, 2 terms, 2 entries, 1 value: {} states": "check raft --nodes 2 --terms 2 --index 2 --values 1",
    "2 nodes, 3 terms, 1 entry, 1 value: {} states up to symmetry": "check raft --nodes 2 --terms 3 --index 1 --values 1 --symmetry",
    "3 acceptors, 3 ballots, 2 values: 185,369 and {} states": "refine voting consensus --acceptors 3 --ballots 3 --values 2",
    "2 acceptors, 2 ballots, 2 slots, 2 values: {} states": "refine multi-paxos consensus-log --acceptors 2 --ballots 2 --slots 2 --values 2",
    "2 nodes, 2 terms, 1 entry, 1 value: {} states": "refine raft replicated-log --nodes 2 --terms 2 --index 1 --values 1",
}
"""What the table says of spaces that no other test pins, with the command that finds it."""


@pytest.mark.long
@pytest.mark.parametrize("shown", CHECKED)
def test_a_figure_of_the_table_is_what_the_explorer_finds(ionian, shown: str, tmp_path: Path) -> None:
    assert ionian(f"ionian {CHECKED[shown]} --json found.json")[0] == 0
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    assert shown.format(f"{found['distinct_states']:,}") in README


def test_counts_are_those_of_what_is_counted() -> None:
    """Planted mistakes by the table of them, obligations by the ledger."""
    rows = re.findall(r"^\| .*\.py`", (ROOT / "tests" / "refinement" / "MUTANTS.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert f"; {len(rows)} planted mistakes are found" in README
    ledger = json.loads((ROOT / "proofs" / "raft.ledger.json").read_text(encoding="utf-8"))
    assert f"`ionian prove raft` has {len(ledger['obligations'])} of them" in README


def test_links_lead_somewhere() -> None:
    for document in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (ROOT / target).exists(), f"{document.name}: {target}"
