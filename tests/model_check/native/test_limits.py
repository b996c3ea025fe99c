"""Limits end a search with all figures so far: memory, depth, an interruption."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from model_check import native
from model_check.native import depth_first, explorer, walker
from model_check.search import Options, Progress
from model_check.walks import Task
from spec.language import Scope
from spec.paxos import Paxos

PAXOS = Paxos(Scope(acceptor=3, ballot=3, value=2))
ALL = 185_369


def test_memory():
    """The buffers alone need some 30 MB; the limit leaves room for part of the space."""
    whole = native.explore(PAXOS, Options())
    assert (whole.distinct_states, whole.stopped) == (ALL, "")
    assert whole.memory > 0
    small = native.explore(PAXOS, Options(max_memory=1_000_000))
    assert small.stopped.startswith("memory limit")
    assert 0 < small.distinct_states < ALL
    assert small.generated_states > 0
    assert small.depth > 0
    assert sum(c.new for c in small.coverage.values()) == small.distinct_states - 1


def test_a_limit_that_is_not_reached():
    assert native.explore(PAXOS, Options(max_memory=4 << 30)).stopped == ""


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupted(monkeypatch, workers):
    """Ctrl-C in the middle: a verdict of nothing, with figures."""
    seen: list[Progress] = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(explorer, "PROGRESS_SECONDS", -1)
    monkeypatch.setattr(explorer, "SLICE", 500)
    found = native.explore(PAXOS, Options(progress=stop, workers=workers))
    assert found.stopped == "interrupted"
    assert 0 < found.distinct_states < ALL
    assert found.distinct_states == seen[-1].distinct_states
    assert sum(c.new for c in found.coverage.values()) == found.distinct_states - 1


SEARCHES = {
    "breadth-first": (explorer, "_Explorer", "_slice", lambda _, low, high, *rest: high - low, lambda: native.explore(PAXOS, Options(max_depth=4))),
    "depth-first": (depth_first, "_DepthFirst", "_descend", int, lambda: native.explore_depth_first(PAXOS, Options(max_depth=4))),
    "walks": (walker, "_Walks", "_wander", int, lambda: native.walk(PAXOS, Task(seed=1, walks=20, steps=20))),
}


@pytest.mark.parametrize("search", SEARCHES)
def test_slow_states_are_taken_a_few_at_a_time(monkeypatch, search):
    """Where a state costs a quarter of a second, Ctrl-C, progress and the memory limit wait for few of them; the figures stay the same."""
    module, engine, method, states, explore = SEARCHES[search]
    usual, work = explore().distinct_states, getattr(getattr(module, engine), method)
    now, taken = [0.0], []

    def slowly(self, *arguments):
        taken.append(states(*arguments))
        now[0] += taken[-1] / 4
        return work(self, *arguments)

    monkeypatch.setattr(getattr(module, engine), method, slowly)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    assert explore().distinct_states == usual
    assert max(taken) <= 16
    assert max(taken[2:]) == 2


def test_depth():
    found = native.explore(PAXOS, Options(max_depth=5))
    assert (found.depth, found.stopped) == (5, "")
