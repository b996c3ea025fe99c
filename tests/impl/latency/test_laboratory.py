"""What is measured: without jitter exactly the closed form, with it never less, and the same for the same seed. Mistakes show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impl.latency import Settings, Topology, find_topology, shipped, study
from impl.latency.bounds import Deployment, commit, decree, quorum_read, read_index
from impl.latency.laboratory import _percentile
from impl.latency.measure import measure
from impl.latency.methods import METHODS, Method
from impl.raft.state import State
from impl.simulation.raft_host import RaftHost

MS = 1000
BY_NAME = {method.name: method for method in METHODS}


def topology(*rows: tuple[int, ...], jitter: int = 0) -> Topology:
    """Regions r0, r1, ... at these distances, in microseconds."""
    size = len(rows)
    return Topology("test", tuple(f"r{i}" for i in range(size)), rows, ((jitter,) * size,) * size)


# --- The closed forms

WORLD = topology((1, 70, 150), (70, 1, 200), (150, 200, 1))
"""Round trips between three regions."""


def test_a_command_waits_for_the_farthest_member_of_the_nearest_quorum() -> None:
    three, five, seven = (Deployment.of(WORLD, n) for n in (3, 5, 7))
    assert [commit(three, leader, leader, 0) for leader in (0, 1, 2)] == [70, 70, 150]
    assert five.places == (0, 1, 2, 0, 1)
    assert [commit(five, leader, leader, 0) for leader in (0, 1, 2)] == [70, 70, 150]
    assert seven.places == (0, 1, 2, 0, 1, 2, 0)
    assert [commit(seven, leader, leader, 0) for leader in (0, 1, 2)] == [70, 70, 150]


def test_a_quorum_within_one_region_costs_no_way_out_of_it() -> None:
    deployment = Deployment(WORLD, (0, 0, 0, 1, 2))
    assert [deployment.quorum_round_trip(node) for node in range(5)] == [1, 1, 1, 70, 150]


def test_an_even_cluster_needs_more_than_half() -> None:
    assert Deployment(topology((0, 10), (10, 0)), (0, 0, 1, 1)).quorum_round_trip(0) == 10


def test_disks_and_clients_add_what_they_add() -> None:
    deployment = Deployment.of(WORLD, 3)
    assert commit(deployment, 0, 0, disk=5) == 75, "the leader writes while its messages travel"
    assert commit(deployment, 0, 2, disk=5) == 150 + 75
    assert decree(deployment, 0, disk=5) == 2 * 70 + 3 * 5
    assert read_index(deployment, 0, 0) == 70
    assert read_index(deployment, 0, 1) == 70 + 70
    assert quorum_read(deployment, 2) == 150


# --- Measured


@pytest.mark.parametrize("nodes", [3, 5, 7])
@pytest.mark.parametrize("name", shipped())
@pytest.mark.parametrize("disk", [0, 2 * MS + 1])
def test_without_jitter_the_closed_form_is_measured(name: str, nodes: int, disk: int) -> None:
    found = study(find_topology(name).without_jitter(), nodes, Settings(disk, operations=3))
    regions = len(found.homes)
    assert len(found.figures) == 3 * regions**2 + 2 * regions
    for figure in found.figures:
        assert figure.p50 == figure.p99 == figure.bound, figure


@st.composite
def deployments(draw: st.DrawFn) -> Deployment:
    size = draw(st.integers(1, 4))
    times = st.one_of(st.integers(0, 5), st.integers(0, 300 * MS))
    cells = {(i, j): draw(times) for i in range(size) for j in range(i + 1)}
    rows = [tuple(cells[max(i, j), min(i, j)] for j in range(size)) for i in range(size)]
    return Deployment(topology(*rows), tuple(draw(st.lists(st.integers(0, size - 1), min_size=3, max_size=7))))


@given(deployments(), st.sampled_from(METHODS), st.integers(0, 6), st.integers(0, 6), st.sampled_from([0, 1, 700, 20 * MS]))
@settings(max_examples=150)
def test_the_closed_form_holds_for_any_topology(deployment: Deployment, method: Method, leader: int, client: int, disk: int) -> None:
    leader, client = leader % len(deployment.places), client % len(deployment.places)
    assert set(measure(deployment, method, leader, client, disk, 3, seed=0)) == {method.bound(deployment, leader, client, disk)}


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_heartbeats_do_not_enter(method: Method) -> None:
    """So many operations that the leader's clock ticks between them and during them."""
    deployment = Deployment.of(find_topology("three-continents").without_jitter(), 3)
    assert set(measure(deployment, method, 1, 2, 0, 100, seed=0)) == {method.bound(deployment, 1, 2, 0)}


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_with_jitter_times_vary_and_none_is_below_the_closed_form(method: Method) -> None:
    deployment = Deployment.of(find_topology("three-zones"), 5)
    times = measure(deployment, method, 0, 0, 0, 100, seed=3)
    assert len(times) == 100
    assert len(set(times)) > 50
    assert min(times) >= method.bound(deployment, 0, 0, 0)
    assert times == measure(deployment, method, 0, 0, 0, 100, seed=3)
    assert times != measure(deployment, method, 0, 0, 0, 100, seed=4)


def test_the_mean_delay_is_what_the_topology_says() -> None:
    """A read by a quorum of three: the lesser of two sums of two exponential times; its mean is 5/8 of a sum's."""
    times = measure(Deployment.of(topology((1000,), jitter=400), 3), BY_NAME["quorum-read"], 0, 0, 0, 4000, seed=0)
    assert sum(times) / len(times) == pytest.approx(1000 + 400 * 5 / 8, rel=0.01)


def test_percentiles_are_times_that_were_measured() -> None:
    assert [_percentile(list(range(1, 201)), percent) for percent in (50, 99)] == [100, 198]
    assert [_percentile([7], percent) for percent in (50, 99)] == [7, 7]
    assert _percentile([1, 2, 3], 50) == 2


# --- Mistakes


def send_after_the_write(patch: pytest.MonkeyPatch) -> None:
    """A leader writes first and sends then."""

    def begin_write(self: RaftHost) -> list[Any]:
        messages = begin(self)
        self.writing.messages_after_write += messages
        return []

    begin = RaftHost.begin_write
    patch.setattr(RaftHost, "begin_write", begin_write)


def wait_for_one_more(patch: pytest.MonkeyPatch) -> None:
    """A leader wants a larger quorum than it needs."""

    def init(self: State, *args: Any) -> None:
        real(self, *args)
        self.quorum += 1

    real = State.__init__
    patch.setattr(State, "__init__", init)


def sync_what_need_not_be(patch: pytest.MonkeyPatch) -> None:
    """What is committed waits for another write."""
    patch.setattr(RaftHost, "must_sync", lambda self: True)


@pytest.mark.parametrize("mistake", [send_after_the_write, wait_for_one_more, sync_what_need_not_be])
def test_a_mistake_is_measured(mistake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment, method = Deployment.of(WORLD, 3), BY_NAME["raft"]
    assert measure(deployment, method, 0, 0, 9, 1, seed=0) == [79]
    mistake(monkeypatch)
    assert measure(deployment, method, 0, 0, 9, 1, seed=0) > [79]
