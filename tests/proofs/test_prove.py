"""`ionian prove`: the shipped proofs go through, from scratch, and fail as soon as something that they need is taken away."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import z3

from model_check import simulate
from model_check.cli.main import run
from model_check.smt.unbounded.ledger import read_ledger, redundant, users_of
from model_check.smt.unbounded.obligations import Obligation, Query, obligations_of
from model_check.smt.unbounded.prover import Limits, Prover
from model_check.smt.unbounded.small_clusters import SmallClusters
from proofs.paxos import PaxosProof
from proofs.raft import RaftProof
from spec.language import Protocol, Scope, ir, lemma


def proved(*arguments: str, tmp_path: Path, jobs: int = 1) -> tuple[int, dict]:
    """Exit status and JSON of `ionian prove`."""
    path = tmp_path / "proof.json"
    status = run(["prove", *arguments, "--jobs", str(jobs), "--json", str(path)])
    return status, json.loads(path.read_text())


@pytest.fixture(autouse=True)
def own_notes(tmp_path, monkeypatch):
    """What an interrupted proof noted for a later one is kept apart, and nothing else is."""
    monkeypatch.setattr("model_check.smt.unbounded.ledger.cache_root", lambda: tmp_path / "cache")


# --- The proofs


@pytest.mark.parametrize(("spec", "protocol"), [("paxos", PaxosProof), ("raft", RaftProof)], ids=["paxos", "raft"])
def test_the_shipped_proofs_go_through(spec: str, protocol: type[Protocol], tmp_path, capsys) -> None:
    status, found = proved(spec, tmp_path=tmp_path, jobs=2)
    assert (status, found["verdict"]) == (0, "proved")
    assert [Obligation(o["action"], o["lemma"]) for o in found["obligations"]] == obligations_of(protocol)
    assert {o["result"] for o in found["obligations"]} == {"unsat"}
    assert found["resumed"] == 0, "every obligation was discharged in this run"
    assert "any two quorums" in " ".join(found["assumed"])
    outside, out = [o for o in found["obligations"] if o.get("cycles")], capsys.readouterr().out
    assert 0 < len(outside) < len(found["obligations"]) / 5
    assert f"{len(outside)} of them outside the decidable fragment" in out, "what need not have been decided is named"
    assert "PROVED" in out


@pytest.mark.long
@pytest.mark.parametrize("spec", ["paxos", "raft"])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_they_go_through_with_other_seeds(spec: str, seed: int, tmp_path) -> None:
    status, found = proved(spec, "--seed", str(seed), tmp_path=tmp_path, jobs=2)
    assert (status, found["verdict"], found["seed"]) == (0, "proved", seed)


@pytest.mark.parametrize("protocol", [PaxosProof, RaftProof])
def test_the_ledger_knows_every_obligation_of_today(protocol: type[Protocol]) -> None:
    assert list(read_ledger(protocol)) == obligations_of(protocol)


def test_a_ledger_is_a_hint_and_no_more(tmp_path) -> None:
    """A ledger that names too few lemmas costs time, not the proof; one that names unknown lemmas is passed over."""
    bad = Path("proofs/paxos.ledger.json")
    entries = json.loads(bad.read_text())["obligations"]
    (tmp_path / "copy.py").write_text(Path("proofs/paxos.py").read_text())
    wrong = [{**e, "support": [["no_such_lemma"] if n % 2 else [] for n, _ in enumerate(e["support"], start=k)]} for k, e in enumerate(entries)]
    (tmp_path / "copy.ledger.json").write_text(json.dumps({"protocol": "PaxosProof", "obligations": wrong}))
    status, found = proved(f"{tmp_path / 'copy.py'}:PaxosProof", "--action", "phase_1b", tmp_path=tmp_path)
    assert (status, {o["result"] for o in found["obligations"]}) == (0, {"unsat"})


def test_a_damaged_ledger_is_named(tmp_path, capsys) -> None:
    (tmp_path / "copy.py").write_text(Path("proofs/paxos.py").read_text())
    (tmp_path / "copy.ledger.json").write_text('{"protocol": "PaxosProof", "obligations": [{"action"')
    assert run(["prove", f"{tmp_path / 'copy.py'}:PaxosProof"]) == 2
    assert "copy.ledger.json is not a ledger" in capsys.readouterr().err


def test_a_part_of_a_proof_proves_nothing_by_itself(tmp_path, capsys) -> None:
    status, found = proved("paxos", "--lemma", "one_proposal_per_ballot", "--action", "phase_2a", tmp_path=tmp_path)
    assert status == 0
    assert [(o["action"], o["lemma"]) for o in found["obligations"]] == [("phase_2a", "one_proposal_per_ballot")]
    assert "this alone proves nothing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["consensus"], "unknown proof `consensus`: give paxos, raft, voting, or path/to/file.py:ClassName"),
        (["spec/voting.py:Voting"], "Voting has no order of sorts; a proof needs one"),
        (["no/such.py:Thing"], "no such spec file: no/such.py"),
        (["paxos", "--lemma", "agrement"], "PaxosProof has no lemma `agrement` to prove; there are validity, "),
        (["paxos", "--action", "phase_3"], "PaxosProof has no action `phase_3` to prove; there are init, "),
        (["paxos", "--lemma", "agreement", "--action", "phase_1a"], "PaxosProof has no obligation for agreement, phase_1a together"),
        (["paxos", "--without", "luck"], "PaxosProof has no rule `luck`"),
    ],
)
def test_what_cannot_be_proved_is_named(arguments: list[str], message: str, capsys) -> None:
    assert run(["prove", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("order = (Ballot, Acceptor, Value)", "order = (Ballot, Value)", "`order` of PaxosProof lacks Acceptor; name every sort"),
        ('theorems = ("agreement",)', 'theorems = ("concord",)', "`theorems` of PaxosProof names `concord`, which is no invariant or lemma of it"),
    ],
)
def test_what_a_proof_does_not_say_is_named_with_its_place(old: str, new: str, message: str, tmp_path, capsys) -> None:
    path = tmp_path / "copy.py"
    path.write_text(Path("proofs/paxos.py").read_text().replace(old, new))
    assert run(["prove", f"{path}:PaxosProof"]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert f"{path}:14:1: " in error


@pytest.mark.parametrize("command", [["prove"], ["bmc", "--depth", "3"], ["induct"]], ids=lambda c: c[0])
@pytest.mark.parametrize(
    ("lemma_says", "message"),
    [
        ("self.max_votes[a] is None", "20: unknown variable `max_votes`; declare it in the class body (declared: max_bal, max_vote, "),
        ("len(self.accepts) > 0", "20: call of `len` is outside the language"),
    ],
)
def test_a_lemma_that_is_no_predicate_is_named_with_its_place(lemma_says: str, message: str, command: list[str], tmp_path, capsys) -> None:
    path, lemma_said = tmp_path / "copy.py", "self.was_cast(a, self.max_vote[a]) for a in Acceptor"
    text = Path("proofs/paxos.py").read_text()
    assert text.count(lemma_said) == 1
    line = text[: text.index(lemma_said)].count("\n") + 1
    path.write_text(text.replace(lemma_said, f"{lemma_says} for a in Acceptor"))
    assert run([command[0], f"{path}:PaxosProof", *command[1:]]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {path}:{line}:{message}")
    assert "Traceback" not in error


# --- Interruptions


def test_what_was_discharged_is_taken_over(tmp_path) -> None:
    """A run over a part, then a resumed run over all: the part is not asked again."""
    _, part = proved("voting", "--action", "vote_for", tmp_path=tmp_path)
    _, whole = proved("voting", "--resume", tmp_path=tmp_path)
    assert (whole["verdict"], whole["resumed"]) == ("proved", len(part["obligations"]))
    assert proved("voting", tmp_path=tmp_path)[1]["resumed"] == 0, "without --resume, all is proved again"


def test_nothing_is_taken_over_from_another_text(tmp_path) -> None:
    """The notes of a run do not fit once a lemma says something else: one weaker lemma, and what used it is asked again."""
    source, text = tmp_path / "copy.py", Path("proofs/paxos.py").read_text()
    source.write_text(text)
    source.with_suffix(".ledger.json").write_text(Path("proofs/paxos.ledger.json").read_text())
    assert proved(f"{source}:PaxosProof", "--action", "phase_2a", tmp_path=tmp_path)[1]["verdict"] == "proved"
    source.write_text(text.replace("m.value == n.value for m in self.accepts for n in self.accepts if m.ballot == n.ballot", "True for m in self.accepts"))
    found = proved(f"{source}:PaxosProof", "--action", "phase_2a", "--resume", "--timeout", "1", tmp_path=tmp_path)[1]
    assert found["verdict"] != "proved"
    assert 0 < found["resumed"] < len(found["obligations"])


def test_a_solver_that_dies_costs_its_obligation_only(tmp_path, capsys) -> None:
    """With almost no memory no obligation can be discharged, and none is claimed."""
    status, found = proved("voting", "--action", "implied", "--max-memory", "4MB", tmp_path=tmp_path)
    assert (status, found["verdict"]) == (3, "inconclusive")
    assert any("memory" in o["reason"] for o in found["obligations"] if o["result"] == "unknown")


def test_what_is_proved_can_be_written_for_another_solver(tmp_path) -> None:
    assert proved("voting", "--smt", str(tmp_path / "smt"), tmp_path=tmp_path)[0] == 0
    assert "(check-sat)" in (tmp_path / "smt" / "vote_for.votes_are_safe.0.smt2").read_text()


def test_what_was_not_proved_is_not_written_for_another_solver(tmp_path, capsys) -> None:
    assert run(["prove", "voting", "--action", "init", "--smt", str(tmp_path / "smt")]) == 2
    assert "no support is known for each of its 1 paths; prove it first" in capsys.readouterr().err


# --- Not vacuous: what is taken away is missed

PAXOS_RULES = {
    "one value per ballot": "phase_2a",
    "promises from a quorum": "phase_2a",
    "adopt the value of the highest vote": "phase_2a",
    "report the highest vote": "phase_1b",
    "keep the promise": "phase_2b",
}
RAFT_RULES = {
    "ignore stale-term messages": ("handle_vote_reply", "counted_votes_were_cast"),
    "leader needs a majority of votes": ("become_leader", "leaders_were_elected"),
    "commit needs a majority": ("advance_commit", "commit_points_are_justified"),
    "commit only entries of the current term": ("advance_commit", "commit_points_are_justified"),
    "votes and terms survive a restart": ("restart", "votes_within_terms"),
    "truncate on conflict": ("handle_append_entries", "logs_follow_leaders"),
    "clamp the leader's commit index": ("handle_append_entries", "state_machine_safety"),
    "vote once per term": ("handle_request_vote", "one_vote_per_term"),
    "candidate's log must be up to date": ("handle_request_vote", "choosable_is_in_candidates"),
    "AppendEntries consistency check": ("handle_append_entries", "logs_follow_leaders"),
}
"""An obligation of each rule that stays open without it."""


def test_every_rule_is_taken_away_below() -> None:
    assert set(PAXOS_RULES) == {rule for _, rule in PaxosProof.ir.rules}
    assert set(RAFT_RULES) == {rule for _, rule in RaftProof.ir.rules}


@pytest.mark.parametrize("rule", [r if a == "phase_2b" else pytest.param(r, marks=pytest.mark.long) for r, a in PAXOS_RULES.items()])
def test_paxos_is_not_proved_without_a_rule(rule: str, tmp_path, capsys) -> None:
    """Red, with a step of the action that the rule governs."""
    status, found = proved("paxos", "--without", rule, "--timeout", "2", tmp_path=tmp_path)
    assert (status, found["verdict"]) == (3, "not_proved")
    steps = {(o["action"], *(s["action"] for s in cti["steps"])) for o in found["obligations"] if (cti := o.get("counterexample_to_induction"))}
    assert steps == {(PAXOS_RULES[rule], PAXOS_RULES[rule])}
    assert f"open: {PAXOS_RULES[rule]} /" in capsys.readouterr().out


THREE_SERVERS = ("clamp the leader's commit index", "candidate's log must be up to date")
"""Two servers do not show what these prevent; three take longer."""


@pytest.mark.parametrize(("rule", "obligation"), [pytest.param(r, o, marks=pytest.mark.long if r in THREE_SERVERS else ()) for r, o in RAFT_RULES.items()])
def test_a_small_cluster_shows_the_step_without_a_rule_of_raft(rule: str, obligation: tuple[str, str]) -> None:
    """All lemmas hold before it, and the obligation's lemma not after it; CPython says so as well."""
    removed = frozenset({RaftProof.rule_named(rule)})
    found = SmallClusters(RaftProof, removed).find(Obligation(*obligation), 60.0)
    assert found is not None
    cti = found.counterexample(RaftProof, removed)
    assert [s.action for s in cti.steps] == [obligation[0]]
    assert cti.goal == obligation[1]
    cluster = RaftProof(Scope(**found.sizes), without=(rule,))
    before, after = cti.states
    assert cluster.step(before, cti.steps[0]) == after
    assert all(cluster.holds(p, before) for p in RaftProof.ir.of_kind("invariant"))
    assert RaftProof(Scope(**found.sizes)).attempt(before, cti.steps[0]) != after, "with the rule in force there is no such step"


