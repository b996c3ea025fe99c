"""Judges trace files: reads one in its format, holds it against the spec of that format, and measures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from model_check.validation.etcd import Judge
from model_check.validation.etcd_lines import read_etcd_events
from model_check.validation.trace_file import TraceError, at_its_place
from model_check.validation.verdict import Departure, Result, Verdict

Judgement = tuple[int, tuple[Verdict, int, Departure | None]]


def _judge_etcd(path: Path) -> Judgement:
    events = read_etcd_events(path)
    if not events:
        raise TraceError(f"{path}: it holds no trace events (lines with the tag `trace`); was the library built with `with_tla`?")
    return len(events), Judge(events).judge()


FORMATS: dict[str, Callable[[Path], Judgement]] = {"etcd": _judge_etcd}


def check_trace(path: Path, format_name: str) -> Result:
    """The verdict on a trace file; TraceError where it cannot be read or is malformed."""
    began = time.monotonic()
    with at_its_place(path):
        events, (verdict, explained, departure) = FORMATS[format_name](path)
    return Result(str(path), verdict, events, explained, departure, time.monotonic() - began)
