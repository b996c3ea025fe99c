"""The walk-through of two-phase commit, done as a reader would do it: block by block, then checked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

import spec.language
from model_check import check
from spec.language import Scope, SpecError

DOCUMENT = Path(__file__).parents[2] / "docs" / "write-a-spec.md"
WALK_THROUGH, REFERENCE = DOCUMENT.read_text(encoding="utf-8").split("\n## The language\n")
BLOCKS = re.findall(r"```python\n(.*?)```", WALK_THROUGH, flags=re.DOTALL)
SORTS, STATE, INIT, ACTIONS, PROPERTIES, WITNESSES = BLOCKS
WHOLE = SORTS + "\n\n" + "\n".join((STATE, INIT, ACTIONS, PROPERTIES, WITNESSES))

Load = Callable[[str], ModuleType]


def test_before_its_initial_state_the_file_is_refused_as_shown(load_spec: Load) -> None:
    load_spec(SORTS)
    with pytest.raises(SpecError) as caught:
        load_spec(SORTS + "\n\n" + STATE)
    assert f"two_phase_commit.py:{caught.value.line}:{caught.value.column}: {caught.value.message}\n" in WALK_THROUGH


def test_actions_and_properties_can_be_added_one_by_one(load_spec: Load) -> None:
    text = SORTS + "\n\n" + STATE + "\n" + INIT
    with pytest.raises(SpecError, match="TwoPhaseCommit has no actions; mark its methods with @action"):
        load_spec(text)
    for block, properties in ((ACTIONS, 0), (PROPERTIES, 2), (WITNESSES, 4)):
        text += "\n" + block
        assert len(load_spec(text).TwoPhaseCommit.ir.properties) == properties


def test_the_protocol_holds_with_the_figures_shown(load_spec: Load) -> None:
    result = check(load_spec(WHOLE).TwoPhaseCommit(), engine="interpreter")
    assert result.verdict == "holds"
    assert f"{result.distinct_states} distinct states, {result.generated_states} generated, depth {result.depth}\n" in WALK_THROUGH
    reached = ", ".join(f"{name} (depth {depth})" for name, depth in result.witnesses.items())
    assert f"witnesses reached: {reached}\n" in WALK_THROUGH


@pytest.mark.parametrize(
    ("rule", "participants", "length"),
    [("commit only with every vote", 3, 3), ("a vote is a promise", 3, 6), ("a vote is a promise", 2, 5)],
)
def test_each_rule_matters(load_spec: Load, rule: str, participants: int, length: int) -> None:
    protocol = load_spec(WHOLE).TwoPhaseCommit(Scope(participant=participants), without=(rule,))
    result = check(protocol, engine="interpreter")
    assert (result.verdict, result.property) == ("violated", "consistency")
    assert result.trace is not None
    assert len(result.trace.steps) == length


def test_the_counterexample_names_the_line_of_the_property(load_spec: Load) -> None:
    consistency = load_spec(WHOLE).TwoPhaseCommit.ir.of_kind("invariant")[0]
    assert f"Violated: consistency  (two_phase_commit.py:{consistency.place.line})\n" in WALK_THROUGH


def test_every_rule_is_shown(load_spec: Load) -> None:
    rules = load_spec(WHOLE).TwoPhaseCommit.ir.rules
    assert [name for _, name in rules] == ["a vote is a promise", "commit only with every vote"]


def test_the_reference_names_everything_that_a_spec_imports() -> None:
    names = set(spec.language.__all__) - {"IonianError", "NotEnabled", "ScopeError", "SpecError", "State", "Step", "Protocol"}
    assert [name for name in sorted(names) if not re.search(rf"\b{name}\b", REFERENCE)] == []
