"""A run: steps are given, taken, refused with a reason, and undone."""

import time
from pathlib import Path

import pytest

import spec.raft
from model_check.validation.run import Run
from spec.language import Scope, Seq, SpecError, Step
from spec.paxos import Accept, Acceptor, Ballot, Paxos, Prepare, Promise
from spec.paxos import Value as PaxosValue
from spec.raft import AppendEntries, AppendReply, Node, Raft, RequestVote, Role, VoteReply
from spec.replicated_log import Entry, Index, Term, Value
from spec.voting import Voting

HUGE = Scope(node=3, term=1_000_000, index=1_000_000, value=1_000_000)
N1, N2, N3 = (Node(i) for i in range(3))


def elected() -> Run:
    """Node n1 leads term 1."""
    run = Run(Raft(HUGE))
    assert run.take("timeout", N1)
    assert run.take("handle_request_vote", N2, RequestVote(Term(1), N1, Index(0), Term(0)))
    assert run.take("handle_vote_reply", N1, VoteReply(Term(1), N2, N1, True))
    assert run.take("become_leader", N1)
    return run


def test_steps_are_taken_or_refused():
    run = Run(Raft(HUGE))
    assert run.take("timeout", N1)
    before = run.state
    assert not run.take("become_leader", N1)
    assert run.state == before
    assert run.steps == [Step("timeout", (("n", N1),))]
    assert run.value("role", N1) == Role.CANDIDATE
    assert run.value("vote_requests") == {RequestVote(Term(1), N1, Index(0), Term(0))}
    assert run.value("log", N1) == Seq.empty(Index)
    assert run.value("current_term") == before.current_term


def test_what_a_step_touches_and_adds():
    run = elected()
    mark = run.mark()
    assert run.take("client_request", N1, Value(7))
    assert run.touched(mark) == {("log", (N1,))}
    assert run.take("append_entries", N1, N2, Index(1))
    (added,) = run.added(mark)
    assert added[:2] == ("append_requests", ())
    assert added[2] in run.peek("append_requests")
    assert run.peek("log", N1) == [Entry(Term(1), Value(7))]
    run.back(mark)
    assert run.peek("log", N1) == []
    assert run.touched(mark) == set()


def test_what_a_step_puts_into_a_set_that_has_it_already():
    """A message that is sent again is not added, but put there all the same."""
    run = elected()
    assert run.take("append_entries", N1, N2, Index(0))
    mark = run.mark()
    assert run.take("append_entries", N1, N2, Index(0))
    assert (run.added(mark), run.touched(mark)) == ([], set())
    ((variable, _, message),) = run.put(mark)
    assert message in run.peek(variable)


def test_marks_lead_back_over_other_steps():
    """A search tries one way, then another from the same point."""
    run = elected()
    mark = run.mark()
    assert run.take("client_request", N1, Value(1))
    run.back(mark)
    assert run.take("client_request", N1, Value(2))
    assert run.take("restart", N1)
    assert [step.action for step in run.steps[-2:]] == ["client_request", "restart"]
    run.back(mark)
    assert run.state == elected().state


def test_a_run_may_begin_anywhere():
    state = elected().state
    run = Run(Raft(HUGE), state)
    assert run.take("client_request", N1, Value(1))
    assert run.steps == [Step("client_request", (("n", N1), ("v", Value(1))))]


def test_a_refusal_names_the_conjunct_and_its_values():
    run = elected()
    assert run.take("timeout", N2)
    refusal = run.refusal("handle_vote_reply", N2, VoteReply(Term(1), N2, N1, True))
    assert str(refusal).startswith("handle_vote_reply(n=n2, m=VoteReply(term=1, voter=n2, candidate=n1, vote_granted=True)) is refused by `m.candidate == n`")
    assert refusal.values == (("m.candidate", "n1"), ("n", "n2"))
    assert run.take("timeout", N1) is False
    assert run.refusal("timeout", N1).conjunct == "self.role[n] != Role.LEADER"
    assert run.refusal("timeout", N1).values == (("self.role[n]", "leader"), ("n", "n1"))


def test_a_refusal_names_its_rule_and_place():
    run = elected()
    assert run.take("timeout", N1) is False
    assert run.take("handle_request_vote", N3, RequestVote(Term(1), N1, Index(0), Term(0)))
    assert run.take("timeout", N2)
    assert run.take("handle_request_vote", N1, RequestVote(Term(2), N2, Index(0), Term(0)))
    refusal = run.refusal("handle_vote_reply", N1, VoteReply(Term(1), N3, N1, True))
    assert refusal.rule == "ignore stale-term messages"
    assert refusal.conjunct == "m.term >= self.current_term[n]"
    assert refusal.values == (("m.term", "1"), ("self.current_term[n]", "2"), ("n", "n1"))
    file, line = refusal.place.split(":")
    source = Path(spec.raft.__file__)
    assert source.samefile(file)
    assert 'require(m.term >= self.current_term[n], rule="ignore stale-term messages")' in source.read_text().splitlines()[int(line) - 1]


def test_a_refusal_of_a_quantifier_gives_the_values_that_falsify_it():
    run = Run(Paxos(Scope(acceptor=3, ballot=3, value=2)))
    first, second = Acceptor(0), Acceptor(1)
    assert run.take("phase_1a", Ballot(1))
    assert run.take("phase_1b", first, Prepare(Ballot(1)))
    quorum = frozenset({first, second})
    refusal = run.refusal("phase_2a", Ballot(1), PaxosValue(0), quorum)
    assert refusal.rule == "promises from a quorum"
    assert refusal.conjunct == "any(m.acceptor == a and m.ballot == b for m in self.promises)"
    assert ("a", "a2") in refusal.values
    assert ("self.promises", show_promise()) in refusal.values


