"""Real traces of etcd/raft, falsified in one place: what can be no behaviour any more is refused."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from model_check.validation.trace_check import check_trace
from tests.model_check.validation.falsified_traces import falsifications, may_be_a_behaviour, read_lines, write_lines

DATA = Path(__file__).parents[2] / "data" / "etcd"
GOOD = sorted(p for p in DATA.glob("*.gz") if not p.name.startswith("bad-"))


def verdicts(path: Path, count: int, tmp_path: Path) -> Counter[str]:
    """How falsified copies of a trace are judged; those that are neither refused nor possible still fail the test."""
    lines = read_lines(path)
    found: Counter[str] = Counter()
    for made in falsifications(lines, random.Random(path.name), count):
        result = check_trace(write_lines(made.lines, tmp_path / "falsified.ndjson"), "etcd")
        possible = may_be_a_behaviour(lines, made)
        assert result.verdict == "refused" or possible, f"line {made.place + 1}, {made.kind}"
        found[result.verdict] += 1
    return found


@pytest.mark.parametrize("path", [p for p in GOOD if p.stat().st_size < 5_000], ids=lambda p: p.name)
def test_what_is_falsified_is_refused(path: Path, tmp_path: Path) -> None:
    assert verdicts(path, 12, tmp_path)["refused"] > 0


@pytest.mark.long
@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.name)
def test_what_is_falsified_is_refused_many_times(path: Path, tmp_path: Path) -> None:
    found = verdicts(path, 400, tmp_path)
    assert found["refused"] > 0.75 * found.total()
    assert found["inconclusive"] == 0
