"""Ionian measured: exploring apart from compiling, and whole commands as a user types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

from benchmarks.figures import Breaking, Broken, Compiling, DefaultCheck, Exploration
from benchmarks.plan import BenchmarkError, Run

ROOT = Path(__file__).parents[1]
GIVEN_UP = {"check": 100, "break": 330}
"""Seconds after which a command is given up: later than its target."""


class _CheckReport(TypedDict):
    verdict: str
    distinct_states: int
    seconds: float
    compile_seconds: float
    witnesses: dict[str, int | None]


class _Rule(TypedDict):
    rule: str
    verdict: str
    property: str | None
    length: int | None
    seconds: float


class _BreakReport(TypedDict):
    rules: list[_Rule]


class Once(TypedDict):
    """What `benchmarks.once` reports of one exploration."""

    workers: int
    verdict: str
    stopped: str
    distinct_states: int
    depth: int
    seconds: float
    compile_seconds: float
    memory: int


def explore(run: Run) -> list[Exploration]:
    """Explore a space with each number of workers; counts must be the same every time, and every property must hold."""
    _once(replace(run, repeats=1, workers=run.workers[:1], max_depth=0))  # so that the compiler is not at work in what is timed
    done = _once(run)
    if len({(d["distinct_states"], d["depth"]) for d in done}) != 1:
        raise BenchmarkError(f"{run.name}: repetitions differ in their counts: {done}")
    found = []
    for workers in run.workers:
        mine = [d for d in done if d["workers"] == workers]
        seconds, memory = tuple(d["seconds"] for d in mine), max(d["memory"] for d in mine)
        found.append(Exploration("Ionian", run, workers, mine[0]["distinct_states"], mine[0]["depth"], seconds, memory))
    return found


def compiling(run: Run) -> Compiling:
    """Time a program compiled for the first time, then taken from the cache by another process."""
    bare = replace(run, repeats=1, workers=(1,), max_depth=1)
    with tempfile.TemporaryDirectory() as cache:
        first, cached = (_once(bare, cache)[0]["compile_seconds"] for _ in range(2))
    return Compiling(replace(run, max_depth=None).name, first, cached)


def default_check() -> DefaultCheck:
    """Time `ionian check raft` on a machine that has never run it."""
    with tempfile.TemporaryDirectory() as folder:
        wall, report = _command(["check", "raft"], folder)
    found: _CheckReport = json.loads(report)
    missed = tuple(name for name, depth in found["witnesses"].items() if depth is None)
    return DefaultCheck(wall, found["seconds"], found["compile_seconds"], found["distinct_states"], found["verdict"], missed)


def breaking() -> Breaking:
    """Time `ionian break raft` on a machine that has never run it."""
    with tempfile.TemporaryDirectory() as folder:
        wall, report = _command(["break", "raft"], folder)
    found: _BreakReport = json.loads(report)
    rules = (Broken(r["rule"], r["verdict"], r["property"] or "", r["length"], r["seconds"]) for r in found["rules"])
    return Breaking(wall, tuple(rules))


def _environment(cache: str | None) -> dict[str, str]:
    return dict(os.environ) | {"PYTHONPATH": str(ROOT)} | ({} if cache is None else {"IONIAN_CACHE_DIR": cache})


def _once(run: Run, cache: str | None = None) -> list[Once]:
    order = json.dumps({"spec": run.spec, "sizes": dict(run.sizes), "repeats": run.repeats, "workers": run.workers, "max_depth": run.max_depth})
    command = [sys.executable, "-m", "benchmarks.once", order]
    done = subprocess.run(command, cwd=ROOT, env=_environment(cache), capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{run.name}: exploring ended with status {done.returncode}: {last_line(done.stderr)}")
    found: list[Once] = json.loads(done.stdout)
    for one in found:
        if one["verdict"] != "holds":
            raise BenchmarkError(f"{run.name}: {one['verdict']} {one['stopped']}")
    return found


def _command(arguments: list[str], folder: str) -> tuple[float, str]:
    """Run an `ionian` command with an empty cache; its seconds from start to exit, and the JSON it wrote."""
    report, name = Path(folder, "report.json"), f"ionian {' '.join(arguments)}"
    command = [sys.executable, "-c", "from ionian import main; main()", *arguments, "--json", str(report)]
    began = time.perf_counter()
    try:
        done = subprocess.run(command, cwd=ROOT, env=_environment(folder), capture_output=True, text=True, check=False, timeout=GIVEN_UP[arguments[0]])
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{name} did not end within {GIVEN_UP[arguments[0]]} s") from None
    wall = time.perf_counter() - began
    if not report.exists():
        raise BenchmarkError(f"{name} ended with status {done.returncode}: {last_line(done.stderr)}")
    return wall, report.read_text(encoding="utf-8")


def last_line(text: str) -> str:
    """The last line that says something."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")
