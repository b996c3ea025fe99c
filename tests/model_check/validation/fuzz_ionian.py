"""Fuzz target for traces in Ionian's own format: `python -m tests.model_check.validation.fuzz_ionian FOLDER [libFuzzer options]`, with atheris installed.

Whatever a file holds, there is a verdict, or an error that names the line. FOLDER collects inputs and begins with a few traces.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["model_check.validation"]):
    from model_check.validation.trace_check import check_trace
    from model_check.validation.trace_file import TraceError

from tests.model_check.validation.ionian_traces import ELECTION, HEADER, LOGGED, REPLICATION


def one_input(data: bytes) -> None:
    """Judge it."""
    FILE.write_bytes(data)
    try:
        result = check_trace(FILE)
    except TraceError:
        return
    if result.verdict not in ("explained", "refused", "inconclusive"):
        raise AssertionError(result)


if __name__ == "__main__":
    corpus = Path(sys.argv[1])
    corpus.mkdir(exist_ok=True)
    for number, trace in enumerate(([HEADER, *REPLICATION], [LOGGED, *ELECTION])):
        (corpus / f"trace-{number}").write_text("".join(f"{json.dumps(line)}\n" for line in trace))
    with tempfile.TemporaryDirectory() as folder:
        FILE = Path(folder) / "input.ndjson"
        atheris.Setup(sys.argv, one_input)
        atheris.Fuzz()
