"""A behaviour of a protocol under construction: steps are given, not enumerated."""

from __future__ import annotations

from typing import Any

from model_check.evaluation import guarded
from model_check.validation.refusal import Refusal, misfit, refusal
from spec.language import Map, Protocol, State, Step


class Run:
    """A behaviour of a protocol, built step by step: the present state, and how it came about.

    Arguments and values are the spec language's own. Nothing is enumerated over an ordered sort, so scopes may be huge.
    Without a state, the run begins in the protocol's only initial state; ValueError where it has several.
    """

    def __init__(self, protocol: Protocol, state: State | None = None) -> None:
        self.protocol = protocol
        if state is None:
            initial = protocol.initial_states()
            if len(initial) != 1:
                raise ValueError(f"{protocol.ir.name} has {len(initial)} initial states: say in which one the run begins")
            (state,) = initial
        self.steps: list[Step] = []
        self._states = [state]
        self._parameters = {a.name: tuple(b.name for b in a.parameters) for a in protocol.ir.actions}

    def take(self, action: str, *arguments: Any) -> bool:
        """Take one step; False where it is not enabled, the state is then as before.

        Raises TypeError where an argument is of another type than its parameter, SpecError where the step is undefined.
        """
        step, state = self._step(action, arguments), self.state
        if misfit(self.protocol, state, step) is not None:
            return False
        with guarded(self.protocol, step, state):
            after = self.protocol.attempt(state, step)
        if after is None:
            return False
        self.steps.append(step)
        self._states.append(after)
        return True

    def refusal(self, action: str, *arguments: Any) -> Refusal:
        """Why a step is not enabled in the present state; ValueError where it is."""
        return refusal(self.protocol, self.state, self._step(action, arguments))

    def value(self, variable: str, *keys: Any) -> Any:
        """The present value of a variable, or of one entry of a map variable."""
        found = getattr(self.state, variable)
        return found[keys if len(keys) > 1 else keys[0]] if keys else found

    def mark(self) -> int:
        """The present point, to come back to."""
        return len(self.steps)

    def back(self, mark: int) -> None:
        """Undo all steps since a mark."""
        del self.steps[mark:]
        del self._states[mark + 1 :]

    def touched(self, mark: int) -> set[tuple[str, tuple[Any, ...]]]:
        """The variables, and entries of map variables, that steps since a mark have changed: `(variable, keys)`."""
        found: set[tuple[str, tuple[Any, ...]]] = set()
        for (name, old), (_, new) in zip(self._states[mark].items(), self.state.items(), strict=True):
            if isinstance(old, Map):
                found |= {(name, k if isinstance(k, tuple) else (k,)) for (k, a), (_, b) in zip(old.items(), new.items(), strict=True) if a != b}
            elif old != new:
                found.add((name, ()))
        return found

    @property
    def state(self) -> State:
        """The present state as a whole."""
        return self._states[-1]

    def _step(self, action: str, arguments: tuple[Any, ...]) -> Step:
        return Step(action, tuple(zip(self._parameters[action], arguments, strict=True)))
