"""What the decoders of traces share: lines with their numbers, typed fields, and errors that name both."""

from __future__ import annotations

import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from spec.language import IonianError

LONGEST_LINE = 1 << 20
"""In bytes."""
LONGEST_FILE = 1 << 31
"""In bytes, after decompression."""
GREATEST = (1 << 63) - 1

T = TypeVar("T")


class TraceError(IonianError):
    """A trace that cannot be read: `file:line: field: what is wrong with it`."""


class BadLine(Exception):
    """What is wrong with a field of a line."""

    def __init__(self, line: int, field: str, fault: str) -> None:
        self.line, self.field, self.fault = line, field, fault
        super().__init__(fault)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, numbered from 1; .gz is decompressed, a byte order mark is passed over.

    Raises TraceError where the file cannot be read or is larger than allowed. BadLine raised by whoever reads the lines
    is to be turned into one by `at_its_place`.
    """
    total = number = 0
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        while data := file.readline(LONGEST_LINE + 1):
            number, total = number + 1, total + len(data)
            if len(data) > LONGEST_LINE:
                raise BadLine(number, "", f"is longer than {LONGEST_LINE:,} bytes")
            if total > LONGEST_FILE:
                raise BadLine(number, "", f"lies beyond {LONGEST_FILE:,} bytes; divide the trace")
            try:
                text = data.decode("utf-8").removeprefix("\ufeff").strip()
            except UnicodeDecodeError:
                raise BadLine(number, "", "is no text in UTF-8") from None
            if text:
                yield number, text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise BadLine(0, f"{twice!r:.40}", "is there twice in an object")
    return found


def _no_number(word: str) -> None:
    raise BadLine(0, word, "is no number")


# One for all lines: to make one takes as long as to read a short line.
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_number)


def json_object(line: int, source: str) -> dict[str, Any]:
    """The JSON object of a line; BadLine where it is none, or leaves open what it says: a key twice, a number that is none."""
    try:
        found = _DECODER.decode(source)
    except BadLine as bad:
        raise BadLine(line, bad.field, bad.fault) from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BadLine(line, "", "is no JSON object: is the file complete?")
    return found


class at_its_place:  # noqa: N801  # a context manager, used like a function
    """Turns what goes wrong with a file inside into a TraceError that names the file."""

    def __init__(self, path: Path) -> None:
        self.name = str(path).encode("utf-8", "backslashreplace").decode()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        match error:
            case BadLine():
                raise TraceError(f"{self.name}:{error.line}: {(error.field + ' ') if error.field else 'the line '}{error.fault}") from None
            case gzip.BadGzipFile() | EOFError() | zlib.error():
                raise TraceError(f"{self.name}: cannot be decompressed: it is damaged or cut off") from None
            case OSError():
                raise TraceError(f"{self.name}: cannot be read: {error.strerror}") from None


def field(line: int, found: Mapping[str, Any], name: str, kind: type[T], where: str = "") -> T:
    """A field of a type; BadLine where it is missing or of another type."""
    value = found.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {dict: "an object", list: "a list", bool: "true or false", str: "text", int: "a number"}
        raise BadLine(line, where + name, f"is missing; it is to be {words[kind]}" if value is None else f"is to be {words[kind]}, not {value!r:.40}")
    return value


def number(line: int, found: Mapping[str, Any], name: str, where: str = "") -> int:
    """A field that is a number from 0 to 2⁶³ - 1."""
    value = field(line, found, name, int, where)
    if not 0 <= value <= GREATEST:
        raise BadLine(line, where + name, "is to be from 0 to 2⁶³ - 1")
    return value


def text(line: int, found: Mapping[str, Any], name: str, where: str = "") -> str:
    """A field that is text."""
    return field(line, found, name, str, where)


def one_of(line: int, found: Mapping[str, Any], name: str, choices: tuple[str, ...], where: str = "") -> str:
    """A field that is one of some words."""
    value = field(line, found, name, str, where)
    if value not in choices:
        raise BadLine(line, where + name, f"is to be one of {', '.join(choices)}, not {value!r:.40}")
    return value
