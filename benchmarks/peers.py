"""The peers, where their programs are found: Spin on `paxos.pml`, TLC on what `ionian export tla` writes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Exploration
from benchmarks.ours import last_line
from benchmarks.plan import BenchmarkError, Run
from model_check import tla
from model_check.cli.specs import find_protocol

JAR = "TLA2TOOLS_JAR"
MODEL = Path(__file__).with_name("paxos.pml")
SPIN_SEARCHES = {"breadth-first": ("-DBFS",), "depth-first": ()}
PEER_SECONDS = 150
"""When a peer is given up."""


def spin_missing() -> str:
    """Why Spin cannot be run, empty if it can."""
    missing = [program for program in ("spin", "gcc") if shutil.which(program) is None]
    return f"Spin: no {' and no '.join(missing)} on the PATH" if missing else ""


def tlc_missing() -> str:
    """Why TLC cannot be run, empty if it can."""
    jar = os.environ.get(JAR)
    if not jar:
        return f"TLC: {JAR} is not set to the path of tla2tools.jar"
    if not Path(jar).is_file():
        return f"TLC: {JAR} is {jar}, which is not a file"
    return "" if shutil.which("java") else "TLC: no java on the PATH"


def spin(run: Run) -> list[Exploration]:
    """Explore Paxos with Spin's own exact searches, one core; times are Spin's, without compiling."""
    with tempfile.TemporaryDirectory() as folder:
        _call(["spin", f"-DBALLOTS={run.sizes['ballot']}", "-a", str(MODEL)], folder)
        found = []
        for name, flags in SPIN_SEARCHES.items():
            _call(["gcc", "-O3", "-w", "-DSAFETY", "-DNOREDUCE", "-DMEMLIM=8000", *flags, "-o", "pan", "pan.c"], folder)
            # Slots for all states (185,369 and some 8 million), and no memory that is never used.
            slots = "-w20" if run.sizes["ballot"] < 4 else "-w24"
            outputs = [_call(["./pan", slots], folder) for _ in range(run.repeats)]
            found.append(_exploration(f"Spin, {name}", run, outputs))
    return found


def _exploration(explorer: str, run: Run, outputs: list[str]) -> Exploration:
    seconds = tuple(float(_read(r"elapsed time ([\d.e+-]+) seconds", output)) for output in outputs)
    output = outputs[0]
    if int(_read(r"errors: (\d+)", output)):
        raise BenchmarkError(f"{explorer}: {run.name}: {last_line(output)}")
    depth, states = int(_read(r"depth reached (\d+)", output)), int(_read(r"(\d+) states, stored", output))
    return Exploration(explorer, run, 1, states, depth, seconds, int(float(_read(r"([\d.]+)\s+total actual memory", output)) * 1e6))


def tlc(run: Run, properties: bool) -> list[Exploration]:
    """Explore with TLC, two workers; times are from start to exit, with Java's own start, as TLC gives whole seconds only."""
    protocol = find_protocol(run.spec)(run.scope)
    module, configuration = tla.export(protocol)
    if not properties:
        configuration = "".join(f"{line}\n" for line in configuration.splitlines() if not line.startswith(("INVARIANT", "PROPERTY")))
    name = protocol.ir.name
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{name}.tla").write_text(module, encoding="utf-8")
        Path(folder, f"{name}.cfg").write_text(configuration, encoding="utf-8")
        command = ["java", "-XX:+UseParallelGC", "-cp", str(Path(os.environ[JAR]).resolve()), "tlc2.TLC", "-workers", "2", "-noGenerateSpecTE"]
        began = time.perf_counter()
        output = _call([*command, "-metadir", f"{folder}/states", "-config", f"{name}.cfg", name], folder)
        seconds = time.perf_counter() - began
    states = int(_read(r"([\d,]+) distinct states found, 0 states left", output).replace(",", ""))
    depth = int(_read(r"depth of the complete state graph search is (\d+)", output)) - 1
    return [Exploration(f"TLC, {'all properties' if properties else 'no property'}", run, 2, states, depth, (seconds,))]


def agree(found: list[Exploration]) -> None:
    """Refuse figures of explorers that did not explore the same space."""
    for run in {e.run.name: e.run for e in found}.values():
        counts = {(e.distinct_states, e.depth) for e in found if e.run == run}
        if len(counts) > 1:
            told = "; ".join(f"{e.explorer}: {e.distinct_states} states, depth {e.depth}" for e in found if e.run == run)
            raise BenchmarkError(f"{run.name}: the explorers disagree: {told}")


def spin_version() -> str:
    """Spin's version, without its date."""
    return "not found" if spin_missing() else subprocess.run(["spin", "-V"], capture_output=True, text=True, check=False).stdout.split(" -- ")[0].strip()


def tlc_version() -> str:
    """TLC's version, as it prints it."""
    if tlc_missing():
        return "not found"
    done = subprocess.run(["java", "-cp", os.environ[JAR], "tlc2.TLC"], capture_output=True, text=True, check=False)
    return next((line for line in done.stdout.splitlines() if "Version" in line), "unknown")


def _call(command: list[str], folder: str) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=PEER_SECONDS)
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{command[0]} did not end within {PEER_SECONDS} s") from None
    if done.returncode:
        raise BenchmarkError(f"{command[0]} ended with status {done.returncode}: {last_line(done.stdout + done.stderr)}")
    return done.stdout


def _read(pattern: str, output: str) -> str:
    found = re.search(pattern, output)
    if found is None:
        raise BenchmarkError(f"no `{pattern}` in the output: {last_line(output)}")
    return found[1]
