"""PySyncObj as a peer: three processes on this machine that talk over TCP, nothing on disk; commands a second at the leader.

`python -m benchmarks.pysyncobj_peer WINDOW SECONDS NODE PORT PORT PORT` is one of the three. The one that leads keeps as many commands outstanding
as WINDOW says, and prints how many were applied a second. With one outstanding it sends each at once; with many it batches them: each is the
setting that is faster there.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from importlib import metadata, util
from pathlib import Path

from benchmarks.plan import BenchmarkError

WINDOWS = (1, 1024)
_LONGEST = 60


def missing() -> str:
    """Why PySyncObj does not take part, or nothing."""
    return "" if util.find_spec("pysyncobj") else "PySyncObj is not importable (pip install pysyncobj)"


def version() -> str:
    """Which PySyncObj it is."""
    return "not found" if missing() else metadata.version("pysyncobj")


def rate(window: int, seconds: float) -> float:
    """Commands a second of wall time, with so many outstanding, measured for so many seconds."""
    ports = _free_ports()
    nodes = [_start(window, seconds, node, ports) for node in range(3)]
    try:
        deadline = time.monotonic() + _LONGEST + seconds
        while time.monotonic() < deadline:
            for node in nodes:
                if node.poll() is not None:
                    if node.returncode != 0 or node.stdout is None:
                        raise BenchmarkError(f"a process of PySyncObj ended with status {node.returncode}")
                    return float(node.stdout.read())
            time.sleep(0.05)
        raise BenchmarkError(f"PySyncObj had no result after {_LONGEST} s")
    finally:
        for node in nodes:
            node.kill()
            node.communicate()


def _free_ports() -> list[str]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(3)]
    ports = [str(s.getsockname()[1]) for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _start(window: int, seconds: float, node: int, ports: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "benchmarks.pysyncobj_peer", str(window), str(seconds), str(node), *ports]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    return subprocess.Popen(command, cwd=Path(__file__).parent.parent, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _serve(window: int, seconds: float, node: int, ports: list[str]) -> None:
    """One of the processes; only the leader comes to an end by itself."""
    from pysyncobj import SyncObj, SyncObjConf, replicated  # noqa: PLC0415  # a peer need not be there

    class Counter(SyncObj):
        def __init__(self) -> None:
            addresses = [f"localhost:{port}" for port in ports]
            own = addresses.pop(node)
            super().__init__(own, addresses, SyncObjConf(autoTick=False, appendEntriesUseBatch=window > 1, connectionRetryTime=0.1))
            self.total = 0

        @replicated
        def note(self, _: bytes) -> None:
            self.total += 1

    counter = Counter()
    while not (counter.isReady() and counter._isLeader()):
        counter.doTick(0.01)
    issued = done = 0

    def applied(result: object, error: int) -> None:
        nonlocal done
        done += 1

    began = time.perf_counter()
    while (now := time.perf_counter() - began) < seconds:
        while issued - done < window:
            counter.note(b"sixteen bytes...", callback=applied)
            issued += 1
        counter.doTick(0.001)
    print(done / now, flush=True)


if __name__ == "__main__":
    _serve(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
