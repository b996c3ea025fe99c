"""Refinement on every transition: the shipped mappings hold, a removed rule breaks one, both engines agree."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from model_check.cli.main import run
from model_check.refine import refine
from spec.consensus import Consensus
from spec.language import IonianError, Protocol, Scope
from spec.paxos import Paxos
from spec.raft import Raft
from spec.replicated_log import ReplicatedLog
from spec.voting import Voting

PAXOS = Scope(acceptor=3, ballot=2, value=2)


VOTING = (Voting(Scope(acceptor=3, ballot=2, value=2)), Consensus)
RAFT = (Raft(Scope(node=2, term=1, index=1, value=1)), ReplicatedLog)


@pytest.mark.parametrize(
    ("protocol", "abstract", "symmetry"),
    [
        pytest.param(*VOTING, False, id="voting", marks=pytest.mark.long),
        pytest.param(*VOTING, True, id="voting up to symmetry"),
        pytest.param(Paxos(PAXOS), Voting, True, id="paxos up to symmetry", marks=pytest.mark.long),
        pytest.param(*RAFT, False, id="raft", marks=pytest.mark.long),
        pytest.param(*RAFT, True, id="raft up to symmetry", marks=pytest.mark.long),
    ],
)
def test_both_engines_find_that_the_mapping_holds(protocol: Protocol, abstract: type[Protocol], symmetry: bool) -> None:
    found = [refine(protocol, abstract, engine=engine, symmetry=symmetry) for engine in ("native", "interpreter")]
    assert [r.verdict for r in found] == ["holds", "holds"]
    assert found[0].transitions == found[1].transitions > found[0].distinct_states
    assert found[0].distinct_states == found[1].distinct_states


def test_paxos_refines_voting_on_all_23466_transitions() -> None:
    result = refine(Paxos(PAXOS), Voting, workers=2)
    assert (result.verdict, result.distinct_states, result.transitions) == ("holds", 3921, 23466)


def test_a_broken_promise_is_no_step_of_voting() -> None:
    found = [refine(Paxos(PAXOS, without=("keep the promise",)), Voting, engine=engine) for engine in ("native", "interpreter")]
    for result in found:
        assert result.verdict == "violated"
        assert result.trace is not None
        assert len(result.trace.steps) == 7
        assert result.trace.steps[-1][0].action == "phase_2b"
        before, after = result.images
        assert after.votes - before.votes, "the vote that Voting does not allow"
    assert found[0].trace == found[1].trace


def test_what_has_no_mapping_is_refused() -> None:
    with pytest.raises(IonianError, match="Raft has no refinement mapping to Voting"):
        refine(Raft(), Voting)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "quantum"}, "engine `quantum` is unknown; there is native, interpreter"),
        ({"workers": 0}, "must be at least 1"),
        ({"max_depth": -1}, "must be at least 1"),
        ({"max_memory": 0}, "must be at least 1"),
    ],
)
def test_wrong_options_are_one_message(options: dict[str, Any], message: str) -> None:
    with pytest.raises(IonianError, match=message):
        refine(Paxos(PAXOS), Voting, **{"engine": "interpreter", **options})


def test_a_refused_step_is_written_and_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report gives the command that shows it again; cut off before the refused step, the trace is an allowed behaviour."""
    file = tmp_path / "refused.itf.json"
    broken = ["--without", "keep the promise", "--ballots", "2", "--engine", "interpreter"]
    assert run(["refine", "paxos", "voting", *broken, "--symmetry"]) == 1
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("Replay: "))
    first, second = line.removeprefix("Replay: ").replace("trace.itf.json", str(file)).split(" ; ")
    assert shlex.split(first)[:4] == ["ionian", "refine", "paxos", "voting"]
    assert run(shlex.split(first)[1:]) == 1
    assert f"Replay: ionian replay {file}" in capsys.readouterr().out
    assert run(shlex.split(second)[1:]) == 0
    out = capsys.readouterr().out
    assert "Voting has no such step. Its states:\n  before\n    votes = " in out
    assert "7 steps, each re-checked: a behaviour of paxos" in out
    shorter = json.loads(file.read_text())
    del shorter["states"][-1]
    file.write_text(json.dumps(shorter))
    assert run(["replay", str(file)]) == 1
    assert "`voting` is not violated at its end" in " ".join(capsys.readouterr().out.split())


def test_the_command_writes_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "result.json"
    assert run(["refine", "voting", "consensus", "--ballots", "2", "--json", str(file)]) == 0
    assert "HOLDS" in capsys.readouterr().out
    written = json.loads(file.read_text())
    assert (written["verdict"], written["distinct_states"]) == ("holds", 599)
    assert written["transitions"] == 2835
    assert run(["refine", "paxos", "raft"]) == 2
