"""Traces of etcd/raft: correct runs are explained, planted mistakes and falsified lines are refused where they show."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from functools import partial
from pathlib import Path

import pytest

from model_check.cli.main import run
from model_check.validation import etcd
from model_check.validation.etcd_lines import Event
from model_check.validation.etcd_stage import Stage, Way
from model_check.validation.trace_check import check_trace
from model_check.validation.verdict import Refused
from spec.etcd_records import Node

DATA = Path(__file__).parents[2] / "data" / "etcd"
GOOD = sorted(p for p in DATA.glob("*.gz") if not p.name.startswith("bad-"))
BAD = sorted(DATA.glob("bad-*.gz"))
EXAMPLE = Path(__file__).parents[4] / "shared" / "data" / "etcd-raft-example.ndjson.gz"


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().splitlines()]


@pytest.mark.parametrize("path", GOOD, ids=lambda p: p.name)
def test_a_correct_run_is_explained(path: Path) -> None:
    result = check_trace(path, "etcd")
    assert (result.verdict, result.explained, result.departure) == ("explained", result.events, None)


@pytest.mark.long
@pytest.mark.parametrize("path", [*GOOD, *BAD], ids=lambda p: p.name)
def test_what_is_explained_so_far_does_not_hang_on_what_comes_after(path: Path, tmp_path: Path) -> None:
    """A trace may end anywhere: before the line that shows a mistake, it is a correct one."""
    lines, file = gzip.decompress(path.read_bytes()).splitlines(keepends=True), tmp_path / "begun.ndjson"
    shows = re.search(r"line(\d+)", path.name) if path in BAD else None
    last = int(shows[1]) - 1 if shows else len(lines) - 1
    for count in (*random.Random(path.name).sample(range(1, last), 15), last):
        file.write_bytes(b"".join(lines[:count]))
        assert (check_trace(file, "etcd").verdict, count) == ("explained", count)


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.name)
def test_a_planted_mistake_is_refused_at_the_line_that_shows_it(path: Path) -> None:
    result = check_trace(path, "etcd")
    assert result.verdict == "refused"
    assert result.departure is not None
    assert result.departure.line == int(re.search(r"line(\d+)", path.name)[1])


@pytest.mark.skipif(not EXAMPLE.exists(), reason="the example of etcd-io/raft is not part of this repository")
def test_the_librarys_own_example_is_explained_in_time() -> None:
    result = check_trace(EXAMPLE, "etcd")
    assert (result.verdict, result.events) == ("explained", 4888)
    assert result.seconds < 5


def falsified(path: Path, event: str, change: dict[str, object], tmp_path: Path) -> tuple[Path, int]:
    """The trace with fields of the last one of its lines of one event changed, and that line's number."""
    lines = lines_of(path)
    places = [i for i, line in enumerate(lines) if line.get("event", {}).get("name") == event]
    at = places[-1]
    for field, value in change.items():
        *outer, last = field.split(".")
        found = lines[at]["event"]
        for name in outer:
            found = found[name]
        found[last] = value(found[last]) if callable(value) else value
    target = tmp_path / "falsified.ndjson"
    target.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return target, at + 1


@pytest.mark.parametrize(
    ("event", "change"),
    [
        ("Commit", {"state.commit": lambda c: c + 1}),
        ("BecomeFollower", {"state.term": lambda t: t + 1}),
        ("Ready", {"state.vote": "9"}),
        ("Ready", {"log": lambda i: i + 1}),
        ("Ready", {"role": "StateCandidate"}),
        ("SendAppendEntriesResponse", {"msg.index": lambda i: i + 1}),
        ("SendAppendEntriesRequest", {"msg.logTerm": lambda t: t + 1}),
        ("SendAppendEntriesRequest", {"msg.commit": lambda c: c + 1}),
        ("SendRequestVoteResponse", {"msg.reject": True}),
        ("ReceiveAppendEntriesResponse", {"msg.index": lambda i: i + 3}),
    ],
    ids=lambda v: v if isinstance(v, str) else ",".join(v),
)
def test_a_falsified_line_is_refused_there(event: str, change: dict[str, object], tmp_path: Path) -> None:
    path, line = falsified(DATA / "crash-1.ndjson.gz", event, change, tmp_path)
    result = check_trace(path, "etcd")
    assert result.verdict == "refused"
    assert result.departure is not None
    assert result.departure.line == line


