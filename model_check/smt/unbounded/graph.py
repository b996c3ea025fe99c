"""The proof as a graph: which lemma's obligations need which other lemmas, drawn from what is proved down to what needs nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import networkx as nx

from model_check.dot import digraph, escaped
from model_check.smt.unbounded.definedness import DEFINED
from model_check.smt.unbounded.obligations import Obligation
from spec.language import IonianError, Protocol

if TYPE_CHECKING:
    Graph: TypeAlias = nx.DiGraph[str]
else:
    Graph: TypeAlias = nx.DiGraph

Supports: TypeAlias = Mapping[Obligation, Sequence[Sequence[str]]]
"""For each obligation, what each of its paths uses."""

OWN = "what is proved"
"""The heading of the protocol's own properties, which have no topic."""


def proof_graph(protocol: type[Protocol], supports: Supports) -> Graph:
    """All invariants and action properties, refinement mappings and definedness; an edge leads from one to each that its obligations need.

    A node has `topic` and `doc`, an edge `actions`: under which of them (`implied`: in one and the same state). A lemma
    that is needed for its own preservation has no edge to itself.
    """
    graph: Graph = nx.DiGraph(name=protocol.__name__)
    for prop in protocol.ir.properties:
        if prop.kind in ("invariant", "action_property"):
            graph.add_node(prop.name, topic=prop.topic or OWN, doc=prop.doc.partition("\n")[0])
    for mapping in protocol.ir.refinements:
        graph.add_node(mapping.name, topic=OWN, doc=mapping.doc.partition("\n")[0])
    if any(obligation.lemma == DEFINED for obligation in supports):
        graph.add_node(DEFINED, topic=OWN, doc="Every expression has a value where it is evaluated.")
    for obligation, paths in supports.items():
        for other in sorted({name for path in paths for name in path}):
            # Beside lemmas, a support names variables: that each has a value is a matter of its type.
            if other in graph and other != obligation.lemma:
                if not graph.has_edge(obligation.lemma, other):
                    graph.add_edge(obligation.lemma, other, actions=[])
                graph.edges[obligation.lemma, other]["actions"].append(obligation.action)
    return graph


def write_proof_graph(protocol: type[Protocol], supports: Supports, path: Path) -> None:
    """Write the proof graph as .svg, .dot or .json; IonianError for another ending or a file that cannot be written."""
    writers = {".svg": to_svg, ".dot": to_dot, ".json": to_json}
    if path.suffix not in writers:
        raise IonianError(f"{path}: the name ends in none of {', '.join(writers)}")
    try:
        path.write_text(writers[path.suffix](proof_graph(protocol, supports)), encoding="utf-8")
    except OSError as error:
        raise IonianError(f"{path}: {error.strerror}") from None


def to_json(graph: Graph) -> str:
    """Lemmas with topic and prose, edges with actions."""
    nodes = [{"lemma": n, **data} for n, data in graph.nodes(data=True)]
    edges = [{"lemma": a, "needs": b, **data} for a, b, data in graph.edges(data=True)]
    return json.dumps({"name": graph.graph["name"], "lemmas": nodes, "edges": edges}, indent=1) + "\n"


def to_dot(graph: Graph) -> str:
    """The graph in Graphviz's language, a cluster for each topic."""
    lines = []
    for i, topic in enumerate(_topics(graph)):
        members = " ".join(f'{n} [tooltip="{escaped(data["doc"])}"];' for n, data in graph.nodes(data=True) if data["topic"] == topic)
        lines.append(f'subgraph cluster_{i} {{ label="{escaped(topic)}"; {members} }}')
    lines += [f'{a} -> {b} [tooltip="{escaped(", ".join(data["actions"]))}"];' for a, b, data in graph.edges(data=True)]
    return digraph(graph.graph["name"], lines)


def _topics(graph: Graph) -> list[str]:
    """The topics from top to bottom: a proof is written from the bottom up, the protocol's own properties stand above it."""
    found = list(dict.fromkeys(topic for _, topic in graph.nodes(data="topic")))
    return [OWN, *(t for t in reversed(found) if t != OWN)]


