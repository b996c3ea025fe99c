"""What all tests share: specs loaded from text, and reproducible random tests."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.load_profile("reproducible")

_numbers = itertools.count()


@pytest.fixture
def load_spec(tmp_path: Path) -> Iterator[Callable[[str], ModuleType]]:
    """Write a spec to a file of its own and import it."""
    loaded: list[str] = []

    def load(text: str) -> ModuleType:
        name = f"spec_under_test_{next(_numbers)}"
        path = tmp_path / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        found = importlib.util.spec_from_file_location(name, path)
        assert found is not None
        assert found.loader is not None
        module = importlib.util.module_from_spec(found)
        sys.modules[name] = module
        loaded.append(name)
        found.loader.exec_module(module)
        return module

    yield load
    for name in loaded:
        del sys.modules[name]
