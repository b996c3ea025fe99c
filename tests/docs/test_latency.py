"""The page on latency: its tables are what the commands print, its example is a topology, its lists are complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click
import pytest

from benchmarks.latency import PAGE, PICTURE, commands, shown, transcript
from impl.latency import shipped
from model_check.cli.latency import latency
from model_check.cli.main import run

TEXT = PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", [pytest.param(c, marks=pytest.mark.long) if "three-" in c else c for c in commands(TEXT)])
def test_a_table_is_current(command: str) -> None:
    assert transcript(TEXT, command) == shown(TEXT, command), "python -m benchmarks.latency --write"


def test_all_that_is_shipped_has_a_table() -> None:
    assert {command.split()[2] for command in commands(TEXT)} == {*shipped(), "my-regions.toml"}


def test_the_commands_at_the_top_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")
    (block,) = re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL)
    (own,) = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("my-regions.toml").write_text(own, encoding="utf-8")
    first, second = (line.split()[1:] for line in block.splitlines())
    assert " ".join(first) in commands(TEXT)
    assert run([*second, "--operations", "5"]) == 0
    fields = set(json.loads(Path("figures.json").read_text(encoding="utf-8"))["figures"][0])
    (row,) = re.findall(r"^\| `--json FILE` \|.*$", TEXT, flags=re.MULTILINE)
    assert fields | {"figures"} == set(re.findall(r"`(\w+)`", row))


def test_all_options_are_listed() -> None:
    options = {name for p in latency.params if isinstance(p, click.Option) for name in (*p.opts, *p.secondary_opts)} - {"--jitter"}
    assert set(re.findall(r"^\| `(--[\w-]+)", TEXT, flags=re.MULTILINE)) == options


def test_links_and_files_lead_somewhere() -> None:
    assert PICTURE.exists()
    root = PAGE.parents[1]
    for file in re.findall(r"`((?:impl|docs)/[\w/.]+)`", TEXT):
        assert (root / file).exists(), file
