"""Explorations in a process of their own: reads the order as JSON from the command line, writes the figures as JSON."""

from __future__ import annotations

import json
import sys

from model_check import check
from model_check.cli.specs import find_protocol
from spec.language import Scope


def main() -> None:
    """Explore as ordered, with each number of workers in turn, over and over."""
    order = json.loads(sys.argv[1])
    protocol = find_protocol(order["spec"])(Scope(**order["sizes"]))
    found = []
    for _ in range(order["repeats"]):
        for workers in order["workers"]:
            result = check(protocol, workers=workers, max_depth=order["max_depth"])
            names = ("verdict", "stopped", "distinct_states", "depth", "seconds", "compile_seconds", "memory")
            found.append({"workers": workers} | {name: getattr(result, name) for name in names})
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
