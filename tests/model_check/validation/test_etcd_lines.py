"""Lines that are no trace of etcd/raft: an error that names line and field, whatever they hold."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_check.validation.etcd_lines import MOST_SERVERS, read_etcd_events
from model_check.validation.trace_check import check_trace
from model_check.validation.trace_file import LONGEST_LINE, TraceError, at_its_place

GOOD = {
    "tag": "trace",
    "event": {
        "name": "SendAppendEntriesRequest",
        "nid": "1",
        "state": {"term": 1, "vote": "0", "commit": 3},
        "role": "StateLeader",
        "log": 3,
        "conf": [["1", "2"], []],
        "msg": {
            "type": "MsgApp", "term": 1, "from": "1", "to": "2", "entries": 0, "logTerm": 1,
            "index": 3, "commit": 3, "vote": "0", "reject": False, "rejectHint": 0,
        },
        "prop": {"match": 3, "next": 4},
    },
}  # fmt: skip


def read(text: str | bytes, tmp_path: Path, name: str = "lines.ndjson") -> list[Any]:
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    with at_its_place(path):
        return read_etcd_events(path)


def test_a_line_is_an_event_and_other_output_is_skipped(tmp_path: Path) -> None:
    other = '{"level":"info","raft":1}\nplain words\nINFO {not json}\n\n'
    (event,) = read(f"{other}2024-04-05T12:00:00 {json.dumps(GOOD)}\n", tmp_path)
    assert (event.line, event.node, event.own_progress, event.message.index) == (5, 1, (3, 4), 3)


def changed(path: str, value: object) -> str:
    """The good line with one field changed; without a value, left out."""
    line = json.loads(json.dumps(GOOD))
    *outer, last = path.split(".")
    target = line["event"]
    for part in outer:
        target = target[part]
    if value is None:
        del target[last]
    else:
        target[last] = value
    return json.dumps(line)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("name", "Sent", "one of"),
        ("name", "\ud800", "one of"),
        ("nid", "0", "0 stands for none"),
        ("nid", 1, "to be text"),
        ("nid", "²", "number in quotes"),
        ("nid", "1" * 21, "number in quotes"),
        ("state.term", -1, "from 0"),
        ("state.term", 1 << 63, "from 0"),
        ("state.term", 10**400, "from 0"),
        ("state.term", 1.0, "a number"),
        ("state.term", True, "a number"),
        ("state.commit", None, "missing"),
        ("state", [], "an object"),
        ("role", "Leader", "one of"),
        ("log", 1 << 40, "cannot be judged"),
        ("conf", [["1"]], "two lists"),
        ("conf", [["1", "1"], []], "once, in order"),
        ("conf", [["2", "1"], []], "once, in order"),
        ("conf", [[["1"]], []], "number in quotes"),
        ("msg", None, "missing"),
        ("msg.type", "MsgVote", "one of"),
        ("msg.reject", 0, "true or false"),
        ("msg.rejectHint", "1", "a number"),
        ("prop", [1], "an object"),
        ("prop.match", None, "missing"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, fault: str, tmp_path: Path) -> None:
    with pytest.raises(TraceError) as raised:
        read("\n" + changed(field, value), tmp_path)
    assert f"lines.ndjson:2: event.{field}" in str(raised.value)
    assert fault in str(raised.value)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (json.dumps(GOOD)[:-9], "is no JSON object: is the file complete?"),
        (json.dumps(GOOD) + "}", "is no JSON object"),
        (json.dumps(GOOD).replace('"log": 3', '"log": 3, "log": 4'), "'log' is there twice"),
        (json.dumps(GOOD).replace('"log": 3', '"log": NaN'), "NaN is no number"),
        (json.dumps(GOOD).replace('"log": 3', '"log": -Infinity'), "-Infinity is no number"),
        (json.dumps(GOOD).replace('"log": 3', '"log": ' + "9" * 5000), "is no JSON object"),
        ('{"tag": "trace", "event": ' + "[" * 100_000 + "]" * 100_000 + "}", "is no JSON object"),
        ('{"tag": "trace", "event": 1}', "event is to be an object"),
        ("{" + ",".join(f'"{i}": "trace"' for i in range(50_000)) + ',"0": 1}', "'0' is there twice"),
        (b'{"tag": "trace", \xff}', "no text in UTF-8"),
        ("x" * (LONGEST_LINE + 1), "is longer than"),
    ],
    ids=range(11),
)
def test_a_line_that_cannot_be_read_is_named(line: str | bytes, fault: str, tmp_path: Path) -> None:
    with pytest.raises(TraceError) as raised:
        read(line, tmp_path)
    assert "lines.ndjson:1: " in str(raised.value)
    assert fault in str(raised.value)


def test_the_line_with_one_server_too_many_is_named(tmp_path: Path) -> None:
    lines = [changed("conf", [[str(n) for n in servers], []]) for servers in (range(1, MOST_SERVERS + 1), [MOST_SERVERS + 1])]
    with pytest.raises(TraceError, match=r"lines.ndjson:2: event is of more than 128 servers"):
        read("\n".join(lines), tmp_path)


def test_a_line_of_a_hundred_million_bytes_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="is longer than"):
        read(gzip.compress(b'{"tag": "trace", "event": "' + b"x" * 100_000_000, 1), tmp_path, "lines.ndjson.gz")


def test_a_damaged_archive_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="damaged or cut off"):
        read(gzip.compress(json.dumps(GOOD).encode())[:-12], tmp_path, "lines.ndjson.gz")


JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(0, 12), st.sampled_from([2**40, 2**63 - 1, 2**64]), st.floats(), st.text(max_size=5),
    st.sampled_from(["0", "1", "9", "Ready", "InitState", "StateLeader", "MsgSnap"]), st.lists(st.text(max_size=2), max_size=3), st.just({}),
)  # fmt: skip
REAL = gzip.decompress((Path(__file__).parents[2] / "data" / "etcd" / "bad-vote-lost-at-restart-line93.ndjson.gz").read_bytes()).decode().splitlines()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all values within a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, item in inner for found in places(item, (*path, key)))]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_whatever_stands_anywhere_in_a_line_there_is_a_verdict_or_a_trace_error(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    lines = [json.loads(line) for line in REAL[:60]]
    line = data.draw(st.sampled_from(lines))
    *outer, last = data.draw(st.sampled_from([p for p in places(line) if p]))
    for part in outer:
        line = line[part]
    line[last] = data.draw(JUNK)
    path = tmp_path_factory.getbasetemp() / "anywhere.ndjson"
    path.write_text("".join(json.dumps(x) + "\n" for x in lines), encoding="utf-8")
    with contextlib.suppress(TraceError):
        assert check_trace(path, "etcd").verdict in ("explained", "refused", "inconclusive")


@settings(max_examples=100, deadline=None)
@given(junk=st.binary(max_size=300), whole=st.booleans())
def test_whatever_bytes_a_file_holds_are_events_or_a_trace_error(junk: bytes, whole: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / ("bytes.ndjson" if whole else "bytes.ndjson.gz")
    path.write_bytes(b'{"tag": "trace", ' + junk if whole else junk)
    with contextlib.suppress(TraceError), at_its_place(path):
        read_etcd_events(path)
