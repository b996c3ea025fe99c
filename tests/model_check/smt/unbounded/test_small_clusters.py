"""Counterexamples to induction in small clusters: what a proof shows where an obligation stays open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_check.cli.main import run
from model_check.smt.unbounded.obligations import Obligation
from model_check.smt.unbounded.small_clusters import SmallClusters
from model_check.smt.unrolling import Counterexample
from proofs.paxos import PaxosProof
from spec.language import Protocol, Scope, lemma


class WrongPaxos(PaxosProof):
    """Paxos with lemmas that are none."""

    theorems = ("agreement", "no_vote_counts")

    @lemma("wrong")
    def somebody_asked(self) -> bool:
        """Some ballot was begun: not true at first."""
        return any(m.ballot == m.ballot for m in self.prepares)

    @lemma("wrong")
    def no_vote_counts(self) -> bool:
        """Nobody has voted: it does not follow."""
        return all(m.ballot != m.ballot for m in self.accepteds)


def shown(protocol: type[Protocol], action: str, name: str, without: tuple[str, ...] = ()) -> Counterexample | None:
    """What small clusters show for an obligation, looked at once more by CPython."""
    removed = frozenset(protocol.rule_named(rule) for rule in without)
    found = SmallClusters(protocol, removed).find(Obligation(action, name), 60.0)
    if found is None:
        return None
    cti, cluster = found.counterexample(protocol, removed), protocol(Scope(**found.sizes), without=without)
    goal = next(p for p in protocol.ir.properties if p.name == name)
    assert cti.explanation is not None
    assert not cluster.holds(goal, *cti.states[-2:] if goal.on_step else cti.states[-1:])
    for before, step, after in zip(cti.states, cti.steps, cti.states[1:], strict=False):
        assert all(cluster.holds(p, before) for p in protocol.ir.of_kind("invariant"))
        assert cluster.step(before, step) == after
    return cti


def test_a_step_that_breaks_a_lemma() -> None:
    cti = shown(PaxosProof, "phase_2b", "promises_bind", without=("keep the promise",))
    assert cti is not None
    assert [s.action for s in cti.steps] == ["phase_2b"]


def test_what_is_proved_has_none() -> None:
    assert shown(PaxosProof, "phase_2b", "promises_bind") is None
    assert shown(PaxosProof, "init", "promises_bind") is None
    assert shown(PaxosProof, "implied", "agreement") is None
    assert SmallClusters(PaxosProof, frozenset()).find(Obligation("phase_2b", "voting"), 60.0) is None


def test_a_step_of_another_action_does_not_count() -> None:
    assert shown(PaxosProof, "phase_1a", "promises_bind", without=("keep the promise",)) is None


def test_an_initial_state_that_breaks_a_lemma() -> None:
    cti = shown(WrongPaxos, "init", "somebody_asked")
    assert cti is not None
    assert (len(cti.states), cti.steps) == (1, ())


def test_a_theorem_that_does_not_follow() -> None:
    """All lemmas hold, and the theorem before it; the theorem itself does not."""
    cti = shown(WrongPaxos, "implied", "no_vote_counts")
    assert cti is not None
    assert cti.steps == ()
    (state,), cluster = cti.states, WrongPaxos(Scope(acceptor=2, ballot=2, value=2))
    assert {p.name for p in WrongPaxos.ir.of_kind("invariant") if not cluster.holds(p, state)} == {"no_vote_counts"}


def test_the_command_shows_it_for_a_proof_in_ones_own_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same one, whatever the number of processes: what they find travels as plain data."""
    monkeypatch.setenv("IONIAN_CACHE_DIR", str(tmp_path / "cache"))
    copy, file = tmp_path / "copy.py", tmp_path / "proof.json"
    copy.write_text(Path("proofs/paxos.py").read_text())
    asked = ["prove", f"{copy}:PaxosProof", "--without", "keep the promise", "--action", "phase_2b", "--lemma", "promises_bind", "--lemma", "votes_bind"]
    found = []
    for jobs in ("1", "2"):
        assert run([*asked, "--jobs", jobs, "--json", str(file)]) == 3
        found.append(json.loads(file.read_text()))
    out = capsys.readouterr().out
    assert "phase_2b / promises_bind, in a small cluster: acceptor=2, ballot=2, value=2\nCounterexample to induction\n" in out
    assert "   0  a state that satisfies all lemmas" in out
    assert "Not inductive: promises_bind" in out
    assert "ionian induct" in out
    assert "Small clusters show a step as well for phase_2b / votes_bind" in out
    assert "NOT PROVED" in out
    one, two = ([o["counterexample_to_induction"] for o in f["obligations"]] for f in found)
    assert one == two
    assert [(c["goal"], c["scope"], [s["action"] for s in c["steps"]]) for c in one] == [
        (name, {"acceptor": 2, "ballot": 2, "value": 2}, ["phase_2b"]) for name in ("promises_bind", "votes_bind")
    ]
