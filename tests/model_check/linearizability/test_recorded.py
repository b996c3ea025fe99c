"""Histories recorded by others: Jepsen's runs against etcd, and key-value runs; the data are not part of the repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from model_check.linearizability import MODELS, check_history, read_history

FOLDERS = [parent / "shared" / "data" / "histories" for parent in Path(__file__).parents]
DATA = next((folder for folder in FOLDERS if folder.is_dir()), None)
pytestmark = pytest.mark.skipif(DATA is None, reason="no folder shared/data/histories beside the repository")

ETCD = {
    "linearizable": ("002", "005", "007", "018", "025", "031"),
    "not_linearizable": ("000", "001", "003", "010", "020", "030"),
}
KEY_VALUE = {"linearizable": ("c01-ok", "c10-ok"), "not_linearizable": ("c01-bad",)}


def judge(path: Path, format_name: str, model: str) -> tuple[str, float]:
    if not path.exists():
        pytest.skip(f"{path} is not there")
    result = check_history(read_history(path, format_name, MODELS[model]), MODELS[model], timeout=20)
    return result.verdict, result.seconds


@pytest.mark.parametrize(("verdict", "number"), [(v, n) for v, numbers in ETCD.items() for n in numbers])
def test_jepsen_and_etcd(verdict: str, number: str) -> None:
    assert DATA is not None
    found, seconds = judge(DATA / "jepsen-etcd" / f"etcd_{number}.log", "jepsen", "register")
    assert found == verdict
    assert seconds < 1


@pytest.mark.parametrize(("verdict", "name"), [(v, n) for v, names in KEY_VALUE.items() for n in names])
def test_key_value(verdict: str, name: str) -> None:
    assert DATA is not None
    found, seconds = judge(DATA / "kv" / f"{name}.txt", "kv", "kv")
    assert found == verdict
    assert seconds < 2
