"""`python -m benchmarks.latency [--write]`: the tables and the picture of docs/latency.md, made anew.

Latencies are of virtual time: they depend on no machine, and the page is current if this changes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from model_check.cli.main import run

PAGE = Path(__file__).parent.parent / "docs" / "latency.md"
PICTURE = PAGE.with_suffix(".png")
TRANSCRIPT = re.compile(r"(?<=^```text\n)\$ ionian (latency [^\n]*)\n.*?(?=^```)", re.DOTALL | re.MULTILINE)
OWN = "my-regions.toml"


def commands(page: str) -> list[str]:
    """The commands whose output a page shows, without `ionian`."""
    return TRANSCRIPT.findall(page)


def shown(page: str, command: str) -> str:
    """What a page shows for a command."""
    return next(found[0] for found in TRANSCRIPT.finditer(page) if found[1] == command)


def transcript(page: str, command: str) -> str:
    """The command and what it prints, in a folder where the topology that the page describes is a file."""
    (own,) = re.findall(r"^```toml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    printed = io.StringIO()
    with _in_a_folder_with(own), contextlib.redirect_stdout(printed):
        if run(shlex.split(command)) != 0:
            sys.exit(f"ionian {command} failed")
    lines = [line.rstrip() for line in printed.getvalue().splitlines()]
    return "\n".join([f"$ ionian {command}", *lines, ""])


@contextlib.contextmanager
def _in_a_folder_with(topology: str) -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path(OWN).write_text(topology, encoding="utf-8")
        before = os.environ.get("COLUMNS")
        os.environ["COLUMNS"] = "80"
        try:
            yield
        finally:
            os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)


def main() -> None:
    """Run the commands of the page; with `--write`, put what they print there, and draw the picture."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description="Make the tables of docs/latency.md.")
    parser.add_argument("--write", action="store_true", help=f"replace the tables in {PAGE.name}, and {PICTURE.name}")
    write = parser.parse_args().write
    page = PAGE.read_text(encoding="utf-8")
    made = TRANSCRIPT.sub(lambda found: transcript(page, found[1]), page)
    if not write:
        print("current" if made == page else "not current: run it with --write")
        return
    PAGE.write_text(made, encoding="utf-8")
    with contextlib.redirect_stdout(io.StringIO()):
        run(["latency", "--topology", "three-continents", "--plot", str(PICTURE)])
    print(f"written: {PAGE}, {PICTURE}")


if __name__ == "__main__":
    main()
