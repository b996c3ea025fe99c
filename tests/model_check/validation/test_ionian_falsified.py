"""A trace with any one field of any one line falsified is refused, or what it then says is another correct behaviour: the table says which."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from model_check.validation.ionian_lines import EVENTS, MESSAGES, STATE_FIELDS, WITH_MESSAGE, WITH_STATE, read_header, read_lines
from model_check.validation.ionian import Judge
from model_check.validation.trace_file import BadLine
from tests.model_check.validation.ionian_traces import eventful

TRIES = 6
"""Lines of each kind that are falsified, spread over the run."""
NEVER = 1 << 50
"""A number that nothing in a run reaches."""


def _other(value: Any) -> list[Any]:
    """Values to put in place of one."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1, max(value - 1, 0), NEVER]
        case "follower" | "candidate" | "leader":
            return [role for role in ("follower", "candidate", "leader") if role != value]
        case None:
            return [1, 2, 3]
        case str():
            return [event for event in EVENTS if event != value]
        case list() if value and isinstance(value[0], list):
            (term, command), *rest = value
            return [rest, [[term + 1, command], *rest], [[term, command + "!"], *rest], [*value, value[-1]]]
        case list():
            return [value[1:], [value[0] + 1, *value[1:]], [*value, value[-1]]] if value else [[[1, "made up"]]]
    raise AssertionError(value)


@cache
def _fields() -> dict[str, list[int]]:
    """Every field of every kind of line and message in the run, and the lines that have it."""
    found: dict[str, list[int]] = defaultdict(list)
    for at, line in enumerate(map(json.loads, eventful()[1:]), 1):
        m = line.get("message", {})
        kind = f"{line['event']} {m['kind']}" if m else line["event"]
        for name in (*line, *(f"message.{name}" for name in m)):
            if name != "message":
                found[f"{kind}: {name}"].append(at)
    return found


def _spread(places: list[int]) -> list[int]:
    return places if len(places) <= TRIES else [places[i * (len(places) - 1) // (TRIES - 1)] for i in range(TRIES)]


def _falsified(at: int, name: str) -> Iterator[tuple[Any, list[str]]]:
    """The run with another value in one field."""
    lines = eventful_lines()
    outer, _, inner = name.rpartition(".")
    true = _part(json.loads(lines[at]), outer)[inner]
    for value in (value for value in _other(true) if value != true):
        line = json.loads(lines[at])
        _part(line, outer)[inner] = value
        yield value, [*lines[:at], json.dumps(line), *lines[at + 1 :]]


eventful_lines = cache(eventful)


def _part(line: dict[str, Any], outer: str) -> dict[str, Any]:
    part: dict[str, Any] = line[outer] if outer else line
    return part


def _verdict(lines: list[str]) -> str:
    try:
        header = read_header(1, lines[0])
        _, (verdict, _, _) = Judge(header).judge(read_lines(header, enumerate(lines[1:], 2)))
    except BadLine:
        return "error"
    return verdict
