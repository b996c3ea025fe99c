"""A configuration that makes no cluster is refused with the setting's name."""

from __future__ import annotations

import pytest

from impl.raft import Config, ConfigError


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"id": 4}, r"voters: node 4 is not among \(1, 2, 3\); add it"),
        ({"voters": (1, 2, 2)}, "names a node twice"),
        ({"voters": (0, 1)}, "must be positive integers"),
        ({"voters": (1, "2")}, "must be positive integers"),
        ({"heartbeat_ticks": 0}, "heartbeat_ticks: 0 must be at least 1"),
        ({"max_inflight": 0}, "max_inflight: 0 must be at least 1"),
        ({"max_batch_bytes": 0}, "max_batch_bytes: 0 must be at least 1"),
        ({"max_uncommitted_bytes": -1}, "max_uncommitted_bytes: -1 must be at least 1"),
        ({"election_ticks": 3, "heartbeat_ticks": 3}, r"election_ticks: 3 must exceed heartbeat_ticks \(3\)"),
    ],
)
def test_nonsense_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Config(**({"id": 1, "voters": (1, 2, 3)} | settings))