def test_the_command_says_what_departs_and_writes_it_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written = tmp_path / "verdicts.json"
    bad = next(p for p in BAD if "commit-minority" in p.name)
    assert run(["trace", "validate", str(GOOD[0]), str(bad), "--json", str(written)]) == 1
    shown = capsys.readouterr().out
    assert "EXPLAINED" in shown
    assert "`is_majority(members, config.incoming)`" in shown
    first, second = json.loads(written.read_text())
    assert (first["verdict"], first["line"]) == ("explained", None)
    assert (second["verdict"], second["line"], second["action"]) == ("refused", 276, "advance_commit")
    assert set(second) == {"file", "verdict", "events", "explained", "line", "action", "conjunct", "seconds"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('{"tag":"trace","event":{"name":"Nonsense"}}', "event.name"),
        ('{"tag":"trace","event":', "no JSON object"),
        ('{"tag":"trace"}', "event"),
        ('{"tag":"trace","event":{"name":"Ready","state":{"term":-1,"vote":"0","commit":0},"conf":[[],[]],"nid":"1"}}', "event.state.term"),
        ("plain words\n", "no trace events"),
    ],
)
def test_what_is_no_trace_is_an_error_that_names_the_field(text: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.ndjson"
    path.write_text(text)
    assert run(["trace", "validate", str(path)]) == 2
    assert named in capsys.readouterr().err


def test_what_is_no_trace_hinders_no_other_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken, written = tmp_path / "broken.ndjson", tmp_path / "verdicts.json"
    broken.write_text("plain words\n")
    bad = next(p for p in BAD if "commit-minority" in p.name)
    assert run(["trace", "validate", str(broken), str(GOOD[0]), str(bad), "--json", str(written)]) == 2
    assert "broken.ndjson: it holds no trace events" in capsys.readouterr().err
    assert [found["verdict"] for found in json.loads(written.read_text())] == ["explained", "refused"]


def test_a_pipe_is_not_taken_for_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A trace is read more than once: to tell its format, and to show a line."""
    os.mkfifo(pipe := tmp_path / "pipe")
    assert run(["trace", "validate", str(pipe)]) == 2
    assert "it is a pipe" in capsys.readouterr().err


def test_without_leave_to_go_back_the_verdict_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a crash had left is then not tried otherwise, so nothing is said of the line."""
    monkeypatch.setattr(etcd, "MOST_RETRIES", 0)
    result = check_trace(DATA / "bad-snapshot-uncommitted-line1460.ndjson.gz", "etcd")
    assert result.verdict == "inconclusive"
    assert result.departure is not None
    assert result.departure.line == 1460


def test_what_a_refused_way_has_done_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is explained after a detour: a way that takes its steps and is refused then."""
    straight = etcd.ways

    def detours(stage: Stage, event: Event, n: Node) -> list[Way]:
        found = straight(stage, event, n)

        def detour() -> None:
            found[0]()
            raise Refused("detour", "", "the way back is the point")

        return [partial(detour), *found]

    monkeypatch.setattr(etcd, "ways", detours)
    assert check_trace(DATA / "crash-1.ndjson.gz", "etcd").verdict == "explained"


def test_a_search_that_blames_nothing_refuses_what_can_be_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is likelier at a choice of this trace is wrong; that a later line depends on it must not be lost."""
    monkeypatch.setattr(etcd.Judge, "_depends_on", lambda *_: frozenset())
    assert check_trace(DATA / "rejectconf+learner-9100273.ndjson.gz", "etcd").verdict == "refused"
