"""The figures as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from impl.latency.laboratory import Figure, Settings, Study
from impl.latency.topology import MICROSECONDS, Topology


def print_heading(out: Console, topology: Topology, settings: Settings) -> None:
    """What all tables have in common."""
    out.print(Text(topology.name, style="bold") + Text(f"  milliseconds; {_settings(topology, settings)}", style="not bold"), soft_wrap=True)


def _settings(topology: Topology, settings: Settings) -> str:
    count = f"{settings.operations:,} operation{'s' * (settings.operations != 1)}"
    times = f"p50 and p99 of {count}" if topology.has_jitter else f"no jitter, {count}"
    return f"{times}, seed {settings.seed}, a write takes {settings.disk / MICROSECONDS:g} ms"


def print_study(out: Console, study: Study) -> None:
    """What a stable leader takes, by its place and the client's; then what takes no leader."""
    places = ", ".join(f"{region} {count}" for region, count in study.homes.items())
    out.print()
    out.print(Text(f"{len(study.deployment.places)} nodes", style="bold") + Text(f"  {places}", style="not bold"), soft_wrap=True)
    for title, headers, rows in (("Under a stable leader", _LED, _led(study)), ("Without a leader", _LEADERLESS, _leaderless(study))):
        out.print()
        out.print(Text(title))
        table = _table(headers, rows)
        # As wide as it must be, and no narrower on a small terminal.
        table.width = Measurement.get(out, out.options.update_width(_WIDEST), table).maximum
        out.print(table, crop=False)


_WIDEST = 1000
_LED = (
    *("\n\nleader", "\n\nclient"),
    *("command\n\nbound", "\nRaft\np50", "\n\np99", "\nMulti-Paxos\np50", "\n\np99"),
    *("read by\nReadIndex\nbound", "\n\np50", "\n\np99"),
)
_LEADERLESS = ("\n\nclient", "command,\nSingle-Decree\nbound", "\n\np50", "\n\np99", "read by\na quorum\nbound", "\n\np50", "\n\np99")


def _table(headers: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, justify="left" if header.endswith(("leader", "client")) else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _led(study: Study) -> Iterator[tuple[str, ...]]:
    regions = list(study.homes)
    for leader in regions:
        for client in sorted(regions, key=lambda region: region != leader):
            raft, multi_paxos, read_index = (study.find(method, client, leader) for method in ("raft", "multi-paxos", "read-index"))
            shown = _cells(study, raft) + _cells(study, multi_paxos)[1:] + _cells(study, read_index)
            yield (leader if client == leader else "", client, *shown)


def _leaderless(study: Study) -> Iterator[tuple[str, ...]]:
    for client in study.homes:
        yield client, *_cells(study, study.find("paxos", client)), *_cells(study, study.find("quorum-read", client))


def _cells(study: Study, figure: Figure) -> tuple[str, ...]:
    decimals = 1 if study.longest >= 10 * MICROSECONDS else 2
    return tuple(f"{time / MICROSECONDS:.{decimals}f}" for time in (figure.bound, figure.p50, figure.p99))
