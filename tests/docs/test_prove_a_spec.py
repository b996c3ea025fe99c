"""The walk-through of a proof, done as a reader would do it: without a lemma, with some, with all, and by suggestion."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from model_check import check
from model_check.cli.main import run
from model_check.smt.unbounded.obligations import obligations_of
from model_check.smt.unbounded.prover import Limits, Prover
from model_check.smt.unbounded.suggest import suggest
from spec.language import Protocol

DOCS = Path(__file__).parents[2] / "docs"
SPEC = "\n\n".join(re.findall(r"```python\n(.*?)```", (DOCS / "write-a-spec.md").read_text(encoding="utf-8").split("\n## The language\n")[0], flags=re.DOTALL))
DOCUMENT = (DOCS / "prove-a-spec.md").read_text(encoding="utf-8")
BEGIN, DECISION, VOTES = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
NONE, SOME, ALL, RULES, SUGGESTED = re.findall(r"```text\n(.*?)```", DOCUMENT, flags=re.DOTALL)

Load = Callable[[str], ModuleType]


def proof(load_spec: Load, *blocks: str) -> type[Protocol]:
    """The reader's class, with the blocks written so far."""
    text = "\n".join(blocks).replace("from two_phase_commit import", f"from {load_spec(SPEC).__name__} import")
    found: type[Protocol] = load_spec(text).TwoPhaseCommitProof
    return found


def obligations(protocol: type[Protocol], without: str = "") -> tuple[int, list[str]]:
    """How many there are, and the open ones as the document writes them."""
    prover = Prover(protocol, frozenset({without} - {""}), Limits())
    found = [prover.discharge(o) for o in obligations_of(protocol)]
    return len(found), [f"open: {d.obligation.action} / {d.obligation.lemma}" for d in found if d.result != "unsat"]


@pytest.mark.parametrize(("blocks", "shown"), [((BEGIN,), NONE), ((BEGIN, DECISION), SOME), ((BEGIN, DECISION, VOTES), ALL)], ids=["none", "some", "all"])
def test_the_obligations_shown_are_open_and_no_others(load_spec: Load, blocks: tuple[str, ...], shown: str) -> None:
    count, still_open = obligations(proof(load_spec, *blocks))
    assert re.findall(r"^open: .*$", shown, flags=re.MULTILINE) == still_open
    assert f"{count - len(still_open)} of {count} obligations discharged\n" in shown


def test_the_step_shown_is_the_one_that_is_found(load_spec: Load, capsys: pytest.CaptureFixture[str]) -> None:
    file = inspect.getfile(proof(load_spec, BEGIN))
    assert run(["prove", f"{file}:TwoPhaseCommitProof", "--jobs", "1"]) == 3
    shown = NONE.split("\n\n")[2]
    assert shown.startswith("give_up / consistency, in a small cluster")
    assert shown in capsys.readouterr().out


@pytest.mark.parametrize("rule", ["a vote is a promise", "commit only with every vote"])
def test_without_a_rule_the_obligations_shown_are_open(load_spec: Load, rule: str) -> None:
    shown = RULES.split(f'--without "{rule}"\n')[1].split("$ ")[0]
    _, still_open = obligations(proof(load_spec, BEGIN, DECISION, VOTES), rule.replace(" ", "-"))
    assert shown.split("\n")[: len(still_open)] == still_open
    assert still_open


def test_each_lemma_is_needed(load_spec: Load) -> None:
    methods = [m for block in (DECISION, VOTES) for m in re.findall(r"    @lemma.*?(?=\n    @lemma|\Z)", block, flags=re.DOTALL)]
    assert len(methods) == 4
    for left_out in methods:
        _, still_open = obligations(proof(load_spec, BEGIN, *(m for m in methods if m is not left_out)))
        assert still_open, left_out


def test_the_lemmas_hold_where_the_explorer_looks(load_spec: Load) -> None:
    assert check(proof(load_spec, BEGIN, DECISION, VOTES)(), engine="interpreter").verdict == "holds"


def test_the_templates_complete_the_proof_as_shown(load_spec: Load) -> None:
    found = suggest(proof(load_spec, BEGIN))
    assert found.complete
    assert re.findall(r"^    (all\(.*)$", SUGGESTED, flags=re.MULTILINE) == list(found.suggested.values())
    assert (
        f"{found.offered} candidates, {found.true_there} of them true in all {found.states} states of participant=3, {found.inductive} inductive\n" in SUGGESTED
    )


def test_the_command_prints_the_suggestion_as_shown(load_spec: Load, capsys: pytest.CaptureFixture[str]) -> None:
    file = inspect.getfile(proof(load_spec, BEGIN))
    assert run(["prove", f"{file}:TwoPhaseCommitProof", "--suggest"]) == 0
    assert capsys.readouterr().out == SUGGESTED.split("\n", 1)[1]


def test_the_command_writes_the_graph(load_spec: Load, tmp_path: Path) -> None:
    file = inspect.getfile(proof(load_spec, BEGIN, DECISION, VOTES))
    assert run(["prove", f"{file}:TwoPhaseCommitProof", "--jobs", "1", "--graph", str(tmp_path / "g.dot")]) == 0
    assert "consistency -> commits_follow_the_decision" in (tmp_path / "g.dot").read_text()


def test_candidates_without_suggest_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["prove", "paxos", "--candidates", "guesses.py"]) == 2
    assert "--candidates needs --suggest" in capsys.readouterr().err
