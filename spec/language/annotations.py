"""Annotations of variables, fields and parameters, read as types of the language."""

from __future__ import annotations

import ast
import dataclasses
import enum
from typing import Any

from spec.language import values
from spec.language.source import Source
from spec.language.types import (
    BOOL,
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
from spec.language.values import Ordered, Position, Sort

_WRITE = "write a sort, an enumeration, a @record, bool, Option, Set, Seq, Window or Map"


def kind_and_type(source: Source, node: ast.expr) -> tuple[str, Type]:
    """A variable's kind (persistent, volatile, history) and its type."""
    if isinstance(node, ast.Subscript):
        head = _resolve(source, node.value)
        if head is values.Volatile:
            return "volatile", read_type(source, node.slice)
        if head is values.History:
            return "history", read_type(source, node.slice)
    return "persistent", read_type(source, node)


def read_type(source: Source, node: ast.expr) -> Type:
    """The type that an annotation denotes; SpecError at its place otherwise."""
    match node:
        case ast.Constant(value=str(text)):
            return read_type(source, _quoted(source, node, text))
        case ast.BinOp(left=of, op=ast.BitOr(), right=ast.Constant(value=None)) | ast.BinOp(left=ast.Constant(value=None), op=ast.BitOr(), right=of):
            return _option(source, of)
        case ast.Subscript(value=head, slice=argument):
            return _generic(source, node, _resolve(source, head), argument)
        case ast.Name() | ast.Attribute():
            return type_of_class(source, node, _resolve(source, node))
        case _:
            source.error(node, f"`{ast.unparse(node)}` is not a type of the language", _WRITE)


def _quoted(source: Source, node: ast.expr, text: str) -> ast.expr:
    """The expression in a quoted annotation; all of it stands at the quote's place."""
    try:
        found = ast.parse(text, mode="eval").body
    except SyntaxError:
        source.error(node, f"`{text}` is not a type of the language", _WRITE)
    for part in ast.walk(found):
        ast.copy_location(part, node)
    return found


def _part(source: Source, node: ast.expr) -> Type:
    """A type within another one: no map, whose entries are assigned to, and no set whose members have no bit of their own."""
    found = read_type(source, node)
    if isinstance(found, MapType):
        source.error(node, f"`{found}` stands within another type", "a map is a whole variable: use several keys, Map[tuple[Node, Node], T]")
    if isinstance(found, SetType) and not (isinstance(found.of, (SortType, EnumType)) or found.of == BOOL):
        source.error(
            node, f"`{found}` stands within another type", "sets of records are variables or entries of maps; elsewhere a set holds elements of a sort"
        )
    return found


def _member(source: Source, node: ast.expr) -> Type:
    """The type of a set's members."""
    found = _part(source, node)
    if isinstance(found, OptionType):
        source.error(node, f"a set of `{found}` may hold None", f"leave None out: Set[{found.of}]")
    return found


def _option(source: Source, node: ast.expr) -> Type:
    found = _part(source, node)
    if isinstance(found, OptionType):
        source.error(node, f"`Option[{found}]` has two kinds of None", "declare an enumeration or a @record")
    return OptionType(found)


def _entry(source: Source, node: ast.expr) -> Type:
    """The type of a map's entries: anything but a map."""
    found = read_type(source, node)
    return _part(source, node) if isinstance(found, MapType) else found


def _generic(source: Source, node: ast.Subscript, head: Any, argument: ast.expr) -> Type:
    parts = argument.elts if isinstance(argument, ast.Tuple) else [argument]
    if head is values.Option:
        return _option(source, argument)
    if head is frozenset:
        return SetType(_member(source, argument))
    if head in (values.Seq, values.Window) and len(parts) == 2:
        index = read_type(source, parts[0])
        if not (isinstance(index, SortType) and index.position):
            source.error(parts[0], f"`{index}` cannot index a sequence", "declare `class Index(Position)` and use it")
        of = _part(source, parts[1])
        return SeqType(index, of) if head is values.Seq else WindowType(index, of)
    if head is values.Map and len(parts) == 2:
        return MapType(_map_keys(source, parts[0]), _entry(source, parts[1]))
    source.error(node, f"`{ast.unparse(node)}` is not a type of the language", _WRITE)


def _map_keys(source: Source, node: ast.expr) -> tuple[SortType, ...]:
    tuple_key = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple) and _resolve(source, node.value) is tuple
    parts = node.slice.elts if tuple_key else [node]  # type: ignore[attr-defined]  # checked in the line above
    keys = []
    for part in parts:
        key = read_type(source, part)
        if not isinstance(key, SortType):
            source.error(part, f"a map's keys are sorts, found `{key}`", "use a sort or tuple[Sort, Sort] as the key")
        keys.append(key)
    return tuple(keys)


