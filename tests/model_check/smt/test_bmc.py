"""Bounded model checking finds what exhaustive checking finds: the same properties, by counterexamples of the same length."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_check import itf
from model_check.breaking import EXPERIMENTS, Experiment
from model_check.check import EngineError
from model_check.cli.main import run
from model_check.smt import finite_expressions
from model_check.smt.bmc import BmcResult, bmc
from model_check.smt.circuit import TRUE
from model_check.smt.finite import Domains, Truth
from spec.consensus import Consensus
from spec.language import IonianError, Protocol, Scope, SpecError
from spec.paxos import Paxos
from spec.raft import Raft
from tests.model_check.broken_rules import PAXOS, RAFT

SHALLOW, DEEP = 9, 16
"""Steps to violations that are found in seconds, and in minutes."""


def within(low: int, high: int) -> list[Experiment]:
    """The experiments on Raft with a violation after more than `low` steps and at most `high`."""
    return [e for e in EXPERIMENTS["Raft"] if low < RAFT[e.rule][1] <= high]


def broken(protocol: type[Protocol], experiment: Experiment, depth: int) -> BmcResult:
    """An experiment of `ionian break`, by bounded model checking."""
    removed = () if experiment.quorums else (experiment.rule,)
    at_scope = protocol(experiment.scope, without=removed, quorums=experiment.quorums)
    return bmc(at_scope, depth, constraints=experiment.constraints, properties=experiment.properties)


# These two take a few seconds each.
DEEP_IN_PAXOS = ("keep the promise", "adopt the value of the highest vote")


@pytest.mark.parametrize("experiment", [pytest.param(e, marks=pytest.mark.long if e.rule in DEEP_IN_PAXOS else (), id=e.rule) for e in EXPERIMENTS["Paxos"]])
def test_each_rule_of_paxos(experiment: Experiment) -> None:
    wanted, length = PAXOS[experiment.rule]
    found = broken(Paxos, experiment, 13)
    assert (found.verdict, found.property, found.depth) == ("violated", wanted, length)
    assert found.trace is not None
    assert len(found.trace.steps) == length
    assert broken(Paxos, experiment, length - 1).verdict == "holds"


@pytest.mark.parametrize("experiment", within(0, SHALLOW), ids=lambda e: e.rule)
def test_the_shallow_rules_of_raft(experiment: Experiment) -> None:
    wanted, length = RAFT[experiment.rule]
    found = broken(Raft, experiment, SHALLOW)
    assert (found.verdict, found.property, found.depth) == ("violated", wanted, length)


@pytest.mark.long
@pytest.mark.parametrize("experiment", within(SHALLOW, DEEP), ids=lambda e: e.rule)
def test_deeper_rules_of_raft(experiment: Experiment) -> None:
    wanted, length = RAFT[experiment.rule]
    found = broken(Raft, experiment, DEEP)
    assert (found.verdict, found.property, found.depth) == ("violated", wanted, length)


def test_with_all_rules_nothing_is_violated() -> None:
    found = bmc(Paxos(Scope(acceptor=3, ballot=2, value=2)), 13)
    assert (found.verdict, found.depth, found.trace, len(found.depth_seconds)) == ("holds", 13, None, 14)
    assert found.ordered_sorts == ("Acceptor", "Value")
    assert bmc(Raft(Scope(node=3, term=2, index=1, value=1)), 7).verdict == "holds"


@pytest.mark.long
def test_raft_with_three_nodes_three_terms_two_entries() -> None:
    assert bmc(Raft(Scope(node=3, term=3, index=2, value=2)), 10).verdict == "holds"


def test_quorums_that_tell_members_apart_leave_their_sort_unordered() -> None:
    experiment = next(e for e in EXPERIMENTS["Paxos"] if e.quorums)
    assert broken(Paxos, experiment, 9).ordered_sorts == ("Value",)


def test_constraints_bound_the_search() -> None:
    protocol = Raft(Scope(node=3, term=1, index=1, value=1), without=("vote once per term",))
    assert bmc(protocol, 8).verdict == "violated"
    assert bmc(protocol, 8, constraints=("one-candidate-per-term",)).verdict == "holds"


def test_it_goes_on_from_a_trace() -> None:
    protocol = Raft(Scope(node=3, term=1, index=1, value=1), without=("vote once per term",))
    whole = bmc(protocol, 8).trace
    assert whole is not None
    found = bmc(protocol, 5, start=whole.until(5))
    assert (found.verdict, found.depth, found.ordered_sorts) == ("violated", 3, ())
    assert found.trace is not None
    assert found.trace.states[:6] == whole.states[:6]
    assert len(found.trace.steps) == 8


def test_a_timeout_is_inconclusive() -> None:
    found = bmc(Raft(Scope(node=3, term=3, index=2, value=2)), 30, timeout=2)
    assert (found.verdict, found.stopped) == ("inconclusive", "timeout")
    assert 0 <= found.depth < 30
    assert found.seconds < 20


def test_an_interrupt_is_inconclusive() -> None:
    def progress(depth: int, seconds: float) -> None:
        if depth == 2:
            raise KeyboardInterrupt

    found = bmc(Paxos(Scope(acceptor=2, ballot=2, value=1)), 9, progress=progress)
    assert (found.verdict, found.stopped, found.depth) == ("inconclusive", "interrupted", 2)


def test_a_wrong_answer_of_the_solver_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Break the encoding: what it reports is an internal error, not a violation."""
    monkeypatch.setattr(finite_expressions.Evaluator, "_Member", lambda self, e: Truth(-TRUE))
    with pytest.raises(EngineError, match="internal error"):
        bmc(Paxos(Scope(acceptor=2, ballot=1, value=1)), 6)


