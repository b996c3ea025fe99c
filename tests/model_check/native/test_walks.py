"""Random walks by compiled code: the interpreter's walks, step by step."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from differential import compare_walks

from model_check import native, simulate
from model_check.native import walker
from model_check.search import Progress
from model_check.walks import Task
from spec.language import Scope, SpecError
from spec.paxos import Paxos
from spec.raft import Raft

PAXOS = Scope(acceptor=3, ballot=2, value=2)
# That of the walks in README.md, so that they share a program.
WALKED = Scope(node=3, term=2, index=2, value=1)


@pytest.mark.parametrize("without", [(), ("keep the promise",), ("one value per ballot",)], ids=str)
def test_paxos(without):
    """With a rule removed, the same violation by the same path."""
    for seed in (0, -5, 2**64 + 1):
        found = compare_walks(Paxos(PAXOS, without=without), Task(seed, walks=40, steps=40))
        assert (found["violation"] is not None) == bool(without)


@pytest.mark.long
def test_raft():
    protocol = Raft(WALKED)
    compare_walks(protocol, Task(4, walks=20, steps=30))
    compare_walks(protocol, Task(4, walks=20, steps=30, properties=()))


def test_long_walks_and_many_states():
    """More steps than the way has room for at first, more states than the table has."""
    compare_walks(Paxos(PAXOS), Task(1, walks=1, steps=1000))
    found = native.walk(Paxos(Scope(acceptor=3, ballot=3, value=2)), Task(1, walks=20_000, steps=1000))
    assert found.distinct_states > 30_000
    assert sum(c.new for c in found.coverage.values()) == found.distinct_states - 1


def test_cpython_confirms_the_counterexample():
    result = simulate(Paxos(PAXOS, without=("keep the promise",)), seed=2, walks=1000)
    assert (result.verdict, result.property) == ("violated", "agreement")
    assert result.trace is not None
    assert result.trace.violates == "agreement"
    assert sum(c.new for c in result.coverage.values()) == result.distinct_states - 1


def test_interrupted(monkeypatch):
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(walker, "PROGRESS_SECONDS", -1)
    monkeypatch.setattr(walker, "SLICE", 500)
    result = simulate(Paxos(PAXOS), walks=1_000_000, progress=stop)
    assert (result.verdict, result.stopped) == ("inconclusive", "interrupted")
    assert 0 < result.steps == seen[-1].generated_states < 1_500
    assert result.walks == seen[-1].depth


def test_the_end_of_memory_ends_the_walks(monkeypatch):
    monkeypatch.setattr("model_check.native.engine._physical_memory", lambda: 100_000)
    result = simulate(Paxos(PAXOS), walks=1_000_000)
    assert (result.verdict, result.stopped) == ("inconclusive", "memory limit of 80 KB")
    assert result.steps > 0


def test_an_undefined_expression_is_worded_by_the_interpreter(tmp_path):
    from careless import careless

    with pytest.raises(SpecError, match=r"step compare\(c=c1, x=0\) is undefined: `require\(self.top\[c\] < x\)`"):
        native.walk(careless(tmp_path), Task())