def _resolve(source: Source, node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name):
            if name in source.names:
                return source.names[name]
            builtin = {"bool": bool, "tuple": tuple, "frozenset": frozenset, "int": int, "str": str, "dict": dict, "list": list, "set": set, "float": float}
            if name in builtin:
                return builtin[name]
            source.error(node, f"unknown name `{name}`", "define or import it above the protocol")
        case ast.Attribute(value=value, attr=attr):
            owner = _resolve(source, value)
            if hasattr(owner, attr):
                return getattr(owner, attr)
            source.error(node, f"unknown name `{ast.unparse(node)}`", "check its spelling")
        case _:
            source.error(node, f"`{ast.unparse(node)}` is not a type of the language", _WRITE)


def type_of_class(source: Source, node: ast.AST, cls: Any) -> Type:
    """The type that a Python class denotes."""
    if cls is bool:
        return BOOL
    if cls in (int, float):
        source.error(node, f"`{cls.__name__}` is unbounded", "declare `class Term(Ordered)`: a scope gives it its size")
    if cls is str:
        source.error(node, "`str` is unbounded", "declare an enum.Enum or a `class Value(Sort)`")
    if cls in (dict, list, set, tuple, frozenset):
        mend = {dict: "Map[K, V]", list: "Seq[Index, T]", tuple: "a @record", set: "Set[T]", frozenset: "Set[T]"}[cls]
        source.error(node, f"`{cls.__name__}` is not a type of the language", f"use {mend}")
    if isinstance(cls, type) and issubclass(cls, (Sort, Ordered)):
        if cls in (Sort, Ordered, Position):
            source.error(node, f"`{cls.__name__}` is the base of sorts, not a sort", f"derive one: `class Node({cls.__name__})`")
        return SortType(cls)
    if isinstance(cls, type) and issubclass(cls, enum.Enum):
        if not cls.__members__ or len(cls.__members__) != len(cls):
            source.error(node, f"`{cls.__name__}` has no members, or two with one value", "give it members with different values")
        return EnumType(cls.__name__, tuple(cls.__members__), cls)
    if isinstance(cls, type) and dataclasses.is_dataclass(cls):
        if cls in _open:
            source.error(node, f"the record `{cls.__name__}` contains itself", "records are finite: refer to elements of a sort")
        return record_type(cls)
    source.error(node, f"`{getattr(cls, '__name__', cls)}` is not a type of the language", _WRITE)


_records: dict[type, RecordType] = {}
_open: list[type] = []


def record_type(cls: type) -> RecordType:
    """The record type of a class decorated with @record."""
    if cls not in _records:
        _open.append(cls)
        try:
            _records[cls] = _read_record(cls)
        finally:
            _open.pop()
    return _records[cls]


def _read_record(cls: type) -> RecordType:
    source = Source.of(cls)
    tree = source.class_tree(cls.__name__)
    if not getattr(cls, "__dataclass_params__").frozen or any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:]):  # noqa: B009  # unknown to type checkers
        source.error(tree, f"`{cls.__name__}` is a dataclass of another kind", "decorate it with @record and nothing else, without bases")
    fields: list[tuple[str, Type]] = []
    for item in tree.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            if item.value is not None:
                source.error(item, f"field `{item.target.id}` has a default", "give every field where the record is made")
            fields.append((item.target.id, _part(source, item.annotation)))
    if not fields:
        source.error(tree, f"the record `{cls.__name__}` has no fields", "use a bool or an enumeration")
    return RecordType(cls.__name__, tuple(fields), cls)
