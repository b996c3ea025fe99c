"""The part of EDN (extensible data notation) that Jepsen's histories use: nil, booleans, integers, strings, keywords, vectors, maps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

Edn: TypeAlias = "bool | int | str | Keyword | list[Edn] | dict[str, Edn] | None"

_TOKEN = re.compile(
    r"""[\s,]*(?:(?P<string>"(?:[^"\\]|\\.)*")|(?P<integer>[-+]?[0-9]{1,19}(?![^\s,{}\[\]]))|:(?P<keyword>[a-zA-Z][\w.*+!?<>=/-]*)"""
    r"""|(?P<word>nil|true|false)(?![^\s,{}\[\]])|(?P<bracket>[{}\[\]]))""",
    re.ASCII | re.DOTALL,
)
_WORDS: Final[dict[str, bool | None]] = {"nil": None, "true": True, "false": False}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_DEEPEST = 3


class Keyword(str):
    """A keyword, without its colon."""

    __slots__ = ()


class EdnError(ValueError):
    """A text that is no EDN, or lies outside the part that is read."""


def parse(text: str) -> Edn:
    """The one form in a text; raises EdnError."""
    tokens = _tokens(text)
    form = _form(tokens, next(tokens, None), 0)
    extra = next(tokens, None)
    if extra is not None:
        raise EdnError(f"{extra[1][:40]!a} after the end")
    return form


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of a token's class and its text."""
    at, end = 0, len(text.rstrip(" \t\r\n,"))
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise EdnError(f"{text[at : at + 40]!a} is not nil, true, false, an integer of 64 bits, a string, a keyword, a vector or a map")
        yield match.lastgroup, match[match.lastgroup]
        at = match.end()


def _form(tokens: Iterator[tuple[str, str]], token: tuple[str, str] | None, depth: int) -> Edn:
    """The form that begins with a token."""
    if token is None:
        raise EdnError("it ends in the middle")
    kind, text = token
    match kind:
        case "integer":
            return int(text)
        case "string":
            return _ESCAPE.sub(_unescape, text[1:-1])
        case "keyword":
            return Keyword(text)
        case "word":
            return _WORDS[text]
    if text in "}]":
        raise EdnError(f"unexpected {text}")
    if depth == _DEEPEST:
        raise EdnError(f"nested more than {_DEEPEST} deep")
    forms: list[Edn] = []
    closing = ("bracket", "]" if text == "[" else "}")
    while (inner := next(tokens, None)) != closing:
        forms.append(_form(tokens, inner, depth + 1))
    return forms if text == "[" else _map(forms)


def _map(forms: list[Edn]) -> dict[str, Edn]:
    found: dict[str, Edn] = {}
    if len(forms) % 2:
        raise EdnError("a map with a key but no value")
    for key, value in zip(forms[::2], forms[1::2], strict=True):
        if not isinstance(key, Keyword):
            raise EdnError("a map with a key that is no keyword")
        if key in found:
            raise EdnError(f"a map with two values for :{key}")
        found[str(key)] = value
    return found


def _unescape(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) == 5:
        return chr(int(code[1:], 16))
    if code not in _ESCAPED:
        raise EdnError(f"the unknown escape {match[0]!a}")
    return _ESCAPED[code]
