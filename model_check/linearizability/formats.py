"""Decoders of recorded histories: Jepsen's log of a register, a key-value history in EDN, and Ionian's own NDJSON.

`docs/histories.md` describes them. Whatever a file holds, a decoder gives a history of the model or raises HistoryError with file and line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from model_check.linearizability.edn import Edn, EdnError, Keyword, parse
from model_check.linearizability.history import History, HistoryError, Operation, Outcome, Value, shown
from model_check.linearizability.models import Model

LONGEST_LINE = 1 << 20
"""In bytes."""
MOST_OPERATIONS = 1_000_000

Lines = Iterator[tuple[int, str]]


def read_history(path: Path, format_name: str, model: Model) -> History:
    """The history in a file; HistoryError where it cannot be read, is malformed, or holds operations of another model."""
    name = str(path).encode("utf-8", "backslashreplace").decode()
    operations = []
    try:
        for operation in FORMATS[format_name](_lines(path)):
            fault = model.fault(operation)
            if fault:
                raise _BadLine(operation.line, fault)
            operations.append(operation)
            if len(operations) > MOST_OPERATIONS:
                raise _BadLine(operation.line, f"more than {MOST_OPERATIONS:,} operations; divide the history by key")
    except OSError as error:
        raise HistoryError(f"cannot be read: {error.strerror}", name) from None
    except _BadLine as bad:
        raise HistoryError(bad.message, name, bad.line) from None
    if not operations:
        raise HistoryError("it holds no operations; is it complete?", name)
    return History(name, sorted(operations, key=lambda o: o.line))


class _BadLine(Exception):
    """What is wrong with a line."""

    def __init__(self, line: int, message: str) -> None:
        self.line, self.message = line, message
        super().__init__(message)


def _lines(path: Path) -> Lines:
    """The lines that are not blank, with their numbers from 1; no more of a file is in memory at once than one of them."""
    with path.open("rb") as file:
        number = 0
        while data := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(data) > LONGEST_LINE:
                raise _BadLine(number, f"longer than {LONGEST_LINE:,} bytes")
            try:
                text = data.decode("utf-8").strip()
            except UnicodeDecodeError:
                raise _BadLine(number, "not text in UTF-8") from None
            if text:
                yield number, text


@dataclass(frozen=True, slots=True)
class _Event:
    """An invocation or a completion, as Jepsen records them: the two are paired by process."""

    line: int
    process: str
    type: str
    function: str
    key: str | None
    value: Edn


_OUTCOMES: Final[Mapping[str, Outcome]] = {"ok": "ok", "fail": "fail", "info": "unknown"}
_READS: Final = ("read", "get")


def _paired(events: Iterator[_Event]) -> Iterator[Operation]:
    """The operations of a log of events; one that does not complete before the end is unknown. Times are line numbers."""
    pending: dict[str, _Event] = {}
    for event in events:
        invoked = pending.pop(event.process, None)
        if event.type == "invoke":
            if invoked is not None:
                raise _BadLine(event.line, f"process {event.process} invokes an operation while that of line {invoked.line} is pending")
            pending[event.process] = event
        elif event.type not in _OUTCOMES:
            raise _BadLine(event.line, f"the type of an event is :invoke, :ok, :fail or :info, not :{event.type}")
        elif invoked is None:
            raise _BadLine(event.line, f"process {event.process} completes an operation that it has not invoked")
        elif (event.function, event.key) != (invoked.function, invoked.key):
            raise _BadLine(event.line, f"process {event.process} completes another operation than it invoked in line {invoked.line}")
        else:
            yield _operation(invoked, event)
    for invoked in pending.values():
        yield _operation(invoked, None)


def _operation(invoked: _Event, completed: _Event | None) -> Operation:
    """The operation of an invocation and its completion."""
    outcome = "unknown" if completed is None else _OUTCOMES[completed.type]
    result: Value = None
    if completed is not None and outcome == "ok":
        if invoked.function in _READS:
            result = _value(completed.line, completed.value)
        elif completed.value != invoked.value:
            raise _BadLine(completed.line, f"{invoked.function} completes with another value than it was invoked with in line {invoked.line}")
        elif invoked.function == "cas":
            result = True
    return Operation(
        client=invoked.process,
        function=invoked.function,
        key=invoked.key,
        arguments=_arguments(invoked),
        outcome=outcome,
        result=result,
        invoked=invoked.line,
        returned=None if completed is None or outcome == "unknown" else completed.line,
        line=invoked.line,
        returned_line=None if completed is None else completed.line,
    )


def _arguments(invoked: _Event) -> tuple[Value, ...]:
    if invoked.function in _READS:
        return ()
    values = invoked.value if isinstance(invoked.value, list) else [invoked.value]
    return tuple(_value(invoked.line, value) for value in values)


def _value(line: int, value: Any) -> Value:
    """A value that a register or a key may hold, as far as this is known without the model."""
    if value is None or (isinstance(value, (int, str)) and not isinstance(value, (bool, Keyword))):
        return value
    raise _BadLine(line, "a value is nothing (nil, null), an integer or a string")


def _edn(line: int, text: str) -> Edn:
    try:
        return parse(text)
    except EdnError as error:
        raise _BadLine(line, f"cannot be read: {error}") from None


def _jepsen(lines: Lines) -> Iterator[Operation]:
    """`INFO  jepsen.util - PROCESS :TYPE :FUNCTION VALUE`, as Jepsen's tests of etcd logged them; the nemesis is passed over."""
    return _paired(event for event in (_jepsen_event(line, text) for line, text in lines) if event.process != ":nemesis")


