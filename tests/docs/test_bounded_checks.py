"""The page on bounded checks: every command that it shows is run, and what it shows is what is printed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from model_check.cli.main import run

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "bounded-checks.md").read_text(encoding="utf-8")
SHOWN = dict(re.findall(r"^```text\n\$ ionian ([^\n]*)\n(.*?)^```", TEXT, flags=re.DOTALL | re.MULTILINE))
STATUS = {"HOLDS": 0, "VIOLATED": 1, "INCONCLUSIVE": 3}


def stable(text: str) -> list[str]:
    """Lines without times, and without the state that the solver happens to choose for a counterexample to induction."""
    chosen = re.sub(r"^   0  a state.*?(?=^Not inductive)", "", text, flags=re.DOTALL | re.MULTILINE)
    lines = [re.sub(r"\s+\d+\.\d\d$", "", re.sub(r"\b[\d.]+ s\b|for depth \d+", "-", line.rstrip())) for line in chosen.splitlines()]
    return [line for line in lines if line and not line.startswith("  v = ")]


@pytest.mark.parametrize("command", SHOWN)
def test_a_command_prints_what_is_shown(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(ROOT)
    shown = SHOWN[command]
    assert run(shlex.split(command)) == STATUS[re.findall(r"^[A-Z]+(?=  )", shown, flags=re.MULTILINE)[-1]]
    printed = stable(capsys.readouterr().out)
    for part in shown.split("...\n"):
        lines = stable(part)
        at = next(i for i in range(len(printed) + 1) if printed[i : i + len(lines)] == lines)
        assert "..." in shown or at == 0
        printed = printed[at + len(lines) :]
    assert not printed


def test_links_lead_somewhere() -> None:
    for file, anchor in re.findall(r"\]\(([^)#]+)#?([^)]*)\)", TEXT):
        there = (ROOT / "docs" / file).read_text(encoding="utf-8")
        headings = {re.sub(r"[^a-z -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", there, re.MULTILINE)}
        assert not anchor or anchor in headings
