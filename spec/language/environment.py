"""What is in force at a place of a spec: its names, and what is known there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from spec.language.narrowing import Known
from spec.language.types import Type


class Environment:
    """What is in force: locals with types, Options known not to be None, which name is the state (`self`) and which the next (`after`)."""

    def __init__(self, states: dict[str, bool], in_action: bool) -> None:
        self.states, self.in_action = states, in_action
        self.locals: dict[str, tuple[str, Type]] = {}
        self.known: Known = frozenset()
        self.taken: dict[str, int] = {}

    @contextmanager
    def inner(self, known: Known = frozenset()) -> Iterator[None]:
        """A part in which more is known; the locals and the knowledge that it adds end with it."""
        saved = dict(self.locals), self.known
        self.known |= known
        yield
        self.locals, self.known = saved

    def bind(self, name: str, type_: Type) -> str:
        """Enter a name; returns its unique form in the IR."""
        count = self.taken.get(name, 0)
        self.taken[name] = count + 1
        unique = name if count == 0 else f"{name}_{count}"
        self.locals[name] = (unique, type_)
        return unique
