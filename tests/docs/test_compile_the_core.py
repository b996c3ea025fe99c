"""The page on compiling the core: its commands do what it says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from benchmarks import compiled

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "compile-the-core.md").read_text(encoding="utf-8")


def test_the_module_says_whether_it_is_compiled() -> None:
    (command,) = re.findall(r'^python -c "(import impl\.raft[^"]*)"$', TEXT, flags=re.MULTILINE)
    done = subprocess.run([sys.executable, "-c", command], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith(("core.py", ".so"))


def test_the_link_leads_to_the_rates() -> None:
    assert "benchmarks/IMPLEMENTATION.md#cores" in TEXT
    assert "\n## Cores\n" in (ROOT / "benchmarks" / "IMPLEMENTATION.md").read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.skipif(bool(compiled.missing()), reason=compiled.missing())
def test_the_wheel_has_the_core_compiled_only_where_it_is_asked_for(tmp_path: Path) -> None:
    (command,) = re.findall(r"`IONIAN_COMPILE=1 (pip wheel [^`]*)`", TEXT)
    for name in ("impl", "spec", "model_check", "proofs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    for variables, extensions in (({}, False), ({"IONIAN_COMPILE": "1"}, True)):
        subprocess.run([sys.executable, "-m", *command.split()], cwd=tmp_path, env=os.environ | variables, check=True)
        (wheel,) = tmp_path.glob("*.whl")
        names = zipfile.ZipFile(wheel).namelist()
        assert any(n.startswith("impl/raft/core.") and n.endswith(".so") for n in names) is extensions
        assert {"impl/raft/core.py", "impl/latency/topologies/three-zones.toml"} <= set(names)
        wheel.unlink()
