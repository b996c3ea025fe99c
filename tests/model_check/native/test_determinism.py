"""The same arguments give the same result, byte for byte, whatever the hash seed and the number of workers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
TIMES = ("seconds", "compile_seconds", "memory", "workers")


def _without_times(value: object) -> object:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in TIMES}
    return [_without_times(v) for v in value] if isinstance(value, list) else value


def _check(folder: Path, hash_seed: int, workers: int) -> str:
    file = folder / f"{hash_seed}_{workers}.json"
    command = [sys.executable, "-m", "ionian", "check", "paxos", "--acceptors", "3", "--ballots", "2", "--values", "2"]
    command += ["--without", "one value per ballot", "--workers", str(workers), "--no-symmetry", "--json", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(hash_seed)}
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return json.dumps(_without_times(json.loads(file.read_text())))


def test_json(tmp_path):
    found = {_check(tmp_path, seed, workers) for seed, workers in [(0, 1), (1, 2), (2, 3)]}
    assert len(found) == 1, found
