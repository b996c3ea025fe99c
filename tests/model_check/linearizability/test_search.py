"""The checker against the definition of linearizability, on small random histories; and altered checkers that this finds out."""

from __future__ import annotations

import math
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

sys.path.insert(0, str(Path(__file__).parent))
from brute_force import is_linearizable, until
from constructed import history, key_value_call, operation, record, register_call, with_stale_read

from model_check.linearizability import MODELS, KeyValue, Model, Operation, Register, check_history
from model_check.linearizability.checker import CheckerError, confirm
from model_check.linearizability.history import Value
from model_check.linearizability.models import REFUSED, Next
from model_check.linearizability.search import Search, Stuck, Timeout

SMALL = 6


@st.composite
def histories(draw: st.DrawFn, model: Model) -> list[Operation]:
    """At most six operations on few values and one or two keys; times tie now and then, outcomes are right or wrong."""
    values = [0, 1, 2] if model.name == "register" else ["", "a", "b"]
    value = st.sampled_from(values)
    result = st.sampled_from([*values, None] if model.name == "register" else [*values, "ab", "ba", "aa"])
    found = []
    for number in range(draw(st.integers(1, SMALL))):
        function = draw(st.sampled_from(sorted(model.functions)))
        invoked = draw(st.integers(0, 12))
        found.append(
            operation(
                number,
                invoked,
                invoked + draw(st.integers(0, 6)),
                function,
                *(draw(value) for _ in range(model.functions[function])),
                result=draw(result) if function == model.read else draw(st.booleans()) if function == "cas" else None,
                outcome=draw(st.sampled_from(("ok", "ok", "ok", "unknown", "fail"))),
                key=draw(st.sampled_from((None, None, None, "other"))),
            )
        )
    return found


def verdict(operations: Sequence[Operation], model: Model) -> bool:
    return check_history(history(*operations), model).verdict == "linearizable"


def happened(operations: Sequence[Operation]) -> list[Operation]:
    return [o for o in operations if o.outcome != "fail"]


both_models = pytest.mark.parametrize("model", MODELS.values(), ids=lambda m: m.name)


@both_models
def test_it_agrees_with_brute_force(model: Model) -> None:
    seen = set()

    @settings(max_examples=500, suppress_health_check=list(HealthCheck))
    @given(histories(model))
    def agree(operations: list[Operation]) -> None:
        # A read whose outcome is unknown says nothing; brute force would try it as if its result were known.
        expected = is_linearizable([o for o in happened(operations) if o.outcome == "ok" or o.function != model.read], model)
        assert verdict(operations, model) == expected
        seen.add(expected)

    agree()
    assert seen == {True, False}


@both_models
def test_the_operation_shown_is_where_the_history_ceases_to_be_linearizable(model: Model) -> None:
    @settings(max_examples=300, suppress_health_check=list(HealthCheck))
    @given(histories(model))
    def check(operations: list[Operation]) -> None:
        stuck = check_history(history(*operations), model).departure
        if stuck is None:
            return
        known = [o for o in happened(operations) if o.outcome == "ok" or o.function != model.read]
        before = [o for o in until(known, stuck.operation, included=False) if o.outcome == "ok" or o.function != model.read]
        # What returned at the very same moment counts as returned before, if it comes first.
        if not any(o is not stuck.operation and o.returned == stuck.operation.returned for o in known):
            assert is_linearizable(before, model)
        after = [o for o in until(known, stuck.operation, included=True) if o.outcome == "ok" or o.function != model.read]
        assert not is_linearizable(after, model)
        assert stuck.orders
        for order in stuck.orders:
            must = [o for o in before if o.outcome == "ok" and o.returned is not None and o.returned < (stuck.operation.returned or 0)]
            confirm(order, must, model)
            assert all(o in order for o in must)

    check()


class _Blind(Register):
    """Takes values that are only expected, never read, for unobserved ones."""

    def observed(self, operations):
        return {o.result for o in operations if o.function == "read"}.__contains__


class _WritesObserve(Register):
    """Takes a write of the value that is there for a mere observation."""

    def only_observes(self, operation: Operation) -> bool:
        return True


class _Forgiving(Register):
    """Lets a cas swap whatever the value is."""

    def apply(self, state, operation: Operation) -> Next:
        return operation.arguments[1] if operation.function == "cas" and operation.result else super().apply(state, operation)


