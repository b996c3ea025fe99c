"""Times and links: what is drawn has the distribution that is asked for."""

from __future__ import annotations

from random import Random
from statistics import mean

import pytest

from impl.simulation.latency import Constant, Exponential, Uniform
from impl.simulation.network import LOOPBACK, Link, full_mesh


def test_a_constant_time():
    assert {Constant(7).draw(Random(0)) for _ in range(10)} == {7}


def test_uniform_times():
    random = Random(0)
    assert {Uniform(3, 6).draw(random) for _ in range(1_000)} == {3, 4, 5, 6}


def test_exponential_times():
    random = Random(0)
    times = [Exponential(100, 50).draw(random) for _ in range(20_000)]
    assert min(times) == 100
    assert mean(times) == pytest.approx(150, rel=0.02)
    assert sum(t > 200 for t in times) / len(times) == pytest.approx(0.135, abs=0.01)


def arrivals(link, messages=10_000):
    random = Random(0)
    return [list(link.arrivals(random)) for _ in range(messages)]


def test_a_plain_link_delivers_each_message_once():
    link = Link(Constant(5))
    assert link.is_plain
    assert arrivals(link, 10) == [[5]] * 10


def test_a_cut_link_delivers_nothing():
    assert arrivals(Link(cut=True), 10) == [[]] * 10


def test_loss_and_duplication_have_their_chances():
    found = arrivals(Link(Constant(5), loss=0.2, duplication=0.5))
    counts = {n: sum(len(a) == n for a in found) / len(found) for n in (0, 1, 2)}
    assert counts == {0: pytest.approx(0.2, abs=0.02), 1: pytest.approx(0.4, abs=0.02), 2: pytest.approx(0.4, abs=0.02)}


def test_a_detour_is_overtaken():
    found = arrivals(Link(Constant(5), reordering=0.1))
    assert sum(a == [40] for a in found) / len(found) == pytest.approx(0.1, abs=0.02)
    assert {*map(tuple, found)} == {(5,), (40,)}


def test_trouble_adds_up():
    worse = Link(Constant(5), loss=0.5).worse(loss=0.5, duplication=0.1, reordering=0)
    assert worse == Link(Constant(5), loss=0.75, duplication=0.1)


def test_links_may_differ():
    slow = Link(Constant(9))
    mesh = full_mesh((1, 2), Link(Constant(1)), {(1, 2): slow})
    assert mesh == {(1, 1): LOOPBACK, (1, 2): slow, (2, 1): Link(Constant(1)), (2, 2): LOOPBACK}