QUICK_RULE = "leader needs a majority of votes"


@pytest.mark.parametrize(("rule", "obligation"), [pytest.param(r, o, marks=() if r == QUICK_RULE else pytest.mark.long) for r, o in RAFT_RULES.items()])
def test_raft_is_not_proved_without_a_rule(rule: str, obligation: tuple[str, str], tmp_path, capsys) -> None:
    """Red, with the step in the report."""
    action, name = obligation
    status, found = proved("raft", "--without", rule, "--action", action, "--lemma", name, tmp_path=tmp_path)
    assert (status, found["verdict"]) == (3, "not_proved")
    out = capsys.readouterr().out
    assert f"open: {action} / {name}" in out
    assert f"   1  {action}(" in out
    assert f"Not inductive: {name}" in out


def test_what_served_before_is_tried_where_there_are_other_paths() -> None:
    """Without the rule an action has more paths; this lemma needs no rule there, but what the ledger names for it."""
    obligation = Obligation("handle_request_vote", "choosable_is_in_candidates")
    prover, hint = Prover(RaftProof, frozenset({"ignore-stale-term-messages"}), Limits()), read_ledger(RaftProof)[obligation]
    found = prover.discharge(obligation, hint)
    assert found.discharged
    assert len(found.support) != len(hint.support)


