"""Induction at a finite scope: what is inductive, and what a counterexample to induction is called."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from model_check.cli.main import run
from model_check.smt import induction
from model_check.smt.arbitrary import Arbitrary
from model_check.smt.circuit import Solver
from model_check.smt.finite_steps import Encoder
from model_check.smt.induction import DEFINED, induct
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from spec.consensus import Consensus
from spec.language import IonianError, Protocol, Scope, ir
from spec.paxos import Paxos
from spec.raft import Raft
from spec.replicated_log import ReplicatedLog
from spec.voting import Voting

SMALL_PAXOS = Paxos(Scope(acceptor=3, ballot=2, value=2))


def inductive_by_hand(protocol: Protocol, states: list) -> dict[str, bool]:
    """For each property, whether no step from any of the given states in which all invariants hold fails it: by CPython, one state at a time."""
    invariants = protocol.ir.of_kind("invariant")
    found = {p.name: True for p in (*invariants, *protocol.ir.of_kind("action_property"))}
    for state in states:
        if not all(protocol.holds(p, state) for p in invariants):
            continue
        for _, after in protocol.successors(state):
            for prop in protocol.ir.properties:
                if prop.name in found:
                    found[prop.name] &= protocol.holds(prop, state, after) if prop.on_step else protocol.holds(prop, after)
    return found


def all_states(protocol: Protocol) -> list:
    """Every well-typed state, by the solver: a check of the arbitrary states too."""
    encoder = Encoder(protocol)
    solver = Solver(encoder.circuit)
    arbitrary = Arbitrary(encoder, 1)
    state = arbitrary.state()
    for condition in arbitrary.valid:
        solver.require(condition)
    found = []
    while (answer := solver.check()).verdict == "sat":
        found.append(encoder.domains.decode_state(answer, state))
        solver.require(-encoder.same(state, encoder.domains.state(found[-1])))
    assert len(set(found)) == len(found)
    return found


@pytest.mark.parametrize(
    ("protocol", "count"),
    [(Consensus(Scope(value=3)), 8), (ReplicatedLog(Scope(term=2, index=1, value=2)), 7), (Voting(Scope(acceptor=2, ballot=2, value=1)), 2**4 * 3**2)],
    ids=lambda x: type(x).__name__,
)
def test_it_finds_what_trying_every_state_finds(protocol: Protocol, count: int) -> None:
    states = all_states(protocol)
    assert len(states) == count
    found = induct(protocol)
    assert {name: word == "inductive" for name, (word, _) in found.goals.items() if name != DEFINED} == inductive_by_hand(protocol, states)


def test_inductive_invariants_hold() -> None:
    found = induct(ReplicatedLog(Scope(term=3, index=3, value=2)))
    assert (found.verdict, found.counterexample, found.bounded) == ("holds", None, ())
    assert {word for word, _ in found.goals.values()} == {"inductive"}


def test_a_counterexample_to_induction_is_no_violation() -> None:
    found = induct(SMALL_PAXOS)
    assert (found.verdict, found.violation) == ("inconclusive", None)
    assert {name: word for name, (word, _) in found.goals.items()} == {"agreement": "not inductive", "validity": "inductive", "stability": "inductive"}
    cti = found.counterexample
    assert cti is not None
    assert (cti.goal, cti.reachable, len(cti.states), len(cti.steps)) == ("agreement", "not reachable", 2, 1)
    before, after = cti.states
    assert SMALL_PAXOS.step(before, cti.steps[0]) == after
    agreement = next(p for p in Paxos.ir.properties if p.name == "agreement")
    assert SMALL_PAXOS.holds(agreement, before)
    assert not SMALL_PAXOS.holds(agreement, after)
    assert cti.explanation is not None
    assert cti.explanation.conjunct == "v == w"


def test_in_a_larger_space_compiled_code_looks_for_the_first_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """And finds what CPython finds."""
    protocol = Consensus(Scope(value=2), without=("choose only once",))
    found = []
    for small in (1 << 20, 1):
        monkeypatch.setattr(induction, "_SMALL", small)
        found.append(induct(protocol, properties=("agreement",)).counterexample)
    assert found[0] is not None
    assert found[0] == found[1]
    assert (found[0].reachable, found[0].searched) == ("reachable", "3 states up to symmetry, depth 2")


def test_a_lemma_makes_it_inductive() -> None:
    """Consensus without its rule, and the lemma that nothing is chosen: not true, but enough for agreement."""
    protocol = Consensus(Scope(value=2), without=("choose only once",))
    nothing = _nothing_is_chosen(protocol)
    found = induct(protocol, lemmas=(nothing,))
    words = {name: word for name, (word, _) in found.goals.items()}
    assert words["agreement"] == "inductive"
    assert words[nothing.name] == "not inductive"
    assert found.verdict == "inconclusive"


@pytest.mark.parametrize(
    "protocol",
    [
        PaxosProof(Scope(acceptor=3, ballot=2, value=2)),
        pytest.param(RaftProof(Scope(node=2, term=2, index=1, value=1)), marks=pytest.mark.long),
    ],
    ids=["paxos", "raft"],
)
def test_with_the_lemmas_of_their_proofs_the_protocols_are_inductive_at_a_scope_too(protocol: Protocol) -> None:
    found = induct(protocol, slots=2)
    assert found.verdict == "holds"
    assert {p.name for p in protocol.ir.of_kind("invariant")} < found.goals.keys()


def _nothing_is_chosen(protocol: Protocol) -> ir.Property:
    agreement = next(p for p in protocol.ir.properties if p.name == "agreement")
    chosen = ir.Read(type=protocol.ir.variable("chosen").type, variable="chosen")
    empty = ir.Compare(type=agreement.body.type, operator="==", left=chosen, right=ir.SetExpr(type=chosen.type, elements=()))
    return replace(agreement, name="nothing_is_chosen", body=empty)


def test_where_the_first_state_is_reachable_it_is_a_violation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IONIAN_CACHE_DIR", str(tmp_path))
    found = induct(Consensus(Scope(value=2), without=("choose only once",)))
    assert found.verdict == "violated"
    assert found.counterexample is not None
    assert found.counterexample.reachable == "reachable"
    assert found.violation is not None
    assert (found.violation.property, found.violation.depth) == ("agreement", 2)


def test_the_search_for_the_first_state_has_a_limit() -> None:
    found = induct(Paxos(Scope(acceptor=3, ballot=4, value=2)), max_memory=1)
    assert found.counterexample is not None
    assert (found.verdict, found.counterexample.reachable) == ("inconclusive", "not known")
    assert "memory limit" in found.counterexample.searched


def test_more_steps_are_harder_to_falsify() -> None:
    """With k = 2 the base case covers one step, and two different states in a row satisfy everything."""
    found = induct(SMALL_PAXOS, k=2, properties=("agreement",))
    assert found.verdict == "inconclusive"
    cti = found.counterexample
    assert cti is not None
    assert len(cti.states) == 3
    assert len(set(cti.states[:2])) == 2
    agreement = next(p for p in Paxos.ir.properties if p.name == "agreement")
    assert [SMALL_PAXOS.holds(agreement, s) for s in cti.states] == [True, True, False]
    for before, step, after in zip(cti.states, cti.steps, cti.states[1:], strict=False):
        assert SMALL_PAXOS.step(before, step) == after
    assert list(itertools.islice(found.goals, 1)) == ["agreement"]


def test_the_base_case_may_fail() -> None:
    found = induct(Consensus(Scope(value=2), without=("choose only once",)), k=3)
    assert (found.verdict, found.counterexample) == ("violated", None)
    assert found.violation is not None
    assert found.violation.depth == 2


def test_large_sets_are_bounded_and_the_result_says_so() -> None:
    found = induct(Raft(Scope(node=3, term=1, index=2, value=1)), properties=("terms_never_decrease",), slots=2)
    assert found.goals["terms_never_decrease"][0] == "inductive"
    assert found.bounded == ("append_requests",)
    assert found.to_json()["bounded"] == {"append_requests": 2}


def test_a_step_without_a_value_is_shown_with_cpython_s_words(load_spec: Callable[[str], ModuleType]) -> None:
    """It has no state after it."""
    found = induct(load_spec(LESS_THAN_NONE).Down(Scope(count=2)))
    cti = found.counterexample
    assert cti is not None
    assert (cti.goal, len(cti.states), [s.action for s in cti.steps]) == (DEFINED, 1, ["down"])
    assert "`self.at = self.at - 1`" in cti.without_value


LESS_THAN_NONE = '''
from spec.language import Ordered, Protocol, action


class Count(Ordered):
    """A number."""


class Down(Protocol):
    """Counts down, once too often."""

    at: Count

    def init(self) -> None:
        """At the least."""
        self.at = Count(0)

    @action
    def down(self) -> None:
        """One less."""
        self.at = self.at - 1
'''


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(IonianError, match="k"):
        induct(SMALL_PAXOS, k=0)
    with pytest.raises(IonianError, match="needs no induction"):
        induct(SMALL_PAXOS, properties=("type_invariant",))


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    assert run(["induct", "replicated-log", "--json", str(file)]) == 0
    assert "HOLDS  within this scope: all 3 are inductive together" in capsys.readouterr().out
    found = json.loads(file.read_text())
    assert (found["engine"], found["verdict"], found["counterexample_to_induction"]) == ("induction", "holds", None)
    assert run(["induct", "paxos", "--ballots", "2", "--json", str(file)]) == 3
    shown = capsys.readouterr().out
    assert "Counterexample to induction\n   0  a state that satisfies all invariants" in shown
    assert "state 0 is not reachable at this scope" in shown
    assert "Violated" not in shown
    found = json.loads(file.read_text())
    assert found["counterexample_to_induction"]["reachable"] == "not reachable"
    assert found["goals"]["agreement"]["verdict"] == "not inductive"
    assert run(["induct", "raft", "--nodes", "3", "--timeout", "0.5"]) == 3
    assert "INCONCLUSIVE" in capsys.readouterr().out
