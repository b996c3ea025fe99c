"""Steps by generated code are the steps by CPython: enabled alike, the same states, undone in full; mistakes show."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "native"))
import corners
import places
import run_mutants
from random_protocols import Generator
from run_agreement import agree_along
from shipped import SMALL
from spec_files import load

from spec.language import Protocol, Scope, SpecError

SEEDS_OF_MUTANTS = {
    "locals change with the state": "places",
    "a map is stored entry by entry": "places",
    "position 0 holds the last entry": 293,
    "a tail is gone for good": 420,
    "half is a majority": 70,
}


def random_protocol(seed: int, folder: Path) -> tuple[Protocol | None, random.Random]:
    """A random protocol (None where the language refuses it), each third with expressions that may be undefined."""
    chance = random.Random(seed)
    try:
        cls = load(Generator(chance, seed % 3 == 2).protocol(), folder).P
    except SpecError:
        return None, chance
    sizes = {"node": chance.choice([1, 2, 2, 3]), "item": chance.choice([1, 2]), "term": chance.choice([2, 2, 3]), "index": chance.choice([1, 2])}
    without = tuple(rule for rule, _ in cls.ir.rules if chance.choice([0, 0, 1]))
    return cls(Scope(**{n: sizes[n] for n in cls.sort_names()}), without=without), chance


def agree_at_random(seeds: range, folder: Path) -> int:
    """Compare along a behaviour of each protocol; the number of steps taken."""
    count = 0
    for seed in seeds:
        protocol, chance = random_protocol(seed, folder)
        if protocol is not None:
            count += agree_along(protocol, chance, 6)
    return count


def agree_in_places() -> None:
    """Compare along behaviours of the protocol whose values could share a place."""
    for seed in range(10):
        agree_along(places.Sharing(), random.Random(seed), 12, limit=12)


@pytest.mark.parametrize(("cls", "scope", "_depth"), SMALL)
def test_shipped_protocols(cls, scope, _depth):
    """With all rules, and with some removed."""
    chance = random.Random(7)
    for removed in (0.0, 0.3):
        protocol = cls(scope, without=tuple(rule for rule, _ in cls.ir.rules if chance.random() < removed))
        assert agree_along(protocol, chance, 15, limit=15) > 0


def test_values_that_could_share_a_place():
    agree_in_places()


@pytest.mark.parametrize("name", [*corners.DEFINED, *corners.UNDEFINED])
def test_corners(name):
    """What is evaluated last, and what None may stand for."""
    for seed in range(4):
        agree_along(getattr(corners, name)(), random.Random(seed), 8, limit=10)


def test_random_protocols(tmp_path):
    assert agree_at_random(range(60), tmp_path) > 150


@pytest.mark.long
@pytest.mark.parametrize("start", range(10_000, 40_000, 3000))
def test_many_random_protocols(start, tmp_path):
    agree_at_random(range(start, start + 3000), tmp_path)


@pytest.mark.parametrize("name", run_mutants.NAMES)
def test_mistakes_show(name, tmp_path):
    """Each planted mistake in the engine makes a comparison fail (or the engine itself)."""
    start = SEEDS_OF_MUTANTS.get(name, 0)
    compare = agree_in_places if start == "places" else lambda: agree_at_random(range(start, start + 70), tmp_path)
    # A comparison also fails with what a broken engine raises.
    with run_mutants.applied(name), pytest.raises((AssertionError, pytest.fail.Exception, KeyError, RuntimeError)):
        compare()
