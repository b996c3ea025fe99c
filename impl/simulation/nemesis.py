"""Fault schedules drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Final

from impl.simulation.faults import Compact, Crash, Drift, Fault, OneWay, Partition, SlowDisk, Transfer, Unreliable
from impl.simulation.latency import MILLISECOND

_Draw = Callable[[Random, tuple[int, ...], int, int], Fault]
"""From a random source, the hosts, and when the fault begins and ends."""


def _some(random: Random, hosts: tuple[int, ...]) -> tuple[int, ...]:
    """One host at least, not all; often a minority."""
    return tuple(sorted(random.sample(hosts, random.randint(1, max(1, len(hosts) - 1)))))


KINDS: Final[dict[str, _Draw]] = {
    "crash": lambda r, hosts, at, until: Crash(at, until, r.choice(hosts)),
    "torn-write": lambda r, hosts, at, until: Crash(at, until, r.choice(hosts), surviving=r.randrange(4)),
    "partition": lambda r, hosts, at, until: Partition(at, until, _some(r, hosts)),
    "one-way": lambda r, hosts, at, until: OneWay(at, until, _some(r, hosts)),
    "unreliable": lambda r, _, at, until: Unreliable(
        at, until, loss=round(r.uniform(0, 0.3), 2), duplication=round(r.uniform(0, 0.3), 2), reordering=round(r.uniform(0, 0.5), 2)
    ),
    "slow-disk": lambda r, hosts, at, until: SlowDisk(at, until, r.choice(hosts), factor=round(r.uniform(5, 100), 1)),
    "drift": lambda r, hosts, at, until: Drift(at, until, r.choice(hosts), factor=round(2 ** r.uniform(-3, 3), 2)),
    "transfer": lambda r, hosts, at, _: Transfer(at, r.choice(hosts)),
    "compact": lambda r, hosts, at, _: Compact(at, r.choice(hosts)),
}
"""What may be drawn, by its name on the command line."""


def draw_faults(seed: int, hosts: tuple[int, ...], duration: int, kinds: Iterable[str] = tuple(KINDS), interval: int = 400 * MILLISECOND) -> tuple[Fault, ...]:
    """A schedule for a run.

    Args:
        seed: the same seed, hosts, duration, kinds and interval give the same schedule.
        hosts: the cluster.
        duration: in microseconds; every fault has ended by then.
        kinds: names of KINDS.
        interval: microseconds from one fault to the next, on average; a fault lasts as long, on average, so that about one is there at a time.

    Raises:
        ValueError: a kind that is none.
    """
    names = list(kinds)
    for name in names:
        if name not in KINDS:
            raise ValueError(f"faults: {name!r} is none of {', '.join(KINDS)}")
    random, schedule, now = Random(f"faults of {seed}"), [], 0
    while names:
        now += 1 + int(random.expovariate(1 / interval))
        until = now + 1 + int(random.expovariate(1 / interval))
        if now >= duration:
            break
        schedule.append(KINDS[random.choice(names)](random, hosts, now, min(until, duration)))
    return tuple(schedule)