def show_promise() -> str:
    """The one promise of the test above."""
    return "{" + repr(Promise(Acceptor(0), Ballot(1), None)) + "}"


def test_a_message_that_was_never_sent():
    run = elected()
    call = AppendEntries(Term(1), N1, Index(0), Term(0), run.state.log[N1].window(Index(0), Index(0)), Index(0))
    assert run.take("append_entries", N1, N2, Index(0))
    assert run.take("handle_append_entries", N2, call)
    assert not run.take("handle_append_reply", N1, AppendReply(Term(1), N2, True, Index(1)))
    refusal = run.refusal("handle_append_reply", N1, AppendReply(Term(1), N2, True, Index(1)))
    assert refusal.conjunct == "m in self.append_replies"
    assert refusal.values[1] == ("nearest of the 1 in self.append_replies", "AppendReply(term=1, follower=n2, success=True, match_index=0)")


def test_steps_beyond_the_scope():
    run = Run(Raft(Scope(node=2, term=1, index=1, value=1)))
    assert run.take("timeout", N1)
    assert not run.take("timeout", N1)
    refusal = run.refusal("timeout", N1)
    assert refusal.conjunct == "self.current_term[n] + 1 within the scope"
    assert ("scope", "Scope(index=1, node=2, term=1, value=1)") in refusal.values
    assert not run.take("timeout", N3)
    assert run.refusal("timeout", N3).conjunct == "n in Node"


def test_a_set_that_is_no_quorum():
    run = Run(Voting(Scope(acceptor=3, ballot=1, value=1)))
    act = next(a for a in run.protocol.ir.actions if any("Quorum" in type(b.domain).__name__ for b in a.parameters))
    arguments = [frozenset({Acceptor(0)}) if "Quorum" in type(b.domain).__name__ else b.type.cls(0) for b in act.parameters]
    assert not run.take(act.name, *arguments)
    assert "in quorums(Acceptor)" in run.refusal(act.name, *arguments).conjunct


def test_arguments_that_cannot_be():
    run = elected()
    with pytest.raises(TypeError, match=r"Raft.client_request: `v` is to be of type Value, not 3"):
        run.take("client_request", N1, 3)
    with pytest.raises(TypeError, match="Raft.timeout takes n; given were 2 arguments"):
        run.take("timeout", N1, N2)
    with pytest.raises(ValueError, match="Raft has no action `elect`; its actions are timeout, handle_request_vote"):
        run.take("elect", N1)
    with pytest.raises(ValueError, match=r"client_request\(n=n1, v=v1\) is enabled"):
        run.refusal("client_request", N1, Value(0))


def test_an_undefined_step_is_an_error_of_the_spec(load_spec):
    module = load_spec(
        "from spec.language import *\n"
        "class Level(Ordered):\n    '''A height.'''\n"
        "class Odd(Protocol):\n    '''Odd.'''\n    level: Level\n    seen: Set[Level]\n"
        "    def init(self) -> None:\n        '''Zero.'''\n        self.level = Level(0)\n        self.seen = Set()\n"
        "    @action\n    def down(self) -> None:\n        '''Down.'''\n        self.seen |= {self.level}\n        self.level = self.level - 1\n"
    )
    run = Run(module.Odd(Scope(level=2)))
    with pytest.raises(SpecError, match="step down\\(\\) is undefined: `self.level = self.level - 1`"):
        run.take("down")
    assert run.value("seen") == frozenset()


def test_rules_may_be_removed():
    run = Run(Raft(HUGE, without=("leader needs a majority",)))
    assert run.take("timeout", N1)
    assert run.take("become_leader", N1)


def test_properties_are_asked_for():
    run = Run(Raft(Scope(node=2, term=1, index=1, value=1), without=("leader needs a majority",)))
    mark = run.mark()
    for n in (N1, N2):
        assert run.take("timeout", n)
        assert run.take("become_leader", n)
    (violated,) = run.violated(mark)
    assert violated.property == "election_safety"
    assert violated.conjunct == "x.node == y.node"
    assert len(run.steps) == 4


def test_an_action_property_is_asked_of_each_step():
    run = Run(Raft(Scope(node=2, term=1, index=1, value=1), without=("leader needs a majority", "ignore stale-term messages")))
    assert run.violated(0) == []
    mark = run.mark()
    assert run.take("timeout", N1)
    assert run.violated(mark) == []


def test_the_cost_of_a_step_does_not_grow_with_the_state():
    """The same steps with 10 and with 10,000 entries and messages: the fastest of many, so that other work does not count."""

    def fastest(run: Run, start: int) -> float:
        best = 1.0
        for i in range(start, start + 200):
            began = time.perf_counter()
            assert run.take("client_request", N1, Value(i))
            assert run.take("append_entries", N1, N2, Index(1))
            best = min(best, time.perf_counter() - began)
        return best

    run = elected()
    early = fastest(run, 0)
    for i in range(10_000):
        assert run.take("client_request", N1, Value(i))
        assert run.take("timeout", N3)
    late = fastest(run, 20_000)
    assert late < 5 * early


def test_messages_of_a_ballot_are_given():
    """Arguments from a set need not be the objects that the run holds: equal ones do."""
    run = Run(Paxos(Scope(acceptor=3, ballot=3, value=2)))
    assert run.take("phase_1a", Ballot(0))
    for i in (0, 1):
        assert run.take("phase_1b", Acceptor(i), Prepare(Ballot(0)))
    assert run.take("phase_2a", Ballot(0), PaxosValue(1), frozenset({Acceptor(0), Acceptor(1)}))
    assert run.take("phase_2b", Acceptor(2), Accept(Ballot(0), PaxosValue(1)))
    assert not run.take("phase_2b", Acceptor(2), Accept(Ballot(0), PaxosValue(0)))
