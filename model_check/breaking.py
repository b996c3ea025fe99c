"""Each safety rule of a protocol removed in turn: which property then fails, and how soon.

The table of experiments says, for each rule, a scope just large enough, and where a search is deep the constraints that keep
it small. Without constraints the length is the shortest of all at that scope: `eager` would visit fewer states, but may send more
than it needs on the way. A violation found under constraints is a violation of the protocol without the rule all the same, and is
replayed step by step by CPython like any other. Where `constraints` are given, the length is the shortest within them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from model_check import itf
from model_check.check import Result, check, trace_json
from model_check.search import Progress
from spec.language import IonianError, Protocol, Scope
from spec.language.context import QuorumSystem
from spec.language.values import rule_id
from spec.quorums import explicit


@dataclass(frozen=True)
class Experiment:
    """A rule to remove (or, with `quorums`, a quorum system to use in place of majorities), and where to search.

    `properties` limits the check where removing the rule breaks a lesser property first.
    """

    rule: str
    scope: Scope
    constraints: tuple[str, ...] = ()
    properties: tuple[str, ...] | None = None
    quorums: Mapping[str, QuorumSystem] | None = None


@dataclass(frozen=True)
class Broken:
    """What an experiment found. `rule` is as the spec writes it."""

    rule: str
    experiment: Experiment
    result: Result

    @property
    def length(self) -> int:
        """Steps of the counterexample, 0 where there is none."""
        return len(self.result.trace.steps) if self.result.trace is not None else 0

    @property
    def seconds(self) -> float:
        """Compiling and exploring."""
        return self.result.compile_seconds + self.result.seconds

    def to_json(self) -> dict[str, itf.Json]:
        """The row as JSON values."""
        return {
            "rule": self.rule,
            "verdict": self.result.verdict,
            "property": self.result.property or None,
            "length": self.length,
            "seconds": self.seconds,
            "scope": dict(self.experiment.scope.sizes),
            "constraints": list(self.experiment.constraints),
            "distinct_states": self.result.distinct_states,
            "trace": trace_json(self.result.trace),
        }


_PAXOS = Scope(acceptor=3, ballot=2, value=2)
_FIGURE_8 = (
    "one_candidate_per_term",
    "elections_are_won",
    "one_vote_for_a_candidate",
    "no_restarts",
    "only_earlier_entries_are_sent",
    "no_heartbeats_of_new_leaders",
)
_ONE_TERM = Scope(node=3, term=1, index=1, value=1)
_TWO_TERMS = Scope(node=3, term=2, index=1, value=1)
_FOUR_TERMS = Scope(node=3, term=4, index=1, value=1)
_ELECTION_OF_TWO = Scope(node=2, term=1, index=1, slot=1)
_ELECTIONS_IN_TURN = ("all_servers_vote", "no_entries", "no_pre_votes", "servers_take_turns", "disks_are_quick")
_SAFETY = ("election_safety", "log_matching", "leader_completeness", "state_machine_safety")

EXPERIMENTS: dict[str, tuple[Experiment, ...]] = {
    "Consensus": (Experiment("choose only once", Scope(value=2)),),
    "Voting": (
        Experiment("keep the promise", _PAXOS),
        Experiment("one value per ballot", _PAXOS),
        Experiment("vote only where it is safe", _PAXOS),
        Experiment("quorums intersect", _PAXOS, quorums={"acceptor": explicit((1,), (2, 3))}),
    ),
    "Paxos": (
        Experiment("keep the promise", _PAXOS),
        Experiment("report the highest vote", _PAXOS),
        Experiment("adopt the value of the highest vote", _PAXOS),
        Experiment("promises from a quorum", _PAXOS),
        Experiment("one value per ballot", _PAXOS),
        Experiment("quorums intersect", _PAXOS, quorums={"acceptor": explicit((1,), (2, 3))}),
    ),
    "Raft": (
        Experiment("vote once per term", _ONE_TERM),
        Experiment("leader needs a majority of votes", Scope(node=2, term=1, index=1, value=1)),
        Experiment("votes and terms survive a restart", _ONE_TERM, properties=_SAFETY),
        Experiment("ignore stale-term messages", _TWO_TERMS),
        Experiment("candidate's log must be up to date", _TWO_TERMS),
        Experiment("commit needs a majority", _TWO_TERMS),
        Experiment("AppendEntries consistency check", _TWO_TERMS),
        Experiment("truncate on conflict", _TWO_TERMS),
        Experiment("clamp the leader's commit index", _TWO_TERMS),
        Experiment("commit only entries of the current term", _FOUR_TERMS, _FIGURE_8),
    ),
    # The other rules need deeper behaviours than a search reaches; tests/spec/test_etcd_raft_rules.py has one for each.
    "EtcdRaft": (
        Experiment("vote once per term", _ELECTION_OF_TWO, _ELECTIONS_IN_TURN),
        Experiment("leader needs a majority of votes", _ELECTION_OF_TWO, _ELECTIONS_IN_TURN),
        Experiment("promises wait for the disk", _ELECTION_OF_TWO, _ELECTIONS_IN_TURN),
        Experiment("promises survive a restart", _ELECTION_OF_TWO, _ELECTIONS_IN_TURN),
    ),
}


def experiments_for(protocol: type[Protocol]) -> tuple[Experiment, ...]:
    """The experiments of a shipped protocol; for another one, each rule at its default scope. IonianError where there is no rule."""
    known = EXPERIMENTS.get(protocol.__name__) if protocol.__module__.startswith("spec.") else None
    if known is not None:
        return known
    if not protocol.ir.rules:
        raise IonianError(f'{protocol.ir.name} has no named rules to remove; name a guard: require(condition, rule="...")')
    scope = protocol.default_scope
    if scope is None:
        raise IonianError(f"{protocol.ir.name} has no default scope; give it one: default_scope = Scope(...)")
    return tuple(Experiment(name, scope) for _, name in protocol.ir.rules)


def run_experiment(protocol: type[Protocol], experiment: Experiment, workers: int = 1, progress: Callable[[Progress], None] | None = None) -> Broken:
    """Search the protocol without the rule, breadth-first and with symmetry where the quorums allow it."""
    removed = () if experiment.quorums else (experiment.rule,)
    broken = protocol(experiment.scope, without=removed, quorums=experiment.quorums)
    result = check(
        broken,
        symmetry=not experiment.quorums,
        workers=workers,
        constraints=experiment.constraints,
        properties=experiment.properties,
        progress=progress,
    )
    written = dict(protocol.ir.rules).get(rule_id(experiment.rule), experiment.rule)
    return Broken(written, experiment, result)
