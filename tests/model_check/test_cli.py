"""The commands as a user types them: reports, files, and one message with exit status 2 for whatever is wrong."""

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import interrupted

from model_check.cache_folder import cache_root
from model_check.check import Bounds
from model_check.cli.common import replay_command
from model_check.cli.main import run

BROKEN = ["paxos", "--acceptors", "3", "--ballots", "2", "--values", "2", "--without", "adopt", "--engine", "interpreter", "--symmetry"]
WALKS = ["simulate", *BROKEN[:-1], "--seed", "1", "--walks", "300", "--steps", "60"]
SMALL = ["paxos", "--acceptors", "2", "--ballots", "1", "--values", "1", "--engine", "interpreter"]

TOGGLE = '''
from spec.language import Protocol, Scope, Sort, Map, action, invariant, constraint

class Switch(Sort):
    """A switch."""

class Toggle(Protocol):
    """Switches go on."""

    on: Map[Switch, bool]

    def init(self) -> None:
        """All off."""
        self.on = Map({s: False for s in Switch})

    @action
    def flip(self, s: Switch) -> None:
        """Turn one on."""
        self.on[s] = True

    @constraint
    def one(self) -> bool:
        """Only the first two alike."""
        return all(not self.on[s] for s in Switch)

    @invariant
    def not_all(self) -> bool:
        """Some switch stays off."""
        return any(not self.on[s] for s in Switch)
'''


@pytest.fixture
def toggle(tmp_path):
    path = tmp_path / "toggle.py"
    path.write_text(TOGGLE)
    return path


@pytest.fixture(scope="module")
def trace_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("traces") / "broken.itf.json"
    assert run(["check", *BROKEN, "--itf", str(path)]) == 1
    return path


def refused(capsys, arguments, *parts):
    """Exit status 2, nothing on stdout, one message on stderr."""
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err
    for part in parts:
        assert part in err


def test_list_shows_the_specs_and_what_is_in_one(capsys):
    assert run(["list"]) == 0
    out = capsys.readouterr().out
    for name in ("consensus:", "voting:", "paxos:", "raft:", "replicated-log:", "--nodes 3", "--index 2"):
        assert name in out
    assert run(["list", "paxos"]) == 0
    out = capsys.readouterr().out
    for part in ("phase_1a, phase_1b, phase_2a, phase_2b", "type_invariant, agreement, validity", "stability", "keep-the-promise", "Voting"):
        assert part in out


def test_check_holds(capsys, tmp_path):
    assert run(["check", *SMALL, "--json", str(tmp_path / "r.json")]) == 0
    out = capsys.readouterr().out
    data = json.loads((tmp_path / "r.json").read_text())
    assert "HOLDS" in out
    assert f"{data['distinct_states']} distinct states, {data['generated_states']} generated, depth {data['depth']}" in out
    assert data["verdict"] == "holds"
    assert data["scope"] == {"acceptor": 2, "ballot": 1, "value": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]
    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) & 0o400


def test_scope_options_come_in_singular_plural_and_anywhere(capsys):
    for arguments in (
        ["check", "--acceptor", "2", "--ballot=1", "paxos", "--values", "1", "--engine", "interpreter"],
        ["check", "--engine", "interpreter", "--symmetry", "paxos", "--acceptors", "2", "--ballots", "1", "--value", "1"],
    ):
        assert run(arguments) == 0
        assert "scope acceptor=2, ballot=1, value=1" in capsys.readouterr().out


def test_help_of_a_spec_shows_its_scope(capsys):
    assert run(["check", "raft", "--help"]) == 0
    out = capsys.readouterr().out
    for part in ("--node, --nodes", "--index, --indexes N", "--term, --terms", "default 2", "--without", "--symmetry"):
        assert part in out


def test_violation_trace_replay_and_the_way_there(capsys, trace_file, tmp_path):
    assert run(["replay", str(trace_file)]) == 0
    out = capsys.readouterr().out
    assert "  12  phase_2b(a=a3, m=Accept(ballot=0, value=v1))" in out
    assert "Violated: agreement" in out
    assert "12 steps, each re-checked" in out
    assert run(["check", *BROKEN, "--itf", str(tmp_path / "t.json")]) == 1
    assert f"Replay: ionian replay {tmp_path / 't.json'}" in capsys.readouterr().out
    assert (tmp_path / "t.json").read_text() == trace_file.read_text()


