"""The figures as a picture: commands and reads, one panel for each size of the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impl.latency.errors import LatencyError
from impl.latency.laboratory import Figure, Study
from impl.latency.topology import MICROSECONDS

SUFFIXES = (".svg", ".png")


def check(path: Path) -> None:
    """Whether a picture can be drawn into a file of this name; LatencyError where it cannot."""
    if path.suffix not in SUFFIXES:
        raise LatencyError(f"{path}: the name of a picture ends in {' or '.join(SUFFIXES)}")
    try:
        import matplotlib  # noqa: F401, PLC0415  # an extra, and slow to import
    except ImportError:
        raise LatencyError("drawing needs matplotlib: pip install 'ionian[graph]'") from None


def draw(studies: Sequence[Study], title: str, path: Path) -> None:
    """Draw all figures of a topology; the same figures give the same file."""
    import matplotlib  # noqa: PLC0415  # see check

    matplotlib.use("Agg")
    from matplotlib import pyplot  # noqa: PLC0415  # after the choice of the backend

    # Without a fixed salt, equal pictures would be different files; and a region may be called `$`.
    with matplotlib.rc_context({"svg.hashsalt": "ionian", "text.parse_math": False}):
        figure = pyplot.figure(figsize=(1.5 + len(studies) * (0.8 + 0.95 * max(len(s.homes) for s in studies)), 7), layout="constrained")
        figure.suptitle(f"{title}: latency in milliseconds; bars to p50, whiskers to p99", fontsize=11)
        parts = figure.subfigures(2, 1, hspace=0.04, squeeze=False)
        _row(parts[0, 0], studies, [_commands(s) for s in studies], "command", "region of the leader, or of the proposer")
        _row(parts[1, 0], studies, [_reads(s) for s in studies], "read", "region of the client")
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})
        pyplot.close(figure)


Series = dict[str, list[Figure]]
"""By what is said in the legend: a figure for each group of bars."""


def _commands(study: Study) -> Series:
    regions = study.homes
    return {
        "Raft": [study.find("raft", r, r) for r in regions],
        "Multi-Paxos": [study.find("multi-paxos", r, r) for r in regions],
        "Single-Decree Paxos": [study.find("paxos", r) for r in regions],
    }


def _reads(study: Study) -> Series:
    regions = study.homes
    found = {"by a quorum": [study.find("quorum-read", client) for client in regions]}
    return found | {f"ReadIndex, leader in {leader}": [study.find("read-index", client, leader) for client in regions] for leader in regions}


def _row(part: Any, studies: Sequence[Study], shown: Sequence[Series], what: str, where: str) -> None:
    """A panel for each size of the cluster, on one scale, under one legend."""
    panels = part.subplots(1, len(studies), sharey=True, squeeze=False)[0]
    colours = _COLOURS[what]
    for axes, study, series in zip(panels, studies, shown, strict=True):
        _panel(axes, series, colours)
        axes.set_title(f"{what}, {len(study.deployment.places)} nodes", fontsize=9)
        axes.set_xticks(range(len(study.homes)), list(study.homes), fontsize=8)
    panels[0].set_ylim(bottom=0)
    part.supxlabel(where, fontsize=8)
    handles, labels = max((axes.get_legend_handles_labels() for axes in panels), key=lambda found: len(found[1]))
    part.legend(handles, labels, loc="outside upper center", ncols=4, fontsize=8, frameon=False)


_COLOURS = {"command": ("#4477aa", "#66ccee", "#ee6677"), "read": ("#228833", "#ccbb44", "#aa3377", "#bbbbbb", "#004488", "#ddaa33", "#bb5566")}


def _panel(axes: Any, series: Series, colours: Sequence[str]) -> None:
    """Bars to p50, whiskers on to p99, and a line at the closed form."""
    width = 0.8 / len(series)
    for number, (name, figures) in enumerate(series.items()):
        places = [group + (number - (len(series) - 1) / 2) * width for group in range(len(figures))]
        p50, bound = [f.p50 / MICROSECONDS for f in figures], [f.bound / MICROSECONDS for f in figures]
        beyond = [(f.p99 - f.p50) / MICROSECONDS for f in figures]
        whiskers = [[0.0] * len(beyond), beyond]
        axes.bar(places, p50, width * 0.92, yerr=whiskers, color=colours[number % len(colours)], ecolor="0.35", capsize=2, label=name)
        ends = [place - width / 2 for place in places], [place + width / 2 for place in places]
        axes.hlines(bound, *ends, color="black", linewidth=1.2, label="closed form" if number == len(series) - 1 else None)
    axes.tick_params(axis="y", labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
