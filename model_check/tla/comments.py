"""The words of a spec's source that go along into the TLA+ module: docstrings and comments."""

from __future__ import annotations

import linecache

from spec.language import ir


def prose(text: str) -> tuple[str, ...]:
    """A docstring as the lines of a comment."""
    return tuple(_plain(line.rstrip()) for line in text.strip().splitlines())


def _plain(line: str) -> str:
    """A line without what would open or close a block comment."""
    return line.replace("(*", "( *").replace("*)", "* )")


def above(place: ir.Place) -> tuple[str, ...]:
    """The comment lines directly above a place, without their `#`."""
    found: list[str] = []
    line = place.line - 1
    while line > 0:
        text = linecache.getline(place.file, line).strip()
        if not text.startswith("#"):
            break
        found.append(_plain(text.lstrip("#").strip()))
        line -= 1
    return tuple(reversed(found))


def block(lines: tuple[str, ...]) -> list[str]:
    r"""Lines as `\*` comments."""
    return [f"\\* {line}".rstrip() for line in lines]
