"""docs/simulate-a-cluster.md, done as a reader would do it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from impl.simulation import faults
from impl.simulation.workload import OBJECTS
from model_check.cli.main import run

DOCUMENT = (Path(__file__).parents[2] / "docs" / "simulate-a-cluster.md").read_text(encoding="utf-8")


def _without_seconds(text: str) -> str:
    return re.sub(r"[\d.]+ s\b", "- s", text)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    commands = re.findall(r"^\$ ionian ([^\n]*)\n((?:(?!\$|```).*\n)*)", DOCUMENT, flags=re.MULTILINE)
    assert len(commands) == 3
    for command, shown in commands:
        assert run(command.split()) == 0
        assert _without_seconds(capsys.readouterr().out) == _without_seconds(shown)


def test_the_example() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    names: dict[str, object] = {}
    exec(code, names)
    assert len(names["writes"]) > 100
    history = names["run"].history
    assert {operation.outcome for operation in history} >= {"ok"}
    assert names["run"].refused == []


def test_the_tables_name_what_there_is() -> None:
    kinds = {name for name, value in vars(faults).items() if isinstance(value, type) and issubclass(value, faults.Fault)}
    (row,) = re.findall(r"^\| faults \|.*$", DOCUMENT, flags=re.MULTILINE)
    assert set(re.findall(r"`([A-Z]\w+)`", row)) == kinds - {"Fault", "LastingFault"}
    (row,) = re.findall(r"^\| `Workload` \|.*$", DOCUMENT, flags=re.MULTILINE)
    assert set(re.findall(r"`([a-z]+)`", row)) == set(OBJECTS)
