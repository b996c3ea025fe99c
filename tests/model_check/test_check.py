"""Results of a check: verdicts, bounds, explanations, reports; simulation; the pytest helper."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from model_check import assert_holds, check, simulate
from model_check import check as check_module_export
from model_check.check import EngineError, confirm
from model_check.explain import explain
from model_check.interpreter import explore
from model_check.report import console, print_result, progress_line
from model_check.search import TYPE_INVARIANT, Outcome, Progress, Violation
from model_check.trace import replay_path
from spec.consensus import Consensus
from spec.language import IonianError, Map, Option, Ordered, Position, Protocol, Scope, Seq, Sort, SpecError, action, action_property, invariant
from spec.paxos import Paxos

RULE = "adopt the value of the highest vote"


class Cell(Sort):
    """A place."""


class Level(Ordered):
    """A height."""


class Step(Position):
    """A place in the trail."""


class Lamps(Protocol):
    """Properties of every form that an explanation narrows."""

    default_scope = Scope(cell=2, level=2, step=1)

    lit: Map[Cell, bool]
    level: Map[Cell, Option[Level]]
    trail: Seq[Step, Cell]

    def init(self) -> None:
        """All dark."""
        self.trail = Seq.empty(Step)
        self.lit = Map({c: False for c in Cell})
        self.level = Map({c: None for c in Cell})

    @action
    def light(self, c: Cell, x: Level) -> None:
        """Light one."""
        self.lit[c] = True
        self.level[c] = x

    def dark(self, c: Cell) -> bool:
        """A helper with a conjunction to narrow."""
        unknown = self.level[c] is None
        return not self.lit[c] and unknown

    @invariant
    def conjunction(self) -> bool:
        """The second operand fails."""
        return any(True for c in Cell) and all(not self.lit[c] for c in Cell)

    @invariant
    def negation(self) -> bool:
        """A true `any` below `not`."""
        return not any(self.lit[c] and self.level[c] is not None for c in Cell)

    @invariant
    def helper(self) -> bool:
        """The helper's body fails."""
        return all(self.dark(c) for c in Cell if self.lit[c] or c == c)

    @invariant
    def choice(self) -> bool:
        """One branch decides."""
        return all((self.level[c] is None) if self.lit[c] else True for c in Cell)

    @invariant
    def untaken(self) -> bool:
        """Only one branch has a value."""
        return all((self.trail[self.trail.last] if self.trail.last > Step(0) else c) != c for c in Cell if self.lit[c])

    @action_property
    def stays_dark(self, after: "Lamps") -> bool:
        """Lights stay off."""
        return all(after.lit[c] == self.lit[c] for c in Cell)


class Mistyped(Protocol):
    """Comes to store None where a level belongs."""

    default_scope = Scope(level=2)

    level: Level

    def init(self) -> None:
        """At zero."""
        self.level = Level(0)

    @action
    def lose(self) -> None:
        """Back to zero."""
        self.level = Level(0)


def lose(self):
    """What the language refuses."""
    self.level = None


def paxos(**changes):
    return Paxos(Scope(acceptor=3, ballot=2, value=2), **changes)


@pytest.fixture(scope="module")
def violated():
    return check(paxos(without=(RULE,)), engine="interpreter", symmetry=True)


def text_of(result, replay=""):
    out = io.StringIO()
    print_result(console(out), result, replay)
    return out.getvalue()


def test_holds_with_all_figures():
    result = check(Paxos(Scope(acceptor=2, ballot=2, value=1)), engine="interpreter")
    outcome = explore(Paxos(Scope(acceptor=2, ballot=2, value=1)), _options())
    assert result.verdict == "holds"
    assert (result.distinct_states, result.generated_states, result.depth) == (outcome.distinct_states, outcome.generated_states, outcome.depth)
    assert (result.coverage, result.witnesses) == (outcome.coverage, outcome.witnesses)
    assert (result.trace, result.explanation, result.property, result.collision_chance) == (None, None, "", 0.0)
    assert not result.bounds


def _options():
    from model_check.search import Options

    return Options()


def test_violated_with_a_trace_that_ends_in_the_violation(violated):
    assert (violated.verdict, violated.property) == ("violated", "agreement")
    assert violated.trace.violates == "agreement"
    agreement = next(p for p in Paxos.ir.properties if p.name == "agreement")
    truth = [paxos().holds(agreement, state) for state in violated.trace.states]
    assert truth == [True] * len(violated.trace.steps) + [False]
    assert len(violated.trace.steps) == violated.depth == 12
    assert violated.explanation.conjunct == "v == w"
    assert violated.explanation.given == ("self.chosen_in(b, v)", "self.chosen_in(c, w)")
    assert dict(violated.explanation.values) == {"v": "v1", "b": "0", "w": "v2", "c": "1"}


