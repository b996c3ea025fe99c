"""The network between the hosts: links with latencies, loss, duplication and reordering, and what faults make of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from random import Random

from impl.simulation.latency import Constant, Exponential, Latency

Way = tuple[int, int]
"""A directed link: sender, receiver."""

_DETOUR = 8


@dataclass(frozen=True)
class Link:
    """How messages get from one host to another; the chances are independent for each message."""

    latency: Latency = Exponential(400, 200)
    """Drawn for each message anew: where it varies, messages overtake each other."""
    loss: float = 0.0
    duplication: float = 0.0
    """A message arrives a second time, after a latency of its own."""
    reordering: float = 0.0
    """A message takes a detour, on which it meets the latency eight times."""
    cut: bool = False
    """Nothing arrives."""

    def arrivals(self, random: Random) -> Iterator[int]:
        """After how long a message arrives: never, once or twice."""
        if self.cut or (self.loss and random.random() < self.loss):
            return
        yield self._time(random)
        if self.duplication and random.random() < self.duplication:
            yield self._time(random)

    def _time(self, random: Random) -> int:
        if self.reordering and random.random() < self.reordering:
            return sum(self.latency.draw(random) for _ in range(_DETOUR))
        return self.latency.draw(random)

    @property
    def is_plain(self) -> bool:
        """Whether every message arrives once, after a single latency."""
        return not (self.cut or self.loss or self.duplication or self.reordering)

    def worse(self, loss: float, duplication: float, reordering: float) -> Link:
        """The link with further trouble on top of its own."""
        return replace(self, loss=_either(self.loss, loss), duplication=_either(self.duplication, duplication), reordering=_either(self.reordering, reordering))


def _either(a: float, b: float) -> float:
    return a + b - a * b


LOOPBACK = Link(Constant(0))
"""From a host to itself: at once, and whatever happens to the network."""


def full_mesh(hosts: tuple[int, ...], link: Link, links: Mapping[Way, Link]) -> dict[Way, Link]:
    """A link for every way between hosts: the given ones, or else the same for all."""
    return {(a, b): LOOPBACK if a == b else links.get((a, b), link) for a in hosts for b in hosts}
