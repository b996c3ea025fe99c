"""Randomly generated protocols: both engines agree in full, on figures and on undefined expressions."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import generator_mutants as mutants
from differential import compare, compare_depth_first, compare_walks, uncompiled
from random_protocols import Generator
from spec_files import load

from model_check.search import Options
from model_check.walks import Task
from spec.language import Scope, ScopeError, SpecError

SIZES = {"node": 2, "item": 2, "term": 2, "index": 2}


@pytest.mark.parametrize("how", [[], ["loose"]], ids=["defined", "perhaps undefined"])
def test_uncompiled(how):
    """Generated programs as plain Python, so that many protocols can be compared."""
    uncompiled("random", 0, 70, *how)


@pytest.mark.parametrize("how", [[], ["loose"]], ids=["defined", "perhaps undefined"])
def test_by_hypothesis(how):
    """The same, drawn by Hypothesis, which gives a small protocol where the engines differ."""
    uncompiled("random", 1, 25, "hypothesis", *how)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 21_000, 1000))
@pytest.mark.parametrize("how", [[], ["loose"]], ids=["defined", "perhaps undefined"])
def test_uncompiled_long(seed, how):
    uncompiled("random", seed, 1000, *how)


def test_dead_messages():
    """Both engines forget the same messages."""
    uncompiled("messengers", 0, 12)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 500, 100))
def test_dead_messages_long(seed):
    uncompiled("messengers", seed, 100)


def _compiled(seed: int, tmp_path: Path) -> bool:
    """Whether the engines agree on a random protocol, false where the language or the scope refuses it."""
    try:
        protocol = load(Generator(random.Random(seed)).protocol(), tmp_path).P
    except SpecError:
        return False
    names = protocol.sort_names()
    try:
        at_scope, options = protocol(Scope(**{n: SIZES[n] for n in names})), Options(max_depth=3, symmetry=seed % 2 == 0)
        found = compare(at_scope, options, workers=(1, 2))
        compare_depth_first(at_scope, options)
        compare_walks(at_scope, Task(seed, walks=3, steps=8))
    except ScopeError:
        return False
    return found["generated"] != 0


def test_compiled(tmp_path, monkeypatch):
    """One through the compiler: types that Numba infers must be those that plain Python has."""
    monkeypatch.setenv("IONIAN_CACHE_DIR", str(tmp_path / "cache"))
    assert any(_compiled(seed, tmp_path) for seed in (8, 15)), "both refused"


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 140))
def test_compiled_long(seed, tmp_path, monkeypatch):
    monkeypatch.setenv("IONIAN_CACHE_DIR", str(tmp_path / "cache"))
    _compiled(seed, tmp_path)


QUICK = (
    "x + 1 is x",
    "elements keep their names",
    "a tail may hold twins",
    "and, or are eager",
    "actions do not see their own writes",
    "a shorter way changes nothing",
    "walks take steps that change nothing",
)


def test_a_broken_generator_is_caught():
    """Break one construct on purpose, each in turn: some random protocol shows it."""
    assert uncompiled("mutant", *QUICK).count("caught") == len(QUICK)


@pytest.mark.long
@pytest.mark.parametrize("name", [n for n in mutants.NAMES if n not in QUICK])
def test_a_broken_generator_is_caught_long(name):
    assert "caught" in uncompiled("mutant", name)
