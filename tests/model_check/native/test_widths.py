"""What the native engine keeps in few bits is refused where it does not fit, never cut off."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from model_check.native import explore
from model_check.search import Options
from spec.language import Scope, ScopeError

WIDE = '''
from spec.language import Map, Ordered, Protocol, Sort, action


class A(Ordered):
    """Many."""


class Wide(Protocol):
    """A state with as many steps as there are choices of four elements."""

    x: A

    def init(self) -> None:
        """Zero."""
        self.x = A(0)

    @action
    def choose(self, a: A, b: A, c: A, d: A) -> None:
        """Any of them."""
        self.x = d
'''


def test_more_steps_than_a_position_can_number_are_refused(load_spec: Callable[[str], ModuleType]) -> None:
    module = load_spec(WIDE)
    assert explore(module.Wide(Scope(a=4)), Options()).distinct_states == 4
    with pytest.raises(ScopeError, match="more than 65,535 enabled steps"):
        explore(module.Wide(Scope(a=17)), Options())
