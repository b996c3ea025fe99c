"""What all tests share: specs loaded from text, and reproducible random tests."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
from spec_files import load

# A worker holds a million objects that stay: compilers, formulas, specs. Looking through them all for garbage every few
# hundred new ones is a tenth of the tests' time.
gc.set_threshold(100_000)

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many runs each refinement test draws: hundreds for a look, thousands overnight."""
    parser.addoption("--refinement-budget", type=int, default=60, metavar="N", help="runs that each refinement test draws (default: 60)")


@pytest.fixture
def load_spec(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Write a spec to a file of its own and import it; its module goes with the test."""
    loaded: list[ModuleType] = []

    def load_here(text: str) -> ModuleType:
        loaded.append(load(text, tmp_path))
        return loaded[-1]

    yield load_here
    for module in loaded:
        del sys.modules[module.__name__]
