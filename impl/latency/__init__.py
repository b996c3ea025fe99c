"""The latency laboratory: what consensus costs in round trips, measured on simulated clusters and held against closed forms.

A `Topology` tells how far apart regions are. `study` places a cluster in it and times commands and reads, for each place of the leader and of
the client; `bounds` has the closed forms. `docs/latency.md` says what exactly is measured.
"""

from impl.latency.errors import LatencyError
from impl.latency.laboratory import Figure, Settings, Study, study, to_json
from impl.latency.report import print_heading, print_study
from impl.latency.topology import Topology, find_topology, microseconds, parse, shipped

__all__ = [
    "Figure",
    "LatencyError",
    "Settings",
    "Study",
    "Topology",
    "find_topology",
    "microseconds",
    "parse",
    "print_heading",
    "print_study",
    "shipped",
    "study",
    "to_json",
]