@pytest.mark.long
@pytest.mark.parametrize("rule", RAFT_RULES)
def test_only_actions_that_a_rule_governs_fail_without_it(rule: str, tmp_path) -> None:
    status, found = proved("raft", "--without", rule, tmp_path=tmp_path, jobs=2)
    failing = {o["action"] for o in found["obligations"] if o["result"] != "unsat"}
    assert (status, found["verdict"]) == (3, "not_proved")
    assert RAFT_RULES[rule][0] in failing
    assert failing <= {a.name for a in RaftProof.ir.actions if any(getattr(n, "rule", None) == RaftProof.rule_named(rule) for n in ir.walk_all(a.body))}


# --- Not vacuous: what is assumed can be true


CAN_BE_TAKEN = {PaxosProof: Scope(acceptor=2, ballot=2, value=2), RaftProof: Scope(node=3, term=2, index=2, value=1)}


@pytest.mark.parametrize("protocol", CAN_BE_TAKEN)
def test_every_action_can_be_taken_where_all_lemmas_hold(protocol: type[Protocol]) -> None:
    """In a run: each action is enabled in a state that satisfies every lemma."""
    result = simulate(protocol(CAN_BE_TAKEN[protocol]), seed=6, walks=60, steps=40, engine="interpreter")
    assert result.verdict == "no violation found", "the lemmas hold all along"
    assert all(coverage.enabled for coverage in result.coverage.values())


