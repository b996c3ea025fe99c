"""Mistakes planted in `impl/raft` are found; a mistake that survives is a defect of these tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from mutants import MUTANTS, REPOSITORY, TABLE, catch, everyone

QUICK = ("a leader with one vote too few", "a vote told before it is written", "a pre-candidate begins the term")


@pytest.mark.refinement
@pytest.mark.parametrize("mutant", [pytest.param(m, id=m.name, marks=[] if m.name in QUICK else pytest.mark.long) for m in MUTANTS])
def test_a_planted_mistake_is_found(mutant):
    assert catch(mutant) is not None, "it survives"


def test_every_mistake_still_has_its_place():
    misplaced = [m.name for m in everyone() if (REPOSITORY / "impl" / m.package / m.file).read_text(encoding="utf-8").count(m.text) != 1]
    assert misplaced == []


def test_the_table_has_every_mistake_and_none_survives():
    rows = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "mistake | file" not in line]
    assert [row.split(" | ")[0].removeprefix("| ") for row in rows] == [m.name for m in everyone()]
    assert not [row for row in rows if "survives" in row]
