"""Dead messages: which they are, that nothing is lost with them, and that an analysis that overlooks something loses something."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import random_messengers

from model_check import dead, eager, interpreter, possibilities
from model_check.eager import Eagerness
from model_check.possibilities import UNKNOWN, Possibilities, World
from model_check.search import Options
from spec.language import Protocol, Scope, SpecError, State, ir
from spec.raft import AppendEntries, AppendReply, Index, Node, Raft, RequestVote, Role, Term, VoteReply
from tests.spec_files import load

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
    return examples(tmp_path_factory.mktemp("messengers"), 150)


def losing(protocols: list[tuple[int, Protocol, set[State]]]) -> list[int]:
    """The seeds of the protocols of which the reduced search misses something, or finds what is not there."""
    dead._receipts.cache_clear()
    found = [seed for seed, protocol, states in protocols if without_messages(reduced(protocol)) != without_messages(states)]
    dead._receipts.cache_clear()
    return found


def test_nothing_is_lost(some: list[tuple[int, Protocol, set[State]]]) -> None:
    assert len(some) > 40
    assert losing(some) == []
    forgetful = [p for _, p, states in some if any(Eagerness(p, Options(eager=True)).forget(s) != s for s in states)]
    assert len(forgetful) > 25
