"""What finished operations still need: the one operation that can make a value that one of them has seen.

Where clients write values of their own, a value seen has one source: an update that exists once, and makes this value of its
predecessor alone, or of any value. The same goes for the predecessor, and so on: a *chain* of sources. As long as an operation that saw
the value has not been placed,

- no update of its chain may be placed where it makes another value, and
- once the chain has begun, it may not be left: its first update does not come back.

(Gibbons and Korach, *Testing Shared Memories*, 1997, decide histories of such a register in polynomial time; this only prunes.)
Where values are written twice, chains are short or empty, and nothing is pruned.

An update that makes no value that is needed is *idle*: where it needs none itself, it only has to be placed somewhere in its time.
"""

from __future__ import annotations

from collections.abc import Sequence

from model_check.linearizability.history import Operation, Value
from model_check.linearizability.models import Model, Source, Update

_MOST_TEXT = 20_000_000
"""Characters of all values together; beyond, nothing is pruned."""
_NONE = -1


class Needs:
    """Of each value, the chain that leads to it, as far as the search asks for it.

    `home` has for an update in some chain the only value that it makes there; `last` the number of the last operation that needs it;
    `first` for a value the first update of its chain. `idle` are the updates that make no value that is ever needed.
    """

    def __init__(self, operations: Sequence[Operation], numbers: Sequence[int], model: Model) -> None:
        """`numbers` are those of the operations, in the order in which they become possible."""
        self.home: dict[Update, Value] = {}
        self.last: dict[Update, int] = {}
        self.first: dict[Value, Update] = {}
        self.idle: frozenset[Update] = frozenset()
        counts: dict[Update, int] = {}
        needed: dict[Value, int] = {}
        for operation, number in zip(operations, numbers, strict=True):
            if operation.function != model.read:
                counts[update_of(operation)] = counts.get(update_of(operation), 0) + 1
            for value in model.required(operation):
                needed[value] = max(number, needed.get(value, _NONE))
        sources = _all_sources(needed, operations, model)
        made: dict[Update, set[Value]] = {}
        for value, found in sources.items():
            for source in found:
                made.setdefault(source.update, set()).add(value)
        if needed.keys() <= sources.keys() and not any(o.outcome == "ok" and model.rules_out(o) for o in operations):
            self.idle = frozenset(counts.keys() - made.keys())
        in_chain = {update for update, values in made.items() if len(values) == 1 and counts[update] == 1}
        self._follow(sources, needed, in_chain, model)

    def _follow(self, sources: dict[Value, list[Source]], needed: dict[Value, int], in_chain: set[Update], model: Model) -> None:
        """From each value without a single source, along single sources to what is made of it; then back with what is needed."""
        single = {value: found[0] for value, found in sources.items() if len(found) == 1 and value != model.initial}
        children: dict[Value, list[Value]] = {}
        order = []
        for value, source in single.items():
            if source.of_any or source.predecessor not in single:
                order.append(value)
            if not source.of_any:
                children.setdefault(source.predecessor, []).append(value)
        for value in order:
            source = single[value]
            begun = None if source.of_any else self.first.get(source.predecessor)
            if begun is not None or source.update in in_chain:
                self.first[value] = source.update if begun is None else begun
            order.extend(children.get(value, ()))
        latest: dict[Value, int] = {}
        for value in reversed(order):
            latest[value] = max([needed.get(value, _NONE), *(latest[child] for child in children.get(value, ()))])
            if single[value].update in in_chain:
                self.home[single[value].update], self.last[single[value].update] = value, latest[value]


def update_of(operation: Operation) -> Update:
    """What an operation does, whoever does it."""
    return operation.function, operation.arguments


def _all_sources(needed: dict[Value, int], operations: Sequence[Operation], model: Model) -> dict[Value, list[Source]]:
    """The sources of the values needed, of their predecessors, and so on."""
    sources_of = model.sources(operations)
    found: dict[Value, list[Source]] = {}
    waiting, text = list(needed), 0
    while waiting:
        value = waiting.pop()
        if value in found:
            continue
        text += len(value) + 1 if isinstance(value, str) else 1
        if text > _MOST_TEXT:
            return {}
        found[value] = sources_of(value)
        waiting.extend(source.predecessor for source in found[value] if not source.of_any)
    return found
