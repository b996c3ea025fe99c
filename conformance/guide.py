"""Takes steps of a spec as hints suggest them, and remembers what was refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from model_check.validation.refusal import Refusal
from model_check.validation.run import Run


class Guide:
    """Takes steps of a run. A hint is only ever a step of the spec, by its own rules: a wrong one can refuse a correct run, never excuse a wrong one."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.refusals: list[Refusal] = []
        """Hints that the spec refused since they were last forgotten."""

    def take(self, action: str, *arguments: Any) -> bool:
        """A step, where the spec allows it."""
        return self.take_any(action, [arguments])

    def take_any(self, action: str, choices: Iterable[tuple[Any, ...]]) -> bool:
        """The first of some steps that the spec allows; where it allows none, one that comes furthest is remembered."""
        refused = []
        for arguments in choices:
            if self.run.take(action, *arguments):
                return True
            refused.append(arguments)
        furthest = max((self.run.refusal(action, *arguments) for arguments in refused), key=_place)
        if furthest not in self.refusals:
            self.refusals.append(furthest)
        return False


def _place(refusal: Refusal) -> int:
    return int(refusal.place.rpartition(":")[2])