def _timeless(operations: Sequence[Operation]) -> list[Operation]:
    return [replace(o, invoked=0, returned=math.inf if o.outcome == "ok" else None) for o in operations]


def _unknown_as_failed(operations: Sequence[Operation]) -> list[Operation]:
    return [o for o in operations if o.outcome == "ok"]


def _unknown_as_finished(operations: Sequence[Operation]) -> list[Operation]:
    return [replace(o, outcome="ok", returned=99, result=True if o.function == "cas" else None) if o.outcome == "unknown" else o for o in operations]


@contextmanager
def patched(name: str, mutant) -> Iterator[None]:
    original = getattr(Search, name)
    setattr(Search, name, mutant(original))
    try:
        yield
    finally:
        setattr(Search, name, original)


def _ignoring_the_state(original):
    return lambda self, low, window, state, unknowns: original(self, low, window, 0, unknowns)


def _ignoring_the_unknown(original):
    return lambda self, low, window, state, unknowns: original(self, low, window, state, 0)


def _first_option_only(original):
    return lambda self, state, without: original(self, state, without)[-1:]


def _looking_ahead_too_far(original):
    return lambda self, option, state, low, window: self._updates[option.operation] in self._needs.home or original(self, option, state, low, window)


def _never_leaving_a_chain(original):
    return lambda self, option, state, low, window: original(self, option, state, 0, 0)


def _idle_although_needed(original):
    def init(self, *arguments, **named):
        original(self, *arguments, **named)
        self._is_idle = [o.function == "put" for o in self.operations]

    return init


def _all_overwrite(original):
    def init(self, *arguments, **named):
        original(self, *arguments, **named)
        self._overwrites = [True] * len(self.operations)

    return init


class _CasTellsNothing(Register):
    """Takes a write that nobody reads for idle, although a cas that did not swap tells where it was not."""

    def rules_out(self, operation: Operation) -> bool:
        return False


MUTANTS = {
    "takes writes for idle that a cas tells apart": (_CasTellsNothing(), "", None),
    "takes puts for idle whose texts are needed": (KeyValue(), "__init__", _idle_although_needed),
    "puts off appends where something is idle": (KeyValue(), "__init__", _all_overwrite),
    "refuses every update that something needs": (Register(), "_is_fatal", _looking_ahead_too_far),
    "forgets that a need was met": (Register(), "_is_fatal", _never_leaving_a_chain),
    "forgets the order of real time": (
        Register(),
        "__init__",
        lambda init: lambda self, operations, model, *, ahead=True: init(self, _timeless(operations), model, ahead=ahead),
    ),
    "drops unknown operations": (
        Register(),
        "__init__",
        lambda init: lambda self, operations, model, *, ahead=True: init(self, _unknown_as_failed(operations), model, ahead=ahead),
    ),
    "places unknown operations at any price": (
        Register(),
        "__init__",
        lambda init: lambda self, operations, model, *, ahead=True: init(self, _unknown_as_finished(operations), model, ahead=ahead),
    ),
    "remembers placed operations without the state": (Register(), "_is_explored", _ignoring_the_state),
    "remembers configurations without the unknown operations": (Register(), "_is_explored", _ignoring_the_unknown),
    "never takes a choice back": (Register(), "_options", _first_option_only),
    "merges values that are expected": (_Blind(), "", None),
    "places writes at once": (_WritesObserve(), "", None),
    "lets cas swap any value": (_Forgiving(), "", None),
    "forgets the order of real time of texts": (
        KeyValue(),
        "__init__",
        lambda init: lambda self, operations, model, *, ahead=True: init(self, _timeless(operations), model, ahead=ahead),
    ),
}


EITHER_OF_TWO_UNKNOWN = [
    operation(0, 1, 2, "write", 0),
    operation(1, 3, None, "write", 1, outcome="unknown"),
    operation(2, 4, None, "cas", 0, 1, outcome="unknown"),
    operation(0, 5, 6, "read", result=1),
    operation(0, 7, 8, "write", 2),
    operation(0, 9, 10, "read", result=2),
    operation(0, 11, 12, "read", result=1),
]
"""The first 1 must be that of the cas: only the write can make the second."""

THE_LATER_WRITE_FIRST = [
    operation(0, 1, 4, "write", 1),
    operation(1, 2, 5, "write", 2),
    operation(2, 6, 7, "read", result=1),
]
"""Placing the write that returned first fails."""


