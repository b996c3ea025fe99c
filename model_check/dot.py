"""Graphviz's language: what the state graph and the proof graph share."""

from __future__ import annotations

import json
from collections.abc import Iterable


def digraph(name: str, lines: Iterable[str]) -> str:
    """A directed graph of boxes; `lines` are its statements."""
    body = "".join(f"  {line}\n" for line in ("node [shape=box, fontname=monospace, fontsize=9];", "edge [fontsize=9];", *lines))
    return f"digraph {json.dumps(name)} {{\n{body}}}\n"


def escaped(text: str) -> str:
    """Text within a quoted label."""
    return text.replace("\\", "\\\\").replace('"', '\\"')
