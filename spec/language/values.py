"""The values of the spec language under CPython: elements, records, maps, sets and sequences.

All values are immutable, except that an action may assign to the entries of its own map variables.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Never, Self, TypeAlias, TypeVar, cast, dataclass_transform

from spec.language.context import active
from spec.language.errors import LeavesScope, NotEnabled

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
S = TypeVar("S")


class _SortMeta(type):
    """Lets a spec write `for n in Node`: the elements of the sort in the active scope."""

    def __iter__(cls: type[S]) -> Iterator[S]:
        return iter(elements(cls, active().sizes[cls]))


_interned: dict[tuple[type, int], Any] = {}


def elements(cls: type[S], size: int) -> list[S]:
    """All elements of a sort whose scope size is `size`, in their order."""
    count = size + cls.beyond  # type: ignore[attr-defined]  # both kinds of sorts have it
    return [cls(number) for number in range(count)]  # type: ignore[call-arg]  # both kinds take their number


class Sort(metaclass=_SortMeta):
    """An unordered sort: elements are interchangeable, compare only with `==`, and print as n1, n2, ...

    A spec derives its own: `class Node(Sort): ...`.
    """

    __slots__ = ("number",)
    beyond: ClassVar[int] = 0
    """So many elements it has more than the scope says."""
    number: int

    def __new__(cls, number: int) -> Self:
        """The one element of that number, counted from 0."""
        key = (cls, number)
        if key not in _interned:
            element = super().__new__(cls)
            element.number = number
            _interned[key] = element
        found: Self = _interned[key]
        return found

    def __reduce__(self) -> tuple[type[Self], tuple[int]]:
        return (type(self), (self.number,))

    def __repr__(self) -> str:
        return f"{type(self).__name__[0].lower()}{self.number + 1}"


class Ordered(int, metaclass=_SortMeta):
    """An ordered sort of N elements 0..N-1; with `zero=True`, N elements 1..N and a zero below them.

    `x + 1` and `x - 1` are the neighbours; an action that would step beyond the last one leaves the scope.
    """

    beyond: ClassVar[int] = 0

    def __init_subclass__(cls, zero: bool = False) -> None:
        cls.beyond = 1 if zero else cls.beyond

    @classmethod
    def greatest(cls) -> int:
        """Number of the last element in the active scope."""
        return active().sizes[cls] + cls.beyond - 1

    def __add__(self, one: Literal[1]) -> Self:  # type: ignore[override]  # not arithmetic: the next element
        if int(self) >= self.greatest():
            raise LeavesScope(f"{type(self).__name__} {int(self)} is the last of its scope")
        return type(self)(int(self) + 1)

    def __sub__(self, one: Literal[1]) -> Self:  # type: ignore[override]  # not arithmetic: the element before
        if int(self) == 0:
            raise Undefined(f"{type(self).__name__} 0 has no element before it")
        return type(self)(int(self) - 1)

    def __repr__(self) -> str:
        return int.__repr__(self)


class Position(Ordered):
    """The ordered sort of positions in sequences: 0 (before the first), 1..N, and N+1 (after the last).

    N, the scope's size, is the length of the longest sequence.
    """

    beyond: ClassVar[int] = 2


class Undefined(Exception):
    """An expression without a value (a read past the end of a sequence, a field of None): a mistake in the spec."""


class _Record:
    """What all records share: their hash is computed once. A message is looked up in sets far more often than it is made."""

    __slots__ = ("_hash",)
    _hash: int
    _values: ClassVar[Callable[[Any], tuple[Any, ...]]]

    def __hash__(self) -> int:
        try:
            return self._hash
        except AttributeError:
            found = hash(type(self)._values(self))
            object.__setattr__(self, "_hash", found)
            return found

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in type(self).__slots__)
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), type(self)._values(self)


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Class decorator: a record of the spec language, immutable, compared by its fields."""
    body = {name: value for name, value in vars(cls).items() if name not in ("__dict__", "__weakref__")}
    # Named in the class itself, or a dataclass would put its own, slower one there.
    body |= {"__hash__": _Record.__hash__, "__qualname__": cls.__qualname__}
    bases = (_Record, *(base for base in cls.__bases__ if base is not object))
    made: Any = dataclasses.dataclass(frozen=True, slots=True, repr=False, init=False)(type(cls.__name__, bases, body))
    names = [f.name for f in dataclasses.fields(made)]
    made._values = eval(f"lambda record: ({''.join(f'record.{name}, ' for name in names)})")
    made.__new__ = _maker(made, names)
    return cast("type[T]", made)


