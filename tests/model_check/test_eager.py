"""Messages sent at once: which sets it is for, that nothing is lost by it, and what would be lost if it were for others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from model_check import check, eager, interpreter
from model_check.cli.common import settings_of
from model_check.cli.main import run
from model_check.eager import message_sets
from model_check.native.layout import TAG_SHIFT
from model_check.native.runtime import same_but
from model_check.refine import refine
from model_check.search import Options, Outcome
from spec.consensus import Consensus
from spec.language import IonianError, Protocol, Scope, State
from spec.multi_paxos import MultiPaxos
from spec.paxos import Paxos
from spec.quorums import weighted
from spec.raft import Raft
from spec.replicated_log import ReplicatedLog
from tests.spec_files import load

MESSAGES = {"vote_requests", "vote_replies", "append_requests", "append_replies"}
SMALL = Scope(node=2, term=2, index=1, value=1)

HANDOVER = """
from spec.language import Map, Protocol, Scope, Set, Sort, action, invariant, record, require


class Node(Sort):
    '''A node.'''


@record
class Order:
    '''An order to one node.'''

    to: Node


class Handover(Protocol):
    '''A node may send an order; one that has sent none may rest.'''

    default_scope = Scope(node=1)

    orders: Set[Order]
    '''All orders ever sent.'''
    resting: Map[Node, bool]
    '''Who rests.'''

    def init(self) -> None:
        '''Nobody rests.'''
        self.orders = Set()
        self.resting = Map({n: False for n in Node})

    @action
    def send(self, n: Node) -> None:
        '''An order goes out.'''
        self.orders |= {Order(n)}

    @action
    def rest(self, n: Node) -> None:
        '''A node to which no order was sent rests.'''
        require(Order(n) not in self.orders)
        self.resting[n] = True

    @invariant
    def nobody_rests(self) -> bool:
        '''Somebody can.'''
        return all(not self.resting[n] for n in Node)
"""


def explored(protocol: Protocol, options: Options) -> tuple[Outcome, set[State]]:
    """What the interpreter finds, and all states that it visits."""
    search = interpreter._Search(protocol, options)  # for the states, which no result holds
    return search.run(search.breadth_first), set(search.seen)


def without_messages(states: set[State]) -> set[tuple[object, ...]]:
    """What is left of states where messages are taken away."""
    return {tuple(value for name, value in state.items() if name not in MESSAGES) for state in states}


def test_messages_are_sets_that_only_grow_and_are_only_received() -> None:
    """In Paxos, phase 2a asks of all promises at once whether one is missing, and of votes who has them: they are no mere messages."""
    wanted = Options(eager=True)
    assert message_sets(Raft(SMALL), wanted) == MESSAGES
    assert message_sets(Paxos(Paxos.default_scope), wanted) == {"prepares"}
    assert message_sets(MultiPaxos(MultiPaxos.default_scope), wanted) == {"prepares"}
    assert message_sets(Consensus(Scope(value=2)), wanted) == set()
    assert message_sets(Raft(SMALL), Options()) == set()


def test_a_constraint_that_reads_messages_takes_them_out() -> None:
    """Whether such a constraint lets a state be expanded depends on what was sent."""
    options = Options(eager=True, constraints=("one_candidate_per_term",))
    assert message_sets(Raft(SMALL), options) == MESSAGES - {"vote_requests"}


def test_no_state_of_the_servers_is_lost() -> None:
    """Messages aside, the same states are reached, by fewer steps and states; and each state reached is one of the whole search, dead messages aside."""
    protocol = Raft(Scope(node=2, term=1, index=1, value=1))
    whole, every = explored(protocol, Options())
    reduced, some = explored(protocol, Options(eager=True))
    assert some <= {eager.Eagerness(protocol, Options(eager=True)).forget(state) for state in every}
    assert len(some) * 3 < len(every)
    assert without_messages(some) == without_messages(every)
    assert {n for n, depth in whole.witnesses.items() if depth is None} == {n for n, depth in reduced.witnesses.items() if depth is None}


VIOLATED = {
    "vote-once-per-term": "election_safety",
    "leader-needs-a-majority-of-votes": "election_safety",
    "votes-and-terms-survive-a-restart": "terms_never_decrease",
}
"""The rules whose removal two servers with two terms and one position show."""


@pytest.mark.parametrize(("rule", "broken"), VIOLATED.items())
def test_a_removed_rule_is_caught_alike(rule: str, broken: str) -> None:
    """The same property is violated, by a run that CPython confirms; it may send more than it needs."""
    protocol = Raft(SMALL, without=(rule,))
    whole, reduced = (check(protocol, engine="interpreter", eager=how) for how in (False, True))
    assert whole.property == reduced.property == broken
    assert whole.trace is not None
    assert reduced.trace is not None
    assert len(whole.trace.steps) <= len(reduced.trace.steps)


@pytest.mark.parametrize("rule", sorted({name for name, _ in Raft.ir.rules} - VIOLATED.keys()))
def test_where_nothing_is_wrong_nothing_is_found(rule: str) -> None:
    """Without another rule two servers and one term show no violation, and the servers reach the same states."""
    protocol = Raft(Scope(node=2, term=1, index=1, value=1), without=(rule,))
    whole, every = explored(protocol, Options())
    reduced, some = explored(protocol, Options(eager=True))
    assert whole.violation is None
    assert reduced.violation is None
    assert without_messages(some) == without_messages(every)


def test_a_set_that_a_guard_asks_for_what_is_missing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending first would rule out the step that needs that nothing was sent: a violation would be missed."""
    protocol = load(HANDOVER, tmp_path).Handover(Scope(node=1))
    with pytest.raises(IonianError, match="Handover has no set of messages"):
        check(protocol, engine="interpreter", eager=True)
    assert check(protocol, engine="interpreter").verdict == "violated"
    monkeypatch.setattr(eager, "message_sets", lambda *_: frozenset({"orders"}))
    assert interpreter.explore(protocol, Options(eager=True)).violation is None