IDLE = {
    "takes writes for idle that a cas tells apart": [
        operation(0, 0, 100, "write", 1),
        operation(1, 0, 100, "write", 0),
        operation(2, 1, 10, "read", result=0),
        operation(3, 50, 60, "cas", 0, 5, result=False),
    ],
    "takes puts for idle whose texts are needed": [
        operation(0, 0, 100, "put", "b"),
        operation(1, 0, 100, "put", "a"),
        operation(2, 1, 5, "get", result="a"),
        operation(3, 10, 15, "get", result="b"),
    ],
    "puts off appends where something is idle": [
        operation(0, 0, 100, "put", "z"),
        operation(1, 0, 100, "append", "a"),
        operation(2, 1, 5, "get", result="a"),
    ],
}
"""Linearizable: what is wrongly taken for idle, or put off, has to wait for a read, or goes before it."""


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found_out(name: str) -> None:
    mutant, method, change = MUTANTS[name]
    model = MODELS[mutant.name]

    def differs(operations: list[Operation]) -> bool:
        known = [o for o in happened(operations) if o.outcome == "ok" or o.function != model.read]
        expected = is_linearizable(known, model)
        assert verdict(known, model) == expected
        with patched(method, change) if method else nullcontext():
            found = [Search([o for o in known if o.key == key], mutant).run() for key in {o.key for o in known}]
        return (not any(isinstance(f, Stuck) for f in found)) != expected

    if name in IDLE:
        assert differs(IDLE[name])
        return
    if model.name == "register" and any(differs(operations) for operations in (EITHER_OF_TWO_UNKNOWN, THE_LATER_WRITE_FIRST)):
        return
    try:
        find(histories(model), differs, settings=settings(max_examples=20_000, phases=[Phase.generate], suppress_health_check=list(HealthCheck)))
    except NoSuchExample:
        pytest.fail("no small history tells it from the definition")


def test_a_wrong_linearization_is_refused() -> None:
    write, read = operation(0, 1, 2, "write", 1), operation(1, 3, 4, "read", result=1)
    confirm([write, read], [write, read], Register())
    for order in ([read, write], [write], [write, write, read]):
        with pytest.raises(CheckerError):
            confirm(order, [write, read], Register())
    overwritten = operation(1, 3, 4, "read", result=None)
    with pytest.raises(CheckerError):
        confirm([overwritten, write], [write, overwritten], Register())


def test_an_unknown_write_may_take_effect_after_its_client_gave_up_or_never() -> None:
    write = operation(0, 1, None, "write", 1, outcome="unknown")
    old, new = (lambda at: operation(1, at, at + 1, "read", result=None)), (lambda at: operation(1, at, at + 1, "read", result=1))
    assert verdict([write, old(10), new(20)], Register())
    assert verdict([write, old(10), old(20)], Register())
    assert not verdict([write, new(10), old(20)], Register())


def test_a_write_may_not_be_placed_early_because_its_value_is_there() -> None:
    """The second write of 1 restores what the write of 2 replaced."""
    operations = [
        operation(0, 1, 2, "write", 1),
        operation(1, 3, 20, "write", 1),
        operation(2, 4, 20, "write", 2),
        operation(3, 5, 6, "read", result=1),
        operation(3, 7, 8, "read", result=2),
        operation(3, 9, 10, "read", result=1),
    ]
    assert verdict(operations, Register())


def test_equal_times_count_as_concurrent() -> None:
    assert verdict([operation(0, 1, 2, "write", 1), operation(1, 2, 3, "read", result=None)], Register())
    assert not verdict([operation(0, 1, 2, "write", 1), operation(1, 3, 4, "read", result=None)], Register())


def test_keys_are_independent() -> None:
    stale = operation(2, 5, 6, "get", result="", key="b")
    good = [operation(0, 1, 2, "put", "x", key="a"), operation(1, 3, 4, "put", "y", key="b"), operation(0, 5, 6, "get", result="x", key="a")]
    assert verdict(good, KeyValue())
    result = check_history(history(*good, stale), KeyValue())
    assert result.departure is not None
    assert result.departure.operation is stale


