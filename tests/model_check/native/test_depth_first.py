"""Depth-first search by compiled code: the interpreter's order and figures, its limits, and what it costs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from differential import compare_depth_first
from shipped import SMALL, fitting

from model_check import check, native
from model_check.native import depth_first
from model_check.search import Options, Progress
from spec.language import Scope, SpecError
from spec.paxos import Paxos
from spec.raft import Raft

PAXOS = Paxos(Scope(acceptor=3, ballot=3, value=2))
# As breadth-first; the states as TLC, too (tests/model_check/tlc_counts.json).
ALL, GENERATED = 185_369, 1_350_915


@pytest.mark.parametrize(
    ("options", "without"),
    [
        (Options(), ()),
        (Options(max_depth=7), ()),
        pytest.param(Options(symmetry=True), (), marks=pytest.mark.long),
        (Options(symmetry=True, max_depth=9), ("adopt",)),
        (Options(), ("one value per ballot",)),
        (Options(properties=("agreement",)), ("keep the promise",)),
    ],
    ids=["whole", "bounded", "symmetric", "both", "violated", "one property"],
)
def test_paxos(options, without):
    compare_depth_first(Paxos(Scope(acceptor=3, ballot=2, value=2), without=without), options)


@pytest.mark.long
def test_raft():
    _, scope, _ = next(s for s in SMALL if s[0] is Raft)
    for without in ((), ("vote once per term",)):
        compare_depth_first(Raft(fitting(Raft, scope), without=without), Options(symmetry=True, max_depth=6))


def test_start_states():
    """From given states, equal ones among them, in their order."""
    protocol = Paxos(Scope(acceptor=2, ballot=2, value=1))
    start = [after for _, after in protocol.successors(protocol.initial_states()[0])]
    for chosen in ((*reversed(start), start[0]), ()):
        compare_depth_first(protocol, Options(start=tuple(chosen)))


def test_the_whole_space():
    found = native.explore_depth_first(PAXOS, Options())
    assert (found.distinct_states, found.stopped, found.violation) == (ALL, "", None)
    assert found.generated_states == GENERATED


def test_cpython_confirms_the_counterexample():
    result = check(Paxos(Scope(acceptor=3, ballot=2, value=2), without=("keep the promise",)), search="depth-first")
    assert (result.verdict, result.property, result.engine) == ("violated", "agreement", "native")
    assert result.trace is not None
    assert result.trace.violates == "agreement"


def test_memory():
    small = native.explore_depth_first(PAXOS, Options(max_memory=2_000_000))
    assert small.stopped.startswith("memory limit")
    assert 0 < small.distinct_states < ALL
    assert sum(c.new for c in small.coverage.values()) == small.distinct_states - 1
    assert native.explore_depth_first(PAXOS, Options(max_memory=1 << 30)).stopped == ""


def test_interrupted(monkeypatch):
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(depth_first, "PROGRESS_SECONDS", -1)
    monkeypatch.setattr(depth_first, "SLICE", 500)
    found = native.explore_depth_first(PAXOS, Options(progress=stop))
    assert found.stopped == "interrupted"
    assert 0 < found.distinct_states == seen[-1].distinct_states < ALL
    assert sum(c.new for c in found.coverage.values()) == found.distinct_states - 1


def test_an_undefined_expression_is_worded_by_the_interpreter(tmp_path):
    from careless import careless

    with pytest.raises(SpecError, match=r"step compare\(c=c1, x=0\) is undefined: `require\(self.top\[c\] < x\)`"):
        native.explore_depth_first(careless(tmp_path), Options())


def test_each_search_compiles_its_own_loops_only():
    """What nobody asked for costs no compiling."""
    breadth, depth = (native.source(PAXOS, search=search) for search in ("breadth-first", "depth-first"))
    assert "def expand(" in breadth
    assert "def descend(" in depth
    assert "def descend(" not in breadth
    assert "def expand(" not in depth
    assert "def wander(" not in breadth + depth
