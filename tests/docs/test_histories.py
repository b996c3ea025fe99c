"""The example of docs/histories.md, judged as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model_check.cli.main import run

DOCUMENT = (Path(__file__).parents[2] / "docs" / "histories.md").read_text(encoding="utf-8")


def _without_seconds(text: str) -> str:
    return re.sub(r"[\d.]+ s\b", "- s", text)


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (history,) = re.findall(r"```json\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    ((command, shown),) = re.findall(r"```text\n\$ ionian ([^\n]*)\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    (tmp_path / "history.ndjson").write_text(history, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert run(command.split()) == 1
    assert _without_seconds(capsys.readouterr().out) == _without_seconds(shown)


def test_the_columns_name_the_formats_and_models() -> None:
    from model_check.linearizability import FORMATS, MODELS

    for model in MODELS.values():
        (row,) = re.findall(rf"^\| `{model.name}` \|.*$", DOCUMENT, flags=re.MULTILINE)
        assert set(re.findall(r"`(\w+)`", row)) == {model.name, *model.functions}
    assert set(re.findall(r"^\*\*`(\w+)`\*\*", DOCUMENT, flags=re.MULTILINE)) == set(FORMATS)
