"""A run of the simulator, noted as calls of a cluster."""

from __future__ import annotations

from collections import Counter
from typing import Any, Generic, TypeVar

from conformance.cluster import Move
from impl.simulation import events

C = TypeVar("C", bound=events.Observer)


class Recorder(Generic[C]):
    """Follows a simulated run, and notes it as calls of a Cluster."""

    def __init__(self, checker: C) -> None:
        self.checker = checker
        self._events: list[events.Event] = []

    def __call__(self, event: events.Event) -> None:
        """An event has happened."""
        self._events.append(event)
        self.checker(event)

    def moves(self) -> list[Move]:
        """The calls. What never arrives is lost as soon as it is sent, so that the next message of a link is mostly its first."""
        arrivals = Counter(id(e.message) for e in self._events if isinstance(e, events.Deliver))
        links: dict[tuple[int, int], list[Any]] = {}
        moves: list[Move] = []
        for event in self._events:
            if isinstance(event, events.Deliver):
                moves.append(self._delivery(event, links, arrivals))
                continue
            moves.append(_call(event))
            for m in event.messages if isinstance(event, (events.BeginWrite, events.FinishWrite)) else ():
                waiting = links.setdefault((m.sender, m.receiver), [])
                if arrivals[id(m)]:
                    waiting.append(m)
                else:
                    moves.append(("lose", m.sender, m.receiver, len(waiting)))
        return moves

    def _delivery(self, event: events.Deliver, links: dict[tuple[int, int], list[Any]], arrivals: Counter[int]) -> Move:
        m = event.message
        waiting = links[m.sender, m.receiver]
        position = next(i for i, other in enumerate(waiting) if other is m)
        arrivals[id(m)] -= 1
        del waiting[position]
        if arrivals[id(m)]:
            waiting.append(m)
            return ("deliver", m.sender, event.host, position, True)
        return ("deliver", m.sender, event.host, position) if position else ("deliver", m.sender, event.host)


def _call(event: events.Event) -> Move:
    """The method of Cluster that an event is, and its arguments."""
    host = event.host
    match event:
        case events.BeginWrite():
            return ("begin", host)
        case events.FinishWrite():
            return ("finish", host)
        case events.Propose(command=command):
            return ("propose", host, command)
        case events.Read(context=context):
            return ("read", host, context)
        case events.Transfer(target=target):
            return ("transfer", host, target)
        case events.ReportSnapshot(follower=follower, delivered=delivered):
            return ("report", host, follower, delivered)
        case events.Crash(surviving=surviving):
            return ("crash", host, surviving)
        case _:
            return (type(event).__name__.lower(), host)
