"""Where a class or function of a spec stands in its file, and errors that point there."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from spec.language.errors import SpecError
from spec.language.ir import Place


@functools.lru_cache(maxsize=256)
def _module_tree(file: str, text: str) -> ast.Module:
    return ast.parse(text, file)


def module_tree(file: str) -> ast.Module:
    """The syntax tree of a source file (parsed once for each content)."""
    linecache.checkcache(file)
    return _module_tree(file, "".join(linecache.getlines(file)))


class Source:
    """A module's file and globals: resolves names and reports errors with their place."""

    def __init__(self, file: str, names: dict[str, Any]) -> None:
        self.file, self.names = file, names

    @classmethod
    def of(cls, thing: type | Callable[..., Any]) -> Source:
        """The source of the module that defines a class or function."""
        module = sys.modules[thing.__module__]
        file = getattr(module, "__file__", None)
        if not file:
            raise SpecError(f"{thing.__qualname__}: a spec must stand in a file; found it in an interactive session")
        return cls(file, vars(module))

    def class_tree(self, name: str) -> ast.ClassDef:
        """The definition of a top-level class."""
        for node in module_tree(self.file).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return node
        raise SpecError(f"class {name}: define it at the top level of its module", self.file, 1, 1)

    def function_tree(self, function: Callable[..., Any]) -> ast.FunctionDef:
        """The definition of a top-level function."""
        for node in module_tree(self.file).body:
            if isinstance(node, ast.FunctionDef) and node.name == function.__name__:
                return node
        raise SpecError(f"function {function.__name__}: define it at the top level of its module", self.file, 1, 1)

    def place(self, node: ast.AST) -> Place:
        """The place of a syntax node."""
        return Place(self.file, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)

    def error(self, node: ast.AST, found: str, instead: str) -> NoReturn:
        """Refuse a construct: what was found, and what to write instead."""
        place = self.place(node)
        raise SpecError(f"{found}; {instead}", place.file, place.line, place.column)


def count(number: int, noun: str) -> str:
    """A number of things: `1 key`, `2 keys`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def docstring(node: ast.ClassDef | ast.FunctionDef) -> str:
    """A definition's docstring, cleaned, empty if it has none."""
    return inspect.cleandoc(ast.get_docstring(node) or "")
