"""A run's steps held against CPython's, for every choice of arguments in a state."""

from __future__ import annotations

import random
import re
from typing import Any
from unittest import mock

import pytest

from model_check.evaluation import guarded, ill_typed
from model_check.validation.run import Run
from spec.language import Map, Protocol, SpecError, State, Step


def changed(before: State, after: State) -> set[tuple[str, tuple[Any, ...]]]:
    """Which variables and entries differ."""
    found: set[tuple[str, tuple[Any, ...]]] = set()
    for (name, old), (_, new) in zip(before.items(), after.items(), strict=True):
        if isinstance(old, Map):
            found |= {(name, k if isinstance(k, tuple) else (k,)) for (k, a), (_, b) in zip(old.items(), new.items(), strict=True) if a != b}
        elif old != new:
            found.add((name, ()))
    return found


def attempt(protocol: Protocol, state: State, step: Step) -> State | str | None:
    """What CPython makes of a step: the state after it, None where it is not enabled, the message where it is undefined."""
    try:
        with guarded(protocol, step, state):
            return protocol.attempt(state, step)
    except SpecError as error:
        return str(error)


def agree_on(run: Run, step: Step) -> State | str | None:
    """Take a step and undo it; AssertionError where the run and CPython differ."""
    protocol, before = run.protocol, run.state
    expected = attempt(protocol, before, step)
    mark, taken = run.mark(), list(run.steps)
    arguments = [value for _, value in step.arguments]
    if isinstance(expected, str):
        with pytest.raises(SpecError, match=re.escape(expected)):
            run.take(step.action, *arguments)
    else:
        with mock.patch.object(run, "_take_slowly", wraps=run._take_slowly) as by_cpython:
            found = run.take(step.action, *arguments)
        assert not by_cpython.called, f"{step} has no value by generated code"
        assert found is (expected is not None), f"{step}: enabled {found}, for CPython {not found}"
    if isinstance(expected, State):
        assert run.state == expected, f"{step}: what differs from CPython's state\n" + "\n".join(expected.diff(run.state))
        assert ill_typed(protocol, run.state) == ill_typed(protocol, expected), f"{step}: of other classes than CPython's"
        assert changed(before, expected) <= run.touched(mark), f"{step}: touched {run.touched(mark)} of {changed(before, expected)}"
        assert run.steps == [*taken, step]
    run.back(mark)
    assert run.state == before, f"{step}: undone\n" + "\n".join(before.diff(run.state))
    assert run.mark() == mark
    assert run.steps == taken
    return expected


def agree_in(protocol: Protocol, state: State, limit: int = 10**9, chance: random.Random | None = None) -> list[tuple[Step, State]]:
    """Compare all steps that a state offers, or that many drawn from them; gives those that are enabled."""
    found: list[tuple[Step, State]] = []
    run = Run(protocol, state)
    for act in protocol.ir.actions:
        try:
            with guarded(protocol, act.name, state):
                choices = protocol.choices(act, state)
        except SpecError:
            continue
        if chance is not None and len(choices) > limit:
            choices = chance.sample(choices, limit)
        for step in choices:
            after = agree_on(run, step)
            if isinstance(after, State):
                found.append((step, after))
    return found


def agree_along(protocol: Protocol, chance: random.Random, length: int, limit: int = 40) -> int:
    """Compare along a random behaviour; then undo it, point by point. Gives the number of steps taken."""
    state = chance.choice(protocol.initial_states())
    run = Run(protocol, state)
    points: list[tuple[int, State]] = []
    for _ in range(length):
        steps = agree_in(protocol, state, limit, chance)
        if not steps:
            break
        points.append((run.mark(), state))
        # Rather a step that changes something.
        step, state = chance.choice([pair for pair in steps if pair[1] != state] or steps)
        assert run.take(step.action, *(value for _, value in step.arguments))
    assert run.state == state
    count = len(run.steps)
    while points:
        place = chance.randrange(len(points))
        mark, before = points[place]
        del points[place:]
        assert changed(before, run.state) <= run.touched(mark)
        run.back(mark)
        assert run.state == before
    assert run.steps == []
    return count
