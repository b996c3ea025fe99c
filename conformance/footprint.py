"""What an action writes, read off the IR: which variables, and of which server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from spec.language import ir


def written(act: ir.Action) -> set[str]:
    """The variables that an action assigns to, itself or in a procedure."""
    return {variable for variable, _ in writes(act.body)}


def server(act: ir.Action) -> str | None:
    """The parameter that is the server whose step this is: its entries are written, or at least read; None where there is none."""
    names = {b.name for b in act.parameters}
    read = (_name(item.keys) for item in ir.walk_all(act.body) if isinstance(item, ir.Read))
    return next((key for key in chain((key for _, key in writes(act.body)), read) if key in names), None)


def writes(statements: Sequence[ir.Statement]) -> Iterator[tuple[str, str | None]]:
    """All writes, those of procedures in place of their calls: the variable, and the name of its first key."""
    for item in (item for statement in statements for item in ir.walk(statement, into_helpers=False)):
        if isinstance(item, (ir.Store, ir.Insert, ir.Remove)):
            yield item.variable, _name(item.keys)
        elif isinstance(item, ir.Perform):
            given = dict(zip((name for name, _ in item.procedure.parameters), item.arguments, strict=True))
            for variable, key in writes(item.procedure.body):
                yield variable, _name((given[key],)) if key in given else key


def _name(keys: Sequence[ir.Expr]) -> str | None:
    return keys[0].name if keys and isinstance(keys[0], ir.Name) else None
