"""The types of the spec language, as the parser sees them.

A type is bounded once a scope gives each sort its size; nothing here knows a scope.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from spec.language.values import Ordered, Position, Sort


@dataclass(frozen=True)
class Type:
    """Base of all types."""


@dataclass(frozen=True)
class BoolType(Type):
    """True or false."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True)
class SortType(Type):
    """A sort: a class derived from `Sort` (interchangeable elements) or `Ordered`."""

    cls: type[Sort | Ordered]

    @property
    def name(self) -> str:
        """Name of the sort's class."""
        return self.cls.__name__

    @property
    def ordered(self) -> bool:
        """Whether elements compare with `<` and have successors."""
        return issubclass(self.cls, Ordered)

    @property
    def position(self) -> bool:
        """Whether the sort addresses positions in sequences."""
        return issubclass(self.cls, Position)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class EnumType(Type):
    """A Python enumeration; members in the order of their definition."""

    name: str
    members: tuple[str, ...]
    cls: type[enum.Enum] = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class RecordType(Type):
    """A record: named, typed fields in the order of their definition."""

    name: str
    fields: tuple[tuple[str, Type], ...]
    cls: type = field(compare=False, repr=False)

    def field_type(self, name: str) -> Type | None:
        """Type of a field, None where the record has no such field."""
        return dict(self.fields).get(name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class OptionType(Type):
    """`None` or a value of the given type."""

    of: Type

    def __str__(self) -> str:
        return f"Option[{self.of}]"


@dataclass(frozen=True)
class SetType(Type):
    """A finite set."""

    of: Type

    def __str__(self) -> str:
        return f"Set[{self.of}]"


@dataclass(frozen=True)
class SeqType(Type):
    """A sequence with positions 1..last of an index sort; `last` is 0 when empty."""

    index: SortType
    of: Type

    def __str__(self) -> str:
        return f"Seq[{self.index}, {self.of}]"


@dataclass(frozen=True)
class WindowType(Type):
    """A slice of a sequence that keeps its positions: after+1..last."""

    index: SortType
    of: Type

    def __str__(self) -> str:
        return f"Window[{self.index}, {self.of}]"


@dataclass(frozen=True)
class MapType(Type):
    """A total function from one or several sorts."""

    keys: tuple[SortType, ...]
    value: Type

    def __str__(self) -> str:
        keys = ", ".join(map(str, self.keys))
        return f"Map[{keys if len(self.keys) == 1 else f'tuple[{keys}]'}, {self.value}]"


@dataclass(frozen=True)
class NoneType(Type):
    """The type of a bare `None` before it meets an `Option`."""

    def __str__(self) -> str:
        return "None"


BOOL = BoolType()


def sorts_of(type_: Type) -> frozenset[SortType]:
    """All sorts that values of a type mention."""
    match type_:
        case SortType():
            return frozenset({type_})
        case RecordType(fields=fields):
            return frozenset().union(*(sorts_of(t) for _, t in fields))
        case OptionType(of=of) | SetType(of=of):
            return sorts_of(of)
        case SeqType(index=index, of=of) | WindowType(index=index, of=of):
            return sorts_of(of) | {index}
        case MapType(keys=keys, value=value):
            return sorts_of(value) | set(keys)
        case _:
            return frozenset()


def number_of_elements(type_: Type, sizes: Mapping[type, int]) -> int:
    """How many elements a sort, an enumeration or bool has, where sorts have these sizes."""
    match type_:
        case SortType(cls=cls):
            return sizes[cls] + cls.beyond
        case EnumType(members=members):
            return len(members)
        case BoolType():
            return 2
        case _:
            raise AssertionError(type_)
