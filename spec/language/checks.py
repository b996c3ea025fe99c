"""What must hold of a whole protocol beyond types: total initial states, history that nothing reads."""

from __future__ import annotations

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
