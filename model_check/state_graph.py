"""The reachable states as a networkx graph, for analysis in Python and for pictures small enough to look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, TypeAlias

from model_check import itf
from model_check.dot import digraph, escaped
from model_check.evaluation import successors
from spec.language import IonianError, Protocol, State

if TYPE_CHECKING:
    import networkx as nx

    Graph: TypeAlias = nx.MultiDiGraph[int]

PICTURE_LIMIT = 400
DATA_LIMIT = 200_000


def state_graph(protocol: Protocol, limit: int = DATA_LIMIT, progress: Callable[[int], None] | None = None) -> Graph:
    """All reachable states, numbered in breadth-first order, and all steps between them.

    A node has `state`, `depth` and `initial`; an edge has `action` (its name), `step` and `label`.
    `progress` is told the number of states now and then. IonianError where there are more than `limit` states.
    """
    import networkx as nx  # noqa: PLC0415  # slow to import, and no check needs it

    graph: Graph = nx.MultiDiGraph(name=repr(protocol))
    numbers: dict[State, int] = {}

    def enter(state: State, depth: int) -> int:
        if state not in numbers:
            if len(numbers) >= limit:
                raise IonianError(f"{protocol!r} has more than {limit:,} states, too many for this graph: choose a smaller scope")
            numbers[state] = len(numbers)
            graph.add_node(numbers[state], state=state, depth=depth, initial=depth == 0)
            waiting.append(state)
        return numbers[state]

    waiting: list[State] = []
    for state in protocol.initial_states():
        enter(state, 0)
    depth = 0
    while waiting:
        level, waiting = waiting, []
        depth += 1
        for state in level:
            if progress is not None:
                progress(len(numbers))
            for step, after in successors(protocol, state):
                graph.add_edge(numbers[state], enter(after, depth), action=step.action, step=step, label=str(step))
    return graph


def plain(graph: Graph) -> Graph:
    """The graph with texts for attributes, as data formats need them."""
    found: Graph = type(graph)(name=graph.graph["name"])
    for node, data in graph.nodes(data=True):
        found.add_node(node, label=repr(data["state"]), depth=data["depth"], initial=data["initial"])
    for source, target, data in graph.edges(data=True):
        found.add_edge(source, target, action=data["action"], label=data["label"])
    return found


def to_json(graph: Graph) -> str:
    """Nodes with their states (values as in `check --json`) and edges with their actions."""
    nodes = [{"id": n, "depth": d["depth"], "initial": d["initial"], "state": itf.encode_state(d["state"], bigint=False)} for n, d in graph.nodes(data=True)]
    edges = [
        {"source": s, "target": t, "action": d["action"], "arguments": {n: itf.encode(v, bigint=False) for n, v in d["step"].arguments}}
        for s, t, d in graph.edges(data=True)
    ]
    return json.dumps({"name": graph.graph["name"], "nodes": nodes, "edges": edges}, indent=1) + "\n"


def to_graphml(graph: Graph) -> str:
    """The graph in GraphML."""
    from networkx import generate_graphml  # noqa: PLC0415  # as above

    return "\n".join(generate_graphml(plain(graph))) + "\n"


def to_dot(graph: Graph) -> str:
    """The graph in Graphviz's language; steps between the same states share an edge."""
    lines = []
    for node, data in graph.nodes(data=True):
        # `\l` ends a line that is set to the left.
        label = "".join(f"{escaped(line)}\\l" for line in repr(data["state"]).splitlines())
        lines.append(f'{node} [label="{label}"{", style=bold" if data["initial"] else ""}];')
    for (source, target), labels in _joined(graph).items():
        text = "\\n".join(escaped(label) for label in labels)
        lines.append(f'{source} -> {target} [label="{text}"];')
    return digraph(graph.graph["name"], lines)


def _joined(graph: Graph) -> dict[tuple[int, int], list[str]]:
    """The labels of all steps between each two states, steps that change nothing left out."""
    found: dict[tuple[int, int], list[str]] = {}
    for source, target, data in graph.edges(data=True):
        if source != target:
            found.setdefault((source, target), []).append(data["label"])
    return found


def to_svg(graph: Graph) -> str:
    """A drawing in layers by depth, initial states on top, each edge in the colour of its action."""
    import networkx as nx  # noqa: PLC0415  # as above

    try:
        import matplotlib  # noqa: PLC0415  # an extra, and slow to import
    except ImportError:
        raise IonianError("drawing needs matplotlib: pip install 'ionian[graph]'; or write .dot, .graphml or .json instead") from None
    matplotlib.use("Agg")
    # Without a fixed salt, equal graphs would give different files.
    matplotlib.rcParams["svg.hashsalt"] = "ionian"
    from matplotlib import pyplot  # noqa: PLC0415  # after the choice of the backend
    from matplotlib.lines import Line2D  # noqa: PLC0415  # as above

    depths = nx.get_node_attributes(graph, "depth")
    widest = max(sum(1 for d in depths.values() if d == depth) for depth in set(depths.values()))
    figure, axes = pyplot.subplots(figsize=(max(6.0, 0.8 * widest), max(4.0, 0.9 * (1 + max(depths.values())))))
    place = {n: (x, -y) for n, (x, y) in nx.multipartite_layout(graph, subset_key="depth", align="horizontal").items()}
    actions = sorted({data["action"] for _, _, data in graph.edges(data=True)})
    colours = dict(zip(actions, (f"C{i % 10}" for i in range(len(actions))), strict=True))
    moves = [(s, t, d["action"]) for s, t, d in graph.edges(data=True) if s != t]
    nx.draw_networkx_nodes(graph, place, ax=axes, node_size=260, node_color="white", edgecolors="black")
    nx.draw_networkx_labels(graph, place, ax=axes, font_size=7)
    nx.draw_networkx_edges(
        nx.DiGraph([(s, t) for s, t, _ in moves]),
        place,
        ax=axes,
        edgelist=[(s, t) for s, t, _ in moves],
        edge_color=[colours[a] for _, _, a in moves],
        node_size=260,
        arrowsize=8,
    )
    axes.legend(handles=[Line2D([], [], color=colours[a], label=a) for a in actions], fontsize=8, loc="best")
    axes.set_title(graph.graph["name"], fontsize=9)
    axes.axis("off")
    image = BytesIO()
    figure.savefig(image, format="svg", bbox_inches="tight", metadata={"Date": None})
    pyplot.close(figure)
    return image.getvalue().decode()
