"""The machine and the versions that figures belong to."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from benchmarks import peers

QUIET_LOAD = 0.5


def load() -> float:
    """Runnable programs, on average over the last minute."""
    return os.getloadavg()[0]


def machine() -> dict[str, str]:
    """Processor, cores that this process may use, memory, operating system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"processor": _processor(), "cores": str(cores), "memory": f"{memory / 1e9:.1f} GB", "system": f"{platform.system()} {platform.machine()}"}


def versions() -> dict[str, str]:
    """Python, the packages that the speed depends on, and the peers."""
    found = {"Python": sys.version.split()[0]} | {name: metadata.version(name) for name in ("numba", "numpy", "llvmlite")}
    return found | {"Spin": peers.spin_version(), "TLC": peers.tlc_version()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"
