"""The commands of docs/etcd-traces.md, run as shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from model_check.cli.main import run

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "etcd-traces.md").read_text(encoding="utf-8")


def test_the_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)
    good, bad = re.findall(r"```sh\nionian ([^\n]*)\n```", DOCUMENT)
    assert run(good.split()) == 0
    assert run(bad.split()) == 1
    assert "line 276" in capsys.readouterr().out