@pytest.mark.parametrize("command", [["check", *BROKEN], WALKS], ids=["check", "simulate"])
def test_the_command_that_the_report_gives_replays_the_counterexample(capsys, tmp_path, monkeypatch, command):
    monkeypatch.chdir(Path(__file__).parents[2])
    assert run(command) == 1
    line = next(x for x in capsys.readouterr().out.splitlines() if x.startswith("Replay: "))
    first, second = line.removeprefix("Replay: ").replace("trace.itf.json", str(tmp_path / "t.json")).split(" ; ")
    assert run(shlex.split(first)[1:]) == 1
    assert run(second.split()[1:]) == 0
    assert "Violated: agreement" in capsys.readouterr().out


def test_a_changed_trace_is_found_out(capsys, trace_file, tmp_path):
    data = json.loads(trace_file.read_text())
    data["states"][3]["promises"] = {"#set": []}
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(data))
    assert run(["replay", str(changed)]) == 1
    assert "step 3 is not a step of the protocol" in capsys.readouterr().out
    data = json.loads(trace_file.read_text())
    del data["states"][-1]
    changed.write_text(json.dumps(data))
    assert run(["replay", str(changed)]) == 1
    assert "`agreement` is not violated at its end" in capsys.readouterr().out
    data["#meta"]["ionian"]["property"] = "no_such"
    changed.write_text(json.dumps(data))
    assert run(["replay", str(changed)]) == 1


def test_a_search_goes_on_from_a_step_of_a_trace(capsys, trace_file):
    assert run(["check", *BROKEN, "--from", str(trace_file), "--at", "10"]) == 1
    out = capsys.readouterr().out
    assert f"from the state after step 10 of {trace_file}" in " ".join(out.split())
    assert "Counterexample (12 steps, the shortest way on from" in out
    assert run(["check", *BROKEN, "--from", str(trace_file), "--at", "0", "--max-depth", "3"]) == 0


def test_without_a_rule_of_the_trace_its_steps_are_not_steps(capsys, trace_file):
    whole = [a for a in BROKEN if a not in ("--without", "adopt")]
    refused(capsys, ["check", *whole, "--from", str(trace_file)], "step 9 is not a step of the protocol")
    refused(capsys, ["check", *whole, "--ballots", "3", "--from", str(trace_file)], "is a trace of paxos at Scope(acceptor=3, ballot=2, value=2)")
    refused(capsys, ["check", *BROKEN, "--from", str(trace_file), "--at", "99"], "step 99 is not in the trace: it has steps 1 to 12")
    refused(capsys, ["check", *BROKEN, "--at", "3"], "--from FILE")


def test_quorums_that_do_not_intersect_break_agreement(capsys, tmp_path):
    path = tmp_path / "q.json"
    scope = ["paxos", "--acceptors", "2", "--ballots", "2", "--values", "2", "--engine", "interpreter"]
    assert run(["check", *scope, "--quorums", "explicit:1/2", "--itf", str(path)]) == 1
    assert "quorums of acceptor: explicit:1/2" in capsys.readouterr().out
    assert run(["replay", str(path)]) == 0
    assert run(["check", *scope, "--quorums", "acceptor=weighted:2,1"]) == 0


def test_a_spec_in_a_file(capsys, toggle):
    assert run(["check", str(toggle), "--switches", "2", "--engine", "interpreter"]) == 1
    out = capsys.readouterr().out
    assert "false: any(not self.on[s] for s in Switch)" in out
    assert "self.on = {s1: True, s2: True}" in out
    assert "toggle.py:29)" in "".join(out.split())
    assert run(["check", f"{toggle}:Toggle", "--switch", "2", "--engine", "interpreter", "--constraint", "one"]) == 0
    assert "only through states that satisfy one" in " ".join(capsys.readouterr().out.split())
    refused(capsys, ["check", str(toggle), "--engine", "interpreter"], "Toggle has no default size for switch; give --switch 2")