def test_the_first_step_that_only_sends_is_taken_alone() -> None:
    """It keeps its position among the state's steps; where no step only sends, all are taken."""
    protocol, options = Raft(Scope(node=2, term=1, index=1, value=1)), Options(eager=True)
    sent = message_sets(protocol, options)
    search = interpreter._Search(protocol, options)
    alone = 0
    for state in explored(protocol, options)[1]:
        steps = [(i, step.action, search.eager.forget(after)) for i, (step, after) in enumerate(protocol.successors(state))]
        sending = [step for step in steps if eager.only_sends(sent, state, step[2])]
        assert list(search.taken(state)) == (sending[:1] or steps)
        alone += bool(sending)
    assert alone > 0


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [([], [], True), ([], [2], True), ([], [1], False), ([1], [], False), ([1, 3], [1, 2, 3], True), ([1, 2], [1, 2, 3], False), ([1, 3], [1, 4], False)],
)
def test_compiled_code_leaves_messages_in_a_tail_aside(before: list[int], after: list[int], same: bool) -> None:
    """Words of a tail are told apart by the variable's tag on top; here only those of tag 2 are messages."""
    rows = [np.array([tag << TAG_SHIFT | 7 for tag in tags], np.int64) for tags in (before, after)]
    assert same_but.py_func(rows[0], 0, len(before), rows[1], 0, len(after), 1 << 2) == same


def test_refinement_is_checked_too() -> None:
    """Raft's mapping to the replicated log reads no message."""
    result = refine(Raft(SMALL), ReplicatedLog, engine="interpreter", eager=True)
    assert (result.verdict, result.distinct_states, result.eager) == ("holds", 579, True)


def reductions(protocol: Protocol, symmetry: bool | None, eager_too: bool | None, max_depth: int | None) -> tuple[bool, bool]:
    """Symmetry and eager, as the command line settles them."""
    found = settings_of(protocol, {"engine": "native", "workers": 1, "max_memory": None, "max_depth": max_depth, "symmetry": symmetry, "eager": eager_too})
    return found["symmetry"], found["eager"]


def test_only_a_default_scope_has_reductions_of_its_own() -> None:
    """And only as far as they go with what is asked for."""
    default, other = Raft(), Raft(SMALL)
    assert reductions(default, None, None, None) == (True, True)
    assert reductions(default, False, None, None) == (False, True)
    assert reductions(default, None, False, None) == (True, False)
    assert reductions(default, None, None, 7) == (True, False)
    assert reductions(Raft(quorums={"node": weighted([2, 1, 1])}), None, None, None) == (False, True)
    assert reductions(other, None, None, None) == (False, False)
    assert reductions(other, True, True, None) == (True, True)
    assert reductions(Paxos(), None, None, None) == (False, False)


@pytest.mark.long
def test_raft_with_three_servers_is_explored_to_the_end_and_every_witness_is_reached() -> None:
    """The default scope of `ionian check raft`."""
    result = check(Raft(), symmetry=True, eager=True, workers=2)
    assert (result.verdict, result.distinct_states, result.generated_states, result.depth) == ("holds", 465_250, 6_029_346, 55)
    assert None not in result.witnesses.values()


def test_a_depth_limit_does_not_go_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    """What is sent counts as steps: a limit would cut off what the whole search reaches within it."""
    assert run(["check", "raft", "--eager", "--max-depth", "3"]) == 2
    assert "give one of eager and max_depth" in capsys.readouterr().err


def test_the_report_says_so(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The reduction stands in the report, in the JSON, and in the command that replays."""
    rule, report = "leader needs a majority of votes", tmp_path / "report.json"
    scope = ["--nodes", "2", "--terms", "2", "--index", "1", "--values", "1"]
    assert run(["check", "raft", *scope, "--eager", "--engine", "interpreter", "--without", rule, "--json", str(report)]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "interpreter engine, breadth-first, messages sent at once" in printed
    assert "as messages are sent at once, a shorter one may exist" in printed
    assert "--eager --itf trace.itf.json" in printed
    assert json.loads(report.read_text())["eager"] is True
