"""Traces simulated clusters of whatever `impl` comes first on the path: `python -m tests.model_check.validation.ionian_mutant NODES LONG SEED...`.

Writes, as JSON, the first verdict that is not `explained`, and the line that departs.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from impl.simulation.nemesis import KINDS
from model_check.validation.trace_check import check_trace
from tests.model_check.validation.ionian_traces import MANY_CRASHES, simulated


def first_departure(nodes: int, long: bool, seeds: list[int]) -> dict[str, Any]:
    """The verdict of the first run that is not explained, with its seed and the line; short runs with many crashes, or long ones with all faults."""
    milliseconds, kinds = (3_000, tuple(KINDS)) if long else (1_000, MANY_CRASHES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.ndjson"
        for seed in seeds:
            lines: list[str] = []
            try:
                simulated(seed, nodes, milliseconds, kinds, lines)
            except Exception as error:  # the run may go on without end, or be ended by what is broken
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
            path.write_text("".join(f"{line}\n" for line in lines))
            result = check_trace(path)
            if result.departure is not None:
                return {"seed": seed, **result.to_json(), "text": json.loads(lines[result.departure.line - 1])}
    return {"verdict": "explained"}


if __name__ == "__main__":
    number, long_runs, *rest = map(int, sys.argv[1:])
    sys.stdout.write(json.dumps(first_departure(number, bool(long_runs), rest)))
