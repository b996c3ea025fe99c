"""The compiled Raft core: built as `IONIAN_COMPILE=1 pip install .` builds it, but in a folder of its own, and measured from there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path

from benchmarks.cores import Rates
from benchmarks.plan import BenchmarkError

ROOT = Path(__file__).parent.parent


def missing() -> str:
    """Why it cannot be built here, or nothing."""
    lacking = [] if util.find_spec("mypyc") else ["mypyc (pip install mypy)"]
    lacking += [] if util.find_spec("setuptools") else ["setuptools"]
    lacking += [] if shutil.which("gcc") or shutil.which("cc") else ["a C compiler"]
    return f"the compiled core: no {' and no '.join(lacking)}" if lacking else ""


def build(folder: Path) -> None:
    """Copy the implementation into a folder, and compile the core there; BenchmarkError where that fails."""
    shutil.copytree(ROOT / "impl", folder / "impl", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    shutil.copy(ROOT / "setup.py", folder)
    command = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"IONIAN_COMPILE": "1"}, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not list((folder / "impl" / "raft").glob("core.*.so")):
        raise BenchmarkError(f"compiling ended with status {done.returncode}: {done.stderr.strip()[-500:]}")


def rates(folder: Path, scale: int, repeats: int) -> Rates:
    """The rates of the core compiled in a folder."""
    command = [sys.executable, "-m", "benchmarks.cores", "raft", str(scale), str(repeats)]
    done = subprocess.run(command, cwd=folder, env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkError(f"the compiled core ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
    return Rates(**json.loads(done.stdout))
