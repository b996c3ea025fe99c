"""A command at a terminal of its own, and Ctrl-C pressed there."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# A session's leader takes its terminal, and is interrupted as a program in the foreground is.
IN_FOREGROUND = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, "-m", "ionian", *sys.argv[1:]])
"""


def interrupted(command: list[str], cache: Path, ready: Callable[[str], bool]) -> tuple[int, str]:
    """Run a command at a terminal of its own, press Ctrl-C once it is `ready` (judged by what it has shown); its exit status and all it showed."""
    pty = pytest.importorskip("pty", reason="terminals of Unix")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", IN_FOREGROUND, *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "IONIAN_CACHE_DIR": str(cache), "TERM": "xterm", "COLUMNS": "160"},
    )
    os.close(theirs)
    shown, pressed, ends = "", False, time.monotonic() + 120
    try:
        while time.monotonic() < ends:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    shown += os.read(ours, 1 << 16).decode(errors="replace")
                except OSError:
                    break
            if not pressed and ready(shown):
                os.write(ours, b"\x03")
                pressed = True
        status = process.wait(timeout=10)
    finally:
        process.kill()
        os.close(ours)
    assert all_gone(process.pid, within=20)
    return status, re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


def all_gone(group: int, within: float) -> bool:
    """Whether no process of a group is left, after some seconds at most."""
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.2)
    return False
