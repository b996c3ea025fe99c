"""The cache of compiled programs: any trouble with the disk is overcome in silence, with the same result."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
EXPLORE = """
import warnings
from model_check import native
from model_check.search import Options
from spec.consensus import Consensus
from spec.language import Scope

out = native.explore(Consensus(Scope(value=3)), Options())
print(out.distinct_states, out.generated_states, out.compile_seconds)
"""


def _start(cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IONIAN_CACHE_DIR": str(cache)}
    environment.pop("NUMBA_DISABLE_JIT", None)
    return subprocess.Popen([sys.executable, "-c", EXPLORE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


def _finish(process: subprocess.Popen[str]) -> tuple[str, float]:
    """The figures found and the seconds of compiling; nothing on standard error."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert err == ""
    distinct, generated, seconds = out.split()
    return f"{distinct} {generated}", float(seconds)


FIGURES = "4 3"


def test_processes_side_by_side_then_broken_files(tmp_path):
    """Two processes compile at once; then each file of the program is truncated, missing or garbage in turn."""
    both = [_start(tmp_path), _start(tmp_path)]
    assert {_finish(p)[0] for p in both} == {FIGURES}
    (home,) = tmp_path.iterdir()
    assert _finish(_start(tmp_path))[1] < 3
    compiled = sorted(p for p in home.rglob("*") if p.is_file() and p.suffix in (".nbc", ".nbi"))
    assert compiled, "nothing was cached"
    compiled[0].write_bytes(compiled[0].read_bytes()[: compiled[0].stat().st_size // 2])
    (home / "program.py").write_text("garbage(")
    assert _finish(_start(tmp_path))[0] == FIGURES
    assert [p.name for p in tmp_path.iterdir()] == [home.name], "leftovers"
    assert (home / "program.py").read_text() != "garbage("


@pytest.mark.parametrize("where", ["/proc/nowhere", pytest.param("/dev/null/cache", marks=pytest.mark.long)])
def test_no_cache_directory_can_be_made(where):
    assert _finish(_start(Path(where)))[0] == FIGURES


@pytest.mark.long
@pytest.mark.parametrize("damage", ["seal", "program.py", ".nbi", ".nbc"])
def test_each_kind_of_damage(tmp_path, damage):
    _finish(_start(tmp_path))
    (home,) = tmp_path.iterdir()
    for file in [p for p in home.rglob("*") if p.is_file() and p.name.endswith(damage)]:
        file.write_bytes(file.read_bytes()[:10])
    assert _finish(_start(tmp_path))[0] == FIGURES