# --- The layout of the picture: a band for each topic, rows within it

_WIDTH, _BOX, _ROW, _GAP, _LEFT, _CHARACTER = 1330, 24, 58, 16, 150, 6.7
_SHIFTS = (0.5, 0.2, 0.7, 0.35, 0.85)
_COLOURS = ("#37474f", "#b3541e", "#8e3b8a", "#2f6db5", "#1f8a70", "#a08010", "#6b4f3a", "#b03a48")


def _rows(graph: Graph) -> list[tuple[str, list[str]]]:
    """The rows of the picture, each with its topic: within a topic, what needs others of it stands above them."""
    rows = []
    for topic in _topics(graph):
        # Node by node: a subgraph of networkx has its nodes in no particular order.
        inner: Graph = nx.DiGraph()
        inner.add_nodes_from(n for n, t in graph.nodes(data="topic") if t == topic)
        inner.add_edges_from((a, b) for a, b in graph.edges if a in inner and b in inner)
        # A topic of the proof ends with what it is for; a protocol begins with what it promises.
        level = _levels(inner, list(inner) if topic == OWN else list(reversed(list(inner))))
        for at in sorted(set(level.values()), reverse=True):
            row: list[str] = []
            for name in (n for n in graph if level.get(n) == at):
                if row and sum(_width(n) + _GAP for n in (*row, name)) > _WIDTH - _LEFT:
                    rows.append((topic, row))
                    row = []
                row.append(name)
            rows.append((topic, row))
    return rows


def _levels(graph: Graph, order: list[str]) -> dict[str, int]:
    """How far each node stands above what needs nothing; of lemmas that need each other, the first in the order stands above."""
    level: dict[str, int] = {}
    entered: set[str] = set()

    def visit(node: str) -> int:
        if node not in level:
            entered.add(node)
            level[node] = 1 + max((visit(b) for b in graph[node] if b in level or b not in entered), default=-1)
        return level[node]

    for node in order:
        visit(node)
    return level


def _width(name: str) -> float:
    return _CHARACTER * len(name) + 14


def _places(graph: Graph, rows: list[tuple[str, list[str]]]) -> dict[str, tuple[float, float]]:
    """The centre of each box: rows in turn are sorted by the mean place of their neighbours, down and up again."""
    place: dict[str, tuple[float, float]] = {}
    height = {name: i for i, (_, row) in enumerate(rows) for name in row}

    def spread(i: int) -> None:
        row = rows[i][1]
        # Short rows stand now to the left and now to the right, so that edges pass beside boxes and not behind them.
        x = _LEFT + (_WIDTH - _LEFT - sum(_width(n) + _GAP for n in row) + _GAP) * _SHIFTS[i % len(_SHIFTS)]
        for name in row:
            place[name] = (x + _width(name) / 2, 70 + i * _ROW)
            x += _width(name) + _GAP

    for i in range(len(rows)):
        spread(i)
    for _ in range(8):
        for sweep in (range(len(rows)), reversed(range(len(rows)))):
            for i in sweep:
                means = {}
                for name in rows[i][1]:
                    near = [place[o][0] for o in nx.all_neighbors(graph, name) if height[o] != i]
                    means[name] = sum(near) / len(near) if near else place[name][0]
                rows[i][1].sort(key=means.__getitem__)
                spread(i)
    return place


def _drawn(graph: Graph, place: Mapping[str, tuple[float, float]]) -> list[tuple[str, str]]:
    """The edges of the picture: of those that lead down, only the ones that no longer way down replaces."""
    down = nx.DiGraph((a, b) for a, b in graph.edges if place[a][1] < place[b][1])
    shown = nx.transitive_reduction(down)
    return [(a, b) for a, b in graph.edges if shown.has_edge(a, b) or not down.has_edge(a, b)]


