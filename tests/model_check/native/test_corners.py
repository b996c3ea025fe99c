"""Corner cases of evaluation, compared in both engines: failing inside loops, order of evaluation, Options as values."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import corners
from differential import compare, uncompiled

from model_check.search import Options


def test_both_engines_agree():
    """The same figures, or the same undefined expression."""
    uncompiled("corner", *corners.DEFINED, *corners.UNDEFINED)


def test_compiled():
    """Leaving loops within loops, through the compiler."""
    found = compare(corners.FailsInInnerLoop(), Options(), workers=(1, 2))
    assert (found["generated"], found["coverage"]["turns"]) == (10, (5, 0, 0))
