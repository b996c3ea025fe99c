"""How much the refinement tests search: `pytest -m refinement --refinement-budget N`."""

from __future__ import annotations

import pytest


@pytest.fixture
def budget(request: pytest.FixtureRequest) -> int:
    """How many runs a test draws."""
    return int(request.config.getoption("--refinement-budget"))
