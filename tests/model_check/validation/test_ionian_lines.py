"""What is no trace in Ionian's own format: an error that names line and field, whatever a file holds."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_check.cli.main import run
from model_check.validation.trace_check import check_trace
from model_check.validation.trace_file import TraceError
from tests.model_check.validation.ionian_traces import ASKED, ELECTION, HEADER, LOGGED, REPLICATION, STARTS, call, message, receive, send, start, step

NAMES = "1: nodes is to be a list of from 1 to 15 different names, each a number below 2⁶⁴ or from 1 to 40 printable characters"
ROOT = Path(__file__).parents[3]


def refused_with(text: str | bytes, folder: Path) -> str:
    """The message of the error, without the file's name."""
    path = folder / "t.ndjson"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(TraceError) as error:
        check_trace(path, "ionian")
    return str(error.value).removeprefix(f"{path}:")


def lines(*objects: Any) -> str:
    return "".join(f"{json.dumps(o)}\n" for o in objects)


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Some write one; the format is told by the first line all the same."""
    path = tmp_path / "t.ndjson"
    path.write_text("\ufeff" + lines(HEADER, *STARTS), encoding="utf-8")
    assert check_trace(path).verdict == "explained"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ({"event": "start"}, '1: the line is no header; a trace in this format begins with {"format": "ionian", "version": 1, "nodes": [...]}'),
        ({**HEADER, "format": "Ionian"}, '1: the line is no header; a trace in this format begins with {"format": "ionian", "version": 1, "nodes": [...]}'),
        ({**HEADER, "version": 2}, "1: version is to be 1; other versions are not known"),
        ({"format": "ionian", "version": 1}, "1: nodes is missing; it is to be a list"),
        ({**HEADER, "nodes": []}, NAMES),
        ({**HEADER, "nodes": ["a", "a"]}, NAMES),
        ({**HEADER, "nodes": ["a", True]}, NAMES),
        ({**HEADER, "nodes": list(range(16))}, NAMES),
        ({**HEADER, "nodes": ["a", ["b"]]}, NAMES),
        ({**HEADER, "nodes": ["a", ""]}, NAMES),
        ({**HEADER, "nodes": ["a", "\ud800"]}, NAMES),
        ({**HEADER, "nodes": ["a", "b" * 41]}, NAMES),
        ({**HEADER, "nodes": [1, -1]}, NAMES),
        ({**HEADER, "nodes": [1, 1 << 64]}, NAMES),
        ({**HEADER, "\x1b[31m": 0}, "1: '\\x1b[31m' is not known here; what is yours goes into `note`"),
        ({**HEADER, "writes": "sometimes"}, "1: writes is to be one of logged, at once, not 'sometimes'"),
        ({**HEADER, "write": "logged"}, "1: write is not known here; what is yours goes into `note`"),
    ],
)
def test_a_header_that_is_none(header: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert refused_with(lines(header, *STARTS), tmp_path) == message


def without(line: dict[str, Any], name: str) -> dict[str, Any]:
    return {k: v for k, v in line.items() if k != name}


def with_message(line: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**line, "message": {**line["message"], **fields}}


VOTE, CALLED = receive(ASKED), send(call("b", [[1, "x"]]))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({}, "event is missing; it is to be text"),
        ({**STARTS[0], "event": "begin"}, "event is to be one of start, receive, step, send, write, written, not 'begin'"),
        ({"event": "write", "node": "a"}, 'event is `write`, but the header does not say "writes": "logged"'),
        (without(STARTS[0], "node"), "node is missing; it is to name a node"),
        (start("d"), "node is to be one of the header's nodes, not 'd'"),
        (start(["a"]), "node is to be one of the header's nodes, not ['a']"),
        (start(1), "node is to be one of the header's nodes, not 1"),
        (without(STARTS[0], "voted_for"), "voted_for is missing; it is to name a node, or be null where the server has not voted in its term"),
        (step("a", voted_for=0), "voted_for is to be one of the header's nodes, not 0"),
        (step("a", term=-1), "term is to be from 0 to 2⁶³ - 1"),
        (step("a", term=10**100), "term is to be from 0 to 2⁶³ - 1"),
        (step("a", term=1 << 40), "term is to be below 2⁴⁰"),
        (step("a", term=1.0), "term is to be a number, not 1.0"),
        (step("a", term=True), "term is to be a number, not True"),
        (step("a", role="Leader"), "role is to be one of follower, candidate, leader, not 'Leader'"),
        (without(STARTS[0], "last_log_index"), "last_log_index is missing; it is to be a number"),
        (step("a", commit_index="0"), "commit_index is to be a number, not '0'"),
        (step("a", snapshot_index=None), "snapshot_index is missing; it is to be a number"),
        (step("a", commitIndex=0), "commitIndex is not known here; what is yours goes into `note`"),
        (step("a", message=ASKED), "message is not known here; what is yours goes into `note`"),
        (step("a", entries=[[1]]), "entries is to be a list of terms, or of pairs of a term and a command's text; [1] is neither"),
        (step("a", entries=[0]), "entries is to be a list of terms, or of pairs of a term and a command's text; 0 is neither"),
        (step("a", entries=[[1, 2]]), "entries is to be a list of terms, or of pairs of a term and a command's text; [1, 2] is neither"),
        (step("a", entries="x"), "entries is to be a list, not 'x'"),
        (without(VOTE, "message"), "message is missing; it is to be an object"),
        (with_message(VOTE, kind="vote"), "message.kind is to be one of request_vote, vote_reply, append_entries, append_reply, install_snapshot, not 'vote'"),
        (with_message(VOTE, to="c"), "message.to is to be the line's own node, 'b'"),
        (with_message(CALLED, **{"from": "c"}), "message.from is to be the line's own node, 'a'"),
        (with_message(VOTE, **{"from": "b"}), "message.to is the sender itself; what a server tells itself is no message"),
        (with_message(VOTE, **{"from": None}), "message.from is to be one of the header's nodes, not None"),
        (with_message(VOTE, term=None), "message.term is missing; it is to be a number"),
        (with_message(VOTE, last_log_term=1 << 62), "message.last_log_term is to be below 2⁴⁰"),
        (with_message(VOTE, prev_log_index=1), "message.prev_log_index is not known here; what is yours goes into `note`"),
        (
            with_message(CALLED, entries=[[1, "x", 0]]),
            "message.entries is to be a list of terms, or of pairs of a term and a command's text; [1, 'x', 0] is neither",
        ),
        ({**CALLED, "term": 1}, "term is not known here; what is yours goes into `note`"),
    ],
)
def test_a_line_that_is_none(line: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert refused_with(lines(HEADER, *STARTS, line), tmp_path) == f"5: {message}"


def test_what_a_start_cannot_show(tmp_path: Path) -> None:
    message = "entries are shown before they are written, not when the server starts: the header says that writes are logged"
    assert refused_with(lines(LOGGED, start("a", entries=[1])), tmp_path) == f"2: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: the line is no JSON object: is the file complete?"),
        ("plain words", "1: the line is no JSON object: is the file complete?"),
        (lines(HEADER) + '{"event":"start","no', "2: the line is no JSON object: is the file complete?"),
        (lines(HEADER) + "[" * 100_000, "2: the line is no JSON object: is the file complete?"),
        (lines(HEADER) + '{"note":' * 50_000, "2: the line is no JSON object: is the file complete?"),
        (lines(HEADER) + f'{{"event":"step","term":{"9" * 10_000}}}', "2: the line is no JSON object: is the file complete?"),
        (lines(HEADER) + "[1]", "2: the line is no JSON object: is the file complete?"),
        (lines(HEADER).encode() + b"\xff\xfe", "2: the line is no text in UTF-8"),
    ],
    ids=["empty", "words", "cut off", "deep list", "deep object", "huge number", "no object", "no text"],
)
def test_hostile_files(text: str | bytes, message: str, tmp_path: Path) -> None:
    assert refused_with(text, tmp_path) == message


def test_a_trace_without_events(tmp_path: Path) -> None:
    assert refused_with(lines(HEADER), tmp_path) == " it holds no events, only a header"


def test_a_line_of_a_hundred_megabytes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.ndjson"
    with path.open("w") as file:
        file.write(lines(HEADER) + '{"note": "')
        for _ in range(100):
            file.write("x" * (1 << 20))
    with pytest.raises(TraceError, match="2: the line is longer than 1,048,576 bytes"):
        check_trace(path)


def test_a_term_of_ten_to_the_nine_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "far.ndjson"
    path.write_text(lines(HEADER, *STARTS, step("a", term=10**9, voted_for="a", role="candidate")))
    begun = time.process_time()
    assert check_trace(path).verdict == "refused"
    assert time.process_time() - begun < 1


def test_the_largest_cluster_is_judged_in_time(tmp_path: Path) -> None:
    names = [f"s{i}" for i in range(15)]
    lead = {"term": 1, "voted_for": "s0"}
    trace = [{**HEADER, "nodes": names}, *map(start, names), step("s0", **lead, role="candidate")]
    for i in range(1, 8):
        asked = message("request_vote", "s0", f"s{i}", 1, last_log_index=0, last_log_term=0)
        voted = message("vote_reply", f"s{i}", "s0", 1, vote_granted=True)
        trace += [send(asked), receive(asked, **lead), send(voted), receive(voted, **lead, role="leader" if i == 7 else "candidate")]
    path = tmp_path / "large.ndjson"
    path.write_text(lines(*trace))
    begun = time.process_time()
    assert check_trace(path).verdict == "explained"
    path.write_text(lines(*trace[:-4], step("s0", **lead, role="leader")))
    assert check_trace(path).verdict == "refused"
    assert time.process_time() - begun < 2


def test_a_cut_off_archive(tmp_path: Path) -> None:
    path = tmp_path / "cut.ndjson.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00")
    with pytest.raises(TraceError, match="cannot be decompressed"):
        check_trace(path)


def test_lines_after_the_refused_one_are_read_all_the_same(tmp_path: Path) -> None:
    broken = lines(HEADER, *ELECTION[:3], step("a", role="leader"), *ELECTION) + "{"
    assert refused_with(broken, tmp_path) == "14: the line is no JSON object: is the file complete?"


def test_the_command_names_file_line_and_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.ndjson"
    path.write_text(lines(HEADER, *STARTS, step("a", term=-1)))
    assert run(["trace", "validate", str(path)]) == 2
    assert capsys.readouterr().err == f"error: {path}:5: term is to be from 0 to 2⁶³ - 1\n"


# --- Fuzzing


def objects() -> st.SearchStrategy[Any]:
    leaves = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from([1 << 40, 10**30, 0.5, "a", "b", "x", "leader", "start"])
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["term", "kind", "to", "x"]), inner, max_size=3))


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_whatever_a_line_holds_there_is_a_verdict_or_an_error(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    trace = json.loads(json.dumps([data.draw(st.sampled_from([HEADER, LOGGED])), *REPLICATION]))
    line = trace[data.draw(st.integers(0, len(trace) - 1))]
    part = line["message"] if "message" in line and data.draw(st.booleans()) else line
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(objects())
    path = tmp_path_factory.getbasetemp() / "fuzzed.ndjson"
    path.write_text(lines(*trace))
    with contextlib.suppress(TraceError):
        assert check_trace(path, "ionian").verdict in ("explained", "refused", "inconclusive")


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_whatever_the_order_of_lines_there_is_a_verdict(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    writes = [{"event": event, "node": node} for event in ("write", "written") for node in "abc"]
    trace = data.draw(st.lists(st.sampled_from([*REPLICATION, *writes, start("a", term=1, voted_for="a"), start("b", term=1)]), max_size=12))
    path = tmp_path_factory.getbasetemp() / "shuffled.ndjson"
    path.write_text(lines(LOGGED, *STARTS, *trace))
    assert check_trace(path).verdict in ("explained", "refused", "inconclusive")


@pytest.mark.long
@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed")
def test_the_fuzz_target_finds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.model_check.validation.fuzz_ionian", str(tmp_path), "-max_total_time=60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2_000:]
