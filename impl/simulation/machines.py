"""State machines to replicate: a register and a key-value store, with sessions that carry out each command once.

A client numbers its commands and asks again with the same number until it is answered (dissertation, section 6.3). Which client
sent a command, and under which number, stands in the command itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

Value: TypeAlias = int | str | None


class Request(NamedTuple):
    """An operation on one key, by one client."""

    client: int
    sequence: int
    """From 1 on; the client has at most one operation at a time under way."""
    operation: str
    key: str
    arguments: tuple[Value, ...]

    def encode(self) -> bytes:
        """As a command."""
        return json.dumps(self, separators=(",", ":")).encode()


class Reply(NamedTuple):
    """What the state machine answers to a client."""

    client: int
    sequence: int
    result: Value


@lru_cache(maxsize=1024)  # every host of a cluster applies the same command
def decode(command: bytes) -> Request:
    """The request that a command encodes."""
    client, sequence, operation, key, arguments = json.loads(command)
    return Request(client, sequence, operation, key, tuple(arguments))


Operation: TypeAlias = Callable[..., tuple[Value, Value]]
"""From the present value and the arguments to the next value and the result."""


class Model(NamedTuple):
    """An object for each key: its first value and its operations."""

    initial: Value
    operations: Mapping[str, Operation]


def _cas(value: Value, expected: Value, new: Value) -> tuple[Value, Value]:
    return (new, True) if value == expected else (value, False)


REGISTER: Final = Model(None, {"read": lambda value: (value, value), "write": lambda _, new: (new, None), "cas": _cas})
KEY_VALUE: Final = Model("", {"get": lambda text: (text, text), "put": lambda _, new: (new, None), "append": lambda text, more: (f"{text}{more}", None)})


class Sessions:
    """One object for each key; a command that is applied again is answered again, and not carried out again."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._values: dict[str, Value] = {}
        self._last: dict[int, Reply] = {}
        """The last reply to each client."""

    def apply(self, command: bytes) -> Reply:
        """Carry out a command that is newer than all of its client's that were."""
        request = decode(command)
        last = self._last.get(request.client)
        if last is not None and request.sequence <= last.sequence:
            return last
        value, result = self._outcome(request)
        self._values[request.key] = value
        reply = self._last[request.client] = Reply(request.client, request.sequence, result)
        return reply

    def query(self, request: Request) -> Value:
        """The result of an operation that changes nothing."""
        return self._outcome(request)[1]

    def _outcome(self, request: Request) -> tuple[Value, Value]:
        value = self._values.get(request.key, self._model.initial)
        return self._model.operations[request.operation](value, *request.arguments)

    def snapshot(self) -> bytes:
        """Values and sessions."""
        return json.dumps([self._values, list(self._last.values())]).encode()

    def restore(self, data: bytes) -> None:
        """Values and sessions of a snapshot."""
        values, replies = json.loads(data)
        self._values = values
        self._last = {reply[0]: Reply(*reply) for reply in replies}
