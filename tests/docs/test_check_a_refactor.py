"""docs/check-a-refactor.md: the mistake that it tells of is made, and what it shows is what is printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from conformance.raft.comparison import MESSAGES
from model_check.cli.main import run
from spec.deployed_raft import DeployedRaft
from spec.raft import Raft

sys.path.insert(0, str(Path(__file__).parents[1] / "refinement"))
from mutants import MUTANTS, REPOSITORY, planted

DOCUMENT = (REPOSITORY / "docs" / "check-a-refactor.md").read_text(encoding="utf-8")


def _shown(text: str) -> str:
    """What is printed, without seconds."""
    return re.sub(r"[\d.]+ s\b", "- s", text).strip()


def test_the_mistake_is_shown_as_printed(tmp_path):
    (printed,) = re.findall(r"```text\n\$ ionian [^\n]*\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    (mistake,) = [m for m in MUTANTS if m.name == "a leader with one vote too few"]
    assert mistake.instead in DOCUMENT
    planted(mistake, tmp_path)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}", "COLUMNS": "80"}
    command = [sys.executable, "-m", "ionian", "refine", "impl", "raft"]
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert found.returncode == 1
    assert _shown(found.stdout.replace(f"{REPOSITORY}/", "")) == _shown(printed)


def test_its_commands_work(tmp_path):
    assert run(["refine", "impl", "raft", "--seeds", "1", "--nodes", "5"]) == 0
    assert run(["refine", "impl", "raft", "--seed", "7"]) == 0


def test_its_tables_have_every_variable_and_every_step():
    told = set(re.findall(r"`(\w+)`", DOCUMENT))
    assert {v.name for v in DeployedRaft.ir.variables if v.kind != "history"} | set(MESSAGES) <= told
    assert {a.name for a in DeployedRaft.ir.actions} - {a.name for a in Raft.ir.actions} <= told