def test_a_step_that_cpython_takes_otherwise_is_an_error_of_the_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    protocol = Consensus(Scope(value=2), without=("choose only once",))
    monkeypatch.setattr(Domains, "decode_state", lambda self, answer, variables: protocol.initial_states()[0])
    with pytest.raises(EngineError, match=r"CPython takes step 1 of the solver's behaviour, choose\(v=v1\), otherwise"):
        bmc(protocol, 3)


UNDEFINED = '''"""A field of None."""

from __future__ import annotations

from spec.language import Map, Option, Ordered, Protocol, Scope, Sort, action, invariant, record, require


class Node(Sort):
    """A process."""


class Term(Ordered):
    """A time."""


class Late(Protocol):
    """Each process takes a term; one action forgets to ask whether there is one."""

    default_scope = Scope(node=2, term=3)

    seen: Map[Node, Option[Term]]
    count: Map[Node, Term]

    def init(self) -> None:
        """Nothing seen."""
        self.seen = Map({n: None for n in Node})
        self.count = Map({n: Term(0) for n in Node})

    @action
    def tick(self, n: Node) -> None:
        """One more."""
        self.count[n] = self.count[n] + 1

    @action
    def look(self, n: Node) -> None:
        """Undefined where nothing has been seen."""
        require(self.count[n] == 1)
        require(self.seen[n] < self.count[n])
        self.seen[n] = None

    @invariant
    def fine(self) -> bool:
        """Always."""
        return all(self.count[n] >= 0 for n in Node)
'''


def test_an_undefined_expression_is_an_error_with_its_place(load_spec) -> None:
    protocol = load_spec(UNDEFINED).Late(Scope(node=2, term=3))
    with pytest.raises(SpecError, match="step look.*is undefined"):
        bmc(protocol, 5)
    assert bmc(protocol, 1).verdict == "holds"


GUARDED_INIT = '''"""A guard in init."""

from __future__ import annotations

from spec.language import Map, Protocol, Scope, Sort, action, invariant, require


class Node(Sort):
    """A process."""


class Chosen(Protocol):
    """One or two processes are on; another may follow."""

    default_scope = Scope(node=3)

    on: Map[Node, bool]

    def init(self, a: Node, b: Node) -> None:
        """Some are on."""
        require({guard})
        self.on = Map({{n: n == a or n == b for n in Node}})

    @action
    def follow(self, n: Node) -> None:
        """One more."""
        self.on[n] = True

    @invariant
    def not_all(self) -> bool:
        """Some process is off."""
        return any(not self.on[n] for n in Node)
'''


@pytest.mark.parametrize(("guard", "verdict", "depth"), [("a != b", "violated", 1), ("a == b", "violated", 2), ("False", "holds", 3)])
def test_guards_in_init(load_spec, guard: str, verdict: str, depth: int) -> None:
    protocol = load_spec(GUARDED_INIT.format(guard=guard)).Chosen(Scope(node=3))
    found = bmc(protocol, 3)
    assert (found.verdict, found.depth) == (verdict, depth)


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(IonianError, match="depth"):
        bmc(Consensus(Scope(value=2)), -1)
    with pytest.raises(SpecError, match="there is type_invariant, agreement"):
        bmc(Consensus(Scope(value=2)), 1, properties=("no such property",))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    json_file, itf_file = tmp_path / "result.json", tmp_path / "trace.itf.json"
    arguments = ["bmc", "consensus", "--values", "2", "--depth", "3"]
    assert run([*arguments, "--without", "choose only once", "--json", str(json_file), "--itf", str(itf_file)]) == 1
    assert "VIOLATED  agreement, after 2 steps" in capsys.readouterr().out
    found = json.loads(json_file.read_text())
    assert {k: found[k] for k in ("spec", "scope", "engine", "verdict", "depth", "property")} == {
        "spec": "consensus", "scope": {"value": 2}, "engine": "bmc", "verdict": "violated", "depth": 2, "property": "agreement",
    }  # fmt: skip
    assert len(found["trace"]) == 3
    assert len(found["depth_seconds"]) == 3
    assert len(itf.parse(itf_file.read_text()).states) == 3
    assert run(["replay", str(itf_file)]) == 0
    assert run(arguments) == 0
    assert "HOLDS  within this scope for 3 steps" in capsys.readouterr().out
    assert run(["bmc", "raft", "--nodes", "3", "--depth", "40", "--timeout", "1"]) == 3
    assert "INCONCLUSIVE  stopped: timeout; no violation within" in capsys.readouterr().out
    assert run(["bmc", "consensus"]) == 2
    assert "--depth" in capsys.readouterr().err
