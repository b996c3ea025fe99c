"""What all checkers do after they took steps: compare both sides in what an event can have changed, and tell where they part."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, TypeAlias

from conformance.departure import NO_MESSAGE, NOT_SENT, Departure, Difference
from conformance.guide import Guide
from conformance.nearest import Near, nearest
from conformance.told import told
from impl.simulation import events
from model_check.validation.run import Run
from spec.language.values import show

HUGE = 1 << 40
"""A bound that no run reaches: nothing is enumerated over ordered sorts or values."""

Cells: TypeAlias = Mapping[tuple[str, tuple[Any, ...]], object]
"""Values by variable and keys."""


class Following:
    """A run of the spec beside one of the implementation."""

    def __init__(self, run: Run) -> None:
        self.run, self.guide = run, Guide(run)
        self.events = 0
        """How many have happened."""

    def compare(
        self,
        mark: int,
        event: events.Event,
        mapped: Cells,
        said: Collection[tuple[str, Any]],
        unsaid: Callable[[Any], bool] | None = None,
        remark: str = "",
    ) -> None:
        """Compare both sides after an event; Departure where they differ.

        Args:
            mark: before the event's steps.
            event: what happened.
            mapped: what the implementation has in all cells that the event can have changed.
            said: the messages that left with it, by the variable that holds them.
            unsaid: whether the implementation would have sent a message of the spec, had it not crashed.
            remark: what is wrong where they differ, if that is known.
        """
        run = self.run
        differences = [Difference(name, _key(keys), found, value) for (name, keys), value in mapped.items() if (found := run.peek(name, *keys)) != value]
        differences += [Difference(variable, "", NO_MESSAGE, m) for variable, m in said if m not in run.peek(variable)]
        added, expected = run.added(mark), set(said)
        differences += [Difference(variable, "", m, NOT_SENT) for variable, _, m in added if (variable, m) not in expected and not (unsaid and unsaid(m))]
        for name, keys in sorted(run.touched(mark) - set(mapped) - {(variable, keys) for variable, keys, _ in added}, key=repr):
            differences.append(Difference(name, _key(keys), run.peek(name, *keys), "what it was"))
        if differences:
            raise self.departure(mark, event, mapped, differences, remark, said)
        self.guide.refusals.clear()

    def candidates(self) -> dict[type, list[Any]]:
        """Arguments that a step may have, besides what an event itself speaks of: quorums, and messages that were sent."""
        return {}

    def departure(
        self, mark: int, event: events.Event, mapped: Cells, differences: list[Difference], remark: str = "", said: Collection[tuple[str, Any]] = ()
    ) -> Departure:
        """What an event has that no step explains; the run is then back before it."""
        steps = [str(step) for step in self.run.steps_since(mark)]
        self.run.back(mark)
        changes = [
            f"{name}[{_key(keys)}]: {show(found)} -> {show(value)}" for (name, keys), value in mapped.items() if (found := self.run.peek(name, *keys)) != value
        ]
        return Departure(
            self.events,
            told(event),
            since=[],
            changes=changes,
            steps=steps,
            denials=[],
            refusals=list(self.guide.refusals),
            differences=differences,
            near=[] if steps or self.guide.refusals else self._near(differences, mapped, said),
            remark=remark,
            words=self.legend(),
        )

    def legend(self) -> Mapping[str, str]:
        """What the spec's words stand for in the implementation."""
        return {}

    def _near(self, differences: Sequence[Difference], mapped: Cells, said: Collection[tuple[str, Any]]) -> list[Near]:
        """What the spec has for what differs."""
        found: dict[type, dict[Any, None]] = {}
        for value in (*(k for _, keys in mapped for k in keys), *mapped.values(), *(m for _, m in said)):
            _collect(value, found)
        for cls, values in self.candidates().items():
            found.setdefault(cls, {}).update(dict.fromkeys(values))
        servers = [k for _, keys in mapped for k in keys[:1]] or [getattr(m, "acceptor", None) for _, m in said]
        return nearest(self.run, [d.variable for d in differences], {cls: list(values) for cls, values in found.items()}, servers[0] if servers else None)


def _collect(value: Any, found: dict[type, dict[Any, None]]) -> None:
    """A value and all that its fields hold, by class."""
    if value is not None:
        found.setdefault(type(value), {})[value] = None
        for field in fields(value) if is_dataclass(value) and not isinstance(value, type) else ():
            _collect(getattr(value, field.name), found)


def _key(keys: tuple[Any, ...]) -> str:
    return ", ".join(map(repr, keys))
