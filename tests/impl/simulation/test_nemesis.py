"""Fault schedules: drawn from a seed, and readable."""

from __future__ import annotations

import pytest

from impl.simulation import faults
from impl.simulation.faults import LastingFault
from impl.simulation.host import CommandLog
from impl.simulation.latency import SECOND
from impl.simulation.nemesis import KINDS, draw_cluster, draw_faults

HOSTS = (1, 2, 3, 4, 5)


def test_a_seed_gives_one_schedule():
    assert draw_faults(7, HOSTS, SECOND) == draw_faults(7, HOSTS, SECOND)
    assert draw_faults(7, HOSTS, SECOND) != draw_faults(8, HOSTS, SECOND)


def test_all_has_ended_when_the_run_ends():
    schedule = draw_faults(7, HOSTS, 10 * SECOND)
    assert schedule
    assert all(0 < fault.at < 10 * SECOND for fault in schedule)
    assert all(fault.at <= fault.until <= 10 * SECOND for fault in schedule if isinstance(fault, LastingFault))


def test_schedules_differ_in_the_kinds_that_they_have():
    kinds = [{type(fault).__name__ for fault in draw_faults(seed, HOSTS, 10 * SECOND)} for seed in range(20)]
    assert len({*map(frozenset, kinds)}) > 10


def test_every_kind_is_drawn():
    kinds = {type(fault).__name__ for seed in range(20) for fault in draw_faults(seed, HOSTS, SECOND)}
    assert kinds == {"Crash", "Partition", "OneWay", "Unreliable", "SlowDisk", "Drift", "Transfer", "Compact"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_alone(kind):
    assert len({type(fault) for fault in draw_faults(0, HOSTS, 5 * SECOND, [kind])}) == 1


def test_a_schedule_can_be_written_down_and_read_again():
    schedule = draw_faults(7, HOSTS, SECOND)
    assert eval(repr(schedule), vars(faults)) == schedule


@pytest.mark.parametrize("protocol", ["raft", "multi-paxos", "paxos"])
def test_a_seed_gives_one_cluster(protocol):
    cluster = draw_cluster(7, protocol, 5)
    assert cluster == draw_cluster(7, protocol, 5)
    assert cluster.ids == HOSTS
    assert len({repr(draw_cluster(seed, protocol, 5)) for seed in range(20)}) == 20
    cluster.hosts(7, CommandLog)


def test_no_faults():
    assert draw_faults(7, HOSTS, SECOND, []) == ()


def test_a_single_host_has_faults_too():
    assert draw_faults(7, (1,), 10 * SECOND)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="'earthquake' is none of crash, "):
        draw_faults(7, HOSTS, SECOND, ["earthquake"])
