"""The search for a linearization of one key's operations: Wing and Gong's algorithm with memoization.

An operation may come next if no operation that has not been placed returned before it was invoked; the search places one after the other,
depth-first, and takes back what leads nowhere (Wing and Gong, *Testing and Verifying Concurrent Objects*, 1993). A configuration,
that is the set of placed operations and the state after them, is explored once (Lowe, *Testing for Linearizability*, 2017).
Beyond these papers, six reductions; each keeps at least one linearization where there is any:

- *Operations that only observe are placed as soon as the state fits*, without a choice: moved there from later in a linearization,
  they change nothing for the others. (A write of the value that is there already may not be moved: later, it changes something.)
- *Values that no operation can observe are one state* (`Model.observed`).
- *Unknown operations need never be placed.* So a configuration that has placed more of them than one explored before, all
  else equal, has no linearization that the earlier one lacks; and one that changes nothing is not placed.
  Nor is an unknown operation placed just before one that has the same effect without it.
- *Of equal unknown operations the one invoked first goes first.*
- *What makes a value impossible that is still to be seen is not placed* (`needs.py`).
- *Idle operations come together, just before what overwrites them.* They make no value that is ever needed, and where one stands in a
  linearization, nothing sees the value until it is overwritten. So it may be taken out, and be put just before any overwriting, or beside
  another idle one that is placed in its time. A choice remains only of when to leave a value that may still be needed. Where a cas tells
  what the value was not, this does not hold, and is not done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from model_check.linearizability.history import Operation, Value
from model_check.linearizability.models import REFUSED, Model
from model_check.linearizability.needs import Needs, update_of

_DEAD_ENDS = 8
_STEPS_BETWEEN_LOOKS_AT_THE_CLOCK = 256
_REFUSED = -1


class Timeout(Exception):
    """The deadline has passed."""


class OutOfSteps(Exception):
    """The search has made as many steps as it was given."""


class _Option(NamedTuple):
    """An operation that may come next; the most urgent one, which returned first, compares least."""

    urgency: int
    operation: int
    state: int


@dataclass(slots=True)
class _Frame:
    """A configuration on the way to the present one: what it was, what was placed then, and what else may be."""

    low: int
    window: int
    unknowns: int
    state: int
    placed: int
    rest: list[_Option]


@dataclass(frozen=True)
class Stuck:
    """How far the search got: the first so many operations to return were placed, never one more.

    Each of `orders` places all of these, and perhaps some others; then no operation can come next. They end in different states;
    there may be more of them than are kept.
    """

    returns: int
    orders: Sequence[Sequence[Operation]]


class Search:
    """A linearization of operations on one object, or what stands in its way.

    Operations are numbered by invocation. The set of placed ones is kept as `low`, the number of finished operations that
    come first and are all placed, and `window`, a bit for each later one, so that its size is that of the concurrency, not of the history.
    """

    def __init__(self, operations: Sequence[Operation], model: Model, *, ahead: bool = True) -> None:
        """`ahead=False` leaves out what looks ahead in the history, so that the search ends no earlier than it must."""
        happened = [o for o in operations if o.outcome == "ok" or (o.outcome == "unknown" and o.function != model.read)]
        self.operations = sorted(happened, key=lambda o: o.invoked)
        self.model = model
        self._invoked = [o.invoked for o in self.operations]
        self._returned = [math.inf if o.outcome == "unknown" or o.returned is None else o.returned for o in self.operations]
        self._only_observes = [o.outcome == "ok" and model.only_observes(o) for o in self.operations]
        self._is_unknown = [o.outcome == "unknown" for o in self.operations]
        count = self._end = len(self.operations)
        finished = [i for i in range(count) if not self._is_unknown[i]]
        self._by_return = sorted(finished, key=lambda i: (self._returned[i], i))
        unknown = [i for i in range(count) if self._is_unknown[i]]
        self._urgency = _positions([*self._by_return, *unknown], count)
        self._bit = _positions([*finished, *unknown], count)
        for i in unknown:
            self._bit[i] -= len(finished)
        self._calls = _Links(range(count), count)
        self._returns = _Links(self._by_return, count)
        self._needs = Needs(self.operations, self._bit, model) if ahead else Needs((), (), model)
        self._is_idle = [o.outcome == "ok" and update_of(o) in self._needs.idle and not model.required(o) for o in self.operations]
        self._overwrites = [model.overwrites(o) for o in self.operations]
        self._prepare_states()
        self._explored: dict[tuple[int, int, int], list[int]] = {}
        self._furthest = -1
        self._dead_ends: dict[int, list[int]] = {}

    def _prepare_states(self) -> None:
        """Equal operations share a kind, states are numbered, and a step is worked out once for each state and kind."""
        kinds: dict[tuple[object, ...], int] = {}
        self._kind = [kinds.setdefault((o.function, o.arguments, o.outcome, o.result), len(kinds)) for o in self.operations]
        self._observed = self.model.observed(o for o in self.operations)
        self._states: list[Value] = []
        self._number_of: dict[Value, int] = {}
        self._unobserved = -1
        self._successors: list[dict[int, int]] = []
        self._updates = [update_of(o) for o in self.operations]

    def _number(self, state: Value) -> int:
        """The number of a state; one number for all that nobody observes."""
        number = self._number_of.get(state)
        if number is None:
            observed = self._observed(state)
            number = len(self._states) if observed or self._unobserved < 0 else self._unobserved
            if number == len(self._states):
                self._states.append(state)
                self._successors.append({})
            if observed:
                self._number_of[state] = number
            else:
                self._unobserved = number
        return number

    def _step(self, state: int, operation: int) -> int:
        """The state after an operation, or _REFUSED."""
        kind = self._kind[operation]
        found = self._successors[state].get(kind)
        if found is None:
            after = self.model.apply(self._states[state], self.operations[operation])
            found = self._successors[state][kind] = _REFUSED if after is REFUSED else self._number(after)
        return found

    def run(self, deadline: float = math.inf, steps: float = math.inf) -> list[Operation] | Stuck:
        """A linearization, or where there is none, how far one gets.

        Raises Timeout after the deadline (time.monotonic()) and OutOfSteps after so many operations placed.
        """
        stack: list[_Frame] = []
        low = window = unknowns = made = 0
        state = self._number(self.model.initial)
        calls, returns, end = self._calls, self._returns, self._end
        while returns.next[end] != end:
            made += 1
            if made > steps:
                raise OutOfSteps
            if made % _STEPS_BETWEEN_LOOKS_AT_THE_CLOCK == 0 and time.monotonic() > deadline:
                raise Timeout
            if self._is_explored(low, window, state, unknowns):
                options: list[_Option] = []
            else:
                options = [o for o in self._options(state, self._state_without(stack)) if not self._is_fatal(o, state, low, window)]
                if not options:
                    self._note_dead_end(state, stack)
            while not options:
                if not stack:
                    return self._stuck()
                frame = stack.pop()
                low, window, unknowns, state, options = frame.low, frame.window, frame.unknowns, frame.state, frame.rest
                calls.restore(frame.placed)
                if not self._is_unknown[frame.placed]:
                    returns.restore(frame.placed)
            _, placed, after = options.pop()
            stack.append(_Frame(low, window, unknowns, state, placed, options))
            state = after
            calls.remove(placed)
            if self._is_unknown[placed]:
                unknowns |= 1 << self._bit[placed]
            else:
                returns.remove(placed)
                window |= 1 << (self._bit[placed] - low)
                full = (~window & (window + 1)).bit_length() - 1
                low, window = low + full, window >> full
        return [self.operations[frame.placed] for frame in stack]

    def _state_without(self, stack: list[_Frame]) -> int | None:
        """The state before the last placed operation if that is an unknown one: it might as well not have happened."""
        return stack[-1].state if stack and self._is_unknown[stack[-1].placed] else None

    def _options(self, state: int, without: int | None) -> list[_Option]:
        """What may come next, the most urgent last; one operation alone where it only observes.

        What leads to the same state from the state `without` the last operation may come there, not here.
        """
        first_return = self._returned[self._returns.next[self._end]]
        options: list[_Option] = []
        idle: _Option | None = None
        kinds_of_unknown = set()
        following = self._calls.next
        operation = following[self._end]
        while operation != self._end and self._invoked[operation] <= first_return:
            after = self._step(state, operation)
            if without is not None and after == self._step(without, operation):
                pass
            elif self._is_unknown[operation]:
                if after != state and self._kind[operation] not in kinds_of_unknown:
                    kinds_of_unknown.add(self._kind[operation])
                    options.append(_Option(self._urgency[operation], operation, after))
            elif after != _REFUSED:
                option = _Option(self._urgency[operation], operation, after)
                if self._only_observes[operation]:
                    return [option]
                if not self._is_idle[operation]:
                    options.append(option)
                elif idle is None or option < idle:
                    idle = option
            operation = following[operation]
        if idle is not None:
            if state == self._unobserved:
                return [idle]
            options = [idle, *(option for option in options if not self._overwrites[option.operation])]
        options.sort(reverse=True)
        return options

    def _is_fatal(self, option: _Option, state: int, low: int, window: int) -> bool:
        """Whether an operation, placed now, takes away for good what a finished operation still needs."""
        needs, operation = self._needs, option.operation
        update, before, after = self._updates[operation], self._states[state], self._states[option.state]
        if update in needs.home and needs.home[update] != after:
            last = needs.last[update]
            if last >= low and not window >> (last - low) & 1:
                return True
        chain = needs.first.get(before)
        if chain is None or needs.first.get(after) == chain:
            return False
        last = needs.last[chain]
        mine = not self._is_unknown[operation] and self._bit[operation] == last
        return last >= low and not window >> (last - low) & 1 and not mine

    def _is_explored(self, low: int, window: int, state: int, unknowns: int) -> bool:
        """Whether a configuration at least as good was explored before; if not, this one is from now on."""
        before = self._explored.setdefault((low, window, state), [])
        if any(fewer & unknowns == fewer for fewer in before):
            return True
        before[:] = [other for other in before if unknowns & other != unknowns]
        before.append(unknowns)
        return False

    def _note_dead_end(self, state: int, stack: list[_Frame]) -> None:
        """Keep the way to a configuration from which nothing can come next, if none got further."""
        reached = self._urgency[self._returns.next[self._end]]
        if reached > self._furthest:
            self._furthest = reached
            self._dead_ends.clear()
        if reached == self._furthest and state not in self._dead_ends and len(self._dead_ends) < _DEAD_ENDS:
            self._dead_ends[state] = [frame.placed for frame in stack]

    def _stuck(self) -> Stuck:
        orders = [[self.operations[i] for i in order] for order in self._dead_ends.values()]
        return Stuck(self._furthest, orders)


class _Links:
    """A doubly linked list of numbers below `end`, which is its head; what is removed last is restored first."""

    __slots__ = ("next", "previous")

    def __init__(self, order: Sequence[int], end: int) -> None:
        self.next = [end] * (end + 1)
        self.previous = [end] * (end + 1)
        for before, after in zip([end, *order], [*order, end], strict=True):
            self.next[before], self.previous[after] = after, before

    def remove(self, number: int) -> None:
        self.next[self.previous[number]] = self.next[number]
        self.previous[self.next[number]] = self.previous[number]

    def restore(self, number: int) -> None:
        self.next[self.previous[number]] = number
        self.previous[self.next[number]] = number


def _positions(order: Sequence[int], count: int) -> list[int]:
    """Where each number stands in an order of all of them."""
    positions = [0] * count
    for position, number in enumerate(order):
        positions[number] = position
    return positions