def _maker(cls: type, names: list[str]) -> Any:
    """`__new__` of a record: the fields are set on an object of a class that may change, which then becomes a record."""
    # A frozen dataclass's own `__init__` takes five times as long, and most of a step's time is that of making messages.
    changeable = type(cls.__name__, (_Record,), {"__slots__": tuple(names)})
    lines = [
        f"def __new__({', '.join(['cls', *names])}):",
        "    record = new(changeable)",
        *(f"    record.{name} = {name}" for name in names),
        "    record.__class__ = cls",
        "    return record",
    ]
    scope: dict[str, Any] = {"new": object.__new__, "changeable": changeable}
    exec("\n".join(lines), scope)
    return scope["__new__"]


Option: TypeAlias = T | None
"""`Option[T]`: a value of T, or None."""

Set = frozenset
"""`Set[T]`: an immutable set; `self.sent |= {message}` adds to a set variable."""

Quorum = frozenset
"""`Quorum[Node]` as an action's parameter: ranges over the minimal quorums of the sort's quorum system."""

if TYPE_CHECKING:
    # To a type checker, `Volatile[X]` is X; an alias for a bare type variable is not allowed, hence the union.
    Volatile: TypeAlias = T | Never  # noqa: RUF020  # see above
    History: TypeAlias = T | Never  # noqa: RUF020  # see above
else:
    Volatile = Annotated[T, "volatile"]
    """A variable that a crash of its node loses."""

    History = Annotated[T, "history"]
    """A variable that exists for the proof only: guards and other variables never read it."""


class Map(Generic[K, V]):
    """A total map; `self.x[k] = v` in an action assigns to one entry of the variable."""

    __slots__ = ("_data", "_frozen", "_hash")

    def __init__(self, data: Mapping[K, V]) -> None:
        self._data = dict(data)
        self._frozen = False
        self._hash: int | None = None

    def thawed(self) -> Map[K, V]:
        """A copy that may be assigned to."""
        return Map(self._data)

    def freeze(self) -> None:
        """Make the map immutable, hence fit for a state."""
        self._frozen = True

    def __getitem__(self, key: K) -> V:
        return self._data[key]

    def __setitem__(self, key: K, value: V) -> None:
        if self._frozen:
            raise TypeError("a state is immutable: take a step to get another one")
        self._data[key] = value

    def items(self) -> list[tuple[K, V]]:
        """Entries in the order of the keys."""
        return list(self._data.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Map) and self._data == other._data

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self._data.values()))
        return self._hash

    def __repr__(self) -> str:
        return "{" + ", ".join(f"{_key(k)}: {show(v)}" for k, v in self._data.items()) + "}"


def _key(key: object) -> str:
    return ",".join(map(repr, key)) if isinstance(key, tuple) else repr(key)


I = TypeVar("I", bound=Position)  # noqa: E741  # I for index, as in Seq[Index, Entry]


class _Positioned(Generic[I, T]):
    """What sequences and windows share: entries at consecutive positions after+1..last."""

    __slots__ = ("after", "entries", "index")

    def __init__(self, index: type[I], after: int, entries: tuple[T, ...]) -> None:
        self.index, self.after, self.entries = index, after if type(after) is index else index(after), entries

    @property
    def last(self) -> I:
        """The last position; equal to `after` when there is no entry."""
        return self.index(int(self.after) + len(self.entries))

    def indices(self) -> list[I]:
        """All positions that hold an entry, in ascending order."""
        start = int(self.after) + 1
        return [self.index(i) for i in range(start, start + len(self.entries))]

    def __getitem__(self, position: I) -> T:
        offset = int(position) - int(self.after) - 1
        if not 0 <= offset < len(self.entries):
            raise Undefined(f"no entry at position {position!r} of {self!r}")
        return self.entries[offset]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Positioned) and self.after == other.after and self.entries == other.entries

    def __hash__(self) -> int:
        return hash((int(self.after), self.entries))


class Window(_Positioned[I, T]):
    """A slice of a sequence that keeps the positions of its entries: after+1..last."""

    __slots__ = ()

    def __repr__(self) -> str:
        inner = ", ".join(f"{i!r}: {show(e)}" for i, e in zip(self.indices(), self.entries, strict=True))
        return f"[{inner}]" if inner else f"[after {self.after!r}]"


