"""Types of random protocols, as tuples: drawing them, and writing them as annotations."""

from __future__ import annotations

import random

Kind = tuple[object, ...]
BOOL: Kind = ("bool",)
NODE: Kind = ("sort", "Node")
ITEM: Kind = ("sort", "Item")
TERM: Kind = ("sort", "Term")
INDEX: Kind = ("sort", "Index")
COLOUR: Kind = ("enum", "Colour")
SORTS = (NODE, ITEM, TERM)
MEMBERS = ("RED", "GREEN", "BLUE")
RULES = ("first rule", "second rule")


def opt(of: Kind) -> Kind:
    return ("opt", of)


def set_of(of: Kind) -> Kind:
    return ("set", of)


def seq(of: Kind) -> Kind:
    return ("seq", of)


def window(of: Kind) -> Kind:
    return ("win", of)


def written(kind: Kind) -> str:
    """A type as an annotation."""
    match kind:
        case ("bool",):
            return "bool"
        case ("sort" | "enum" | "rec", str(name)):
            return name
        case ("opt", tuple(of)):
            return f"Option[{written(of)}]"
        case ("set", tuple(of)):
            return f"Set[{written(of)}]"
        case ("seq", tuple(of)):
            return f"Seq[Index, {written(of)}]"
        case ("win", tuple(of)):
            return f"Window[Index, {written(of)}]"
        case ("map", keys, value):
            names = ", ".join(written(k) for k in keys)
            return f"Map[{names if len(keys) == 1 else f'tuple[{names}]'}, {written(value)}]"
    raise AssertionError(kind)


class Types:
    """Draws types; all that is random comes from `chance`."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.records: dict[str, list[tuple[str, Kind]]] = {}
        self.number = 0

    def odds(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def pick(self, options):
        return options[self.chance.randrange(len(options))]

    def name(self, stem: str) -> str:
        self.number += 1
        return f"{stem}{self.number}"

    def small(self) -> Kind:
        return self.pick([NODE, ITEM, TERM, COLOUR, BOOL, INDEX])

    def field_kind(self) -> Kind:
        return self.pick([self.small, self.small, lambda: opt(self.small()), lambda: set_of(self.pick([NODE, ITEM, COLOUR])), self._nested])()

    def _nested(self) -> Kind:
        if self.records and self.odds(60):
            return ("rec", self.pick(list(self.records)))
        return self.pick([seq(self.pick([TERM, NODE, BOOL])), window(self.pick([TERM, ITEM]))])

    def record_kind(self) -> Kind:
        return ("rec", self.pick(list(self.records)))

    def value_kind(self) -> Kind:
        """The type of a variable or of a map's entries."""
        return self.pick([
            self.small, self.small, lambda: opt(self.small()), self.record_kind, lambda: opt(self.record_kind()),
            lambda: set_of(self.pick([NODE, ITEM, TERM, COLOUR])),
            lambda: set_of(self.record_kind()), lambda: set_of(self.record_kind()), lambda: seq(self.pick([TERM, NODE, BOOL, COLOUR, opt(TERM)])),
        ])()  # fmt: skip

    def variable_kind(self) -> Kind:
        if self.odds(35):
            keys = self.pick([(NODE,), (ITEM,), (TERM,), (NODE, ITEM), (NODE, NODE)])
            return (
                "map",
                keys,
                self.pick(
                    [self.small, lambda: opt(self.small()), lambda: set_of(self.pick([NODE, ITEM])), lambda: seq(self.pick([TERM, NODE])), self.value_kind]
                )(),
            )
        return self.value_kind()
