"""The benchmark of the refinement check works: a small run of each kind."""

from __future__ import annotations

import pytest

from benchmarks import refinement


@pytest.mark.parametrize("kind", ["chaos", "simulation"])
@pytest.mark.parametrize("subject", refinement.SUBJECTS)
def test_a_rate_is_of_the_same_events_each_time(subject, kind):
    run = getattr(refinement.SUBJECTS[subject], kind)
    events, steps, rate = refinement.rate(run, 1, 3)
    assert (events, steps) == refinement.rate(run, 1, 3)[:2]
    assert events > 300
    assert rate > 0


def test_a_steady_cluster_commits_what_is_proposed():
    outcome = refinement.steady(0, 3)
    assert outcome.events > 10_000
    assert outcome.steps > 9 * 1_000, "of each command: taken, called once, next_index chosen twice, stored twice, answered twice, committed"
