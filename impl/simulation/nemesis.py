"""Clusters and fault schedules drawn from a seed.

No two runs are alike in what is tried: some have no crashes, some nothing but crashes, some a slow network or no CheckQuorum. That finds more than
runs in each of which everything happens (Groce et al., "Swarm Testing", 2012).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Final

from impl.simulation.cluster import Cluster
from impl.simulation.faults import Compact, Crash, Drift, Fault, OneWay, Partition, SlowDisk, Transfer, Unreliable
from impl.simulation.latency import MILLISECOND, Exponential
from impl.simulation.network import Link

LENGTHS: Final = (1 * MILLISECOND, 4_000 * MILLISECOND)
"""How long a fault lasts is drawn for each: a host may be back in mid-election, or long after it."""
INTERVALS: Final = (50 * MILLISECOND, 800 * MILLISECOND)
"""How long it is on average from one fault to the next is drawn for each schedule."""

_Draw = Callable[[Random, tuple[int, ...], int, int], Fault]
"""From a random source, the hosts, and when the fault begins and ends."""


def _even(random: Random, low: int, high: int) -> int:
    """A time, evenly on a logarithmic scale."""
    return int(low * (high / low) ** random.random())


def _some(random: Random, hosts: tuple[int, ...]) -> tuple[int, ...]:
    """One host at least, not all; often a minority."""
    return tuple(sorted(random.sample(hosts, random.randint(1, max(1, len(hosts) - 1)))))


KINDS: Final[dict[str, _Draw]] = {
    "crash": lambda r, hosts, at, until: Crash(at, until, (r.choice(hosts),)),
    "torn-write": lambda r, hosts, at, until: Crash(at, until, (r.choice(hosts),), surviving=r.randrange(4)),
    "outage": lambda _, hosts, at, until: Crash(at, until, hosts),
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


_SETTINGS: Final[dict[str, dict[str, tuple[Any, ...]]]] = {
    "raft": {
        "election_ticks": (5, 10, 20),
        "pre_vote": (True, False),
        "check_quorum": (True, False),
        "max_batch_bytes": (1, 100, 1 << 20),
        "max_inflight": (1, 4, 256),
        "forward_proposals": (True, False),
    },
    "multi-paxos": {
        "election_ticks": (5, 10, 20),
        "heartbeat_ticks": (1, 2, 4),
        "max_batch_bytes": (1, 100, 1 << 20),
        "max_open_slots": (4, 1 << 16),
        "forward_proposals": (True, False),
    },
    "paxos": {"retry_ticks": (2, 10), "backoff_ticks": (2, 10)},
}


def draw_cluster(seed: int, protocol: str, nodes: int) -> Cluster:
    """A cluster whose settings, network, disks and clocks are drawn; ValueError where there is no such protocol."""
    random = Random(f"cluster of {seed}")
    settings = {name: random.choice(values) for name, values in _SETTINGS.get(protocol, {}).items()}
    link = Link(Exponential(random.choice((50, 500)), random.choice((50, 500, 3_000))))
    disk = Exponential(random.choice((20, 200)), random.choice((20, 200, 5_000)))
    return Cluster(protocol, nodes, settings, link, disk=disk, clocks={n: round(random.uniform(0.95, 1.05), 3) for n in range(1, nodes + 1)})


def draw_faults(seed: int, hosts: tuple[int, ...], duration: int, kinds: Iterable[str] = tuple(KINDS)) -> tuple[Fault, ...]:
    """A schedule for a run.

    Args:
        seed: the same seed, hosts, duration and kinds give the same schedule.
        hosts: the cluster.
        duration: in microseconds; every fault has ended by then.
        kinds: names of KINDS; about half of them are in a schedule, one at least.

    Raises:
        ValueError: a kind that is none.
    """
    names = list(kinds)
    for name in names:
        if name not in KINDS:
            raise ValueError(f"faults: {name!r} is none of {', '.join(KINDS)}")
    random, schedule, now = Random(f"faults of {seed}"), [], 0
    names = [name for name in names if random.random() < 0.5] or names
    interval = _even(random, *INTERVALS)
    while names:
        now += 1 + int(random.expovariate(1 / interval))
        until = now + _even(random, *LENGTHS)
        if now >= duration:
            break
        schedule.append(KINDS[random.choice(names)](random, hosts, now, min(until, duration)))
    return tuple(schedule)
