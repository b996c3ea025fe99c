"""`ionian latency`: its tables, JSON and pictures, the same for the same seed; and what it refuses, in one message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model_check.cli.main import run

QUICK = ("--operations", "5")


def latency(*arguments: str) -> int:
    return run(["latency", *arguments])


def figures(file: Path, *arguments: str) -> dict[str, Any]:
    assert latency(*arguments, "--json", str(file)) == 0
    return json.loads(file.read_text(encoding="utf-8"))


def test_the_tables_have_every_place_of_leader_and_client(capsys: pytest.CaptureFixture[str]) -> None:
    assert latency("--topology", "three-continents", "--nodes", "5", "--no-jitter", "--operations", "1") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "three-continents  milliseconds; no jitter, 1 operation, seed 1, a write takes 0 ms"
    assert "5 nodes  virginia 2, ireland 2, tokyo 1" in lines
    rows = [line.split() for line in lines]
    assert ["virginia", "virginia", *["70.0"] * 8] in rows
    assert ["tokyo", *["220.0"] * 8] in rows, "a client in tokyo of a leader in virginia"
    assert ["tokyo", "tokyo", *["150.0"] * 8] in rows
    assert ["tokyo", *["300.0"] * 3, *["150.0"] * 3] in rows, "single-decree, and a read by a quorum"


def test_json_has_all_figures(tmp_path: Path) -> None:
    found = figures(tmp_path / "f.json", "--topology", "three-zones", "--nodes", "3", "--nodes", "5", "--disk", "0.5", *QUICK)
    settings = {"topology": "three-zones", "jitter": True, "disk_ms": 0.5, "operations": 5, "seed": 1}
    assert {key: found[key] for key in settings} == settings
    assert len(found["figures"]) == 2 * 33
    first = found["figures"][0]
    assert first | {"p50_ms": 0, "p99_ms": 0} == {
        "nodes": 3,
        "placement": {"zone-a": 1, "zone-b": 1, "zone-c": 1},
        "operation": "command",
        "method": "raft",
        "leader": "zone-a",
        "client": "zone-a",
        "bound_ms": 1.3,
        "p50_ms": 0,
        "p99_ms": 0,
    }
    assert 1.3 <= first["p50_ms"] <= first["p99_ms"]
    methods = {(f["operation"], f["method"], f["leader"] is None) for f in found["figures"]}
    assert methods == {
        ("command", "raft", False),
        ("command", "multi-paxos", False),
        ("command", "paxos", True),
        ("read", "read-index", False),
        ("read", "quorum-read", True),
    }


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files, printed = [], []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        assert latency("--topology", "three-zones", "--nodes", "3", "--seed", seed, *QUICK, "--json", str(tmp_path / name)) == 0
        files.append((tmp_path / name).read_bytes())
        printed.append(capsys.readouterr().out)
    assert files[0] == files[1]
    assert printed[0] == printed[1]
    assert files[0] != files[2]


@pytest.mark.parametrize(("name", "magic"), [("p.svg", b"<?xml"), ("p.png", b"\x89PNG")])
def test_a_picture_is_drawn_and_is_the_same_for_the_same_seed(name: str, magic: bytes, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib, an optional extra, is not installed")
    drawn = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        file = tmp_path / folder / name
        assert latency("--topology", "three-zones", "--nodes", "3", *QUICK, "--plot", str(file)) == 0
        drawn.append(file.read_bytes())
    assert drawn[0].startswith(magic)
    assert drawn[0] == drawn[1]


def test_any_name_of_a_region_can_be_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name, file = "[bold]a region whose name is long and odd: $x_{$", tmp_path / "t.toml"
    file.write_text(f"regions = ['{name}', 'b']\nround_trip_ms = [[1, 2], [2, 1]]\n", encoding="utf-8")
    arguments = ["--topology", str(file), "--nodes", "3", *QUICK]
    if _has_matplotlib():
        arguments += ["--plot", str(tmp_path / "p.svg")]
    assert latency(*arguments) == 0
    assert capsys.readouterr().out.count(name) >= 4


def _has_matplotlib() -> bool:
    try:
        import matplotlib  # noqa: F401  # whether it is there
    except ImportError:
        return False
    return True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--topology", "nowhere"], "nowhere: no such file; give one, or local-cluster, three-continents, three-zones"),
        (["--topology", "three-zones", "--nodes", "2"], "three-zones: 2 nodes cannot be placed; choose 3 to 99"),
        (["--topology", "three-zones", "--nodes", "3", "--nodes", "1"], "three-zones: 1 nodes cannot be placed"),
        (["--topology", "three-zones", "--disk", "-1"], "--disk"),
        (["--topology", "three-zones", "--disk", "nan"], "--disk"),
        (["--topology", "three-zones", "--operations", "0"], "--operations"),
        (["--topology", "three-zones", "--plot", "picture.jpg"], "picture.jpg: the name of a picture ends in .svg or .png"),
        ([], "--topology"),
    ],
)
def test_a_bad_command_line_is_refused(arguments: list[str], message: str, tmp_path: Path, monkeypatch: Any, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert latency(*arguments, *QUICK) == 2 if "--operations" not in arguments else latency(*arguments) == 2
    shown = capsys.readouterr()
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out


def test_a_bad_file_is_refused_with_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "t.toml"
    file.write_text('regions = ["a", "b"]\nround_trip_ms = [[1, 2], [2]]\n', encoding="utf-8")
    assert latency("--topology", str(file)) == 2
    assert capsys.readouterr().err == f"error: {file}: round_trip_ms: not square: the row of b has 1 numbers; it must have 2, one for each region\n"


def test_a_picture_without_matplotlib_is_refused_before_anything_is_measured(monkeypatch: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    assert latency("--topology", "three-zones", "--plot", str(tmp_path / "p.svg")) == 2
    shown = capsys.readouterr()
    assert "drawing needs matplotlib: pip install 'ionian[graph]'" in shown.err
    assert not shown.out