def test_json_has_the_keys_that_others_read(violated):
    data = json.loads(json.dumps(violated.to_json()))
    wanted = "spec scope engine symmetry without verdict distinct_states generated_states depth seconds compile_seconds property trace coverage witnesses"
    assert set(wanted.split()) <= set(data)
    assert data["spec"] == "paxos"
    assert data["scope"] == {"acceptor": 3, "ballot": 2, "value": 2}
    assert data["without"] == ["adopt-the-value-of-the-highest-vote"]
    assert [set(step) for step in data["trace"]] == [{"action", "arguments", "state"}] * 13
    assert data["trace"][1]["action"] == "phase_1a"
    assert data["trace"][1]["arguments"] == {"b": 0}
    assert data["trace"][0]["action"] is None
    assert data["witnesses"]["a_value_is_chosen"] == 6


@pytest.mark.parametrize(
    ("name", "conjunct", "values"),
    [
        ("conjunction", "not self.lit[c]", {"c": "c2", "self.lit[c]": "True"}),
        ("negation", "self.lit[c] and self.level[c] is not None", {"c": "c2", "self.lit[c]": "True", "self.level[c]": "1"}),
        ("helper", "not self.lit[c]", {"c": "c2", "unknown": "False", "self.lit[c]": "True"}),
        ("choice", "self.level[c] is None", {"c": "c2", "self.level[c]": "1"}),
        (
            "untaken",
            "(self.trail[self.trail.last] if self.trail.last > Step(0) else c) != c",
            {"c": "c2", "self.trail[self.trail.last]": "no value", "self.trail": "[]"},
        ),
        ("stays_dark", "after.lit[c] == self.lit[c]", {"c": "c2", "after.lit[c]": "True", "self.lit[c]": "False"}),
    ],
)
def test_explanations_name_the_conjunct_and_its_values(name, conjunct, values):
    protocol = Lamps()
    # The fourth step lights the second lamp at level 1.
    trace = replay_path(protocol, (0, 3))
    before, after = trace.states
    found = explain(protocol, name, before, after) if name == "stays_dark" else explain(protocol, name, after)
    assert found.conjunct == conjunct
    assert dict(found.values) == values
    line = int(found.conjunct_place.rpartition(":")[2])
    assert conjunct in Path(__file__).read_text().splitlines()[line - 1]


def test_type_invariant_names_the_variable(monkeypatch):
    """Should an ill-typed store pass the language, CPython's state shows it."""
    monkeypatch.setattr(Mistyped, "lose", lose)
    result = check(Mistyped(), engine="interpreter")
    assert result.property == TYPE_INVARIANT
    assert result.explanation.conjunct == "level in Level"
    assert result.explanation.values == (("level", "None"),)


def test_depth_limit_and_constraints_are_bounds_of_the_verdict():
    result = check(paxos(without=(RULE,)), engine="interpreter", max_depth=3)
    assert (result.verdict, result.depth, result.bounds.max_depth) == ("holds", 3, 3)
    assert "within this scope and the bounds above" in text_of(result)
    assert "at most 3 steps deep" in text_of(result)


def test_a_limit_of_memory_is_inconclusive():
    result = check(paxos(), engine="interpreter", max_memory=100_000)
    assert result.verdict == "inconclusive"
    assert "INCONCLUSIVE" in text_of(result)


def test_a_start_within_a_trace_prolongs_it(violated):
    result = check(paxos(without=(RULE,)), engine="interpreter", start=violated.trace.until(9))
    assert result.property == "agreement"
    assert len(result.trace.steps) == 12
    assert result.trace.steps[:9] == violated.trace.steps[:9]
    assert "after step 9" in text_of(result)
    with pytest.raises(IonianError, match="step 13 is not in the trace: it has steps 1 to 12"):
        violated.trace.until(13)


def test_an_engine_that_lies_is_found_out(monkeypatch):
    module = sys.modules["model_check.check"]
    lies = {
        "finds it true": Violation("agreement", (0, 0)),
        "is not enabled under CPython": Violation("agreement", (0, 99)),
        "starts at none of the 1 initial states": Violation("agreement", (4,)),
    }
    for message, violation in lies.items():
        monkeypatch.setattr(module.interpreter, "explore", lambda protocol, options, v=violation: Outcome(violation=v))
        with pytest.raises(IonianError, match=message):
            check_module_export(paxos(), engine="interpreter")
    with pytest.raises(EngineError):
        confirm(paxos(), TYPE_INVARIANT, replay_path(paxos(), (0,)))


