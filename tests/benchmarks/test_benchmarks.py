"""The benchmark works: a small run, the peers that are here, and a table that tells the truth about its targets."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from benchmarks import __main__ as command
from benchmarks import ours, peers
from benchmarks.figures import Breaking, Broken, Compiling, DefaultCheck, Exploration, Figures, targets
from benchmarks.plan import FULL, QUICK, BenchmarkError
from benchmarks.table import render

SMALL, LARGE = FULL.paxos
COUNTS = {1: (73, 8), 2: (3_921, 16)}
"""Distinct states and depth of Paxos with 3 acceptors and 2 values, by ballots: TLC's."""


def figures(paxos_seconds: float = 0.1, spin_seconds: float = 20.0) -> Figures:
    """Made-up figures of a whole run."""
    return Figures(
        explorations=[
            Exploration("Ionian", SMALL, 1, 185_369, 24, (paxos_seconds, 0.01, 9.0), 40_000_000),
            Exploration("Ionian", LARGE, 1, 8_220_065, 32, (6.0,)),
            Exploration("Ionian", LARGE, 2, 8_220_065, 32, (4.0,)),
            Exploration("Ionian", FULL.raft, 2, 26_000_000, 19, (26.0,)),
            Exploration("Spin, breadth-first", LARGE, 1, 8_220_065, 32, (spin_seconds,)),
        ],
        compilings=[Compiling("Paxos", 16.0, 0.5)],
        default_check=DefaultCheck(50.0, 30.0, 20.0, 1_000, "holds", ("a_leader_is_deposed",)),
        breaking=Breaking(301.0, (Broken("vote once per term", "violated", "election_safety", 8, 1.5),)),
        skipped=["TLC: TLA2TOOLS_JAR is not set"],
    )


def test_a_small_run_finds_the_known_counts():
    run = replace(QUICK.paxos[1], repeats=2)
    found = ours.explore(run)
    assert [(e.workers, len(e.seconds)) for e in found] == [(1, 2), (2, 2)]
    assert {(e.distinct_states, e.depth) for e in found} == {COUNTS[2]}


def test_a_run_that_fails_is_told_in_one_line():
    with pytest.raises(BenchmarkError, match="exploring ended with status 1: .*nosuch"):
        ours.explore(replace(QUICK.paxos[0], spec="nosuch"))


@pytest.mark.skipif(bool(peers.spin_missing()), reason="needs spin and gcc")
@pytest.mark.parametrize("run", QUICK.paxos, ids=lambda run: str(run.sizes["ballot"]))
def test_spin_explores_the_same_space(run):
    found = peers.spin(replace(run, repeats=1))
    assert {e.explorer for e in found} == {"Spin, breadth-first", "Spin, depth-first"}
    assert {(e.distinct_states, e.depth) for e in found} == {COUNTS[run.sizes["ballot"]]}


@pytest.mark.skipif(bool(peers.tlc_missing()), reason="needs java, and TLA2TOOLS_JAR set to the path of tla2tools.jar")
def test_tlc_explores_the_same_space():
    (found,) = peers.tlc(QUICK.paxos[1], properties=True)
    assert (found.distinct_states, found.depth) == COUNTS[2]


def test_explorers_that_disagree_give_no_table():
    found = figures().explorations
    peers.agree(found)
    with pytest.raises(BenchmarkError, match="disagree.*Spin, breadth-first: 8220064 states"):
        peers.agree([*found[:-1], replace(found[-1], distinct_states=8_220_064)])


def test_targets_are_held_against_medians():
    met = {t.aim: t.met for t in targets(figures())}
    assert met == {
        "Paxos, 3 ballots: explored in under 0.15 s": True,
        "Paxos, 4 ballots: at least 2,000,000 distinct states a second with 2 workers": True,
        "2 workers: at least 1.6 times 1 worker, on more than 5,000,000 states": False,
        "Ahead of Spin on one core: Spin, breadth-first, Paxos, 3 acceptors, 4 ballots, 2 values": True,
        "Raft, 3 nodes: at least 500,000 distinct states a second with 2 workers, over at least 20,000,000": True,
        "Compiling: at most 15 s the first time: Paxos": False,
        "Compiling: under 1 s from the cache: Paxos": True,
        "`ionian check raft` ends within 60 s with compilation": True,
        "`ionian break raft` in under 5 minutes": False,
    }
    assert not targets(figures(paxos_seconds=0.2))[0].met
    behind = next(t for t in targets(figures(spin_seconds=5.0)) if "Spin" in t.aim)
    assert (behind.met, behind.figure) == (False, "1,370,011 against 1,644,013 a second")


def test_what_was_not_measured_is_neither_met_nor_missed():
    assert {t.met for t in targets(Figures())} == {None}


def test_the_page_says_it_all():
    page = render(figures(), "python -m benchmarks --write", "2026-01-02", 0.1, {"processor": "a processor", "cores": "2"}, {"Python": "3.11"})
    lines = page.splitlines()
    assert "| Paxos, 3 acceptors, 3 ballots, 2 values | Ionian | 1 | 185,369 | 24 | 0.010 | 0.100 | 3 | 1,853,690 | 40 MB |" in lines
    assert "| `ionian break raft` in under 5 minutes | 301 s | **not met** |" in lines
    assert "| vote once per term | violated | election_safety | 8 | 1.5 |" in lines
    assert "- TLC: TLA2TOOLS_JAR is not set" in lines
    assert "on 2026-01-02" in page
    columns = {m.count("|") for m in re.findall(r"^\| (?:space|---|Paxos, 3 acceptors).*states/s.*$", page, re.MULTILINE)}
    assert columns == {11}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nosuch"], "no section is named nosuch; there are explore, compile, spin, tlc, check, break"),
        (["--write", "spin"], "--write takes neither --quick nor sections"),
        (["--write", "--quick"], "--write takes neither --quick nor sections"),
    ],
)
def test_bad_command_lines_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_missing_peers_are_said_to_be_missing(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.delenv(peers.JAR, raising=False)
    assert command.main(["--quick", "spin", "tlc"]) == 0
    page = capsys.readouterr().out
    assert "- Spin: no spin and no gcc on the PATH" in page
    assert "- TLC: TLA2TOOLS_JAR is not set to the path of tla2tools.jar" in page
    assert "| Spin | not found |" in page
