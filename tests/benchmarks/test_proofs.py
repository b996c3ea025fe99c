"""The benchmark of the proofs works: one small run, and a page that tells the truth about its aims."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import proofs
from benchmarks.proofs import BOUNDED, Measured

ROOT = Path(__file__).parents[2]


def run_of(spec: str, seconds: float, verdict: str = "proved", slowest: float = 1.0) -> Measured:
    return Measured(("prove", spec), verdict, seconds, "z3", 59, slowest)


def test_a_part_of_a_proof_is_measured() -> None:
    found = proofs.measure("prove", "voting", "--jobs", "1")
    assert (found.spec, found.verdict) == ("voting", "proved")
    assert found.obligations > 0
    assert 0 < found.slowest < found.seconds
    assert found.command == "ionian prove voting --jobs 1"


def test_a_run_that_fails_is_told_in_one_line() -> None:
    with pytest.raises(SystemExit, match="ionian prove nothing ended with status 2: error: unknown proof"):
        proofs.measure("prove", "nothing")


@pytest.mark.parametrize(("raft", "met"), [(run_of("raft", 59.0), True), (run_of("raft", 61.0), False), (run_of("raft", 9.0, "inconclusive"), False)])
def test_an_aim_is_met_by_a_proof_in_time_only(raft: Measured, met: bool) -> None:
    lines = proofs.aims([run_of("paxos", 4.0), raft], [Measured(a, "holds", 50.0) for a in BOUNDED.values()]).splitlines()
    (line,) = (line for line in lines if line.startswith("| raft, whole"))
    assert ("**not met**" in line) != met


def test_the_slowest_obligation_counts() -> None:
    table = proofs.aims([run_of("paxos", 4.0), run_of("raft", 20.0, slowest=10.5)], [])
    assert "| no obligation over 10 s | 10.5 s | **not met** |" in table


def test_what_is_run_is_there() -> None:
    assert (ROOT / proofs.FIGURE_8[proofs.FIGURE_8.index("--from") + 1]).is_file()


def test_without_the_peer_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(proofs.PEER, raising=False)
    assert "not measured" in proofs.peer([])
