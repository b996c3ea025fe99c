"""Dead messages: which they are, that nothing is lost with them, and that an analysis that overlooks something loses something."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from model_check import dead, eager, interpreter
from model_check.eager import Eagerness
from model_check.possibilities import UNKNOWN, Possibilities, World, values
from model_check.search import Options
from spec.language import Map, Protocol, Scope, Seq, SpecError, State, ir
from spec.language.types import OptionType, SetType
from spec.raft import AppendEntries, AppendReply, Node, Raft, Role, VoteReply
from spec.replicated_log import Index, Term
from tests.model_check import random_messengers
from tests.model_check.random_messengers import HEAD
from tests.spec_files import load

HERALDS = (
    HEAD
    + '''
    @action
    def call(self, n: Node) -> None:
        """Once."""
        require(not self.spent[n])
        self.spent[n] = True
        self.calls |= {Call(self.clock[n], n, False)}

    @action
    def take_office(self, n: Node) -> None:
        """At any time."""
        self.office[n] = True

    @action
    def hear(self, n: Node, m: Call) -> None:
        """A call has an effect, or will have."""
        require(m in self.calls)
        require(n != m.sender)
        RECEIPT

    @action
    def hear_reply(self, n: Node, m: Reply) -> None:
        """A reply counts."""
        require(m in self.replies)
        require(m.to == n)
        self.vote[n] = m.sender
'''
)
RECEIPTS = (
    # The receiver may take office later.
    "require(self.office[n])\n        self.vote[n] = m.sender",
    # Nothing is known of all offices at once, so either branch is possible.
    "if any(self.office[p] for p in Node):\n            self.vote[n] = self.vote[n]\n        else:\n            self.vote[n] = m.sender",
    # A call does nothing any more once it is answered; not before.
    "self.replies |= {Reply(Clock(0), m.sender, n)}",
)
MOST = 800
"""States up to which a random protocol is explored."""


def whole(protocol: Protocol) -> set[State] | None:
    """All reachable states, none of them where there are too many."""
    found = set(protocol.initial_states())
    waiting = list(found)
    while waiting:
        for _, after in protocol.successors(waiting.pop()):
            if after not in found:
                if len(found) == MOST:
                    return None
                found.add(after)
                waiting.append(after)
    return found


def reduced(protocol: Protocol) -> set[State]:
    """The states that are visited with messages sent at once and forgotten once dead."""
    search = interpreter._Search(protocol, Options(eager=True))  # for the states, which no result holds
    search.run(search.breadth_first)
    return set(search.seen)


def without_messages(states: set[State]) -> set[tuple[Any, ...]]:
    return {tuple(v for n, v in s.items() if n not in ("calls", "replies")) for s in states}


def examples(folder: Path, count: int, first: int = 0) -> list[tuple[int, Protocol, set[State]]]:
    """Random protocols with all their states, as far as these are few."""
    found = []
    for seed in range(first, first + count):
        chance = random.Random(seed)
        try:
            cls = load(random_messengers.protocol(chance), folder).Messengers
        except SpecError:
            continue
        rules = tuple(r for r, _ in cls.ir.rules if chance.random() < 0.3)
        protocol = cls(Scope(node=2, clock=2), without=rules)
        states = whole(protocol)
        if states is not None and len(states) > 4 and eager.message_sets(protocol, Options(eager=True)) == {"calls", "replies"}:
            found.append((seed, protocol, states))
    return found


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, Protocol, set[State]]]:
    folder = tmp_path_factory.mktemp("messengers")
    texts = [HERALDS.replace("RECEIPT", text) for text in RECEIPTS]
    # Nobody receives these replies.
    texts.append(texts[-1][: texts[-1].index("    @action\n    def hear_reply")])
    heralds = [load(text, folder).Messengers(Scope(node=2, clock=2)) for text in texts]
    return [(-1 - i, protocol, whole(protocol) or set()) for i, protocol in enumerate(heralds)] + examples(folder, 160)


def losing(protocols: list[tuple[int, Protocol, set[State]]]) -> Iterator[int]:
    """The seeds of the protocols of which the reduced search misses something, or finds what is not there."""
    for seed, protocol, states in protocols:
        dead._receipts.cache_clear()
        if without_messages(reduced(protocol)) != without_messages(states):
            yield seed


def test_nothing_is_lost(some: list[tuple[int, Protocol, set[State]]]) -> None:
    """Messages aside, the same states are reached."""
    assert len(some) > 60
    assert list(losing(some)) == []
    forgetful = [p for _, p, states in some if any(Eagerness(p, Options(eager=True)).forget(s) != s for s in states)]
    assert len(forgetful) > 20


@pytest.mark.long
@pytest.mark.parametrize("first", range(1000, 5000, 500))
def test_nothing_is_lost_of_many(first: int, tmp_path: Path) -> None:
    """The same of others."""
    assert list(losing(examples(tmp_path, 500, first))) == []


def _sure_require(self: Possibilities, s: ir.Require, world: World) -> list[World]:
    return [after for v, after in self._forced((s.condition,), world) if v is not UNKNOWN and (v[0] or s.rule in self.protocol.without)]


def _ruled_require(self: Possibilities, s: ir.Require, world: World) -> list[World]:
    return [after for v, after in self._forced((s.condition,), world) if v is UNKNOWN or v[0]]


def _first_branch(self: Possibilities, s: ir.If, world: World) -> list[World]:
    return [w for v, after in self._forced((s.condition,), world) for w in self._all(s.otherwise if v == (False,) else s.then, [after])]


def _cells_only(self: Possibilities, s: Any, world: World, right: Callable[..., list[World]] = Possibilities._change) -> list[World]:
    return [world] if self.watched and s.variable not in self.followed else right(self, s, world)


def _not_without_cells(self: Possibilities, *given: Any, right: Callable[..., None] = Possibilities.__init__, **how: Any) -> None:
    right(self, *given, **how)
    self.reading = not self.cells


def _one_receiver(self: Eagerness, *given: Any, right: Callable[..., Any] = Eagerness._places) -> Iterator[int]:
    yield next(right(self, *given))


MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "an unknown guard holds nothing up but in truth": (Possibilities, "_require", _sure_require),
    "of two possible branches, the first is taken": (Possibilities, "_if", _first_branch),
    "what no cell shows is no change": (Possibilities, "_change", _cells_only),
    "a receipt that reads nothing does nothing": (Possibilities, "__init__", _not_without_cells),
    "other actions do nothing": (dead._Analysis, "steps", lambda self, cells: []),
    "an answer need not have been sent": (Eagerness, "_answered", lambda self, variable, fields, state: True),
    "only one receiver counts": (Eagerness, "_places", _one_receiver),
    "nothing but the parameters matters": (dead, "_matters", lambda i, count, fates: False),
    "a removed rule is in force": (Possibilities, "_require", _ruled_require),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_an_analysis_that_overlooks_something_is_caught(name: str, some: list[tuple[int, Protocol, set[State]]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*MUTANTS[name])
    assert next(losing(some), None) is not None


def test_all_turns_of_a_loop_are_tried(tmp_path: Path) -> None:
    """Whatever their number."""
    loop = "for c in Clock:\n            if not self.office[n]:\n                self.known[n] |= {m.sender}"
    cls = load(HERALDS.replace("RECEIPT", loop), tmp_path).Messengers
    (few,), (many,) = (dead.receipts(cls(Scope(node=2, clock=size)), frozenset({"calls", "replies"}))["calls"] for size in (2, 40))
    assert set(few.table) == {dead.LIVE, dead.DEAD}
    assert many.table == few.table


N1, N2 = Node(0), Node(1)


def at(protocol: Protocol, **entries: tuple[Any, Any]) -> State:
    """The initial state of Raft with some entries of its maps changed: `role=(N1, Role.LEADER)`."""
    state = protocol.initial_states()[0]
    changed = {name: Map({k: entries[name][1] if k == entries[name][0] else v for k, v in value.items()}) for name, value in state.items() if name in entries}
    return State(tuple(n for n, _ in state.items()), tuple(changed.get(n, v) for n, v in state.items()))


VOTE = VoteReply(Term(1), N2, N1, True)
REPLY = AppendReply(Term(1), N2, True, Index(1))
ONE, TWO = (N1, Term(1)), (N1, Term(2))
CANDIDATE, LEADER = (N1, Role.CANDIDATE), (N1, Role.LEADER)


@pytest.mark.parametrize(
    ("variable", "message", "entries", "dead_then"),
    [
        ("vote_replies", VOTE, {"current_term": ONE, "role": CANDIDATE}, False),
        ("vote_replies", VOTE, {"current_term": ONE, "role": CANDIDATE, "votes_granted": (N1, frozenset({N1, N2}))}, True),
        ("vote_replies", VOTE, {"current_term": ONE, "role": LEADER}, True),
        ("vote_replies", VOTE, {"current_term": TWO, "role": CANDIDATE}, True),
        ("append_replies", REPLY, {"current_term": ONE, "role": LEADER, "next_index": ((N1, N2), Index(1))}, False),
        ("append_replies", REPLY, {"current_term": ONE, "role": LEADER, "next_index": ((N1, N2), Index(2)), "match_index": ((N1, N2), Index(1))}, True),
        ("append_replies", REPLY, {"current_term": TWO}, True),
    ],
    ids=[
        "a vote",
        "a vote that is counted",
        "a vote for who leads",
        "a vote of an earlier term",
        "a reply",
        "a reply that is noted",
        "a reply of an earlier term",
    ],
)
def test_what_is_dead_in_raft(variable: str, message: Any, entries: dict[str, tuple[Any, Any]], dead_then: bool) -> None:
    """Terms do not decrease, a vote is counted once, and what a follower holds is noted once; unless terms are forgotten in a crash."""
    for rules in ((), ("votes and terms survive a restart",)):
        protocol = Raft(Scope(node=2, term=2, index=1, value=1), without=rules)
        found = Eagerness(protocol, Options(eager=True))._dead(variable, message, at(protocol, **entries))
        assert found == (dead_then and not rules)


def test_a_call_is_dead_once_it_is_answered() -> None:
    """Who has left the term of a leader for the last one refuses its calls, once for all."""
    protocol = Raft(Scope(node=2, term=2, index=1, value=1))
    empty = Seq.empty(Index)
    call = AppendEntries(Term(1), N1, Index(0), Term(0), empty.window(Index(0), Index(0)), Index(0))
    state = at(protocol, current_term=(N2, Term(2)))

    def forgets(*answers: AppendReply) -> bool:
        there = {"append_requests": frozenset({call}), "append_replies": frozenset(answers)}
        held = State(tuple(n for n, _ in state.items()), tuple(there.get(n, v) for n, v in state.items()))
        return not Eagerness(protocol, Options(eager=True)).forget(held).append_requests

    assert not forgets()
    assert forgets(AppendReply(Term(2), N2, False, Index(0)))


@pytest.mark.parametrize("size", [2, 31, 40])
def test_a_type_of_many_values_has_none_to_choose_from(size: int) -> None:
    """Not fewer than there are: what is left out would be overlooked."""
    protocol = Raft(Scope(node=size, term=1, index=1, value=1))
    node = next(s for s in Raft.ir.sorts if s.cls is Node)
    assert values(protocol, node) == (list(range(size)) if size < 32 else [])
    assert len(values(protocol, OptionType(node))) == (size + 1 if size < 32 else 0)
    assert len(values(protocol, SetType(node))) == (4 if size == 2 else 0)
