"""docs/trace-your-implementation.md, done as a reader would do it."""

from __future__ import annotations

import contextlib
import json
import random
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model_check.cli.main import run
from model_check.validation.ionian_lines import EVENTS, MESSAGES, ROLES, STATE_FIELDS
from model_check.validation.trace_check import check_trace

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "trace-your-implementation.md").read_text(encoding="utf-8")
(TOY,) = re.findall(r"```python\n(.*?)```", DOCUMENT, flags=re.DOTALL)
GOOD, BAD = re.findall(r"^\$ ionian trace validate toy.ndjson\n(.*?)```", DOCUMENT, flags=re.DOTALL | re.MULTILINE)


def _told(text: str) -> str:
    """A report whatever the width of the terminal, the seconds, and where the repository lies."""
    return re.sub(r"[\d.]+ s\b", "- s", " ".join(text.replace(f"{ROOT}/", "").split()))


def _run_toy(text: str, folder: Path) -> None:
    (folder / "toy_raft.py").write_text(text)
    runpy.run_path(str(folder / "toy_raft.py"), run_name="__main__")


def test_the_trace_shown_is_explained(tmp_path: Path) -> None:
    (lines,) = re.findall(r"```json\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    path = tmp_path / "shown.ndjson"
    path.write_text(lines)
    assert (check_trace(path).verdict, check_trace(path).events) == ("explained", len(lines.splitlines()) - 1)


def test_the_example_and_what_becomes_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    _run_toy(TOY, tmp_path)
    assert run(["trace", "validate", "toy.ndjson"]) == 0
    assert _told(capsys.readouterr().out) == _told(GOOD)
    assert max(json.loads(line).get("commit_index", 0) for line in Path("toy.ndjson").read_text().splitlines()) > 50
    _run_toy(TOY.replace(" and complete\n", "\n"), tmp_path)
    assert run(["trace", "validate", "toy.ndjson"]) == 1
    assert _told(capsys.readouterr().out) == _told(BAD)


@pytest.mark.parametrize(
    ("text", "instead", "action"),
    [
        ("    def start(self):\n", "    def start(self):\n        self.voted_for = None\n", "restart"),
        (" and self.term_at(agreed) == self.term", "", "advance_commit"),
        ('"match_index": prev + len(entries)}', '"match_index": len(self.log)}', "handle_append_entries"),
        (" and self.voted_for in (None, m['from'])".replace("'", '"'), "", "handle_request_vote"),
    ],
    ids=["a forgotten vote", "an earlier term's entry committed", "too much acknowledged", "two votes in a term"],
)
def test_other_ways_to_break_it_are_refused_too(text: str, instead: str, action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert text in TOY
    for seed in range(1, 6):
        with contextlib.suppress(IndexError):  # a leader that believes what is not so may fall over it
            _run_toy(TOY.replace(text, instead).replace("seed=1", f"seed={seed}"), tmp_path)
        departure = check_trace(Path("toy.ndjson")).departure
        if departure is not None:
            break
    assert departure is not None
    assert departure.action == action


class Crash(Exception):
    """Of one of the toy's servers."""


@pytest.mark.parametrize("seed", range(4))
def test_crashes_between_the_write_and_the_line_are_explained(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy's servers crash where a handler has written its state and logged nothing yet; a leader's own new entries excepted."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "toy"}
    exec(TOY, names)
    server, chance, crashed = names["Server"], random.Random(seed), []
    log = server.trace

    def trace(self: Any, event: str, message: Any = None, entries: Any = None) -> None:
        if event != "start" and not entries and chance.random() < 0.05:
            raise Crash
        log(self, event, message, entries)

    def restarting(method: Callable[..., None]) -> Callable[..., None]:
        def call(self: Any, *arguments: Any) -> None:
            try:
                method(self, *arguments)
            except Crash:
                crashed.append(self.name)
                self.start()

        return call

    server.trace, server.receive, server.timeout = trace, restarting(server.receive), restarting(server.timeout)
    names["main"](seed)
    assert check_trace(Path("toy.ndjson")).departure is None
    assert len(crashed) > 3


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    validate, trace = re.findall(r"```sh\nionian ([^\n]*)\n```", DOCUMENT)
    assert run(trace.split()) == 0
    assert run(validate.split()) == 0


def test_the_tables_name_what_there_is() -> None:
    tables = re.findall(r"((?:^\|.*\n)+)", DOCUMENT, flags=re.MULTILINE)
    events, state, messages = ([re.findall(r"`(\w+)`", row.split("|")[1]) for row in table.splitlines()[2:]] for table in tables[:3])
    assert {name for row in events for name in row} == set(EVENTS)
    assert {name for row in state for name in row} == {*STATE_FIELDS, "entries"}
    assert [name for row in messages for name in row] == list(MESSAGES)
    for row, fields in zip(tables[2].splitlines()[2:], MESSAGES.values(), strict=True):
        assert re.findall(r"`(\w+)`", row.split("|")[2]) == list(fields)
    assert all(f"`{role}`" in tables[1] for role in ROLES)
