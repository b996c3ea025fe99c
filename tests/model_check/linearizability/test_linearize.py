"""The command: its report, its JSON, and the exit status of the worst file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from model_check.cli.main import run
from model_check.linearizability.search import Search


def line(client: int, operation: str, arguments: list[object], invoked: int, result: object = None) -> str:
    fields = {"client": client, "operation": operation, "arguments": arguments, "invoked": invoked, "returned": invoked + 1, "result": result, "outcome": "ok"}
    return json.dumps(fields) + "\n"


WRITES = line(1, "write", [1], 1) + line(1, "write", [2], 3)
CROWD = "".join(line(i, "write", [i], 0) for i in range(40)) + line(40, "cas", [0, 1], 0, False)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    texts = {
        "good": WRITES + line(2, "read", [], 5, 2),
        "stale": WRITES + line(2, "read", [], 5, 1),
        "broken": WRITES + "{\n",
        "hard": CROWD + line(50, "read", [], 5, -1),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: str(tmp_path / name) for name in texts}


def linearize(*files: str, model: str = "register", options: tuple[str, ...] = ()) -> int:
    return run(["linearize", *files, "--model", model, "--format", "ionian", *options])


def test_the_verdicts_as_text_and_json(files, tmp_path, capsys) -> None:
    out = tmp_path / "verdicts.json"
    assert linearize(files["good"], files["stale"], options=("--json", str(out))) == 1
    shown = capsys.readouterr().out
    assert f"NOT LINEARIZABLE  {files['stale']}, 3 operations" in shown
    assert "Cannot be placed: read() -> 1  (client 2, line 3)" in shown
    assert "it returned 1 where the value is 2" in shown
    first, second = json.loads(out.read_text())
    assert (first["file"], first["verdict"], first["operations"]) == (files["good"], "linearizable", 3)
    assert (second["file"], second["verdict"], second["operations"]) == (files["stale"], "not_linearizable", 3)
    assert set(first) == {"file", "verdict", "operations", "seconds"}
    assert isinstance(first["seconds"], float)


def test_the_exit_status_is_that_of_the_worst_file(files) -> None:
    assert linearize(files["good"]) == 0
    assert linearize(files["good"], files["stale"], files["good"]) == 1
    assert linearize(files["hard"], options=("--timeout", "0.1")) == 3


def test_a_file_that_is_no_history(files, tmp_path, capsys) -> None:
    out = tmp_path / "verdicts.json"
    assert linearize(files["stale"], files["broken"], options=("--json", str(out))) == 2
    shown, error = capsys.readouterr()
    assert shown == ""
    assert error.startswith(f"error: {files['broken']}:3: not a JSON object: ")
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize("options", [(), ("--model", "stack"), ("--model", "kv", "--format", "csv"), ("--model", "kv", "--format", "kv", "--timeout", "0")])
def test_wrong_options(files, capsys, options) -> None:
    assert run(["linearize", files["good"], *options]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_an_interrupt_ends_the_rest_as_inconclusive(files, tmp_path, monkeypatch) -> None:
    search = Search.run
    begun = []

    def interrupted_at_the_second(self, deadline):
        begun.append(self)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return search(self, deadline)

    monkeypatch.setattr(Search, "run", interrupted_at_the_second)
    out = tmp_path / "verdicts.json"
    assert linearize(files["good"], files["good"], files["stale"], options=("--json", str(out))) == 3
    assert [r["verdict"] for r in json.loads(out.read_text())] == ["linearizable", "inconclusive", "inconclusive"]
    assert len(begun) == 2


def test_what_a_long_report_leaves_out(tmp_path, capsys) -> None:
    """Many states and pending operations: the first are shown, the rest counted; hostile texts are printed as ASCII."""
    unknown = "".join(line(i, "write", [f"\u001b[31m{i}"], 1).replace('"ok"', '"unknown"') for i in range(20))
    tests = "".join(line(50 + i, "cas", [f"\u001b[31m{i}", "x"], 2, False) for i in range(20))
    path = tmp_path / "long"
    path.write_text(unknown + tests + line(99, "read", [], 8, "never"))
    assert linearize(str(path), options=("--timeout", "20")) == 1
    shown = capsys.readouterr().out
    assert "\u001b" not in shown
    assert "more other states" in shown
