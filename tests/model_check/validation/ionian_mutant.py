"""Traces a simulated cluster of whatever `impl` comes first on the path: `python -m tests.model_check.validation.ionian_mutant NODES SEED... `.

Prints the first verdict that is not `explained`, as JSON, with the line: of the runs of the seeds, in order.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from model_check.validation.trace_check import check_trace
from tests.model_check.validation.ionian_traces import MANY_CRASHES, Full, simulated


def first_departure(nodes: int, seeds: list[int]) -> dict[str, object]:
    """The first run that is not explained: its seed, the verdict as JSON, and the line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.ndjson"
        for seed in seeds:
            lines: list[str] = []
            try:
                simulated(seed, nodes, kinds=MANY_CRASHES, lines=lines)
            except Full:
                pass  # what is broken may go on without end
            except Exception as error:  # or be noticed by the implementation itself
                print(type(error).__name__, error, file=sys.stderr)
            path.write_text("".join(f"{line}\n" for line in lines))
            result = check_trace(path)
            if result.departure is not None:
                return {"seed": seed, **result.to_json(), "text": json.loads(lines[result.departure.line - 1])}
    return {"verdict": "explained"}


if __name__ == "__main__":
    number, *rest = map(int, sys.argv[1:])
    print(json.dumps(first_departure(number, rest)))
