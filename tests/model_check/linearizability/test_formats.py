"""The decoders: what they read, and one typed error, with file and line, for whatever they cannot."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model_check.linearizability import FORMATS, MODELS, HistoryError, formats, read_history
from model_check.linearizability.edn import EdnError, parse

JEPSEN = """INFO  jepsen.util - 0\t:invoke\t:write\t3
INFO  jepsen.util - 1\t:invoke\t:read\tnil
INFO  jepsen.util - :nemesis\t:info\t:start\tnil
INFO  jepsen.util - 0\t:ok\t:write\t3
INFO  jepsen.util - 1\t:ok\t:read\tnil
INFO  jepsen.util - 2\t:invoke\t:cas\t[3 4]
INFO  jepsen.util - 2\t:info\t:cas\t:timed-out
INFO  jepsen.util - 3\t:invoke\t:cas\t[1 2]
INFO  jepsen.util - 3\t:fail\t:cas\t[1 2]
INFO  jepsen.util - 4\t:invoke\t:cas\t[3 5]
INFO  jepsen.util - 4\t:ok\t:cas\t[3 5]
INFO  jepsen.util - 5\t:invoke\t:write\t-1
"""
KV = r"""{:process 0, :type :invoke, :f :put, :key "a", :value "x \"y\""}
{:process 1, :type :invoke, :f :get, :key "a", :value nil}
{:process 0, :type :ok, :f :put, :key "a", :value "x \"y\""}
{:process 1, :type :ok, :f :get, :key "a", :value ""}
{:process 1, :type :invoke, :f :append, :key "b", :value "z"}
"""
OPERATION = {"client": 1, "operation": "put", "key": "a", "arguments": ["x"], "invoked": 1, "returned": 2.5, "result": None, "outcome": "ok"}
IONIAN = "\n".join(
    json.dumps(OPERATION | change)
    for change in (
        {},
        {"client": "two", "operation": "get", "arguments": [], "result": "x"},
        {"outcome": "unknown", "returned": None},
        {"outcome": "fail"},
    )
)
SAMPLES = {"jepsen": ("register", JEPSEN), "kv": ("kv", KV), "ionian": ("kv", IONIAN)}


def read(path: Path, text: str | bytes, format_name: str, model: str):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_history(path, format_name, MODELS[model]).operations


def test_the_log_of_jepsen(tmp_path: Path) -> None:
    found = read(tmp_path / "h", JEPSEN, "jepsen", "register")
    assert [str(o) for o in found] == [
        "write(3)",
        "read() -> null",
        "cas(3, 4) -> unknown",
        "cas(1, 2) -> fail",
        "cas(3, 5) -> true",
        "write(-1) -> unknown",
    ]
    assert [(o.client, o.line, o.returned_line) for o in found][:3] == [("0", 1, 4), ("1", 2, 5), ("2", 6, 7)]


def test_key_value_histories(tmp_path: Path) -> None:
    found = read(tmp_path / "h", KV, "kv", "kv")
    assert [(o.key, str(o)) for o in found] == [("a", 'put("x \\"y\\"")'), ("a", 'get() -> ""'), ("b", 'append("z") -> unknown')]


def test_histories_of_ionian(tmp_path: Path) -> None:
    found = read(tmp_path / "h", IONIAN, "ionian", "kv")
    assert [(o.outcome, o.invoked, o.returned) for o in found] == [("ok", 1, 2.5), ("ok", 1, 2.5), ("unknown", 1, None), ("fail", 1, None)]
    assert found[1].result == "x"


JEPSEN_LINE = "INFO  jepsen.util - 0\t{}\t{}\t{}\n".format
KV_LINE = '{{:process 0, :type :{}, :f :{}, :key "a", :value {}}}\n'.format


@pytest.mark.parametrize(
    ("format_name", "text", "line", "part"),
    [
        ("jepsen", "", 0, "no operations"),
        ("jepsen", "\n\nhello\n", 3, "not an event"),
        ("jepsen", JEPSEN_LINE(":invoke", ":read", "nil")[:-8], 1, "not an event"),
        ("jepsen", JEPSEN_LINE(":ok", ":read", "1"), 1, "has not invoked"),
        ("jepsen", JEPSEN_LINE(":invoke", ":read", "nil") * 2, 2, "line 1 is pending"),
        ("jepsen", JEPSEN_LINE(":invoke", ":read", "nil") + JEPSEN_LINE(":ok", ":write", "1"), 2, "another operation"),
        ("jepsen", JEPSEN_LINE(":invoke", ":write", "1") + JEPSEN_LINE(":ok", ":write", "2"), 2, "another value"),
        ("jepsen", JEPSEN_LINE(":invoke", ":read", "nil") + JEPSEN_LINE(":maybe", ":read", "2"), 2, ":maybe"),
        ("jepsen", JEPSEN_LINE(":invoke", ":write", "9" * 5000), 1, "64 bits"),
        ("jepsen", JEPSEN_LINE(":invoke", ":cas", "[1"), 1, "in the middle"),
        ("jepsen", JEPSEN_LINE(":invoke", ":cas", "[1 2 3]"), 1, "takes 2 arguments"),
        ("jepsen", JEPSEN_LINE(":invoke", ":cas", "[1 [2]]"), 1, "a value is"),
        ("jepsen", JEPSEN_LINE(":invoke", ":cas", "[" * 100_000), 1, "deep"),
        ("jepsen", JEPSEN_LINE(":invoke", ":append", "1"), 1, "the register model has no operation"),
        ("jepsen", b"INFO \xff\n", 1, "UTF-8"),
        ("jepsen", b"x" * (formats.LONGEST_LINE + 1), 1, "longer than"),
        ("kv", KV_LINE("invoke", "get", "nil")[:-3], 1, "cannot be read"),
        ("kv", KV_LINE("invoke", "put", "3"), 1, "no value of the kv model"),
        ("kv", KV_LINE("invoke", "read", "nil"), 1, "the kv model has no operation"),
        ("kv", "{:process 0}", 1, "not an event"),
        ("kv", '{:process "0", :type :invoke, :f :get, :key "a", :value nil}', 1, ":process"),
        ("kv", "{:process 0, :type :invoke, :f :get, :key 1, :value nil}", 1, ":key"),
        ("kv", '{:process 0, :type "invoke", :f :get, :key "1", :value nil}', 1, ":type"),
        ("kv", "{:process 0, :process 1}", 1, "two values"),
        ("ionian", "[]", 1, "not a JSON object"),
        ("ionian", IONIAN + "\n{", 5, "column 2"),
        ("ionian", "[" * 100_000, 1, "not a JSON object"),
        ("ionian", '{"client": ' + "1" * 5000 + "}", 1, "not a JSON object"),
        ("ionian", '{"client": NaN}', 1, "no number"),
        ("ionian", '{"client": 1, "client": 1}', 1, "twice"),
        ("ionian", "{}", 1, "lacks arguments"),
        *(
            ("ionian", json.dumps(OPERATION | change), 1, part)
            for change, part in (
                ({"when": 1}, "unknown field"),
                ({"client": True}, "client"),
                ({"operation": 1}, "operation is a string"),
                ({"key": 1}, "the key a string"),
                ({"outcome": "lost"}, "ok, fail or unknown"),
                ({"arguments": "x"}, "not a list"),
                ({"arguments": [True]}, "a value is"),
                ({"arguments": [1.5]}, "a value is"),
                ({"arguments": []}, "takes 1 argument"),
                ({"operation": "get", "arguments": [], "result": 1}, "no value of the kv model"),
                ({"operation": "\ud800"}, "no operation"),
                ({"invoked": "now"}, "time invoked"),
                ({"returned": None}, "time returned"),
                ({"returned": 0}, "before it was invoked"),
            )
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, format_name: str, text: str | bytes, line: int, part: str) -> None:
    path = tmp_path / "history"
    with pytest.raises(HistoryError) as caught:
        read(path, text, format_name, SAMPLES[format_name][0])
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_finished_cas_says_whether_it_swapped(tmp_path: Path) -> None:
    swap = OPERATION | {"operation": "cas", "arguments": [1, 2]}
    with pytest.raises(HistoryError, match="true or false"):
        read(tmp_path / "h", json.dumps(swap), "ionian", "register")
    assert read(tmp_path / "h", json.dumps(swap | {"result": False}), "ionian", "register")[0].result is False


def test_too_many_operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST_OPERATIONS", 3)
    with pytest.raises(HistoryError, match=":4: more than 3 operations"):
        read(tmp_path / "h", IONIAN, "ionian", "kv")


@pytest.mark.parametrize("path", ["missing", ".", "/dev/zero"])
def test_paths_that_are_no_history(tmp_path: Path, path: str) -> None:
    with pytest.raises(HistoryError):
        read_history(tmp_path / path, "jepsen", MODELS["register"])


def _edits(text: str) -> st.SearchStrategy[bytes]:
    """A sound file cut, joined with noise, or with bytes changed in it."""
    data = text.encode()
    at = st.integers(0, len(data))
    return st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        at.map(lambda end: data[:end]),
        st.tuples(at, at, st.binary(max_size=8)).map(lambda e: data[: e[0]] + e[2] + data[e[1] :]),
        st.tuples(at, st.sampled_from(['"', "{", "]", ":", "nil", "-", "1e999", "\\", "null", "true", "9" * 30])).map(
            lambda e: data[: e[0]] + e[1].encode() + data[e[0] :]
        ),
    )


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_decoder_raises_nothing_but_its_own_error(tmp_path: Path, format_name: str) -> None:
    model, sample = SAMPLES[format_name]

    @settings(max_examples=600, suppress_health_check=list(HealthCheck))
    @given(_edits(sample), st.sampled_from([model, *MODELS]))
    def decode(data: bytes, chosen: str) -> None:
        # Any other exception fails the test.
        with contextlib.suppress(HistoryError):
            operations = read(tmp_path / "h", data, format_name, chosen)
            assert all(MODELS[chosen].fault(o) is None for o in operations)

    decode()


@given(st.text())
def test_edn_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(EdnError):
        parse(text)


def test_edn() -> None:
    assert parse(r'{:a [1 -2 nil], :b "x\n\u0041", :c :d-e, :f true}') == {"a": [1, -2, None], "b": "x\nA", "c": "d-e", "f": True}