def _jepsen_event(line: int, text: str) -> _Event:
    words = text.split(None, 6)
    if len(words) < 7 or words[:3] != ["INFO", "jepsen.util", "-"] or words[4][0] != ":" or words[5][0] != ":":
        raise _BadLine(line, "not an event; write INFO  jepsen.util - PROCESS :TYPE :FUNCTION VALUE")
    process, type_, function, value = words[3:]
    if process == ":nemesis":
        return _Event(line, process, type_[1:], function[1:], None, None)
    if not (process.isascii() and process.isdigit()):
        raise _BadLine(line, f"a process is a number, not {shown(process)}")
    return _Event(line, process, type_[1:], function[1:], None, _edn(line, value))


_KV_KEYS: Final = frozenset(("process", "type", "f", "key", "value"))


def _kv(lines: Lines) -> Iterator[Operation]:
    """`{:process 0, :type :invoke, :f :get, :key "x", :value nil}`: one map for each event."""
    return _paired(_kv_event(line, text) for line, text in lines)


def _kv_event(line: int, text: str) -> _Event:
    event = _edn(line, text)
    if not isinstance(event, dict) or set(event) != _KV_KEYS:
        raise _BadLine(line, 'not an event; write {:process 0, :type :invoke, :f :get, :key "x", :value nil}')
    process, type_, function, key = event["process"], event["type"], event["f"], event["key"]
    if not isinstance(process, int) or isinstance(process, bool):
        raise _BadLine(line, "the :process is not an integer")
    if not isinstance(type_, Keyword) or not isinstance(function, Keyword):
        raise _BadLine(line, "the :type and the :f are keywords, such as :invoke and :get")
    if not isinstance(key, str) or isinstance(key, Keyword):
        raise _BadLine(line, "the :key is not a string")
    return _Event(line, str(process), str(type_), str(function), key, event["value"])


_REQUIRED: Final = frozenset(("client", "operation", "arguments", "invoked", "outcome"))
_OPTIONAL: Final = frozenset(("key", "returned", "result"))


def _ionian(lines: Lines) -> Iterator[Operation]:
    """One JSON object for each operation, in any order."""
    for line, text in lines:
        yield _ionian_operation(line, _json_object(line, text))


def _json_object(line: int, text: str) -> dict[str, Any]:
    try:
        data = json.loads(text, parse_constant=_no_number, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
        raise _BadLine(line, f"not a JSON object: {reason}") from None
    if not isinstance(data, dict):
        raise _BadLine(line, "not a JSON object")
    if not set(data) >= _REQUIRED or not set(data) <= _REQUIRED | _OPTIONAL:
        missing, unknown = sorted(_REQUIRED - set(data)), sorted(set(data) - _REQUIRED - _OPTIONAL)
        found = f"lacks {', '.join(missing)}" if missing else f"has the unknown field {shown(unknown[0])}"
        raise _BadLine(line, f"an operation that {found}; its fields are {', '.join(sorted(_REQUIRED))}, and optionally {', '.join(sorted(_OPTIONAL))}")
    return data


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _ionian_operation(line: int, data: dict[str, Any]) -> Operation:
    client, function, key, outcome = data["client"], data["operation"], data.get("key"), data["outcome"]
    if isinstance(client, bool) or not isinstance(client, (int, str)):
        raise _BadLine(line, "the client is not a number or a string")
    if not isinstance(function, str) or not isinstance(key, (str, type(None))):
        raise _BadLine(line, "the operation is a string, the key a string or null")
    if outcome not in ("ok", "fail", "unknown"):
        raise _BadLine(line, "the outcome is ok, fail or unknown")
    if not isinstance(data["arguments"], list):
        raise _BadLine(line, "the arguments are not a list")
    invoked, returned = _time(line, "invoked", data["invoked"]), None
    if outcome == "ok" or data.get("returned") is not None:
        returned = _time(line, "returned", data.get("returned"))
        if returned < invoked:
            raise _BadLine(line, "the operation returned before it was invoked")
    result = data.get("result")
    return Operation(
        client=shown(client) if isinstance(client, str) else str(client),
        function=function,
        key=key,
        arguments=tuple(_value(line, value) for value in data["arguments"]),
        outcome=outcome,
        result=result if isinstance(result, bool) else _value(line, result),
        invoked=invoked,
        returned=returned if outcome == "ok" else None,
        line=line,
    )


def _time(line: int, field: str, value: Any) -> float:
    """A reading of the clock: an integer stays one, for its exactness."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _BadLine(line, f"the time {field} is not a number")
    return value


FORMATS: Final[Mapping[str, Callable[[Lines], Iterator[Operation]]]] = {"jepsen": _jepsen, "kv": _kv, "ionian": _ionian}
