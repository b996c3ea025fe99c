"""Hypothesis drives a cluster, event by event, and shrinks what departs from the spec to the shortest run: a machine for each implementation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from conformance import multi_paxos, paxos, raft
from conformance.cluster import Cluster
from conformance.outcome import Failure
from conformance.runs import shrunk

HOSTS = st.integers(1, 3)


class ClusterMachine(RuleBasedStateMachine):
    """The events of a cluster of three. The checker follows: each is some steps of the spec, or none."""

    make: ClassVar[type[Cluster]]
    choices: ClassVar[dict[str, list[Any]]]
    """Settings, each with the values that make the rare frequent."""
    compare_everything: ClassVar[Callable[[Any], None]]
    """Fails where the comparison after each event has missed something."""
    cluster: Any
    failed = False

    @initialize(data=st.data())
    def start(self, data):
        chosen = {name: data.draw(st.sampled_from(values), label=name) for name, values in self.choices.items()}
        self.cluster = self.make(3, 0, **chosen)

    def let(self, event, *arguments):
        """Let something happen; a failure carries its run."""
        try:
            getattr(self.cluster, event)(*arguments)
        except Exception as error:
            self.failed = True
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

    # --- Several, without which nothing gets far

    @precondition(lambda self: any(self.cluster.links.values()))
    @rule(rounds=st.integers(1, 3))
    def calm(self, rounds):
        self.let("calm", rounds)

    def teardown(self):
        if hasattr(self, "cluster") and not self.failed:
            type(self).compare_everything(self.cluster)


class RaftMachine(ClusterMachine):
    """And what Raft has besides."""

    make = raft.Cluster
    choices: ClassVar = {
        "election_ticks": [2, 3],
        "pre_vote": [False, True],
        "check_quorum": [False, True],
        "max_inflight": [1, 256],
        "max_batch_bytes": [1000, 1],
    }

    @rule(n=HOSTS)
    def compact(self, n):
        self.let("compact", n)

    @rule(n=HOSTS, successor=HOSTS)
    def transfer(self, n, successor):
        self.let("transfer", n, successor)

    @rule(n=HOSTS, follower=HOSTS, delivered=st.booleans())
    def report(self, n, follower, delivered):
        self.let("report", n, follower, delivered)

    @rule(n=HOSTS)
    def elect(self, n):
        self.let("elect", n)

    @staticmethod
    def compare_everything(cluster):
        assert cluster.checker.comparison.everything() == []


class PaxosMachine(ClusterMachine):
    """Proposers that are impatient."""

    make = paxos.Cluster
    choices: ClassVar = {"retry_ticks": [1, 3], "backoff_ticks": [1, 3]}

    @staticmethod
    def compare_everything(cluster):
        words, run = cluster.checker.words, cluster.checker.run
        for n, host in cluster.hosts.items():
            state, a = host.disk.storage.acceptor, words.acceptor(n)
            assert run.peek("max_bal", a) == (None if state.max_bal is None else words.ballot(state.max_bal))
            assert run.peek("max_vote", a) == words.vote(state.max_vote)


class MultiPaxosMachine(ClusterMachine):
    """And a host whose patience ends before the others'."""

    make = multi_paxos.Cluster
    choices: ClassVar = {"election_ticks": [2, 4], "heartbeat_ticks": [1], "max_batch_bytes": [1000, 1], "max_open_slots": [1000, 2]}

    @rule(n=HOSTS)
    def elect(self, n):
        for _ in range(2 * self.cluster.hosts[n].config.election_ticks):
            self.let("tick", n)
        self.let("calm", 4)

    @staticmethod
    def compare_everything(cluster):
        words, run = cluster.checker.words, cluster.checker.run
        for n, host in cluster.hosts.items():
            storage, a = host.disk.storage, words.acceptor(n)
            assert run.peek("max_bal", a) == (None if storage.max_bal is None else words.ballot(storage.max_bal))
            held = {keys[1].number + 1: v for keys, v in run.value("max_vote").items() if keys[0] == a and v is not None}
            assert held == {v.slot: words.proposal(v.ballot, v.command) for v in storage.log.votes_from(1)}


MACHINES = {"raft": RaftMachine, "paxos": PaxosMachine, "multi_paxos": MultiPaxosMachine}
"""By the names of the implementations."""


def search(machine: type[ClusterMachine], runs: int, steps: int = 50) -> Failure | None:
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
        run_state_machine_as_test(machine, settings=chosen)
    except Exception as error:
        if not hasattr(error, "play"):
            raise
        # Hypothesis leaves out rules; what rules like `elect` consist of can be made shorter still.
        return shrunk(Failure(error, error.play, len(error.play.moves)))
    return None
