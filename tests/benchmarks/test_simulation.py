"""The benchmark of the simulator works: a small run of each kind."""

from __future__ import annotations

import pytest

from benchmarks import simulation
from impl.simulation.cluster import PROTOCOLS


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("faulty", [True, False])
def test_a_rate_is_of_the_same_events_each_time(protocol, faulty):
    events, rate = simulation.rate(protocol, 3, 5, faulty)
    assert events == simulation.rate(protocol, 3, 5, faulty)[0] > 1_000
    assert rate > 0