def test_a_search_goes_on_from_a_trace_of_a_spec_in_a_file(capsys, toggle, tmp_path):
    """The trace's protocol and the one to check are one class: its twin's elements would be other ones."""
    trace = tmp_path / "trace.itf.json"
    here = ["check", str(toggle), "--engine", "interpreter", "--switch", "2"]
    assert run([*here, "--itf", str(trace)]) == 1
    assert run([*here, "--from", str(trace), "--at", "1"]) == 1
    assert "the state after step 1 of" in capsys.readouterr().out


def test_a_spec_file_is_read_again_once_it_has_changed(capsys, toggle):
    here = ["check", str(toggle), "--engine", "interpreter", "--switch", "2"]
    assert run(here) == 1
    toggle.write_text(TOGGLE.replace("any(not", "any(True or not"))
    assert run(here) == 0


def test_an_old_trace_is_left_alone_and_said_to_be(capsys, tmp_path):
    path = tmp_path / "old.itf.json"
    path.write_text("old")
    assert run(["check", *SMALL, "--itf", str(path)]) == 0
    assert f"no counterexample: {path} is not written" in capsys.readouterr().err
    assert path.read_text() == "old"


def test_a_shipped_name_is_not_a_folder_beside_it_and_another_one_is(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "paxos").mkdir()
    (tmp_path / "specs").mkdir()
    assert run(["list", "paxos"]) == 0
    assert "phase_1a" in capsys.readouterr().out
    refused(capsys, ["list", "specs"], "specs is a folder; name the file in it: specs/my_protocol.py:MyProtocol")


@pytest.mark.parametrize("words", [[], ["export"], ["trace"]])
def test_no_arguments_show_the_help(capsys, words):
    assert run(words) == 2
    assert capsys.readouterr().err.startswith("Usage: ionian")


def test_depth_first_says_that_it_may_not_be_shortest(capsys):
    for engine in ("native", "interpreter"):
        assert run(["check", "consensus", "--values", "2", "--without", "choose-only-once", "--engine", engine, "--search", "depth-first"]) == 1
        assert "found depth-first: a shorter one may exist" in capsys.readouterr().out


def test_limits_are_inconclusive(capsys):
    assert run(["check", "paxos", "--engine", "interpreter", "--max-memory", "200KB"]) == 3
    out = capsys.readouterr().out
    assert "INCONCLUSIVE" in out
    assert "memory limit" in out


@pytest.mark.parametrize(
    "command",
    [
        ["check", "paxos", "--engine", "interpreter", "--ballots", "3"],
        ["check", "paxos", "--search", "depth-first", "--ballots", "4"],
        ["simulate", "paxos", "--walks", "1000000000"],
        ["simulate", "paxos", "--walks", "1000000000", "--engine", "interpreter"],
    ],
    ids=["interpreter", "depth-first", "walks", "walks of the interpreter"],
)
def test_an_interrupt_ends_with_the_figures_so_far(command):
    status, shown = interrupted(command, cache_root(), lambda shown: "busiest action" in shown)
    assert status == 3
    assert "stopped: interrupted" in shown
    assert "distinct states" in shown
    assert "Traceback" not in shown


def test_simulate_repeats_itself_and_finds_a_violation(capsys, tmp_path):
    command = ["simulate", *BROKEN[:-3], "--seed", "1", "--walks", "300", "--steps", "60"]
    results = []
    for name in ("a.json", "b.json"):
        assert run([*command, "--json", str(tmp_path / name), "--itf", str(tmp_path / "t.json")]) == 1
        results.append(json.loads((tmp_path / name).read_text()))
        del results[-1]["seconds"], results[-1]["compile_seconds"]
    assert results[0] == results[1]
    assert "found at random: a shorter one may exist" in capsys.readouterr().out
    assert run(["replay", str(tmp_path / "t.json")]) == 0
    for engine in ("native", "interpreter"):
        assert run(["simulate", "paxos", "--walks", "3", "--steps", "5", "--engine", engine]) == 0
        out = capsys.readouterr().out
        assert f"{engine} engine, random walks, seed 0" in out
        assert "3 walks, 15 steps" in out
        assert "NO VIOLATION FOUND" in out


