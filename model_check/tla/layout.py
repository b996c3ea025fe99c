"""Pieces of TLA+ text and how they are joined: parentheses by precedence, line breaks by width.

A piece of several lines is always indented as a whole, so that the columns of conjunction lists stay aligned.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 92
"""Longest line of one piece, in characters, before it is broken (without the indentation of what surrounds it)."""

ATOM, POSTFIX, PLUS, RANGE, SETS, RELATION, NOT, JUNCTION, IMPLIES, OPEN = 20, 17, 10, 9, 8, 5, 4, 3, 1, 0
"""Precedence of operators, by the TLA+ grammar; OPEN extends as far to the right as it can."""


@dataclass(frozen=True)
class Piece:
    """Lines of TLA+ that form one expression, with the precedence of its outermost operator."""

    lines: tuple[str, ...]
    level: int = ATOM
    operator: str = ""
    parts: tuple[Piece, ...] = ()

    @property
    def text(self) -> str:
        """The piece as one text."""
        return "\n".join(self.lines)

    @property
    def single(self) -> bool:
        """Whether the piece is on one line."""
        return len(self.lines) == 1

    @property
    def width(self) -> int:
        """Length of the longest line."""
        return max(map(len, self.lines))


@dataclass(frozen=True)
class Bullet:
    """An item of a conjunction list with its comments; without a piece, the comments alone."""

    piece: Piece | None
    comments: tuple[str, ...] = ()


def atom(text: str) -> Piece:
    """A name, a number or a text that needs no parentheses."""
    return Piece((text,))


TRUE, FALSE = atom("TRUE"), atom("FALSE")


def hang(prefix: str, piece: Piece, suffix: str = "", level: int = ATOM) -> Piece:
    """A piece after a prefix, its further lines indented by the prefix's length."""
    pad = " " * len(prefix)
    lines = [prefix + piece.lines[0], *(pad + line for line in piece.lines[1:])]
    lines[-1] += suffix
    return Piece(tuple(lines), level)


def operand(piece: Piece, level: int) -> Piece:
    """A piece as an operand of an operator, in parentheses unless it binds tighter."""
    return piece if piece.level > level else hang("(", piece, ")")


def infix(operator: str, level: int, left: Piece, right: Piece) -> Piece:
    """`left operator right`."""
    left, right = operand(left, level), operand(right, level)
    if left.single and right.single and left.width + right.width + len(operator) > WIDTH:
        return Piece((f"{left.lines[0]} {operator}", f"    {right.lines[0]}"), level)
    tail = hang(f"{left.lines[-1]} {operator} ", right)
    return Piece((*left.lines[:-1], *tail.lines), level)


def equation(left: Piece, right: Piece) -> Piece:
    """`left = right` as an item of a list: what extends to the right needs no parentheses."""
    right = right if right.level == OPEN else operand(right, RELATION)
    if right.single and left.width + right.width + 3 > WIDTH:
        return Piece((f"{left.text} =", f"    {right.text}"), RELATION)
    return hang(f"{left.text} = ", right, level=RELATION)


def implies(condition: Piece, conclusion: Piece) -> Piece:
    """`condition => conclusion`."""
    if TRUE in {condition, conclusion}:
        return conclusion
    if condition == FALSE:
        return TRUE
    left, right = operand(condition, IMPLIES), operand(conclusion, IMPLIES)
    if left.level == JUNCTION and not left.single:
        # What follows the last item of a list on its line would belong to that item.
        left = hang("(", left, ")")
    if left.single and right.single and left.width + right.width <= WIDTH:
        return Piece((f"{left.text} => {right.text}",), IMPLIES)
    return Piece((*left.lines[:-1], f"{left.lines[-1]} =>", *("    " + line for line in right.lines)), IMPLIES)


def junction(operator: str, items: Sequence[Piece]) -> Piece:
    r"""`/\` or `\/` of pieces, on one line or as a list; constants that decide nothing are left out."""
    neutral, deciding = (TRUE, FALSE) if operator == "/\\" else (FALSE, TRUE)
    flat: list[Piece] = []
    for item in items:
        flat.extend(item.parts if item.operator == operator else (item,))
    kept = [item for item in flat if item != neutral]
    if deciding in kept:
        kept = kept[: kept.index(deciding) + 1]
    if not kept or kept[0] == deciding:
        return kept[0] if kept else neutral
    if len(kept) == 1:
        return kept[0]
    parts = [operand(item, JUNCTION) for item in kept]
    joined = f" {operator} ".join(p.lines[0] for p in parts)
    if all(p.single for p in parts) and len(joined) <= WIDTH:
        return Piece((joined,), JUNCTION, operator, tuple(kept))
    lines = [line for item in kept for line in hang(f"{operator} ", item).lines]
    return Piece(tuple(lines), JUNCTION, operator, tuple(kept))