class Seq(_Positioned[I, T]):
    """A sequence at positions 1..last. Its operations return new sequences, as `Append(s, e)` in TLA+."""

    __slots__ = ()

    @classmethod
    def empty(cls, index: type[I]) -> Seq[I, T]:
        """The empty sequence with positions of the given sort."""
        return cls(index, 0, ())

    def append(self, entry: T) -> Seq[I, T]:
        """The sequence with one more entry; leaves the scope where it would grow too long."""
        if len(self.entries) >= active().sizes[self.index]:
            raise LeavesScope(f"a sequence of {len(self.entries)} entries is as long as the scope allows")
        return Seq(self.index, 0, (*self.entries, entry))

    def window(self, after: I, last: I) -> Window[I, T]:
        """The entries at positions after+1..last; undefined unless after <= last <= self.last."""
        if not after <= last <= self.last:
            raise Undefined(f"no window from {after!r} to {last!r} in {self!r}")
        return Window(self.index, after, self.entries[int(after) : int(last)])

    def splice(self, at: I, window: Window[I, T]) -> Seq[I, T]:
        """Keep the positions before `at`; from `at` on, take the window's entries."""
        if not (window.after < at <= window.last and int(at) <= int(self.last) + 1):
            raise Undefined(f"cannot splice {window!r} into {self!r} at {at!r}")
        return Seq(self.index, 0, self.entries[: int(at) - 1] + window.entries[int(at) - int(window.after) - 1 :])

    def extend(self, window: Window[I, T]) -> Seq[I, T]:
        """Append those entries of the window that lie beyond the last position."""
        if window.after > self.last:
            raise Undefined(f"{window!r} leaves a gap after {self!r}")
        return Seq(self.index, 0, self.entries + window.entries[len(self.entries) - int(window.after) :])

    def __repr__(self) -> str:
        return "[" + ", ".join(map(show, self.entries)) + "]"


def require(condition: bool, *, rule: str = "") -> None:
    """Guard: without it the action is not enabled. A named rule's guard can be switched off."""
    if not condition and (not rule or in_force(rule)):
        raise NotEnabled


def in_force(rule: str) -> bool:
    """Whether the named safety rule holds in this run (`--without RULE` removes it)."""
    return rule_id(rule) not in active().without


def rule_id(name: str) -> str:
    """The form of a rule's name used on the command line: lower case, words joined by hyphens, no other signs."""
    return "-".join("".join(c for c in name.lower() if c.isalnum() or c in " -").split())


def first(candidates: Iterator[T]) -> T | None:
    """The least of the given positions, None where there is none."""
    return next(candidates, None)


def quorums(sort: type[S]) -> list[frozenset[S]]:
    """The minimal quorums of a sort."""
    context = active()
    members = elements(sort, context.sizes[sort])
    return [frozenset(members[i] for i in q) for q in context.quorums[sort](len(members))]


def is_quorum(members: frozenset[S] | set[S], sort: type[S]) -> bool:
    """Whether a set contains a quorum of the sort."""
    return any(q <= members for q in quorums(sort))


def is_majority(members: frozenset[S] | set[S], of: frozenset[S] | set[S]) -> bool:
    """Whether more than half of `of` are members: of a set that is part of the state, such as a configuration; of none there is no majority."""
    return 2 * len(members & of) > len(of)


def sort_key(value: Any) -> Any:
    """A total order on the values of one type: the order in which all engines enumerate."""
    match value:
        case Sort():
            return value.number
        case None:
            return ()
        case frozenset():
            return sum(1 << sort_key(member) for member in value)
        case _Positioned():
            return (int(value.after), int(value.last), tuple(_wrap(sort_key(e)) for e in value.entries))
        case _ if dataclasses.is_dataclass(value):
            return tuple(_wrap(sort_key(getattr(value, f.name))) for f in dataclasses.fields(value))
        case enum.Enum():
            return list(type(value)).index(value)
        case _:
            return value


def _wrap(key: Any) -> tuple[Any, ...]:
    """A key that compares with that of None (the empty tuple), which comes before all others."""
    return key if key == () else (key,)


def show(value: Any) -> str:
    """A value as a reader of the protocol would write it."""
    match value:
        case frozenset():
            return "{" + ", ".join(show(v) for v in sorted(value, key=sort_key)) + "}"
        case enum.Enum():
            return value.name.lower()
        case _:
            return repr(value)
