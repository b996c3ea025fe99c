"""Topologies: what the shipped ones are, and that whatever else a file holds is refused with its name and the key."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impl.latency import LatencyError, find_topology, parse, shipped

GOOD = {"regions": '["a", "b"]', "round_trip_ms": "[[0.3, 70], [70, 0.301]]", "jitter_ms": "[[0, 2], [2, 0]]", "placement": '{3 = ["a", "b", "b"]}'}


def text(**keys: str | None) -> str:
    return "\n".join(f"{key} = {value}" for key, value in (GOOD | keys).items() if value is not None)


def test_a_file_is_read_to_the_microsecond() -> None:
    found = parse(text(), "x.toml")
    assert found.regions == ("a", "b")
    assert found.round_trip == ((300, 70_000), (70_000, 301))
    assert found.jitter == ((0, 2_000), (2_000, 0))
    assert found.place(3) == (0, 1, 1)
    assert found.place(5) == (0, 1, 0, 1, 0), "dealt out in turn where the file says nothing"


def test_without_jitter_the_distances_stay() -> None:
    found = parse(text(), "x.toml")
    assert found.has_jitter
    assert not found.without_jitter().has_jitter
    assert found.without_jitter().round_trip == found.round_trip
    assert not parse(text(jitter_ms=None, placement=None), "x.toml").has_jitter


@pytest.mark.parametrize(
    ("name", "regions", "shortest", "longest"), [("local-cluster", 1, 0.1, 0.1), ("three-zones", 3, 0.8, 1.2), ("three-continents", 3, 50, 200)]
)
def test_the_shipped_ones_are_what_their_names_say(name: str, regions: int, shortest: float, longest: float) -> None:
    found = find_topology(name)
    between = [found.round_trip[a][b] for a in range(regions) for b in range(regions) if a != b] or [found.round_trip[0][0]]
    assert len(found.regions) == regions
    assert shortest * 1000 <= min(between) <= max(between) <= longest * 1000
    assert found.has_jitter
    assert name in shipped()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"regions": None}, "x.toml: regions: missing; see docs/latency.md"),
        ({"round_trip_ms": None}, "x.toml: round_trip_ms: missing"),
        ({"latency": "1"}, "x.toml: latency: unknown; the keys are regions, round_trip_ms, jitter_ms, placement"),
        ({"regions": "[]"}, 'x.toml: regions: must be a list of names, e.g. ["a", "b"]'),
        ({"regions": '["a", ""]'}, "x.toml: regions: must be a list of names"),
        ({"regions": '["a", 2]'}, "x.toml: regions: must be a list of names"),
        ({"regions": '["a", "a"]'}, "x.toml: regions: `a` stands there twice"),
        ({"round_trip_ms": "[[1, 2]]"}, "x.toml: round_trip_ms: must be a list of 2 rows"),
        ({"round_trip_ms": "3"}, "x.toml: round_trip_ms: must be a list of 2 rows"),
        ({"round_trip_ms": "[[1, 2], [2]]"}, "x.toml: round_trip_ms: not square: the row of b has 1 numbers; it must have 2"),
        ({"round_trip_ms": "[[1, 2, 3], [2, 1, 3]]"}, "x.toml: round_trip_ms: not square: the row of a has 3 numbers"),
        ({"round_trip_ms": "[[1, 2], [3, 1]]"}, "x.toml: round_trip_ms: not symmetric: a to b and back is 2, b to a and back is 3"),
        ({"round_trip_ms": "[[1, -2], [-2, 1]]"}, "x.toml: round_trip_ms[0][1]: -2 is negative"),
        ({"jitter_ms": "[[1, 2], [2, -0.5]]"}, "x.toml: jitter_ms[1][1]: -0.5 is negative"),
        ({"jitter_ms": "[[1, 2]]"}, "x.toml: jitter_ms: must be a list of 2 rows"),
        ({"round_trip_ms": '[[1, "2"], [2, 1]]'}, "x.toml: round_trip_ms[0][1]: '2' is not a number of milliseconds"),
        ({"round_trip_ms": "[[1, true], [2, 1]]"}, "x.toml: round_trip_ms[0][1]: True is not a number"),
        ({"round_trip_ms": "[[1, nan], [2, 1]]"}, "x.toml: round_trip_ms[0][1]: NaN is not a number"),
        ({"round_trip_ms": "[[1, 1e99], [2, 1]]"}, "x.toml: round_trip_ms[0][1]: 1E+99 is more than an hour"),
        ({"round_trip_ms": "[[0.0001, 2], [2, 1]]"}, "x.toml: round_trip_ms[0][0]: 0.0001 is finer than a microsecond"),
        ({"placement": "3"}, "x.toml: placement: must be a table"),
        ({"placement": '{three = ["a"]}'}, "x.toml: placement.three: `three` is not a number of nodes from 3 to 99"),
        ({"placement": '{2 = ["a", "b"]}'}, "x.toml: placement.2: `2` is not a number of nodes from 3 to 99"),
        ({"placement": '{3 = ["a", "b"]}'}, "x.toml: placement.3: must be a list of 3 regions, one for each node"),
        ({"placement": '{3 = ["a", "b", "c"]}'}, "x.toml: placement.3: `c` is an unknown region; the regions are a, b"),
        ({"placement": '{3 = ["a", "b", ["c"]]}'}, "x.toml: placement.3: `['c']` is an unknown region"),
        ({"regions": "["}, "x.toml: not TOML: "),
    ],
)
def test_what_makes_no_topology_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(LatencyError) as refused:
        parse(text(**keys), "x.toml")
    assert str(refused.value).startswith(message)


@pytest.mark.parametrize(("nodes", "reason"), [(0, "survives no failure"), (2, "survives no failure"), (-1, "survives no"), (100, "no majority of more")])
def test_too_few_nodes_and_too_many_are_refused(nodes: int, reason: str) -> None:
    with pytest.raises(LatencyError, match=f"x.toml: {nodes} nodes cannot be placed; choose 3 to 99 .*{reason}"):
        parse(text(), "x.toml").place(nodes)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    for path, message in ((tmp_path / "none", "no such file; give one, or local-cluster, "), (tmp_path, "cannot be read: "), (binary, "not text in UTF-8")):
        with pytest.raises(LatencyError, match=message):
            find_topology(str(path))
    with pytest.raises(LatencyError, match="cannot be read"):
        find_topology("a\0b")


values = st.recursive(st.one_of(st.integers(-9, 9), st.booleans(), st.text("ab3", max_size=2)), lambda inner: st.lists(inner, max_size=3), max_leaves=9)


@given(st.dictionaries(st.sampled_from([*GOOD, "other"]), values.map(lambda v: str(v).replace("True", "true").replace("False", "false"))))
def test_whatever_a_file_holds_it_is_a_topology_or_refused(keys: dict[str, str]) -> None:
    with contextlib.suppress(LatencyError):
        found = parse(text(**keys), "x.toml")
        assert len(found.round_trip) == len(found.jitter) == len(found.regions)
