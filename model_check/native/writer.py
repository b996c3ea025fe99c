"""Lines of generated code: their indentation, fresh names, constant tables, and the places that may be undefined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from model_check.native.layout import Layout
from spec.language import ir
from spec.language.types import Type


@dataclass(frozen=True)
class Row:
    """Where a state lies in the generated code: array, offset of its first word, length of its tail."""

    array: str
    offset: str
    tail: str


@dataclass
class Site:
    """Numbers given to places whose expressions may be undefined; 1-based."""

    places: list[ir.Place] = field(default_factory=list)

    def number(self, place: ir.Place) -> int:
        """The number of a place."""
        self.places.append(place)
        return len(self.places)


class Writer:
    """Lines of generated code with their indentation, fresh names and constant tables."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.lines: list[str] = []
        self.tables: dict[str, list[int]] = {}
        self.sites = Site()
        self.depth = 1
        self._fresh = 0
        self.loops = 0
        self.leaves = False
        """Whether the present action may fail within a loop."""

    def line(self, text: str) -> None:
        """Append one line at the present indentation."""
        self.lines.append("    " * self.depth + text)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Lines below a head such as `if x:`."""
        self.line(head)
        self.depth += 1
        yield
        self.line("pass") if self.lines[-1].endswith(":") else None
        self.depth -= 1

    @contextmanager
    def loop(self, head: str) -> Iterator[None]:
        """A loop inside an action's body, out of which a failing action goes loop by loop: what follows in them is not evaluated."""
        before, self.leaves = self.leaves, False
        self.loops += 1
        with self.block(head):
            yield
        self.loops -= 1
        if self.leaves:
            with self.block("if leaves:"):
                if not self.loops:
                    self.line("leaves = False")
                self.line("break" if self.loops else "continue")
        self.leaves = self.leaves or before

    def leave(self) -> None:
        """The action fails here: end this choice of its parameters, or the innermost loop within it."""
        if self.loops:
            self.leaves = True
            self.line("leaves = True")
        self.line("break" if self.loops else "continue")

    def fresh(self, stem: str = "t") -> str:
        """A name not used before."""
        self._fresh += 1
        return f"{stem}{self._fresh}"

    def table(self, name: str, values: list[int]) -> str:
        """A constant array of the program; equal names hold equal values."""
        self.tables.setdefault(name, values)
        return name


def identifier(type_: Type) -> str:
    """A type's name as a part of a Python name."""
    return "".join(c if c.isalnum() else "_" for c in str(type_))
