"""Members looked up by their fields are those that a walk through the set finds."""

import random
import re
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
import asked_fields
from run_agreement import agree_along

from model_check.validation import expressions
from model_check.validation.compile import compiled
from model_check.validation.lookups import Indexed
from spec.language import ir


class Pair(NamedTuple):
    left: int
    right: int


PAIRS = st.builds(Pair, st.integers(0, 2), st.integers(0, 2))


@given(st.lists(st.tuples(PAIRS, st.booleans())))
def test_an_index_follows_what_comes_and_goes(changes):
    found, expected = Indexed([Pair(0, 0)]), {Pair(0, 0)}
    for number, (pair, asks) in enumerate(changes):
        if pair in expected:
            found.remove(pair)
            expected.remove(pair)
        else:
            found.add(pair)
            expected.add(pair)
        if asks or number % 3 == 0:
            assert sorted(found.where(("left",), pair.left)) == sorted(p for p in expected if p.left == pair.left)
            assert set(found.where(("right", "left"), (pair.right, pair.left))) == expected & {pair}
    assert found == expected


def asked(action: str) -> list[str]:
    """The fields by which the compiled action looks members up."""
    source = compiled(asked_fields.Asking.ir, frozenset()).source
    body = source.partition(f"def a_{action}(")[2].partition("\ndef ")[0]
    return [", ".join(re.findall(r"'(\w+)'", fields)) for fields in re.findall(r"\.where\((\([^)]*\))", body)]


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("tear", ["sender, level"]),
        ("start_over", ["of"]),
        ("reply", ["sender, of"]),
        ("climb", ["sender, of", "sender, level", "sender, level"]),
        ("sink", ["level", "sender, level", "of", "level"]),
        ("rank", []),
        ("contradict", ["level", "sender"]),
    ],
)
def test_what_is_looked_up(action, fields):
    assert asked(action) == fields


def agree() -> None:
    for seed in range(12):
        agree_along(asked_fields.Asking(), random.Random(seed), 14, limit=12)


def test_steps_are_those_of_cpython():
    agree()


def _asks_for_all_that_is_compared(binder, quantifier):
    """The mistake: conditions that are not the first ones are looked up, too."""
    found = {}
    for e in ir.walk(quantifier.body, into_helpers=False) if binder is quantifier.binders[-1] else ():
        match e:
            case ir.Compare(operator="==", left=ir.Field(record=ir.Name(name=name), name=field), right=ir.Name() as other) if name == binder.name:
                found[field] = other
    return found


@pytest.mark.parametrize(
    ("owner", "name", "mistake"),
    [
        (expressions, "fields_asked", _asks_for_all_that_is_compared),
        (Indexed, "remove", set.remove),
        (Indexed, "add", set.add),
    ],
)
def test_mistakes_show(owner, name, mistake, monkeypatch):
    compiled.cache_clear()
    monkeypatch.setattr(owner, name, mistake)
    with pytest.raises((AssertionError, pytest.fail.Exception, KeyError, RuntimeError)):
        agree()
    compiled.cache_clear()
