"""Finding the protocol that a command names: a shipped one, or one in a file of the user's."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from spec.language import IonianError, Protocol, SpecError
from spec.language.errors import did_you_mean

SHIPPED = ("consensus", "voting", "paxos", "consensus-log", "multi-paxos", "replicated-log", "raft", "deployed-raft", "etcd-raft")
"""The names of the shipped specs."""


def find_protocol(reference: str) -> type[Protocol]:
    """The protocol that SPEC names: a shipped one, or `path/to/file.py:Class` (`:Class` optional where there is one)."""
    path, colon, name = reference.rpartition(":") if not reference.endswith(".py") else (reference, "", "")
    if not colon:
        path = reference
    shipped = reference.replace("_", "-") in SHIPPED
    if path.endswith(".py") or os.sep in path or (not shipped and Path(path).exists()):
        return _only(_classes(_load(Path(path))), name, path)
    if not shipped:
        raise SpecError(f"unknown spec `{reference}`: give {', '.join(SHIPPED)}, or path/to/file.py:ClassName{did_you_mean(reference, SHIPPED)}")
    return _only(_classes(importlib.import_module(f"spec.{reference.replace('-', '_')}")), "", reference)


_loaded: dict[Path, tuple[bytes, Any]] = {}


def _load(path: Path) -> Any:
    """The module in a file, the same one while the file stays as it is: one with its twin's sorts and classes would not know its own values.

    SpecError for a file that cannot be read or imported.
    """
    if path.is_dir():
        raise SpecError(f"{path} is a folder; name the file in it: {path / 'my_protocol.py'}:MyProtocol")
    if not path.is_file():
        raise SpecError(f"no such spec file: {path}")
    try:
        text = path.read_bytes()
    except OSError as error:
        raise SpecError(f"{path} cannot be read: {error.strerror}") from None
    if path.resolve() not in _loaded or _loaded[path.resolve()][0] != text:
        _loaded[path.resolve()] = text, _executed(path)
    return _loaded[path.resolve()][1]


def _executed(path: Path) -> Any:
    """A file's module, made anew."""
    name = f"ionian_spec_{path.stem}"
    found = importlib.util.spec_from_file_location(name, path.resolve())
    if found is None or found.loader is None:
        raise SpecError(f"{path} is not a Python file: a spec's name ends in .py")
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        found.loader.exec_module(module)
    except IonianError:
        raise
    except SyntaxError as error:
        raise SpecError(f"{error.msg}; mend the Python syntax", error.filename or str(path), error.lineno or 1, error.offset or 1) from None
    except (Exception, SystemExit) as error:
        line = _line_in(error, path.resolve())
        raise SpecError(f"the module does not load: {type(error).__name__}: {error}", str(path), line, 1) from None
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _line_in(error: BaseException, path: Path) -> int:
    """The last line of a file that an error passed through."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _classes(module: Any) -> dict[str, type[Protocol]]:
    own = [c for c in vars(module).values() if isinstance(c, type) and issubclass(c, Protocol) and c.__module__ == module.__name__]
    return {c.__name__: c for c in own}


def _only(classes: dict[str, type[Protocol]], name: str, where: str) -> type[Protocol]:
    known = ", ".join(classes) or "none"
    if name:
        if name not in classes:
            raise SpecError(f"{where} has no protocol `{name}`; its protocols are {known}")
        return classes[name]
    if len(classes) != 1:
        mend = f"name one: {where}:{next(iter(classes))}" if classes else "derive one from spec.language.Protocol"
        raise SpecError(f"{where} has {len(classes)} protocols ({known}); {mend}")
    return next(iter(classes.values()))