@pytest.mark.parametrize("seed", range(3))
def test_long_histories_are_judged_both_ways(seed: int) -> None:
    """2,000 operations by 50 clients on ten keys, all clients busy all the time."""
    recorded = record(KeyValue(), key_value_call, clients=50, operations=2000, keys=[str(k) for k in range(10)], crashes=0.01, seed=seed)
    stale = with_stale_read(recorded, KeyValue(), 0.9)
    before = time.process_time()
    assert check_history(recorded, KeyValue()).verdict == "linearizable"
    assert check_history(stale, KeyValue()).verdict == "not_linearizable"
    assert time.process_time() - before < 4


@both_models
@pytest.mark.parametrize("seed", range(12))
def test_looking_ahead_changes_no_verdict(model: Model, seed: int) -> None:
    """Long chains of values written once: with what they need, and without."""
    numbers = iter(range(10_000))

    def call(choose: random.Random) -> tuple[str, tuple[Value, ...]]:
        if model.name == "kv":
            function = choose.choices(("get", "append", "put"), (45, 45, 10))[0]
            return function, () if function == "get" else (f"{next(numbers)};",)
        function = choose.choice(("read", "write", "cas"))
        now = next(numbers)
        return function, {"read": (), "write": (now,), "cas": (choose.randrange(max(0, now - 6), now + 1), now)}[function]

    recorded = record(model, call, clients=5, operations=150, crashes=0.02, seed=seed)
    verdicts = set()
    for judged in (recorded, *(with_stale_read(recorded, model, at) for at in (0.5, 0.9))):
        ahead, behind = (isinstance(Search(judged.operations, model, ahead=a).run(), Stuck) for a in (True, False))
        assert ahead == behind
        verdicts.add(ahead)
        check_history(judged, model)
    assert verdicts == {False, True}


@pytest.mark.parametrize("seed", range(3))
def test_many_crashes(seed: int) -> None:
    """Every tenth operation of a register crashes, and stays possible for ever."""
    recorded = record(Register(), register_call, clients=10, operations=400, crashes=0.05, seed=seed)
    assert check_history(recorded, Register(), timeout=20).verdict == "linearizable"


def crowded(count: int) -> list[Operation]:
    """Concurrent writes of unlike values, and a read that no order explains: as many configurations as there are sets of them, for a cas tells values apart."""
    writes = [operation(i, 0, 100, "write", i) for i in range(count)]
    return [*writes, operation(count, 0, 100, "cas", 0, 1, result=False), operation(count + 1, 101, 102, "read", result=-1)]


def test_the_time_limit_makes_it_inconclusive() -> None:
    result = check_history(history(*crowded(40)), Register(), timeout=0.2)
    assert (result.verdict, result.departure) == ("inconclusive", None)
    assert "0.2 s" in result.stopped
    assert result.seconds < 5


def test_the_order_of_what_is_never_seen_is_not_tried() -> None:
    """30 texts that nobody sees, while a text is seen that comes back."""
    unseen = [operation(i, 0, 100, "put", f"{i};") for i in range(30)]
    seen = [operation(40 + i, 10 * i, 10 * i + 5, "get", result=text) for i, text in enumerate(("a", "b", "a"))]
    puts = [operation(50 + i, 0, 100, "put", text) for i, text in enumerate("ab")]
    assert isinstance(Search([*unseen, *puts, *seen], KeyValue()).run(steps=1_000), Stuck)
    assert not isinstance(Search([*unseen, *puts, *seen[:2]], KeyValue()).run(steps=1_000), Stuck)


def test_interruption_makes_it_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Search, "run", interrupted)
    result = check_history(history(operation(0, 1, 2, "write", 1)), Register())
    assert (result.verdict, result.stopped) == ("inconclusive", "interrupted")


@pytest.mark.parametrize(("error", "stopped"), [(KeyboardInterrupt, "interrupted"), (Timeout, "the time limit of 5 s has passed")])
def test_a_verdict_stands_where_its_explanation_is_cut_short(monkeypatch: pytest.MonkeyPatch, error: type[BaseException], stopped: str) -> None:
    def cut_short(*_: object) -> None:
        raise error

    monkeypatch.setattr("model_check.linearizability.checker.explain", cut_short)
    result = check_history(history(operation(0, 1, 2, "read", result=1)), Register(), timeout=5)
    assert (result.verdict, result.departure, result.stopped) == ("not_linearizable", None, stopped)


def test_refused_is_no_value() -> None:
    assert Register().apply(1, operation(0, 1, 2, "read", result=2)) is REFUSED