@pytest.mark.parametrize("suffix", ["dot", "json", "graphml"])
def test_graph_writes_each_format(capsys, tmp_path, suffix):
    path = tmp_path / f"g.{suffix}"
    assert run(["graph", "paxos", "--acceptors", "2", "--ballots", "1", "--values", "1", "-o", str(path)]) == 0
    assert "9 states" in capsys.readouterr().out
    assert "phase_1a" in path.read_text()


def test_graph_refuses_what_nobody_can_look_at(capsys, tmp_path):
    path = tmp_path / "g.dot"
    refused(capsys, ["graph", "paxos", "-o", str(path)], "more than 400 states")
    refused(capsys, ["graph", "paxos", "-o", str(tmp_path / "g.png")], "none of .svg, .dot, .graphml, .json")
    assert list(tmp_path.iterdir()) == []


REFUSALS = [
    (["check", "nothing"], ["unknown spec `nothing`", "consensus, voting, paxos"]),
    (["check", "language"], ["unknown spec `language`"]),
    (["check", "no/such/file.py"], ["no such spec file: no/such/file.py"]),
    (["check"], ["Missing argument 'SPEC'"]),
    (["ckeck", "paxos"], ["No such command 'ckeck'; did you mean `check`?"]),
    (["check", "Raft"], ["unknown spec `Raft`", "did you mean `raft`?"]),
    (["check", str(Path(__file__).parent)], ["is a folder; name the file in it", "my_protocol.py:MyProtocol"]),
    (["check", "paxos", "--nodes", "3"], ["unknown option --nodes", "--acceptors", "--ballots", "--values", "--without"]),
    (["check", "paxos", "--acceptor-count", "3"], ["unknown option --acceptor-count", "did you mean `--acceptors`?"]),
    (["check", "paxos", "--acceptors", "0"], ["acceptor must be a whole number of at least 1, not 0"]),
    (["check", "paxos", "--acceptors", "-3"], ["acceptor must be a whole number of at least 1, not -3"]),
    (["check", "paxos", "--acceptors", "many"], ["'many' is not a valid integer"]),
    (["check", "paxos", "--acceptors", "1000000"], ["acceptor=1000000 is too large for any search; the largest acceptor is 12"]),
    (["check", "paxos", "--without", "gravity"], ["no rule `gravity`", "keep-the-promise"]),
    (["check", "raft", "--without", "c"], ["4 rules that begin with `c`: candidates-log", "commit-needs-a-majority", "write more of the name"]),
    (["check", "paxos", "--without", "keep promises"], ["no rule `keep promises`", "did you mean `keep-the-promise`?"]),
    (["check", "paxos", "--property", "agrement"], ["did you mean `agreement`?"]),
    (["break", "paxos", "--rule", "keep promises"], ["no rule `keep promises` to remove", "did you mean `keep-the-promise`?"]),
    (["check", "paxos", "--property", "beauty"], ["property `beauty` is unknown; there is type_invariant, agreement"]),
    (["check", "paxos", "--constraint", "few"], ["constraint `few` is unknown"]),
    (["check", "paxos", "--engine", "steam"], ["'steam' is not one of"]),
    (["check", "paxos", "--workers", "0"], ["0 is not in the range 1<=x<=256"]),
    (["check", "paxos", "--workers", "100000"], ["100000 is not in the range 1<=x<=256"]),
    (["check", "paxos", "--json", "/tmp/one", "--itf", "/tmp/../tmp/one"], ["--itf", "another option writes the same file"]),
    (["check", "paxos", "--max-depth", "-1"], ["-1 is not in the range x>=0"]),
    (["check", "paxos", "--max-memory", "lots"], ["`lots` is not an amount of memory; write e.g. 500MB or 4GB"]),
    (["check", "paxos", "--quorums", "feelings"], ["--quorums feelings: not a quorum system"]),
    (["check", "paxos", "--quorums", "weighted:1,x,1"], ["not a quorum system"]),
    (["check", "paxos", "--quorums", "weighted:1,1"], ["2 weights for 3 members"]),
    (["check", "paxos", "--quorums", "explicit:1/9"], ["quorums must be non-empty sets of members 1..3"]),
    (["check", "paxos", "--quorums", "value=majorities"], ["has no quorums of `value`, but of acceptor"]),
    (["check", "consensus", "--quorums", "majorities"], ["has no quorums; leave the option out"]),
    (["check", "etcd-raft", "--quorums", "majorities"], ["has no quorums; leave the option out"]),
    (["check", "paxos", "--json", "/no/such/folder/r.json"], ["--json", "/no/such/folder/r.json cannot be written: No such file or directory"]),
    (["check", "paxos", "--itf", "/"], ["cannot be written: it is a folder"]),
    (["check", "paxos", "--search", "depth-first", "--workers", "2"], ["runs on one worker, not on 2"]),
    (["replay", "no-such-file"], ["no-such-file: cannot be read: No such file or directory"]),
    (["replay", __file__], ["not a trace: line 1, column 3"]),
    (["simulate", "paxos", "--walks", "0"], ["0 is not in the range x>=1"]),
    (["graph", "paxos"], ["Missing option"]),
]


