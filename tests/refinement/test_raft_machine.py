"""Hypothesis drives a Raft cluster, event by event, and shrinks what departs from the spec to the shortest run."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from conformance.outcome import Failure
from conformance.raft import Cluster
from conformance.report import text
from conformance.runs import shrunk

HOSTS = st.integers(1, 3)
SETTINGS = st.fixed_dictionaries(
    {
        "election_ticks": st.sampled_from([2, 3]),
        "pre_vote": st.booleans(),
        "check_quorum": st.booleans(),
        "max_inflight": st.sampled_from([1, 256]),
        "max_batch_bytes": st.sampled_from([1000, 1]),
    }
)


class RaftMachine(RuleBasedStateMachine):
    """The events of a cluster of three. The checker follows: each is some steps of the spec, or none."""

    cluster: Cluster

    @initialize(configuration=SETTINGS)
    def start(self, configuration):
        self.cluster = Cluster(3, 0, **configuration)

    def let(self, event, *arguments):
        """Let something happen; a failure carries its run."""
        try:
            getattr(self.cluster, event)(*arguments)
        except Exception as error:
            error.play = self.cluster.play()
            raise

    # --- One event each

    @rule(n=HOSTS)
    def tick(self, n):
        self.let("tick", n)

    @rule(n=HOSTS)
    def begin(self, n):
        self.let("begin", n)

    @rule(n=HOSTS)
    def finish(self, n):
        self.let("finish", n)

    @rule(sender=HOSTS, receiver=HOSTS, position=st.integers(0, 2), again=st.booleans())
    def deliver(self, sender, receiver, position, again):
        self.let("deliver", sender, receiver, position, again)

    @rule(sender=HOSTS, receiver=HOSTS)
    def lose(self, sender, receiver):
        self.let("lose", sender, receiver)

    @rule(n=HOSTS)
    def propose(self, n):
        self.let("propose", n)

    @rule(n=HOSTS)
    def read(self, n):
        self.let("read", n)

    @rule(n=HOSTS, surviving=st.integers(0, 3))
    def crash(self, n, surviving):
        self.let("crash", n, surviving)

    @rule(n=HOSTS)
    def restart(self, n):
        self.let("restart", n)

    @rule(n=HOSTS)
    def compact(self, n):
        self.let("compact", n)

    @rule(n=HOSTS, successor=HOSTS)
    def transfer(self, n, successor):
        self.let("transfer", n, successor)

    @rule(n=HOSTS, follower=HOSTS, delivered=st.booleans())
    def report(self, n, follower, delivered):
        self.let("report", n, follower, delivered)

    # --- Several, without which nothing gets far

    @rule(n=HOSTS)
    def elect(self, n):
        self.let("elect", n)

    @precondition(lambda self: any(self.cluster.links.values()))
    @rule(rounds=st.integers(1, 3))
    def calm(self, rounds):
        self.let("calm", rounds)

    def teardown(self):
        if hasattr(self, "cluster") and not self.cluster.checker.departed:
            wrong = self.cluster.checker.comparison.everything()
            assert not wrong, f"the comparison of what changed has missed {wrong[0]}"


def search(runs: int, steps: int = 50) -> Failure | None:
    """Draw runs; the shortest one found that departs, if there is one."""
    chosen = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(RaftMachine, settings=chosen)
    except Exception as error:
        if not hasattr(error, "play"):
            raise
        # Hypothesis leaves out rules; what rules like `elect` consist of can be made shorter still.
        return shrunk(Failure(error, error.play, len(error.play.moves)))
    return None


@pytest.mark.refinement
def test_every_event_of_a_raft_cluster_is_steps_of_the_spec_or_none(budget):
    failure = search(budget)
    if failure is not None:
        pytest.fail(text(failure, []), pytrace=False)
