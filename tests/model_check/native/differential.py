"""Both engines on one protocol, compared in full; shared by the tests of this folder and run in processes of its own.

With `NUMBA_DISABLE_JIT=1` the generated programs run as plain Python: a program then costs milliseconds instead of
the seconds that compiling takes, so that thousands of random protocols can be compared.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from model_check import interpreter, native, walks
from model_check.search import Options, Outcome
from model_check.walks import Task, Walked
from spec.language import IonianError, Map, Protocol, ScopeError, Seq, State, Window
from spec.language.types import BoolType, EnumType, MapType, OptionType, RecordType, SeqType, SetType, SortType, Type, WindowType
from spec.language.values import elements


def figures(outcome: Outcome) -> dict[str, object]:
    """What two engines must agree on."""
    return {
        "distinct": outcome.distinct_states,
        "generated": outcome.generated_states,
        "depth": outcome.depth,
        "stopped": outcome.stopped,
        "violation": outcome.violation,
        "witnesses": outcome.witnesses,
        "coverage": {name: dataclasses.astuple(c) for name, c in outcome.coverage.items()},
    }


def result(find: Callable[[], dict[str, object]]) -> dict[str, object]:
    """What an engine finds: figures, or the place of an undefined expression."""
    try:
        with np.errstate(over="ignore"):
            return find()
    except ScopeError:
        raise
    except IonianError as error:
        return {"undefined": str(error)}


def agreed(expected: dict[str, object], found: dict[str, object], what: str) -> dict[str, object]:
    """What both found; AssertionError where they differ."""
    assert found == expected, f"{what}\nnative      {found}\ninterpreter {expected}"
    return expected


def compare(protocol: Protocol, options: Options, workers: tuple[int, ...] = (1,)) -> dict[str, object]:
    """Explore with the interpreter and with the native engine; AssertionError where they differ."""
    expected = result(lambda: figures(interpreter.explore(protocol, options)))
    for count in workers:
        found = result(lambda n=count: figures(native.explore(protocol, dataclasses.replace(options, workers=n))))
        agreed(expected, found, f"{protocol!r} {options} workers={count}")
    return expected


def compare_depth_first(protocol: Protocol, options: Options) -> dict[str, object]:
    """The same depth-first."""
    expected = result(lambda: figures(interpreter.explore_depth_first(protocol, options)))
    return agreed(expected, result(lambda: figures(native.explore_depth_first(protocol, options))), f"depth-first {protocol!r} {options}")


def compare_walks(protocol: Protocol, task: Task) -> dict[str, object]:
    """Random walks with both engines."""

    def walked(walk: Callable[[Protocol, Task], Walked]) -> dict[str, object]:
        found = dataclasses.asdict(walk(protocol, task))
        del found["seconds"], found["compile_seconds"]
        return found

    return agreed(result(lambda: walked(walks.walk)), result(lambda: walked(native.walk)), f"{protocol!r} {task}")


def random_value(type_: Type, sizes: Mapping[type, int], chance: random.Random) -> Any:
    """A value of a type within a scope."""
    match type_:
        case BoolType():
            return chance.choice([False, True])
        case SortType(cls=cls):
            return chance.choice(elements(cls, sizes[cls]))
        case EnumType(cls=cls):
            return chance.choice(list(cls))
        case OptionType(of=of):
            return None if chance.random() < 0.3 else random_value(of, sizes, chance)
        case RecordType(cls=cls, fields=fields):
            return cls(*(random_value(t, sizes, chance) for _, t in fields))
        case SetType(of=of):
            return frozenset(random_value(of, sizes, chance) for _ in range(chance.randint(0, 3)))
        case SeqType(index=index, of=of):
            return Seq(index.cls, 0, tuple(random_value(of, sizes, chance) for _ in range(chance.randint(0, sizes[index.cls]))))
        case WindowType(index=index, of=of):
            after = chance.randint(0, sizes[index.cls])
            return Window(index.cls, after, tuple(random_value(of, sizes, chance) for _ in range(chance.randint(0, sizes[index.cls] - after))))
        case MapType(keys=keys, value=of):
            combined = itertools.product(*(elements(k.cls, sizes[k.cls]) for k in keys))
            return Map({(k if len(k) > 1 else k[0]): random_value(of, sizes, chance) for k in combined})
    raise AssertionError(type_)


def random_state(protocol: Protocol, chance: random.Random) -> State:
    """A state within the protocol's scope, reachable or not."""
    sizes = protocol.context.sizes
    found: State = type(protocol).state_of(**{v.name: random_value(v.type, sizes, chance) for v in protocol.ir.variables})
    return found


def uncompiled(*arguments: object) -> str:
    """Run `uncompiled.py` in a process of its own; its output, AssertionError where it fails."""
    here = Path(__file__).parent
    root = here.parents[2]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(root), "IONIAN_CACHE_DIR": cache}
        command = [sys.executable, str(here / "uncompiled.py"), *map(str, arguments)]
        done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-12_000:]
    return done.stdout
