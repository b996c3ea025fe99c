"""Each rule's removal is caught, at the scope of its experiment and with the length that the README shows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model_check.breaking import EXPERIMENTS, Broken, Experiment, experiments_for, run_experiment
from model_check.check import check
from model_check.cli.main import run
from spec.consensus import Consensus
from spec.etcd_raft import EtcdRaft
from spec.language import Protocol
from spec.paxos import Paxos
from spec.raft import Raft
from spec.replicated_log import ReplicatedLog
from spec.voting import Voting
from tests.model_check.broken_rules import ETCD_RAFT, PAXOS, RAFT


def found_for(protocol: type[Protocol], experiment: Experiment) -> tuple[str, int]:
    broken = run_experiment(protocol, experiment, workers=2)
    assert broken.result.verdict == "violated"
    return broken.result.property, broken.length


@pytest.mark.parametrize("protocol", [Consensus, Voting, Paxos, Raft])
def test_every_rule_has_an_experiment(protocol: type[Protocol]) -> None:
    removed = {e.rule for e in EXPERIMENTS[protocol.__name__] if not e.quorums}
    assert removed == {name for _, name in protocol.ir.rules}


@pytest.mark.long  # the README's `ionian break paxos` in the default tests finds the same
def test_paxos_every_removal_is_caught() -> None:
    assert {e.rule: found_for(Paxos, e) for e in experiments_for(Paxos)} == PAXOS


@pytest.mark.long
def test_raft_every_removal_is_caught_and_figure_8_is_one_of_them() -> None:
    assert {e.rule: found_for(Raft, e) for e in experiments_for(Raft)} == RAFT


@pytest.mark.long
def test_etcd_raft_removals_that_show_in_an_election_are_caught() -> None:
    experiments = experiments_for(EtcdRaft)
    assert {e.rule: found_for(EtcdRaft, e) for e in experiments} == ETCD_RAFT
    result = check(EtcdRaft(experiments[0].scope), symmetry=True, constraints=experiments[0].constraints)
    assert (result.verdict, result.distinct_states, result.depth) == ("holds", 12_972, 28)


@pytest.mark.long
def test_with_all_rules_nothing_is_violated_where_figure_8_was_found() -> None:
    figure_8 = next(e for e in experiments_for(Raft) if e.scope.sizes["term"] == 4)
    result = check(Raft(figure_8.scope), symmetry=True, workers=2, constraints=figure_8.constraints, max_depth=26)
    assert result.verdict == "holds"


def test_the_command_writes_json_and_knows_its_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.json"
    assert run(["break", "consensus", "--json", str(file)]) == 0
    (row,) = json.loads(file.read_text())["rules"]
    assert (row["rule"], row["verdict"], row["property"], row["length"]) == ("choose only once", "violated", "agreement", 2)
    assert "1 of 1 removals caught" in capsys.readouterr().out
    assert run(["break", "consensus", "--rule", "no such rule"]) == 2
    assert "its rules are choose-only-once" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("done", "says", "not_tried"),
    [
        pytest.param([], None, 4, id="compiling the first"),
        pytest.param(["violated"], "1 of 1 removals caught", 3, id="compiling the second"),
        pytest.param(["violated", "inconclusive"], "1 of 2 removals caught", 2, id="exploring the second"),
    ],
)
def test_ctrl_c_ends_all_searches_with_what_they_found(
    done: list[str], says: str | None, not_tried: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    caught = run_experiment(Consensus, experiments_for(Consensus)[0])
    stopped = replace(caught, result=replace(caught.result, verdict="inconclusive", stopped="interrupted", property="", trace=None))
    found = [caught if verdict == "violated" else stopped for verdict in done]

    def next_one(*arguments: object) -> Broken:
        if not found:
            raise KeyboardInterrupt
        return found.pop(0)

    monkeypatch.setattr("model_check.cli.breaking.run_experiment", next_one)
    assert run(["break", "voting"]) == 3
    out = capsys.readouterr().out
    assert f"interrupted: {not_tried} rules not tried" in out
    if says is None:
        assert "rule removed" not in out
    else:
        assert says in out


def test_a_protocol_without_rules_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert ReplicatedLog.ir.rules == ()
    assert run(["break", "replicated-log"]) == 2
    assert "has no named rules" in capsys.readouterr().err