@pytest.mark.parametrize("protocol", [PaxosProof, pytest.param(RaftProof, marks=pytest.mark.long)])
def test_no_action_is_excluded_by_the_lemmas(protocol: type[Protocol]) -> None:
    """In the encoding: axioms, lemmas and theorems leave each action a path that is not refuted."""
    prover = Prover(protocol, frozenset(), Limits())
    everything = (*prover.encoding.lemmas, *prover.encoding.theorems)
    for action in protocol.ir.actions:
        answers = (prover.check(Query(tuple(path.facts), z3.BoolVal(True)), everything, 1.0) for path in prover.encoding.paths(action.name))
        assert any(answer != z3.unsat for answer in answers), action.name


class NothingProposed(PaxosProof):
    """Paxos with a lemma that no run satisfies for long."""

    @lemma("wrong")
    def nothing_is_proposed(self) -> bool:
        """Nobody proposes anything."""
        return all(m.ballot != m.ballot for m in self.accepts)


def test_a_lemma_that_excludes_an_action_is_noticed() -> None:
    prover = Prover(NothingProposed, frozenset(), Limits())
    (path,) = prover.encoding.paths("phase_2b")
    assert prover.check(Query(tuple(path.facts), z3.BoolVal(True)), ("nothing_is_proposed",), 5.0) == z3.unsat


# --- Not vacuous: each lemma is needed


@pytest.mark.parametrize("protocol", [PaxosProof, RaftProof])
def test_every_lemma_is_a_property_or_is_used(protocol: type[Protocol]) -> None:
    assert redundant(protocol, read_ledger(protocol)) == []


SPARE = {"leaders_within_terms"}
"""Lemmas that follow from others (this one from `leaders_were_elected` and `votes_within_terms`) and make the proofs that use them short."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("protocol", "name"),
    [(p, found.name) for p in (PaxosProof, RaftProof) for found in p.ir.of_kind("invariant") if found.topic and found.name not in p.theorems],
)
def test_without_a_lemma_an_obligation_is_open(protocol: type[Protocol], name: str, monkeypatch) -> None:
    """Only an obligation that used it can fail without it, so these are tried: one of them does."""
    hints = read_ledger(protocol)
    monkeypatch.setattr(protocol, "ir", replace(protocol.ir, properties=tuple(p for p in protocol.ir.properties if p.name != name)))
    prover = Prover(protocol, frozenset(), Limits(timeout=4.0))
    assert any(not prover.discharge(o, hints[o]).discharged for o in users_of(name, hints)) == (name not in SPARE)


def test_a_lemma_that_nothing_uses_is_redundant() -> None:
    hints = {o: replace(h, support=tuple(tuple(n for n in s if n != "promises_bind") for s in h.support)) for o, h in read_ledger(PaxosProof).items()}
    assert redundant(PaxosProof, hints) == ["promises_bind"]
