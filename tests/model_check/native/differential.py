"""Both engines on one protocol, compared in full; shared by the tests of this folder and run in processes of its own.

With `NUMBA_DISABLE_JIT=1` the generated programs run as plain Python: a program then costs milliseconds instead of
the seconds that compiling takes, so that thousands of random protocols can be compared.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from model_check import interpreter, native
from model_check.search import Options, Outcome
from spec.language import IonianError, Protocol, ScopeError

_numbers = itertools.count()


def load(text: str, folder: Path) -> ModuleType:
    """A spec from its text, as a module of its own."""
    name = f"random_spec_{next(_numbers)}"
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    found = importlib.util.spec_from_file_location(name, path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    found.loader.exec_module(module)
    return module


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


def result(engine: ModuleType, protocol: Protocol, options: Options) -> dict[str, object]:
    """What an engine finds: figures, or the place of an undefined expression."""
    try:
        with np.errstate(over="ignore"):
            return figures(engine.explore(protocol, options))
    except ScopeError:
        raise
    except IonianError as error:
        return {"undefined": str(error)}


def compare(protocol: Protocol, options: Options, workers: tuple[int, ...] = (1,)) -> dict[str, object]:
    """Explore with the interpreter and with the native engine; AssertionError where they differ."""
    expected = result(interpreter, protocol, options)
    for count in workers:
        found = result(native, protocol, dataclasses.replace(options, workers=count))
        assert found == expected, f"{protocol!r} {options} workers={count}\nnative      {found}\ninterpreter {expected}"
    return expected
