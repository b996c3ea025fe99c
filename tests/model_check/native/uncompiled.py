"""What is tested with generated programs as plain Python: run as a script with `NUMBA_DISABLE_JIT=1`.

`random SEED COUNT [loose] [hypothesis]` compares both engines on random protocols (loose: expressions may be
undefined), `mutant NAME...` breaks the code generator and looks for a random protocol that shows it, `shipped SEED COUNT`
compares on the shipped protocols with random rules removed, `symmetry SEED COUNT` compares orbits, `corner NAME...` compares
on protocols of `corners.py`, `messengers SEED COUNT` on protocols with messages, `etcd` on EtcdRaft, `buffers` runs with buffers that are always full.
"""

from __future__ import annotations

import random
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[2] / "spec"))
import corners
import generator_mutants as mutants
import numpy as np
import random_messengers
from differential import compare, compare_depth_first, compare_walks, random_state
from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from random_protocols import Generator
from shipped import SMALL, fitting
from spec_files import load

from model_check import interpreter, native
from model_check.eager import Eagerness
from model_check.interpreter import permutations, permute
from model_check.native import depth_first, engine, explorer, walker
from model_check.native.cache import Compiled
from model_check.native.layout import Layout
from model_check.search import Options
from model_check.walks import Task
from spec.language import IonianError, Protocol, Scope, ScopeError, SpecError

CAP = 400
TINY = {"cand": 150, "found": 300, **dict.fromkeys(("cand_at", "cand_tail", "cand_meta"), 9)}
TINY |= dict.fromkeys(("found_at", "found_print", "found_meta", "positions", "accepted"), 12)
TINY |= {"rows": 60, "at": 5, "depth": 4, "place": 4, "way": 2}
explorer.RECENT = 5  # so that fingerprints share places
warnings.filterwarnings("ignore", category=RuntimeWarning)  # hashes wrap around


def say(*words: object) -> None:
    """A line of output."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def random_protocol(chance: random.Random, loose: bool, folder: Path) -> tuple[str, Protocol]:
    """A protocol's text, and the protocol at a random small scope with random rules removed."""
    text = Generator(chance, loose).protocol()
    cls = load(text, folder).P
    sizes = {"node": chance.choice([1, 2, 2, 3]), "item": chance.choice([1, 2]), "term": chance.choice([2, 2, 3]), "index": chance.choice([1, 2])}
    without = tuple(r for r, _ in cls.ir.rules if chance.choice([0, 0, 1]))
    return text, cls(Scope(**{n: sizes[n] for n in cls.sort_names()}), without=without)


def compared(chance: random.Random, loose: bool, folder: Path) -> str:
    """One random protocol, compared at a depth that keeps it small; tells what came of it."""
    try:
        text, protocol = random_protocol(chance, loose, folder)
    except SpecError as error:
        return f"refused: {error}"
    symmetry = chance.choice([False, True])
    workers = chance.choice([1, 1, 2])
    constraints = tuple(p.name for p in protocol.ir.of_kind("constraint") if chance.choice([True, False]))
    eager = chance.choice([False, False, True])
    for depth in range(1, 7):
        options = Options(symmetry=symmetry, eager=eager, max_depth=depth, constraints=constraints)
        try:
            found = interpreter.explore(protocol, options)
        except IonianError:
            break
        if found.generated_states > CAP or found.violation:
            break
    try:
        same = compare(protocol, options, workers=(workers,))
        whole = "undefined" not in same and same["violation"] is None and same["depth"] != options.max_depth
        compare_depth_first(protocol, replace(options, max_depth=None) if whole and chance.choice([True, False]) else options)
        compare_walks(protocol, Task(seed=chance.getrandbits(64), walks=3, steps=8))
    except ScopeError as error:
        return f"scope: {str(error).split(':')[-1][:60]}"
    except Exception as error:
        raise AssertionError(f"{text}\n{protocol!r} {options}\n{type(error).__name__}: {error}") from error
    if "undefined" in same:
        return "undefined"
    return "violated" if same["violation"] else "agreed"


