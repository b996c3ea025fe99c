"""The replicated objects, and sessions that carry out each command once."""

from __future__ import annotations

import pytest

from impl.simulation.machines import KEY_VALUE, REGISTER, Reply, Request, Sessions, decode


def apply(machine, client, sequence, operation, *arguments, key="k"):
    return machine.apply(Request(client, sequence, operation, key, arguments).encode()).result


def test_a_request_survives_its_encoding():
    request = Request(7, 3, "cas", "ключ", (None, "\n"))
    assert decode(request.encode()) == request


def test_a_register():
    machine = Sessions(REGISTER)
    assert apply(machine, 1, 1, "read") is None
    assert apply(machine, 1, 2, "write", 5) is None
    assert apply(machine, 1, 3, "cas", 4, 6) is False
    assert apply(machine, 1, 4, "cas", 5, 6) is True
    assert apply(machine, 1, 5, "read") == 6
    assert apply(machine, 1, 6, "read", key="other") is None


def test_a_key_value_store():
    machine = Sessions(KEY_VALUE)
    assert apply(machine, 1, 1, "get") == ""
    apply(machine, 1, 2, "append", "a")
    apply(machine, 1, 3, "append", "b")
    assert apply(machine, 1, 4, "get") == "ab"
    apply(machine, 1, 5, "put", "c")
    assert apply(machine, 1, 6, "get") == "c"


def test_a_command_that_is_applied_again_is_answered_again_and_not_carried_out():
    machine = Sessions(KEY_VALUE)
    command = Request(1, 1, "append", "k", ("a",)).encode()
    assert machine.apply(command) == machine.apply(command) == Reply(1, 1, None)
    assert apply(machine, 2, 1, "get") == "a"


def test_a_command_that_comes_late_changes_nothing():
    """Its client has gone on to its next one, so it no longer waits for an answer."""
    machine = Sessions(KEY_VALUE)
    apply(machine, 1, 2, "put", "new")
    apply(machine, 1, 1, "put", "old")
    assert apply(machine, 2, 1, "get") == "new"


def test_a_query_changes_nothing():
    machine = Sessions(REGISTER)
    apply(machine, 1, 1, "write", 5)
    before = machine.snapshot()
    assert machine.query(Request(2, 9, "read", "k", ())) == 5
    assert machine.snapshot() == before


@pytest.mark.parametrize("model", [REGISTER, KEY_VALUE])
def test_a_snapshot_has_values_and_sessions(model):
    machine, other = Sessions(model), Sessions(model)
    update = "put" if model is KEY_VALUE else "write"
    apply(machine, 1, 1, update, "x")
    other.restore(machine.snapshot())
    assert apply(other, 1, 1, update, "not again") == apply(machine, 1, 1, update, "not again")
    assert other.snapshot() == machine.snapshot()
