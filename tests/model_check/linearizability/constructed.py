"""Histories made for tests: written by hand, or recorded from an object that is atomic by construction and then falsified."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from model_check.linearizability import History, Model, Operation
from model_check.linearizability.history import Outcome, Value
from model_check.linearizability.models import REFUSED

Call = tuple[str, tuple[Value, ...]]


def operation(
    client: object,
    invoked: float,
    returned: float | None,
    function: str,
    *arguments: Value,
    result: Value = None,
    outcome: Outcome = "ok",
    key: str | None = None,
) -> Operation:
    """One operation; its line is where it was invoked."""
    return Operation(str(client), function, key, arguments, outcome, result, invoked, returned if outcome == "ok" else None, int(invoked))


def history(*operations: Operation) -> History:
    return History("constructed", operations)


def register_call(choose: random.Random) -> Call:
    function = choose.choice(("read", "write", "cas"))
    return function, tuple(choose.randrange(5) for _ in range({"read": 0, "write": 1, "cas": 2}[function]))


def key_value_call(choose: random.Random) -> Call:
    function = choose.choices(("get", "append", "put"), (45, 45, 10))[0]
    return function, () if function == "get" else (f"x {choose.randrange(10_000)} y",)


@dataclass
class _Client:
    """What a client waits for: the operation so far, and the result once it took effect."""

    function: str = ""
    arguments: tuple[Value, ...] = ()
    key: str | None = None
    invoked: int = 0
    effective: bool = False
    result: Value = None


def record(
    model: Model,
    call: Callable[[random.Random], Call],
    *,
    clients: int,
    operations: int,
    keys: Sequence[str | None] = (None,),
    crashes: float = 0.0,
    seed: int = 0,
) -> History:
    """A linearizable history: each operation takes effect at one moment between its two events, or crashes before or after it."""
    choose = random.Random(seed)
    values: dict[str | None, Value] = dict.fromkeys(keys, model.initial)
    waiting: dict[int, _Client] = {}
    done: list[Operation] = []
    now, begun, crashed = 0, 0, 0
    while begun < operations or waiting:
        now += 1
        number = choose.randrange(clients)
        client = waiting.get(number)
        if client is None:
            if begun < operations:
                waiting[number] = _Client(*call(choose), choose.choice(keys), now)
                begun += 1
            continue
        if choose.random() < crashes:
            crashed += 1
            done.append(operation(f"{number}.{crashed}", client.invoked, None, client.function, *client.arguments, outcome="unknown", key=client.key))
            del waiting[number]
        elif not client.effective:
            values[client.key], client.result = effect(model, values[client.key], client.function, client.arguments)
            client.effective = True
        else:
            done.append(operation(number, client.invoked, now, client.function, *client.arguments, result=client.result, key=client.key))
            del waiting[number]
    return History("recorded", sorted(done, key=lambda o: o.line))


def effect(model: Model, state: Value, function: str, arguments: tuple[Value, ...]) -> tuple[Value, Value]:
    """The state after a call and its result."""
    result: Value = state if function == model.read else state == arguments[0] if function == "cas" else None
    after = model.apply(state, operation(0, 0, 1, function, *arguments, result=result))
    assert after is not REFUSED
    return after, result


def with_stale_read(recorded: History, model: Model, at: float) -> History:
    """A history in which one read returns what an earlier one of its key did: the last read that differs, before a fraction of the whole."""
    operations = list(recorded.operations)
    finished = [i for i, o in enumerate(operations) if o.function == model.read and o.outcome == "ok" and i < at * len(operations)]
    for last in reversed(finished):
        for first in finished:
            early, late = operations[first], operations[last]
            if early.key == late.key and early.result != late.result and early.returned is not None and early.returned < late.invoked:
                operations[last] = replace(late, result=early.result)
                return History("stale", operations)
    raise AssertionError("no two reads of a key differ")
