"""The benchmark of the implementation works, and what it says of memory, of long logs and of its targets is so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import compiled, cores, histories, implementation, pysyncobj_peer
from benchmarks.cores import CORES, Cluster, Core, Rates
from benchmarks.histories import Judged
from benchmarks.implementation import Found, render, targets
from benchmarks.plan import BenchmarkError

EACH_CORE = pytest.mark.parametrize("core", CORES.values(), ids=CORES)


@EACH_CORE
@pytest.mark.parametrize(("batch", "alone"), [(1, False), (64, False), (1, True)])
def test_every_entry_is_applied_everywhere(core: Core, batch: int, alone: bool) -> None:
    assert cores.rate(core, 256, batch, alone) > 0


@EACH_CORE
def test_it_notices_entries_that_are_not_applied(core: Core, monkeypatch: Any) -> None:
    monkeypatch.setattr(Cluster, "commit", lambda self, *a: None)
    with pytest.raises(BenchmarkError, match="not all entries were applied everywhere"):
        cores.rate(core, 10, 1)


@EACH_CORE
def test_memory_is_that_of_the_entries(core: Core) -> None:
    assert 49 < cores.bytes_per_entry(core, 6_400) < 100
    assert 100 < cores.bytes_per_follower(core) < 400


@EACH_CORE
def test_a_step_does_the_same_work_however_long_the_log(core: Core) -> None:
    """Counted, not timed: calls of Python functions for one entry."""
    counts, cluster = [], Cluster(core)
    for length in (100, 10_000, 200_000):
        cluster.grow(length)
        cluster.commit(2, 1)
        calls = 0

        def count(frame: Any, event: str, argument: Any) -> None:
            nonlocal calls
            calls += 1

        sys.setprofile(count)
        cluster.commit(1, 1)
        sys.setprofile(None)
        counts.append(calls)
    assert len(set(counts)) == 1


def test_histories_are_judged_and_a_wrong_verdict_shows() -> None:
    found = histories.simulated(10, faults=True, seeds=1)
    assert (found.kind, found.histories, found.verdicts) == ("simulated kv, 10 keys, faults", 1, "as known")
    assert found.operations >= 2_000
    for judged, shown in ((Judged("kv", 3, 10, 1, 0, 0.1), "**1 wrong**"), (Judged("kv", 3, 10, 0, 1, 0.1), "1 undecided")):
        (target,) = (t for t in targets(Found(histories=[judged])) if t.met is not None)
        assert (target.figure, target.met, judged.verdicts) == ("0.100 s at most", False, shown)


@pytest.mark.skipif(bool(pysyncobj_peer.missing()), reason="needs pysyncobj")
def test_the_peer_commits_something() -> None:
    assert pysyncobj_peer.rate(1, 0.2) > 0


def test_a_peer_that_is_not_there_is_said_not_to_be(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pysyncobj", None)
    assert "not importable" in pysyncobj_peer.missing()
    assert pysyncobj_peer.version() == "not found"


FOUND = Found(
    rates={"Raft": Rates([49_000.0, 50_001.0], [799_999.0], [30_000.0]), "Multi-Paxos": Rates([24_999.0], [500_000.0], [20_000.0])},
    lengths={"Raft": [10.0, 10.0, 11.0, 10.0], "Multi-Paxos": [10.0, 10.0, 10.0, 15.5]},
    memory={"Raft": (66.0, 235.4)},
    peer={1: 1_000.4, 1024: 10_000.0},
    histories=[Judged("jepsen-etcd", 12, 170, 0, 0, 0.5)],
    skipped=["the compiled core: no a C compiler"],
)


def test_targets_are_held_against_the_best_of_the_runs() -> None:
    assert [t.met for t in targets(FOUND)] == [True, False, True, False, True, False, True, None, None]
    assert {t.met for t in targets(Found())} == {None}


def test_the_page_says_it_all() -> None:
    lines = render(FOUND, "2026-01-02", 0.1, 2).splitlines()
    for line in (
        "| Raft | 50,001 | 799,999 | 30,000 |",
        "| Multi-Paxos | 10.0 | 10.0 | 10.0 | 15.5 |",
        "| Raft | 66 | 235 |",
        "| 1,024 | 10,000 |",
        "| jepsen-etcd | 12 | 170 | as known | 0.500 |",
        "| Raft core: at least 800,000 entries/s in batches of 64 | 799,999 | **not met** |",
        "- the compiled core: no a C compiler",
    ):
        assert line in lines


def test_what_fails_is_told_and_ends_with_status_1(monkeypatch: Any, capsys: Any) -> None:
    def fail(*arguments: Any) -> Rates:
        raise BenchmarkError("it broke")

    monkeypatch.setattr(cores, "rates", fail)
    monkeypatch.setattr(compiled, "missing", lambda: "the compiled core: no mypyc")
    monkeypatch.setattr(pysyncobj_peer, "missing", lambda: "no PySyncObj")
    monkeypatch.setattr(histories, "missing", lambda: "no histories")
    monkeypatch.setattr(histories, "simulated", lambda *a, **k: Judged("simulated kv", 1, 2_000, 0, 0, 0.1))
    assert implementation.main(["--quick"]) == 1
    assert "- the Raft core: it broke" in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.skipif(bool(compiled.missing()), reason=compiled.missing())
def test_the_compiled_core_passes_the_tests_of_the_core(tmp_path: Path) -> None:
    """All but those that give it values of wrong types, which it refuses earlier, with a TypeError."""
    compiled.build(tmp_path)
    folder = Path("tests", "impl", "raft")
    shutil.copytree(compiled.ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "test_hostile.py"))
    (tmp_path / "pytest.ini").write_text("[pytest]\npythonpath = .\naddopts = --import-mode=importlib\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "tests", "--deselect", f"{folder}/test_config.py::test_nonsense_is_refused"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    where = subprocess.run([sys.executable, "-c", "import impl.raft.core as c; print(c.__file__)"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert where.stdout.strip().endswith(".so")
    assert compiled.rates(tmp_path, 100, 1).alone[0] > 0
