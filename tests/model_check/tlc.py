"""TLC on an exported protocol, and the manifest of what it found.

`TLA2TOOLS_JAR=/path/to/tla2tools.jar python -m tests.model_check.tlc` runs TLC on every entry again and rewrites the manifest.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from model_check.cli.specs import find_protocol
from model_check.tla import export
from spec.language import Protocol, Scope

JAR = "TLA2TOOLS_JAR"
MANIFEST = Path(__file__).with_name("tlc_counts.json")
_ROOT = Path(__file__).parents[2]
_VIOLATED = {12: r"Invariant (\w+) is violated", 13: r"(?:Action property|Temporal properties) (\w+)"}


@dataclass(frozen=True)
class Entry:
    """One run: verdict and property with all properties checked; counts of the whole space, with none checked where one is violated."""

    spec: str
    scope: dict[str, int]
    without: list[str]
    verdict: str
    distinct_states: int
    depth: int

    @property
    def name(self) -> str:
        """A short name."""
        removed = f" without {self.without[0]}" if self.without else ""
        return f"{Path(self.spec).name} {'-'.join(map(str, self.scope.values()))}{removed}"

    def protocol(self) -> Protocol:
        """The protocol at the entry's scope."""
        reference = str(_ROOT / self.spec) if ".py" in self.spec else self.spec
        return find_protocol(reference)(Scope(**self.scope), without=tuple(self.without))


def entries() -> list[Entry]:
    """The manifest."""
    return [Entry(**e) for e in json.loads(MANIFEST.read_text(encoding="utf-8"))["runs"]]


def _run(protocol: Protocol, properties: bool, symmetry: bool = False) -> tuple[int, str]:
    module, configuration = export(protocol, symmetry)
    if not properties:
        configuration = "\n".join(line for line in configuration.splitlines() if not line.startswith(("INVARIANT", "PROPERTY"))) + "\n"
    name = protocol.ir.name
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{name}.tla").write_text(module, encoding="utf-8")
        Path(folder, f"{name}.cfg").write_text(configuration, encoding="utf-8")
        command = ["java", "-XX:+UseParallelGC", "-cp", os.environ[JAR], "tlc2.TLC", "-workers", "1", "-noGenerateSpecTE"]
        command += ["-metadir", f"{folder}/states", "-config", f"{name}.cfg", name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def judge(protocol: Protocol, symmetry: bool = False) -> tuple[str, str, int, int]:
    """TLC's verdict, the property violated, the distinct states of the whole space, and its depth in steps."""
    status, output = _run(protocol, properties=True, symmetry=symmetry)
    verdict, violated = "holds", ""
    if status in _VIOLATED:
        found = re.search(_VIOLATED[status], output)
        verdict, violated = "violated", found[1] if found else ""
        # TLC stops at a violation: the space is counted by a run that checks nothing.
        status, output = _run(protocol, properties=False, symmetry=symmetry)
    if status != 0:
        raise AssertionError(f"TLC ended with status {status}:\n{output[-4000:]}")
    states = re.findall(r"([\d,]+) distinct states found, 0 states left", output)
    depth = re.findall(r"depth of the complete state graph search is (\d+)", output)
    return verdict, violated, int(states[-1].replace(",", "")), int(depth[-1]) - 1


def main() -> None:
    """Run TLC on every entry and rewrite the manifest."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    for entry, run in zip(entries(), manifest["runs"], strict=True):
        run["verdict"], _, run["distinct_states"], run["depth"] = judge(entry.protocol())
        sys.stdout.write(f"{entry.name}: {run['verdict']}, {run['distinct_states']} states, {run['depth']} steps deep\n")
    write(manifest["tlc"], manifest["how"], manifest["runs"])


def write(tlc: str, how: str, runs: list[dict[str, object]]) -> None:
    """Write the manifest, one run a line."""
    lines = ",\n".join(f"    {json.dumps(run)}" for run in runs)
    MANIFEST.write_text(f'{{\n  "tlc": {json.dumps(tlc)},\n  "how": {json.dumps(how)},\n  "runs": [\n{lines}\n  ]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
