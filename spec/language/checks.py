"""What must hold of a whole protocol beyond types: total initial states, history that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from spec.language import ir
from spec.language.errors import SpecError


def check_protocol(protocol: ir.ProtocolIR) -> None:
    """Refuse variables without an initial value and history that guards or other variables read."""
    for item in ir.walk_all((*protocol.init.parameters, *protocol.init.body)):
        if isinstance(item, ir.Read):
            _refuse(item.place, f"init reads the variable `{item.variable}`", "there is no state yet: write the initial value itself")
    assigned = _assigned(protocol.init.body)
    for variable in protocol.variables:
        if variable.name not in assigned:
            _refuse(variable.place, f"variable `{variable.name}` has no initial value", f"assign it in init: self.{variable.name} = ...")
    history = {v.name for v in protocol.variables if v.kind == "history"}
    if history:
        for action in protocol.actions:
            for binder in action.parameters:
                if found := _reads(binder.domain, history, set()):
                    mend = "history is for properties only: draw it from a real variable"
                    _refuse(action.place, f"parameter `{binder.name}` ranges over the history variable `{found}`", mend)
            _check_history(action.body, history, ghost=False, tainted=set())


def _assigned(body: tuple[ir.Statement, ...]) -> set[str]:
    """The variables that statements assign as a whole on every path."""
    found: set[str] = set()
    for statement in body:
        match statement:
            case ir.Store(variable=variable, keys=()):
                found.add(variable)
            case ir.If(then=then, otherwise=otherwise):
                found |= _assigned(then) & _assigned(otherwise)
            case ir.Perform(procedure=procedure):
                found |= _assigned(procedure.body)
    return found


def _refuse(place: ir.Place, found: str, instead: str) -> None:
    raise SpecError(f"{found}; {instead}", place.file, place.line, place.column)


def _reads(node: object, history: set[str], tainted: set[str]) -> str:
    """A history variable (or a local computed from one) that an expression reads, empty if none."""
    for item in ir.walk(node):
        if isinstance(item, ir.Read) and item.variable in history:
            return item.variable
        if isinstance(item, ir.Name) and item.name in tainted:
            return item.name
    return ""


def _check_history(body: tuple[ir.Statement, ...], history: set[str], ghost: bool, tainted: set[str]) -> None:
    """Walk statements in order; `ghost` inside a branch whose condition reads history."""
    for statement in body:
        match statement:
            case ir.Let(name=name, value=value):
                if _reads(value, history, tainted):
                    tainted.add(name)
            case ir.Require(condition=condition):
                found = _reads(condition, history, tainted)
                if found or ghost:
                    _refuse(
                        statement.place,
                        f"a guard reads the history variable `{found or 'in its branch'}`",
                        "history is for properties only: guard on real variables",
                    )
            case ir.Store(variable=variable) | ir.Insert(variable=variable) | ir.Remove(variable=variable):
                found = _reads(statement, history, tainted)
                if variable not in history and (found or ghost):
                    _refuse(
                        statement.place,
                        f"`{variable}` depends on the history variable `{found or 'of its branch'}`",
                        "only history variables may depend on history",
                    )
            case ir.If(condition=condition, then=then, otherwise=otherwise):
                inner = ghost or bool(_reads(condition, history, tainted))
                _check_history(then, history, inner, set(tainted))
                _check_history(otherwise, history, inner, set(tainted))
            case ir.ForEach(body=inner_body):
                _check_history(inner_body, history, ghost, set(tainted))
            case ir.Perform(procedure=procedure, arguments=arguments):
                inner_tainted = {p for (p, _), a in zip(procedure.parameters, arguments, strict=True) if _reads(a, history, tainted)}
                _check_history(procedure.body, history, ghost, inner_tainted)


def where_turns_meet(binder: str, body: tuple[ir.Statement, ...]) -> str | None:
    """A variable in which one turn of a loop may see or undo what another does: the order of the turns would matter, and tell elements apart.

    None where there is none: each variable that the loop changes only gains members, or only loses some, and is not read; or all
    that the loop reads and changes of it has the turn's own element at one place of the key.
    """
    changes: dict[str, set[type[object]]] = {}
    places: dict[str, set[int]] = {}
    for item, own in _accesses(body, frozenset({binder})):
        places[item.variable] = places.get(item.variable, own) & own
        changes.setdefault(item.variable, set()).add(type(item))
    for variable, kinds in changes.items():
        if kinds != {ir.Read} and kinds not in ({ir.Insert}, {ir.Remove}) and not places[variable]:
            return variable
    return None


def _accesses(nodes: tuple[object, ...], own: frozenset[str]) -> Iterator[tuple[ir.Read | ir.Store | ir.Insert | ir.Remove, set[int]]]:
    """What reads and changes variables, each with the places of its key at which a name of the turn's own element stands."""
    for item in (found for node in nodes for found in ir.walk(node, into_helpers=False)):
        match item:
            case ir.Read(keys=keys) | ir.Store(keys=keys) | ir.Insert(keys=keys) | ir.Remove(keys=keys):
                yield item, {i for i, key in enumerate(keys) if isinstance(key, ir.Name) and key.name in own}
            case ir.Call(helper=helper, arguments=arguments):
                yield from _accesses((helper.body,), _passed_on(helper.parameters, arguments, own))
            case ir.Perform(procedure=procedure, arguments=arguments):
                yield from _accesses(procedure.body, _passed_on(procedure.parameters, arguments, own))


def _passed_on(parameters: tuple[tuple[str, object], ...], arguments: tuple[ir.Expr, ...], own: frozenset[str]) -> frozenset[str]:
    return frozenset(name for (name, _), a in zip(parameters, arguments, strict=True) if isinstance(a, ir.Name) and a.name in own)
