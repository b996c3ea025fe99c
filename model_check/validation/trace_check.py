"""Judges trace files: reads one in its format, holds it against the spec of that format, and measures."""

from __future__ import annotations

import errno
import json
import time
from collections.abc import Callable
from pathlib import Path

from model_check.validation import etcd, ionian
from model_check.validation.etcd_lines import read_etcd_events
from model_check.validation.ionian_lines import read_header, read_lines
from model_check.validation.trace_file import TraceError, at_its_place, numbered_lines
from model_check.validation.verdict import Departure, Result, Verdict

Judgement = tuple[int, tuple[Verdict, int, Departure | None]]


def _judge_etcd(path: Path) -> Judgement:
    events = read_etcd_events(path)
    if not events:
        raise TraceError(
            f"{path}: it holds no trace events: lines of etcd's library have the tag `trace` (was it built with `with_tla`?), "
            "and Ionian's own format begins with a header"
        )
    return len(events), etcd.judge(events)


def _judge_ionian(path: Path) -> Judgement:
    lines = numbered_lines(path)
    header = read_header(*next(lines, (1, "")))
    events, judgement = ionian.Judge(header).judge(read_lines(header, lines))
    if not events:
        raise TraceError(f"{path}: it holds no events, only a header")
    return events, judgement


FORMATS: dict[str, Callable[[Path], Judgement]] = {"etcd": _judge_etcd, "ionian": _judge_ionian}


def check_trace(path: Path, format_name: str | None = None) -> Result:
    """The verdict on a trace file; TraceError where it cannot be read or is malformed. Without a format, the one that its first line tells."""
    began = time.monotonic()
    with at_its_place(path):
        if path.is_fifo():
            raise OSError(errno.ESPIPE, "it is a pipe, of which all is gone once read; write the trace into a file")
        events, (verdict, explained, departure) = FORMATS[format_name or _format_of(path)](path)
    return Result(str(path), verdict, events, explained, departure, time.monotonic() - began)


def _format_of(path: Path) -> str:
    """Ionian's own where the first line has a `format`, as every header does; else etcd's, which has none."""
    _, first = next(numbered_lines(path), (1, ""))
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        found = None
    return "ionian" if isinstance(found, dict) and "format" in found else "etcd"
