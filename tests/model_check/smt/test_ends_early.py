"""What ends a check or a proof early: Ctrl-C at a terminal, a lack of memory. What was covered so far is reported, and no process is left behind."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from terminal import interrupted

from model_check.cli import main
from model_check.cli.main import run
from model_check.smt.circuit import Circuit, Solver
from model_check.smt.unbounded.workers import _interrupts_held

ROOT = Path(__file__).parents[3]


def test_a_proof_is_kept_and_goes_on_from_there(tmp_path, monkeypatch) -> None:
    file = tmp_path / "proof.json"
    noted: list[str] = []

    def ready(_: str) -> bool:
        noted[:] = [line for notes in (tmp_path / "proofs").glob("*") for line in notes.read_text().splitlines()]
        return bool(noted)

    status, shown = interrupted(["prove", "raft", "--jobs", "2", "--json", str(file)], tmp_path, ready)
    assert status == 3
    assert "INCONCLUSIVE  interrupted" in shown
    assert "`--resume` goes on from here" in shown
    assert "Traceback" not in shown
    found = json.loads(file.read_text())
    assert found["verdict"] == "inconclusive"
    assert {"unsat", "not tried"} == {o["result"] for o in found["obligations"]}
    one = json.loads(noted[0])
    monkeypatch.setenv("IONIAN_CACHE_DIR", str(tmp_path))
    assert run(["prove", "raft", "--resume", "--jobs", "1", "--action", one["action"], "--lemma", one["lemma"], "--json", str(file)]) == 0
    assert json.loads(file.read_text())["resumed"] == 1


@pytest.mark.parametrize(
    ("command", "begun", "covered"),
    [
        (["bmc", "raft", "--nodes", "3", "--terms", "3", "--depth", "40"], "no violation within", "; no violation within"),
        (["induct", "raft", "--nodes", "3", "--terms", "4", "--index", "3", "--slots", "8"], "inductive", "election_safety"),
    ],
    ids=["bmc", "induct"],
)
def test_a_bounded_check_says_how_far_it_came(command: list[str], begun: str, covered: str, tmp_path) -> None:
    file = tmp_path / "result.json"
    status, shown = interrupted([*command, "--json", str(file)], tmp_path, lambda shown: begun in shown)
    assert status == 3
    assert "INCONCLUSIVE  stopped: interrupted" in shown
    assert covered in shown
    assert "Traceback" not in shown
    found = json.loads(file.read_text())
    assert (found["verdict"], found["stopped"]) == ("inconclusive", "interrupted")


def test_the_solver_leaves_ctrl_c_to_python() -> None:
    """Z3's own way of ending a call loses an interrupt that comes as the call ends; the check would then go on to its end."""
    circuit, pigeons, holes = Circuit(), 13, 12
    sits = [[circuit.variable() for _ in range(holes)] for _ in range(pigeons)]
    solver = Solver(circuit)
    for places in sits:
        solver.require(circuit.any_of(places))
    for one, other in itertools.combinations(sits, 2):
        for a, b in zip(one, other, strict=True):
            solver.require(circuit.any_of((-a, -b)))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            solver.check()
    finally:
        signal.signal(signal.SIGINT, before)


def test_so_does_one_that_has_hardly_begun(monkeypatch, capsys) -> None:
    """While a command's engine is imported."""

    def pressed(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main.importlib, "import_module", pressed)
    assert run(["prove", "raft"]) == 3
    assert capsys.readouterr().err.strip() == "interrupted"


@pytest.mark.parametrize("others", [0, 1])
def test_an_interrupt_while_a_prover_starts_is_met_once_it_has(others) -> None:
    """Also where another thread takes it, as that of a progress bar may."""
    started, over = False, threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(others)]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        for t in threads:
            t.start()
        with pytest.raises(KeyboardInterrupt), _interrupts_held():  # noqa: PT012  # the interrupt comes within
            os.kill(os.getpid(), signal.SIGINT)
            started = True
    finally:
        signal.signal(signal.SIGINT, before)
        over.set()
    assert started


def test_even_while_the_packages_are_imported() -> None:
    pressed = "class Pressed:\n    def find_spec(*_): raise KeyboardInterrupt"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, ionian\n{pressed}\nsys.meta_path.insert(0, Pressed)\nionian.main()"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (3, "", "\ninterrupted\n")


# --- Out of memory

IN_LITTLE_MEMORY = """
import sys, z3
z3.set_param("memory_max_size", 20)
from model_check.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("command", "covered"),
    [
        (["bmc", "raft", "--nodes", "3", "--terms", "3", "--index", "2", "--depth", "9"], "INCONCLUSIVE  stopped: out of memory; no violation within"),
        (["induct", "raft", "--nodes", "3", "--terms", "3", "--index", "2"], "INCONCLUSIVE  stopped: out of memory"),
    ],
    ids=["bmc", "induct"],
)
def test_a_solver_without_memory_is_inconclusive(command: list[str], covered: str) -> None:
    done = subprocess.run([sys.executable, "-c", IN_LITTLE_MEMORY, *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")
    assert covered in done.stdout