def test_collision_chance_is_calculated_for_fingerprints(monkeypatch):
    module = sys.modules["model_check.check"]
    monkeypatch.setattr(module.interpreter, "explore", lambda protocol, options: Outcome(distinct_states=10**6))
    result = check(paxos(), engine="interpreter")
    assert result.collision_chance == pytest.approx(10**12 / 2**65)
    assert "2.7e-08" in text_of(result)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "quantum"}, "engine `quantum` is unknown; there is native, interpreter"),
        ({"search": "sideways"}, "search `sideways` is unknown"),
        ({"properties": ("safety",)}, "property `safety` is unknown; there is type_invariant, agreement, validity, stability"),
        ({"constraints": ("few",)}, "constraint `few` is unknown; there is none"),
        ({"workers": 0}, "must be at least 1"),
        ({"max_depth": -1}, "must be at least 1"),
        ({"engine": "native", "search": "depth-first", "workers": 2}, "depth-first search runs on one worker, not on 2"),
    ],
)
def test_wrong_options_are_one_message(options, message):
    with pytest.raises(IonianError, match=re.escape(message)):
        check(paxos(), **{"engine": "interpreter", **options})


def test_the_report_fits_80_columns_without_colour(violated):
    text = text_of(violated, "ionian replay x")
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert not any(line.endswith(" ") for line in text.splitlines())
    for part in ("   9  phase_2a(b=1, v=v2, q={a1, a2})", "max_bal[a3]: None -> 0", "Violated: agreement", "false: v == w", "VIOLATED", "ionian replay x"):
        assert part in text
    assert "\nphase_2b      1,602    1,025         340\n" in text


def test_a_step_is_shown_with_what_it_changed_of_the_state_before(violated):
    """Not of the first one: an acceptor that has promised ballot 0 promises ballot 1."""
    assert re.search(r"\n +\d+  phase_1b\(a=(a\d), .*\n +max_bal\[\1\]: 0 -> 1\n", text_of(violated))


def test_the_report_names_actions_and_witnesses_never_met():
    text = text_of(check(paxos(), engine="interpreter", max_depth=2))
    assert "actions never taken: phase_2a, phase_2b" in text
    assert "witnesses not reached: a_value_is_chosen, a_vote_is_adopted" in text


def test_a_terminal_gets_colour_and_progress(violated):
    out = io.StringIO()
    print_result(Console(file=out, force_terminal=True, width=80, highlight=False, markup=False), violated)
    assert "\x1b[" in out.getvalue()
    line = progress_line(Progress(7, 1000, 5000, 2.0, 3_000_000, 40, "phase_1b")).plain
    for part in ("depth 7", "1,000 distinct", "5,000", "500/s", "frontier 40", "3 MB", "phase_1b"):
        assert part in line


def test_assert_holds_passes_or_prints_the_counterexample():
    assert assert_holds(Consensus, Scope(value=2), engine="interpreter").distinct_states == 3
    with pytest.raises(AssertionError, match=r"violated(.|\n)*choose\(v=v2\)(.|\n)*false: v == w") as caught:
        assert_holds(Consensus(Scope(value=2), without=("choose only once",)), engine="interpreter")
    assert "Violated: agreement" in str(caught.value)
    with pytest.raises(AssertionError, match="inconclusive"):
        assert_holds(paxos(), engine="interpreter", max_memory=10_000)


def test_simulation_finds_a_violation_and_repeats_it_in_either_engine():
    first, second = (simulate(paxos(without=(RULE,)), engine=engine, seed=1, walks=300, steps=60) for engine in ("native", "interpreter"))
    assert first.verdict == "violated"
    assert first.property == "agreement"
    assert (first.trace, first.walks, first.steps, first.coverage) == (second.trace, second.walks, second.steps, second.coverage)
    other = simulate(paxos(without=(RULE,)), seed=2, walks=300, steps=60)
    assert other.trace != first.trace


def test_simulation_without_a_violation_says_no_more_than_that():
    result = simulate(paxos(), seed=4, walks=5, steps=10)
    assert result.verdict == "no violation found"
    assert result.walks == 5
    assert result.steps <= 50
    assert sum(c.new for c in result.coverage.values()) == result.distinct_states - 1
    with pytest.raises(SpecError, match="property `x` is unknown"):
        simulate(paxos(), properties=("x",))
    with pytest.raises(IonianError, match="must be at least 1"):
        simulate(paxos(), walks=0)
    with pytest.raises(IonianError, match="engine `quantum` is unknown"):
        simulate(paxos(), engine="quantum")


def test_results_do_not_depend_on_the_hash_seed():
    program = (
        "import json; from model_check import check, simulate; from spec.paxos import Paxos; from spec.language import Scope\n"
        "p = Paxos(Scope(acceptor=3, ballot=2, value=2), without=('adopt',))\n"
        "results = [check(p, engine='interpreter', symmetry=True).to_json(), simulate(p, engine='interpreter', seed=3, walks=20).to_json()]\n"
        "[r.pop('seconds') for r in results]; print(json.dumps(results))"
    )
    outputs = set()
    for seed in ("1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": "."}
        done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
        outputs.add(done.stdout)
    assert len(outputs) == 1