def to_svg(graph: Graph) -> str:
    """A picture: what is proved on top, each topic a band; edges that lead up, by lemmas that need each other, are dashed.

    An edge that follows from others is left out; a box tells when pointed at what it says and all that it needs.
    """
    rows = _rows(graph)
    place = _places(graph, rows)
    colour = dict(zip(_topics(graph), (_COLOURS[i % len(_COLOURS)] for i in range(len(_topics(graph)))), strict=True))
    height = 70 + len(rows) * _ROW
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + 20}" height="{height}" viewBox="0 0 {_WIDTH + 20} {height}">',
        "<style>.lemma:hover rect{stroke-width:3} path:hover{stroke-opacity:1;stroke-width:3}</style>",
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="12" y="26" font-family="sans-serif" font-size="15" font-weight="bold">{escape(graph.graph["name"])}: what needs what</text>',
    ]
    for topic, tint in colour.items():
        own = [i for i, (t, _) in enumerate(rows) if t == topic]
        y = 70 + own[0] * _ROW - _ROW / 2
        out.append(f'<rect x="4" y="{y + 3}" width="{_WIDTH + 12}" height="{len(own) * _ROW - 6}" rx="6" fill="{tint}" fill-opacity="0.08"/>')
        out.append(f'<text x="12" y="{y + 20}" font-family="sans-serif" font-size="12" font-weight="bold" fill="{tint}">{escape(topic)}</text>')
    out += [_arrow(graph, place, a, b, colour[graph.nodes[a]["topic"]]) for a, b in _drawn(graph, place)]
    out += [_box(graph, place[name], name, colour[graph.nodes[name]["topic"]]) for name in graph]
    return "\n".join([*out, "</svg>"]) + "\n"


def _arrow(graph: Graph, place: Mapping[str, tuple[float, float]], a: str, b: str, colour: str) -> str:
    (x, y), (u, v) = place[a], place[b]
    half, tip = _BOX / 2, 5
    if y == v:
        # Within a row, an arc below it.
        y, v = y + half, v + half + tip
        path, dashes = f"M{x:.0f},{y:.0f} C{x:.0f},{y + 26:.0f} {u:.0f},{v + 26:.0f} {u:.0f},{v:.0f}", ' stroke-dasharray="5 3"'
        head = f"{u - 4:.0f},{v:.0f} {u + 4:.0f},{v:.0f} {u:.0f},{v - tip:.0f}"
    else:
        side = 1 if y < v else -1
        y, v = y + side * half, v - side * (half + tip)
        bend = side * min(60, abs(v - y) / 2)
        path, dashes = f"M{x:.0f},{y:.0f} C{x:.0f},{y + bend:.0f} {u:.0f},{v - bend:.0f} {u:.0f},{v:.0f}", "" if side == 1 else ' stroke-dasharray="5 3"'
        head = f"{u - 4:.0f},{v:.0f} {u + 4:.0f},{v:.0f} {u:.0f},{v + side * tip:.0f}"
    title = escape(f"{a} needs {b}: {', '.join(graph.edges[a, b]['actions'])}")
    return (
        f'<g stroke="{colour}" fill="{colour}"><title>{title}</title>'
        f'<path d="{path}" fill="none" stroke-opacity="0.55" stroke-width="1.2"{dashes}/><polygon points="{head}" stroke="none"/></g>'
    )


def _box(graph: Graph, place: tuple[float, float], name: str, colour: str) -> str:
    (x, y), width = place, _width(name)
    needs = ", ".join(graph[name]) or "nothing else"
    return (
        f'<g class="lemma"><title>{escape(graph.nodes[name]["doc"])}&#10;needs {escape(needs)}</title>'
        f'<rect x="{x - width / 2:.0f}" y="{y - _BOX / 2:.0f}" width="{width:.0f}" height="{_BOX}" rx="5" fill="white" stroke="{colour}" stroke-width="1.4"/>'
        f'<text x="{x:.0f}" y="{y + 4:.0f}" text-anchor="middle" font-family="monospace" font-size="11">{escape(name)}</text></g>'
    )
