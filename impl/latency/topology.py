"""Where the nodes of a cluster are, and how far apart: topologies, read from TOML files.

The keys of a file are `regions` (names), `round_trip_ms` and, optionally, `jitter_ms` (milliseconds, a row and a column for each region) and
`placement` (by number of nodes: the region of each node). `docs/latency.md` describes them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

from impl.latency.errors import LatencyError

MICROSECONDS = 1000
"""In a millisecond. Times within the laboratory are whole microseconds, so that sums are exact."""
FEWEST_NODES, MOST_NODES = 3, 99
_LONGEST_MS = 3_600_000
_KEYS = ("regions", "round_trip_ms", "jitter_ms", "placement")

Matrix = tuple[tuple[int, ...], ...]
"""For each two regions a time in microseconds; symmetric."""


@dataclass(frozen=True)
class Topology:
    """Regions, and the times between machines in them."""

    name: str
    """For people, and messages: a shipped name, or the file."""
    regions: tuple[str, ...]
    round_trip: Matrix
    """Microseconds from a machine to one in another region (or in the same) and back, at least."""
    jitter: Matrix
    """Microseconds that a round trip takes longer, on average."""
    placements: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """By number of nodes: the region of each, where it is not the default."""

    @property
    def has_jitter(self) -> bool:
        """Whether times vary."""
        return any(map(any, self.jitter))

    def without_jitter(self) -> Topology:
        """The same distances, always alike."""
        return replace(self, jitter=_zero(len(self.regions)))

    def place(self, nodes: int) -> tuple[int, ...]:
        """The region of each node, as positions among the regions.

        Raises:
            LatencyError: too few nodes, or too many.
        """
        if not FEWEST_NODES <= nodes <= MOST_NODES:
            few = "a majority of fewer survives no failure" if nodes < FEWEST_NODES else "no majority of more is of use"
            raise LatencyError(f"{self.name}: {nodes} nodes cannot be placed; choose {FEWEST_NODES} to {MOST_NODES} ({few})")
        given = self.placements.get(nodes)
        if given is None:
            return tuple(i % len(self.regions) for i in range(nodes))
        return tuple(self.regions.index(region) for region in given)


def shipped() -> tuple[str, ...]:
    """The names of the topologies that come with Ionian."""
    return tuple(sorted(f.name.removesuffix(".toml") for f in _folder().iterdir() if f.name.endswith(".toml")))


def find_topology(reference: str) -> Topology:
    """A shipped topology by its name, or one from a file.

    Raises:
        LatencyError: there is none, or it is malformed.
    """
    if reference in shipped():
        return parse((_folder() / f"{reference}.toml").read_text(encoding="utf-8"), reference)
    try:
        return parse(Path(reference).read_text(encoding="utf-8"), reference)
    except FileNotFoundError:
        raise LatencyError(f"{reference}: no such file; give one, or {', '.join(shipped())}") from None
    except UnicodeDecodeError:
        raise LatencyError(f"{reference}: not text in UTF-8") from None
    except (OSError, ValueError) as error:
        if isinstance(error, LatencyError):
            raise
        reason = error.strerror if isinstance(error, OSError) else error
        raise LatencyError(f"{reference}: cannot be read: {reason}") from None


def parse(text: str, name: str) -> Topology:
    """The topology that a text in TOML describes; LatencyError, with `name`, for any other text."""
    try:
        found = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LatencyError(f"{name}: not TOML: {error}") from None
    return _Reader(name).topology(found)


def microseconds(milliseconds: Decimal) -> int:
    """A time in whole microseconds; ValueError, which says why, where it is none."""
    if not milliseconds.is_finite():
        raise ValueError(f"{milliseconds} is not a number of milliseconds")
    if milliseconds < 0:
        raise ValueError(f"{milliseconds} is negative; nothing takes less than no time")
    if milliseconds > _LONGEST_MS:
        raise ValueError(f"{milliseconds} is more than an hour; times are in milliseconds")
    exact = milliseconds * MICROSECONDS
    if exact != exact.to_integral_value():
        raise ValueError(f"{milliseconds} is finer than a microsecond; give at most three decimals")
    return int(exact)


def _folder() -> Any:
    return resources.files("impl.latency") / "topologies"


def _zero(size: int) -> Matrix:
    return ((0,) * size,) * size


class _Reader:
    """Reads the values of one file; whatever is wrong is told with the file's name and the key."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, key: str, fault: str) -> LatencyError:
        return LatencyError(f"{self.name}: {key}: {fault}")

    def topology(self, found: Mapping[str, Any]) -> Topology:
        for key in found:
            if key not in _KEYS:
                raise self.fail(key, f"unknown; the keys are {', '.join(_KEYS)}")
        for key in _KEYS[:2]:
            if key not in found:
                raise self.fail(key, "missing; see docs/latency.md")
        regions = self.regions(found["regions"])
        round_trip = self.matrix("round_trip_ms", found["round_trip_ms"], regions)
        jitter = self.matrix("jitter_ms", found["jitter_ms"], regions) if "jitter_ms" in found else _zero(len(regions))
        placements = dict(self.placements(found.get("placement", {}), regions))
        return Topology(self.name, regions, round_trip, jitter, placements)

    def regions(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not value or not all(isinstance(r, str) and r.isprintable() and r.strip() for r in value):
            raise self.fail("regions", 'must be a list of names, e.g. ["a", "b"]')
        for region in value:
            if value.count(region) > 1:
                raise self.fail("regions", f"`{region}` stands there twice; each region has a name of its own")
        return tuple(value)

    def matrix(self, key: str, value: Any, regions: Sequence[str]) -> Matrix:
        size = len(regions)
        if not isinstance(value, list) or len(value) != size or not all(isinstance(row, list) for row in value):
            raise self.fail(key, f"must be a list of {size} rows, one for each region")
        for region, row in zip(regions, value, strict=True):
            if len(row) != size:
                raise self.fail(key, f"not square: the row of {region} has {len(row)} numbers; it must have {size}, one for each region")
        rows = tuple(tuple(self.time(f"{key}[{i}][{j}]", cell) for j, cell in enumerate(row)) for i, row in enumerate(value))
        for i in range(size):
            for j in range(i):
                if rows[i][j] != rows[j][i]:
                    there = f"{regions[j]} to {regions[i]} and back is {value[j][i]}, {regions[i]} to {regions[j]} and back is {value[i][j]}"
                    raise self.fail(key, f"not symmetric: {there}; a round trip is the same from both ends")
        return rows

    def time(self, key: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise self.fail(key, f"{value!r} is not a number of milliseconds")
        try:
            return microseconds(Decimal(value))
        except ValueError as error:
            raise self.fail(key, str(error)) from None

    def placements(self, value: Any, regions: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
        if not isinstance(value, dict):
            raise self.fail("placement", 'must be a table such as 3 = ["a", "a", "b"]')
        for size, places in value.items():
            key = f"placement.{size}"
            if not size.isascii() or not size.isdigit() or not FEWEST_NODES <= int(size) <= MOST_NODES:
                raise self.fail(key, f"`{size}` is not a number of nodes from {FEWEST_NODES} to {MOST_NODES}")
            if not isinstance(places, list) or len(places) != int(size):
                raise self.fail(key, f"must be a list of {int(size)} regions, one for each node")
            for place in places:
                if place not in regions:
                    raise self.fail(key, f"`{place}` is an unknown region; the regions are {', '.join(regions)}")
            yield int(size), tuple(places)
