"""TLC on an exported protocol, and the manifest of what it found.

`TLA2TOOLS_JAR=/path/to/tla2tools.jar python -m tests.model_check.tlc [WORD ...]` runs TLC again on every entry whose name has
all the words, and rewrites the manifest.
"""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

from model_check.cli.specs import find_protocol
from model_check.refine import mapping_to
from model_check.search import abstraction
from model_check.tla import export
from spec.language import Protocol, Scope, ir
from spec.quorums import explicit

JAR = "TLA2TOOLS_JAR"
MANIFEST = Path(__file__).with_name("tlc_counts.json")
_ROOT = Path(__file__).parents[2]
_VIOLATED = {12: r"Invariant (\w+) is violated", 13: r"(?:Action property|Temporal properties) (\w+)"}
# Where it is a step that the abstract module does not allow, TLC names the place of that module's `Spec`.
_NO_STEP = r"Action property line .* of module (\w+) is violated"


@dataclass(frozen=True)
class Found:
    """What TLC found. `property` and `steps` belong to the shortest counterexample, the counts to the whole space."""

    verdict: str = ""
    property: str | None = None
    steps: int | None = None
    distinct_states: int | None = None
    depth: int | None = None


@dataclass(frozen=True)
class Entry(Found):
    """What TLC was asked, and what it found. Without `distinct_states` the verdict alone was asked for: the whole space is beyond TLC, or bounded."""

    spec: str = ""
    scope: dict[str, int] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)
    quorums: dict[str, list[list[int]]] = field(default_factory=dict)
    constraints: list[str] = field(default_factory=list)
    symmetry: bool = False
    refines: str = ""

    @property
    def name(self) -> str:
        """A short name."""
        words = [self.spec.rpartition("/")[2], "-".join(map(str, self.scope.values()))]
        words += [f"without {self.without[0]}"] if self.without else []
        words += ["with other quorums"] if self.quorums else []
        words += ["up to symmetry"] if self.symmetry else []
        words += [f"refines {self.refines.rpartition('/')[2]}"] if self.refines else []
        return " ".join(filter(None, words))

    def protocol(self) -> Protocol:
        """The protocol at the entry's scope."""
        quorums = {sort: explicit(*members) for sort, members in self.quorums.items()}
        return _class(self.spec)(Scope(**self.scope), without=tuple(self.without), quorums=quorums)

    def mapping(self) -> ir.Refinement | None:
        """The refinement mapping that TLC checks as well."""
        return mapping_to(_class(self.spec), _class(self.refines)) if self.refines else None

    def line(self) -> str:
        """The entry in the manifest: what was asked, then what was found."""
        values, unsaid = asdict(self), asdict(Entry())
        found = [f.name for f in fields(Found)]
        return json.dumps({name: values[name] for name in sorted(values, key=found.__contains__) if values[name] != unsaid[name]})


def _class(spec: str) -> type[Protocol]:
    """A shipped protocol, one in a file, or one that a document writes block by block."""
    if ".md:" in spec:
        document, _, name = spec.partition(":")
        return find_protocol(f"{_written(_ROOT / document)}:{name}")
    return find_protocol(str(_ROOT / spec) if ".py" in spec else spec)


@functools.cache
def _written(document: Path) -> Path:
    """The file that a reader of a document has at the end of its first part."""
    walk_through = document.read_text(encoding="utf-8").split("\n## The language\n")[0]
    file = Path(tempfile.mkdtemp(), f"{document.stem.replace('-', '_')}.py")
    file.write_text("\n\n".join(re.findall(r"```python\n(.*?)```", walk_through, flags=re.DOTALL)), encoding="utf-8")
    return file


def entries() -> list[Entry]:
    """The manifest."""
    return [Entry(**e) for e in json.loads(MANIFEST.read_text(encoding="utf-8"))["runs"]]


def _run(protocol: Protocol, properties: bool, symmetry: bool, constraints: list[str], mapping: ir.Refinement | None) -> tuple[int, str]:
    module, configuration = export(protocol, symmetry, mapping)
    for name in constraints:
        configuration = configuration.replace(f"\\* CONSTRAINT {name}\n", f"CONSTRAINT {name}\n")
    if not properties:
        configuration = "\n".join(line for line in configuration.splitlines() if not line.startswith(("INVARIANT", "PROPERTY"))) + "\n"
    name = protocol.ir.name
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{name}.tla").write_text(module, encoding="utf-8")
        Path(folder, f"{name}.cfg").write_text(configuration, encoding="utf-8")
        if mapping is not None:
            abstract, _ = abstraction(protocol, mapping.name)
            Path(folder, f"{abstract.ir.name}.tla").write_text(export(abstract)[0], encoding="utf-8")
        command = ["java", "-XX:+UseParallelGC", "-cp", os.environ[JAR], "tlc2.TLC", "-workers", "1", "-noGenerateSpecTE"]
        command += ["-metadir", f"{folder}/states", "-config", f"{name}.cfg", name]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def judge(
    protocol: Protocol, symmetry: bool = False, constraints: list[str] | None = None, counted: bool = True, mapping: ir.Refinement | None = None
) -> Found:
    """TLC's verdict, the property violated and after how many steps; where `counted`, the distinct states of the whole space and its depth in steps."""
    status, output = _run(protocol, True, symmetry, constraints or [], mapping)
    found = Found("holds")
    if status in _VIOLATED:
        refused = re.findall(_NO_STEP, output)
        (violated,) = [mapping.name for _ in refused if mapping is not None] or re.findall(_VIOLATED[status], output)
        found = Found("violated", violated, max(map(int, re.findall(r"^State (\d+):", output, flags=re.MULTILINE)), default=1) - 1)
        if not counted:
            return found
        # TLC stops at a violation: the space is counted by a run that checks nothing.
        status, output = _run(protocol, False, symmetry, constraints or [], mapping)
    if status != 0:
        raise AssertionError(f"TLC ended with status {status}:\n{output[-4000:]}")
    if not counted:
        return found
    states = re.findall(r"([\d,]+) distinct states found, 0 states left", output)
    depth = re.findall(r"depth of the complete state graph search is (\d+)", output)
    return replace(found, distinct_states=int(states[-1].replace(",", "")), depth=int(depth[-1]) - 1)


def ask(entry: Entry) -> Found:
    """What TLC finds for an entry."""
    return judge(entry.protocol(), entry.symmetry, entry.constraints, entry.distinct_states is not None, entry.mapping())


def main(words: list[str]) -> None:
    """Run TLC on the entries whose names have the words; the manifest is rewritten after each."""
    runs = entries()
    for i, entry in enumerate(runs):
        if all(word in entry.name for word in words):
            found = ask(entry)
            sys.stdout.write(f"{entry.name}: {found}\n")
            runs[i] = replace(entry, **asdict(found))
            write(runs)


def write(runs: list[Entry]) -> None:
    """Write the manifest, one run a line."""
    manifest = json.loads(MANIFEST.read_text(encoding="utf-8"))
    head = "".join(f'  "{name}": {json.dumps(manifest[name])},\n' for name in ("tlc", "how"))
    lines = ",\n".join(f"    {run.line()}" for run in runs)
    MANIFEST.write_text(f'{{\n{head}  "runs": [\n{lines}\n  ]\n}}\n', encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
