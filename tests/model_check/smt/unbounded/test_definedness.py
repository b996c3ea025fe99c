"""Definedness: an expression that may lack a value leaves an obligation open, and a small cluster shows where."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from model_check.cli.main import run
from model_check.smt.unbounded.definedness import DEFINED
from model_check.smt.unbounded.obligations import IMPLICATION, obligations_of
from model_check.smt.unbounded.prover import Discharge, Limits, Prover
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from spec.language import Protocol

SPEC = '''
from __future__ import annotations

from spec.language import (
    Map, Option, Position, Protocol, Scope, Seq, Set, Sort, Window, action, action_property, first, invariant, record, require,
)


class Node(Sort):
    """A server."""


class Index(Position):
    """A position."""


class Value(Sort):
    """An entry."""


@record
class Piece:
    """A part of a log."""

    entries: Window[Index, Value]


@record
class Mark:
    """A place in a log."""

    node: Node
    index: Index


class Logs(Protocol):
    """Logs that are read, cut and sent: every expression that may lack a value, each behind its guard."""

    default_scope = Scope(node=2, index=2, value=2)
    order = (Node, Index, Value)

    log: Map[Node, Seq[Index, Value]]
    seen: Map[Node, Index]
    mark: Option[Mark]
    pieces: Set[Piece]

    def init(self) -> None:
        """Nothing."""
        self.log = Map({n: Seq.empty(Index) for n in Node})
        self.seen = Map({n: Index(0) for n in Node})
        self.mark = None
        self.pieces = Set()

    @action
    def add(self, n: Node, v: Value) -> None:
        """One more entry."""
        self.log[n] = self.log[n].append(v)

    @action
    def see(self, n: Node, i: Index, v: Value) -> None:
        """Read an entry."""
        require(i > 0)
        require(i <= self.log[n].last and self.log[n][i] == v)
        self.seen[n] = i
        self.mark = Mark(n, i)

    @action
    def find(self, n: Node, v: Value) -> None:
        """Read the first entry that is seen and differs."""
        found = first(i for i in self.log[n].indices() if i <= self.seen[n] and self.log[n][i] != v)
        if found is not None:
            self.seen[n] = found

    @action
    def step_back(self, n: Node) -> None:
        """Look at the entry before."""
        require(self.seen[n] > 0)
        self.seen[n] = self.seen[n] - 1

    @action
    def forget(self, v: Value) -> None:
        """All that see a value look away."""
        for n in Node:
            if self.seen[n] > 0 and self.log[n][self.seen[n]] == v:
                self.seen[n] = Index(0)

    @action
    def follow(self, n: Node) -> None:
        """Look where the mark is."""
        require(self.mark is not None and self.mark.index <= self.log[n].last)
        self.seen[n] = self.log[n].last

    @action
    def send(self, n: Node, a: Index, b: Index) -> None:
        """A part of a log."""
        require(a <= b)
        require(b <= self.log[n].last)
        self.pieces |= {Piece(self.log[n].window(a, b))}

    @action
    def take(self, n: Node, m: Piece) -> None:
        """The entries that are not there yet."""
        require(m in self.pieces)
        require(m.entries.after <= self.log[n].last)
        self.log[n] = self.log[n].extend(m.entries)

    @action
    def replace(self, n: Node, m: Piece, i: Index) -> None:
        """The entries from a position on."""
        require(m in self.pieces)
        require(m.entries.after < i)
        require(i <= m.entries.last)
        require(i <= self.log[n].last)
        self.log[n] = self.log[n].splice(i, m.entries)
        self.seen[n] = Index(0)

    @invariant
    def seen_within_log(self) -> bool:
        """Only what is there is seen."""
        return all(self.seen[n] <= self.log[n].last for n in Node)

    @invariant
    def seen_is_some_value(self) -> bool:
        """Any, but one."""
        return all(any(self.log[n][self.seen[n]] == v for v in Value) for n in Node if self.seen[n] > 0)

    @action_property
    def entries_stay_entries(self, after: Logs) -> bool:
        """As long as they are there."""
        return all(any(after.log[n][i] == v for v in Value) for n in Node for i in self.log[n].indices() if i <= after.log[n].last)
'''

MUTANTS = {
    "an entry beyond the end": ("i <= self.log[n].last and self.log[n][i] == v", "self.log[n][i] == v or i == 0", "see"),
    "the condition comes too late": ("i <= self.log[n].last and self.log[n][i] == v", "self.log[n][i] == v and i <= self.log[n].last", "see"),
    "an entry before the first": ("        require(i > 0)\n", "", "see"),
    "a search beyond the end": (
        "for i in self.log[n].indices() if i <= self.seen[n] and self.log[n][i] != v",
        "for i in self.log[n].indices() if self.log[n][i + 1] != v",
        "find",
    ),
    "one less than none": ("        require(self.seen[n] > 0)\n", "", "step_back"),
    "an entry before the first in a loop": ("if self.seen[n] > 0 and self.log[n][self.seen[n]] == v", "if self.log[n][self.seen[n]] == v", "forget"),
    "a field of None": ("self.mark is not None and self.mark.index", "self.mark.index", "follow"),
    "a piece that ends before it begins": ("        require(a <= b)\n", "", "send"),
    "a piece beyond the end": ("        require(b <= self.log[n].last)\n", "", "send"),
    "a gap": ("        require(m.entries.after <= self.log[n].last)\n", "", "take"),
    "a cut before the piece": ("        require(m.entries.after < i)\n", "", "replace"),
    "a cut behind the piece": ("        require(i <= m.entries.last)\n", "", "replace"),
    "a cut behind the log": ("        require(i <= self.log[n].last)\n", "", "replace"),
    "a property of entries that are gone": (" if i <= after.log[n].last)", ")", "replace"),
    "a property of entries never seen": (" for n in Node if self.seen[n] > 0)", " for n in Node)", IMPLICATION),
    "no lemma to rest on": ("self.seen[n] <= self.log[n].last for n in Node", "self.seen[n] == self.seen[n] for n in Node", IMPLICATION),
}
"""A guard left out, and the obligation that must notice it."""

Load = Callable[[str], ModuleType]


def definedness(protocol: type[Protocol], *actions: str) -> list[Discharge]:
    """What becomes of the obligations that everything has a value."""
    prover = Prover(protocol, frozenset(), Limits(timeout=5.0))
    return [prover.discharge(o) for o in obligations_of(protocol) if o.lemma == DEFINED and (not actions or o.action in actions)]


def test_behind_its_guard_everything_has_a_value(load_spec: Load) -> None:
    found = definedness(load_spec(SPEC).Logs)
    assert {d.result for d in found} == {"unsat"}
    by_action = {d.obligation.action: d for d in found}
    # `add` reads nothing, but its steps are those of an action property.
    assert set(by_action) == {"add", "see", "find", "step_back", "forget", "follow", "send", "take", "replace", IMPLICATION}
    assert any("seen_within_log" in support for support in by_action[IMPLICATION].support), "the property that reads what is seen needs a lemma"
    assert by_action["step_back"].support[0] == (), "the guard alone"


@pytest.mark.parametrize("name", MUTANTS)
def test_without_its_guard_it_may_have_none(name: str, load_spec: Load) -> None:
    """A small cluster shows the state; CPython says there what has no value."""
    old, new, action = MUTANTS[name]
    assert SPEC.count(old) == 1
    protocol = load_spec(SPEC.replace(old, new)).Logs
    (found,) = definedness(protocol, action)
    assert found.result == "sat"
    assert found.counterexample is not None
    cti = found.counterexample.counterexample(protocol, frozenset())
    assert "is undefined" in cti.without_value
    assert [s.action for s in cti.steps] == ([] if action == IMPLICATION else [action])


@pytest.mark.parametrize("protocol", [PaxosProof, RaftProof])
def test_the_shipped_proofs_show_it_of_each_action_that_reads(protocol: type[Protocol]) -> None:
    actions = [o.action for o in obligations_of(protocol) if o.lemma == DEFINED]
    assert IMPLICATION in actions
    assert {"PaxosProof": {"phase_1b", "phase_2a", "phase_2b"}, "RaftProof": {a.name for a in RaftProof.ir.actions}}[protocol.__name__] <= set(actions)


def test_the_command_names_what_has_no_value(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("IONIAN_CACHE_DIR", str(tmp_path / "cache"))
    path, (old, new, _) = tmp_path / "logs.py", MUTANTS["one less than none"]
    path.write_text(SPEC.replace(old, new))
    assert run(["prove", f"{path}:Logs", "--lemma", DEFINED, "--action", "step_back", "--jobs", "1"]) == 3
    out = " ".join(capsys.readouterr().out.split())
    assert "open: step_back / defined it is not shown that each expression of step_back has a value" in out
    assert "Not inductive: every expression has a value" in out
    assert "`self.seen[n] = self.seen[n] - 1`" in out


def test_a_lemma_of_that_name_is_refused(tmp_path, capsys) -> None:
    path = tmp_path / "logs.py"
    path.write_text(SPEC.replace("def seen_within_log", f"def {DEFINED}"))
    assert run(["prove", f"{path}:Logs"]) == 2
    assert "`defined` is what a proof calls that every expression has a value; give this invariant another name" in " ".join(capsys.readouterr().err.split())
