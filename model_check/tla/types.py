"""Types of the spec language as TLA+ sets: what `TypeOK` says and what bound variables range over."""

from __future__ import annotations

from model_check.tla.layout import SETS, Piece, atom, enclosed, hang, infix
from spec.language import ir
from spec.language.types import (
    BoolType,
    EnumType,
    MapType,
    OptionType,
    RecordType,
    SeqType,
    SetType,
    SortType,
    Type,
    WindowType,
)


def children_of(type_: Type) -> tuple[Type, ...]:
    """The types that a type is made of."""
    match type_:
        case RecordType(fields=fields):
            return tuple(t for _, t in fields)
        case OptionType(of=of) | SetType(of=of):
            return (of,)
        case SeqType(index=index, of=of) | WindowType(index=index, of=of):
            return (index, of)
        case MapType(keys=keys, value=value):
            return (*keys, value)
        case _:
            return ()


def closure(types: list[Type]) -> list[Type]:
    """The given types and all that they are made of, parts first, each once."""
    found: list[Type] = []

    def visit(type_: Type) -> None:
        for child in children_of(type_):
            visit(child)
        if type_ not in found:
            found.append(type_)

    for type_ in types:
        visit(type_)
    return found


def mentioned(protocol: ir.ProtocolIR) -> list[Type]:
    """All types of a protocol's variables, parameters, helpers and expressions, parts first."""
    found: list[Type] = [v.type for v in protocol.variables]
    for action in (protocol.init, *protocol.actions):
        found.extend(b.type for b in action.parameters)
        found.extend(n.type for n in ir.walk_all(action.body) if isinstance(n, (ir.Expr, ir.Binder)))
    for prop in protocol.properties:
        found.extend(n.type for n in ir.walk(prop.body) if isinstance(n, (ir.Expr, ir.Binder)))
    return closure(list(dict.fromkeys(found)))


def members_of(type_: EnumType) -> dict[str, str]:
    """Each member of an enumeration with its TLA+ string: lower case, as the checker prints it, where that keeps them apart."""
    lower = [m.lower() for m in type_.members]
    return dict(zip(type_.members, lower if len(set(lower)) == len(lower) else type_.members, strict=True))


def greatest(sort: SortType) -> Piece:
    """The last element of an ordered sort."""
    return infix("+", 10, atom(f"Max{sort.name}"), atom("1")) if sort.position else atom(f"Max{sort.name}")


def type_set(type_: Type) -> Piece:
    """The set of a type's values within the scope."""
    match type_:
        case BoolType():
            return atom("BOOLEAN")
        case SortType() | EnumType() | RecordType():
            return atom(type_.name)
        case OptionType(of=of):
            return infix("\\cup", SETS, atom("{None}"), type_set(of))
        case SetType(of=of):
            return hang("SUBSET ", type_set(of) if type_set(of).level == 20 else hang("(", type_set(of), ")"), level=SETS)
        case SeqType(index=index, of=of):
            return enclosed("Sequences(", (type_set(of), atom(f"Max{index.name}")), ")")
        case WindowType(index=index, of=of):
            return enclosed("[", (atom(f"after: {index.name}"), hang("entries: ", type_set(SeqType(index, of)))), "]")
        case MapType(keys=keys, value=value):
            return hang(f"[{domain_text(keys)} -> ", type_set(value), "]")
        case _:
            raise AssertionError(type_)


def domain_text(keys: tuple[SortType, ...]) -> str:
    """The domain of a map."""
    return " \\X ".join(k.name for k in keys)


def record_set(type_: RecordType) -> Piece:
    """The set of all records of a type."""
    return enclosed("[", [hang(f"{name}: ", type_set(t)) for name, t in type_.fields], "]")