def random_protocols(seed: int, count: int, loose: bool) -> None:
    """Compare protocols from a seed on; the first difference ends the run."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for i in range(seed, seed + count):
            try:
                outcomes[compared(random.Random(i), loose, Path(folder))] += 1
            except Exception:
                say(f"seed {i}")
                raise
    for what, number in outcomes.most_common():
        say(f"{number:6} {what}")
    useful = sum(n for what, n in outcomes.items() if not what.startswith(("refused", "scope")))
    assert useful > 0.8 * count, outcomes
    assert outcomes["violated"] > 0
    assert outcomes["undefined"] > 0 or not loose


def by_hypothesis(seed: int, count: int, loose: bool) -> None:
    """The same with Hypothesis, which shrinks a protocol on which the engines differ."""
    with tempfile.TemporaryDirectory() as folder:

        @seeded(seed)
        @settings(max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.randoms(use_true_random=False))
        def agree(chance: random.Random) -> None:
            compared(chance, loose, Path(folder))

        agree()


def mutant(*names: str) -> None:
    """Break one thing after the other."""
    for name in names:
        _mutant(name)


def _mutant(name: str) -> None:
    """Break one thing; some random protocol must show it, or a corner where random ones seldom come by an expression without a value."""
    with mutants.applied(name), tempfile.TemporaryDirectory() as folder:
        tries: dict[str, Callable[[], object]] = {}
        if name in mutants.LOOSE:
            tries = {f"corner {c}": lambda c=c: compare(getattr(corners, c)(), Options(max_depth=4)) for c in (*corners.DEFINED, *corners.UNDEFINED)}
        tries |= {f"seed {i}": lambda i=i: compared(random.Random(i), name in mutants.LOOSE, Path(folder)) for i in range(600)}
        for where, attempt in tries.items():
            try:
                attempt()
            except AssertionError as error:
                if "\ninterpreter {" not in str(error):
                    raise
                say(f"{name}: caught at {where}")
                return
    raise AssertionError(f"the mutant {name} lives")


def shipped(seed: int, count: int) -> None:
    """Shipped protocols at shallow depths with random rules removed."""
    for i in range(seed, seed + count):
        chance = random.Random(i)
        cls, scope, depth = chance.choice(SMALL)
        rules = [r for r, _ in cls.ir.rules]
        protocol = cls(fitting(cls, scope), without=tuple(chance.sample(rules, min(len(rules), chance.choice([0, 1, 2, 3])))))
        constraints = tuple(p.name for p in cls.ir.of_kind("constraint") if chance.random() < 0.3)
        options = Options(symmetry=chance.random() < 0.5, eager=chance.random() < 0.5, max_depth=min(depth or 9, 4), constraints=constraints)
        say(i, protocol, compare(protocol, options, workers=(chance.choice([1, 2, 3]),))["distinct"])
        compare_depth_first(protocol, options)
        compare_walks(protocol, Task(seed=i, walks=4, steps=12))


def messengers(seed: int, count: int) -> None:
    """Protocols with messages, sent at once and forgotten once dead."""
    forgotten = 0
    with tempfile.TemporaryDirectory() as folder:
        for i in range(seed, seed + count):
            chance = random.Random(i)
            cls = load(random_messengers.protocol(chance), Path(folder)).Messengers
            without = tuple(r for r, _ in cls.ir.rules if chance.choice([0, 0, 1]))
            protocol = cls(Scope(node=chance.choice([2, 2, 3]), clock=chance.choice([2, 3])), without=without)
            options = Options(symmetry=chance.choice([True, False]), eager=True, max_depth=5)
            say(i, protocol, compare(protocol, options, workers=(chance.choice([1, 2]),))["distinct"])
            compare_depth_first(protocol, options)
            forgotten += bool(Eagerness(protocol, options).receipts)
    assert forgotten > count // 2


def etcd() -> None:
    """EtcdRaft, whose large sets are made anew, from states along deep behaviours."""
    import etcd_play  # its spec takes a second to read

    for play in etcd_play.short_plays():
        states = play.trace.states
        for symmetric in (False, True):
            options = Options(start=states[::2], symmetry=symmetric, max_depth=1, constraints=("no_pre_votes",))
            say(compare(play.protocol, options)["generated"])


def symmetry(seed: int, count: int) -> None:
    """Two states have one fingerprint exactly if one is a permutation of the other."""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(seed, seed + count):
            chance = random.Random(i)
            try:
                if i % 10 == 0:
                    cls, scope, _ = chance.choice(SMALL)
                    text, protocol = cls.__name__, cls(fitting(cls, scope))
                else:
                    text, protocol = random_protocol(chance, False, Path(folder))
                layout, code = Layout(protocol), Compiled(native.source(protocol, symmetry=True)).module
            except (SpecError, ScopeError):
                continue
            mappings = permutations(protocol)
            prints: dict[int, set[object]] = {}
            for _ in range(12):
                state = random_state(protocol, chance)
                orbit = {state, *(permute(state, mapping) for mapping in mappings)}
                marks = set()
                for member in orbit:
                    row = np.array(layout.pack(member), np.int64)
                    tail = len(row) - layout.fixed_words
                    marks.add(int(code.print_of(row, 0, tail, code.tail_hash_of(row, layout.fixed_words, tail))))
                assert len(marks) == 1, f"{text}\n{protocol}\n{state}\n{marks}"
                prints.setdefault(marks.pop(), set()).add(frozenset(orbit))
            assert all(len(orbits) == 1 for orbits in prints.values()), f"{text}\n{protocol}\n{prints}"


def corner(*names: str) -> None:
    """Protocols of `corners.py`, at a depth that keeps them small."""
    for name in names:
        same = compare(getattr(corners, name)(), Options(max_depth=4))
        say(name, same.get("undefined", ""), same.get("violation", ""), same.get("generated", ""), "reached", same.get("witnesses", ""))
        assert ("undefined" in same) == (name in corners.UNDEFINED), name
        assert None not in same.get("witnesses", {}).values(), name


def buffers() -> None:
    """Slices of a few states and buffers that are always full change nothing."""
    explorer.SLICE = depth_first.SLICE = walker.SLICE = 7
    for kind in (explorer.Buffers, engine.Batch, depth_first.Stack, engine.Table):
        _shrink(kind)
    for cls, scope, depth in SMALL:
        protocol = cls(fitting(cls, scope))
        for symmetric in (False, True):
            options = Options(symmetry=symmetric, eager=symmetric, max_depth=min(depth or 3, 3))
            say(protocol, symmetric, compare(protocol, options, workers=(1, 3))["distinct"])
            compare_depth_first(protocol, options)
        compare_walks(protocol, Task(walks=5, steps=300))


def _shrink(kind: type) -> None:
    """Let a kind of buffer begin small."""
    made = kind.__init__

    def tiny(self: object, *arguments: object) -> None:
        made(self, *arguments)
        for name, size in TINY.items():
            if hasattr(self, name):
                setattr(self, name, getattr(self, name)[:size].copy())

    kind.__init__ = tiny


COMMANDS: dict[str, Callable[..., None]] = {
    "random": lambda seed, count, *how: (by_hypothesis if "hypothesis" in how else random_protocols)(int(seed), int(count), "loose" in how),
    "mutant": mutant,
    "shipped": lambda seed, count: shipped(int(seed), int(count)),
    "messengers": lambda seed, count: messengers(int(seed), int(count)),
    "symmetry": lambda seed, count: symmetry(int(seed), int(count)),
    "corner": corner,
    "etcd": etcd,
    "buffers": buffers,
}

if __name__ == "__main__":
    try:
        COMMANDS[sys.argv[1]](*sys.argv[2:])
    except Exception:
        traceback.print_exc()
        sys.exit(1)
