"""The figures as tables for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from impl.latency.laboratory import Figure, Settings, Study
from impl.latency.topology import MICROSECONDS, Topology


def print_heading(out: Console, topology: Topology, settings: Settings) -> None:
    """What all tables have in common."""
    out.print(Text(topology.name, style="bold") + Text(f"  milliseconds; {_settings(topology, settings)}", style="not bold"), soft_wrap=True)


def _settings(topology: Topology, settings: Settings) -> str:
    times = f"p50 and p99 of {settings.operations:,} operations" if topology.has_jitter else f"no jitter, {settings.operations:,} operations"
    return f"{times}, seed {settings.seed}, a write takes {settings.disk / MICROSECONDS:g} ms"


def print_study(out: Console, study: Study) -> None:
    """Commands by the place of the leader, then commands and reads by the places of leader and client."""
    places = ", ".join(f"{region} {count}" for region, count in study.homes.items())
    out.print()
    out.print(Text(f"{len(study.deployment.places)} nodes", style="bold") + Text(f"  {places}", style="not bold"), soft_wrap=True)
    out.print(_table(_COMMANDS, _commands(study)))
    out.print(_table(_CLIENTS, _clients(study)))


_COMMANDS = (
    ("\nleader, or\nproposer", "left"),
    ("Raft\n\nbound", "right"),
    ("\n\np50", "right"),
    ("\n\np99", "right"),
    ("Multi-\nPaxos\np50", "right"),
    ("\n\np99", "right"),
    ("Single-\nDecree\nbound", "right"),
    ("\n\np50", "right"),
    ("\n\np99", "right"),
)
_CLIENTS = (
    ("\n\nleader", "left"),
    ("\n\nclient", "left"),
    ("Raft,\ncommand\nbound", "right"),
    ("\n\np50", "right"),
    ("\n\np99", "right"),
    ("Raft,\nReadIndex\nbound", "right"),
    ("\n\np50", "right"),
    ("\n\np99", "right"),
    ("quorum\nread\nbound", "right"),
    ("\n\np50", "right"),
    ("\n\np99", "right"),
)


def _table(columns: tuple[tuple[str, str], ...], rows: Iterator[tuple[str, ...]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for header, justify in columns:
        table.add_column(header, justify="left" if justify == "left" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _commands(study: Study) -> Iterator[tuple[str, ...]]:
    for region in study.homes:
        found = study.find("raft", region, region), study.find("multi-paxos", region, region), study.find("paxos", region)
        yield region, *_cells(found[0]), *_cells(found[1])[1:], *_cells(found[2])


def _clients(study: Study) -> Iterator[tuple[str, ...]]:
    for leader in study.homes:
        for client in study.homes:
            found = study.find("raft", client, leader), study.find("read-index", client, leader), study.find("quorum-read", client)
            yield leader, client, *(cell for figure in found for cell in _cells(figure))


def _cells(figure: Figure) -> tuple[str, str, str]:
    bound, p50, p99 = (f"{time / MICROSECONDS:.2f}" for time in (figure.bound, figure.p50, figure.p99))
    return bound, p50, p99