def conjunction(*items: Piece) -> Piece:
    r"""`/\` of pieces."""
    return junction("/\\", items)


def bulleted(bullets: Sequence[Bullet]) -> Piece:
    """A conjunction list with comments above its items, always one item a line."""
    lines: list[str] = []
    for bullet in bullets:
        lines.extend(f"\\* {c}".rstrip() for c in bullet.comments)
        if bullet.piece is not None:
            lines.extend(hang("/\\ ", bullet.piece).lines)
    if all(b.piece is None for b in bullets):
        lines.append("TRUE")
    return Piece(tuple(lines), JUNCTION)


def negation(piece: Piece) -> Piece:
    """`~piece`."""
    if piece in (TRUE, FALSE):
        return FALSE if piece == TRUE else TRUE
    return hang("~", operand(piece, POSTFIX), level=NOT)


def conditional(condition: Piece, then: Piece, otherwise: Piece) -> Piece:
    """`IF condition THEN then ELSE otherwise`."""
    if condition in (TRUE, FALSE):
        return then if condition == TRUE else otherwise
    if then == otherwise:
        return then
    parts = (condition, then, otherwise)
    if all(p.single for p in parts) and sum(p.width for p in parts) + 15 <= WIDTH:
        return Piece((f"IF {condition.text} THEN {then.text} ELSE {otherwise.text}",), OPEN)
    lines = hang("IF ", condition).lines + hang("THEN ", then).lines + hang("ELSE ", otherwise).lines
    return Piece(lines, OPEN)


def let(definitions: Sequence[tuple[str, Piece]], body: Piece) -> Piece:
    """`LET name == value ... IN body`."""
    if len(definitions) == 1 and definitions[0][1].single and body.single:
        name, value = definitions[0]
        line = f"LET {name} == {value.text} IN {body.text}"
        if len(line) <= WIDTH:
            return Piece((line,), OPEN)
    lines: list[str] = []
    for name, value in definitions:
        lines.extend(hang(f"{'    ' if lines else 'LET '}{name} == ", value).lines)
    return Piece((*lines, *hang("IN  ", body).lines), OPEN)


def quantified(quantifier: str, bounds: Sequence[Piece], body: Piece) -> Piece:
    r"""`\A bounds : body` or `\E bounds : body`."""
    head = f"{quantifier} {', '.join(b.text for b in bounds)} :"
    if not all(b.single for b in bounds):
        first = hang(f"{quantifier} ", listed(bounds), " :")
        return Piece((*first.lines, *("    " + line for line in body.lines)), OPEN)
    if body.single and len(head) + body.width < WIDTH:
        return Piece((f"{head} {body.text}",), OPEN)
    return Piece((head, *("    " + line for line in body.lines)), OPEN)


def listed(items: Sequence[Piece]) -> Piece:
    """Pieces separated by commas, on one line or one below the other."""
    joined = ", ".join(p.lines[0] for p in items)
    if all(p.single for p in items) and len(joined) <= WIDTH:
        return atom(joined)
    lines: list[str] = []
    for i, item in enumerate(items):
        lines.extend(hang("", item, "," if i < len(items) - 1 else "").lines)
    return Piece(tuple(lines))


def filled(names: Sequence[str]) -> Piece:
    """Names separated by commas, as many on a line as fit."""
    return Piece(tuple(textwrap.wrap(", ".join(names), WIDTH)))


def enclosed(opening: str, items: Sequence[Piece], closing: str) -> Piece:
    """A list of pieces between brackets."""
    return hang(opening, listed(items), closing) if items else atom(opening + closing)


def bound(name: str, domain: Piece) -> Piece:
    r"""`name \in domain`."""
    return infix("\\in", RELATION, atom(name), domain)


def application(name: str, arguments: Sequence[Piece]) -> Piece:
    """`name(arguments)`."""
    return enclosed(f"{name}(", arguments, ")") if arguments else atom(name)


def at(function: Piece, arguments: Sequence[Piece]) -> Piece:
    """`function[arguments]`."""
    base = operand(function, POSTFIX)
    index = enclosed("[", arguments, "]")
    return Piece((*base.lines[:-1], *hang(base.lines[-1], index).lines))
