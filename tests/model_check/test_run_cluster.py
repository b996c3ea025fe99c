"""`ionian run`: verdicts, files, and what a reader sees of a bug in the implementation."""

from __future__ import annotations

import json
import re

import pytest

from impl.raft import reads
from impl.raft.log import Log
from model_check.cli.main import run


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "400")


@pytest.mark.parametrize("command", [["raft", "--nodes", "5"], ["multi-paxos", "--model", "kv"], ["paxos"]])
def test_a_correct_cluster(command, capsys):
    assert run(["run", *command, "--seconds", "2", "--runs", "2"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"LINEARIZABLE  {command[0]}, \d nodes, seed 0, [\d,]+ operations, [\d.]+ s", first)
    assert "seed 1" in second


@pytest.mark.parametrize("name", ["multi-paxos", "multi_paxos"])
@pytest.mark.parametrize("command", [["refine", "impl", "--seeds", "1"], ["run", "--seconds", "1"]], ids=lambda c: c[0])
def test_a_name_may_be_that_of_the_module(command, name):
    assert run([*command, name]) == 0


def test_the_files_are_the_same_each_time(tmp_path):
    written = []
    for name in ("a", "b"):
        history, verdicts = tmp_path / f"{name}.ndjson", tmp_path / f"{name}.json"
        assert run(["run", "raft", "--seed", "7", "--seconds", "2", "--history", str(history), "--json", str(verdicts)]) == 0
        (verdict,) = json.loads(verdicts.read_text())
        written.append((history.read_bytes(), verdict["events"]))
        assert (verdict["seed"], verdict["verdict"], verdict["refused"]) == (7, "linearizable", 0)
        assert run(["linearize", str(history), "--model", "register", "--format", "ionian"]) == 0
    assert written[0] == written[1]


def test_a_bug_that_clients_see(monkeypatch, capsys):
    def unconfirmed(node, requester, context):
        reads._answer(node, requester, context, node.commit_index)

    monkeypatch.setattr(reads, "_begin", unconfirmed)
    assert run(["run", "raft", "--runs", "20"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"Between \d+ and \d+ µs of virtual time a client was told what cannot have been.\nCluster\(protocol='raft', nodes=3, ", out)
    assert re.search(r"Faults then and in the second before:\n  \w+\(at=\d+", out)
    assert "Cannot be placed: read()" in out
    assert re.search(r"NOT LINEARIZABLE  raft, 3 nodes, seed \d+, ", out.splitlines()[-1])


def test_a_bug_that_nodes_see(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(Log, "is_up_to_date", lambda log, last_index, last_term: True)
    assert run(["run", "raft", "--runs", "20", "--json", str(tmp_path / "verdicts.json")]) == 1
    out = capsys.readouterr().out
    assert re.search(r"No correct host sends this: \d+ µs, event \d+, host \d: AppendEntries\.\w+: .*\n  \(the first of \d+ messages that hosts refused\)", out)
    assert json.loads((tmp_path / "verdicts.json").read_text())[-1]["refused"] > 0


def test_a_node_that_fails(monkeypatch, capsys, tmp_path):
    def broken(log, index, term):
        return {}[term]

    monkeypatch.setattr(Log, "last_match_candidate", broken)
    assert run(["run", "raft", "--runs", "20", "--json", str(tmp_path / "verdicts.json")]) == 1
    out = capsys.readouterr().out
    assert re.search(r"^KeyError: \d+ \(test_run_cluster.py:\d+, in broken\)\n  at \d+ µs, event \d+ of the run with seed \d+: Append", out, re.MULTILINE)
    assert json.loads((tmp_path / "verdicts.json").read_text())[-1]["verdict"] == "failed"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["zab"], "'zab' is not one of 'raft', 'multi-paxos', 'paxos'"),
        (["raft", "--faults", "crash,earthquake"], "`earthquake` is none of all, none, crash, torn-write, "),
        (["paxos", "--model", "kv"], "paxos decides once"),
    ],
)
def test_a_mistake_is_one_message(arguments, message, capsys):
    assert run(["run", *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert message in err