@pytest.mark.parametrize(("arguments", "parts"), REFUSALS, ids=lambda x: " ".join(x)[:60])
def test_wrong_usage_is_one_message(capsys, arguments, parts):
    refused(capsys, arguments, *parts)


SPEC_ERRORS = [
    ("x = (\n", ["'(' was never closed", ":1:"]),
    ("import no_such_module\n", ["does not load: ModuleNotFoundError: No module named 'no_such_module'", ":1:"]),
    ("\n\nprint(1 / 0)\n", ["does not load: ZeroDivisionError", ":3:"]),
    ("import sys\nsys.exit(0)\n", ["does not load: SystemExit: 0", ":2:"]),
    ("\0", ["null bytes", "mine.py:1:1:"]),
    ("x = 1\n", ["has 0 protocols (none); derive one from spec.language.Protocol"]),
    (TOGGLE.replace("True\n", "1\n"), [":19:", "the number 1 has no sort here"]),
    (TOGGLE + "\n\nclass Other(Toggle):\n    pass\n", ["has 2 protocols (Toggle, Other); name one: ", ":Toggle"]),
]


@pytest.mark.parametrize(("text", "parts"), SPEC_ERRORS)
def test_a_spec_file_with_an_error_is_one_message_with_its_place(capsys, tmp_path, text, parts):
    path = tmp_path / "mine.py"
    path.write_text(text)
    refused(capsys, ["check", str(path), "--engine", "interpreter"], "mine.py", *parts)


def test_output_to_a_device_leaves_the_device_alone(tmp_path):
    assert run(["check", *SMALL, "--json", "/dev/null"]) == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path, monkeypatch):
    from model_check.cli import files

    path = tmp_path / "r.json"
    path.write_text("old")

    def fail(descriptor, *rest, **kinds):
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fdopen", fail)
    assert run(["check", *SMALL, "--json", str(path)]) == 2
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


def test_a_reader_that_leaves_early_is_no_error():
    command = f"{sys.executable} -m ionian check {' '.join(SMALL)} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": "."}, check=False)
    assert done.stdout.startswith("paxos")
    assert "Traceback" not in done.stderr


def test_a_counterexample_is_found_again_by_the_same_search_from_the_same_state():
    bounds = Bounds(("no_restarts", "no_entries"), None, "a state")
    again = replay_command(["check", "raft"], None, bounds, "the way.json", 4)
    assert again == (
        "ionian check raft --constraint no_restarts --constraint no_entries --from 'the way.json' --at 4 --itf trace.itf.json ; ionian replay trace.itf.json"
    )
    assert replay_command(["check", "raft"], Path("a b.json"), bounds, "the way.json", 4) == "ionian replay 'a b.json'"


@pytest.mark.parametrize(("given", "again"), [(["--no-symmetry"], "--no-symmetry"), (["--symmetry"], "--symmetry"), ([], "")])
def test_what_a_search_was_told_it_is_told_again(given, again, capsys):
    assert run(["check", "consensus", "--without", "choose only once", "--engine", "interpreter", *given]) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Replay: ")]
    assert [word for word in line.split() if "symmetry" in word] == again.split()
