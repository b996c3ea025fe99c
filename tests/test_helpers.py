"""What tests share is imported by its bare name, so no two such modules may have the same one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


def test_no_two_helpers_share_a_name():
    names = Counter(path.name for path in Path(__file__).parent.rglob("*.py") if not path.name.startswith("test_") and path.name != "conftest.py")
    assert [name for name, times in names.items() if times > 1] == []
