"""Compiled programs on disk, by content hash; any trouble with the disk means compiling in memory.

A program's folder holds `program.py`, Numba's compiled code beside it, and `seal`: the digest of each file, written
last. A folder whose seal does not match (a truncated file, an interrupted write) is thrown away.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import inspect
import os
import shutil
import sys
import tempfile
from pathlib import Path
from types import ModuleType

import numba
import numpy as np

from model_check.cache_folder import cache_root
from model_check.native import compiler, runtime


def key_of(source: str) -> str:
    """The content hash of a program and of all that its compiled form depends on."""
    parts = (source, inspect.getsource(runtime), inspect.getsource(compiler), numba.__version__, np.__version__, sys.version)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


class Compiled:
    """A program's module and where its compiled code lies.

    A new program is compiled in a folder of its own, which `publish` moves to its place in the cache in one step, so
    that processes side by side never see each other's half-written files.
    """

    def __init__(self, source: str) -> None:
        self._key = key_of(source)
        self._home = cache_root() / self._key
        self._scratch: Path | None = None
        if _sealed(self._home):
            self.module = _import(self._home / "program.py", self._key)
            return
        try:
            self._home.parent.mkdir(parents=True, exist_ok=True)
            self._scratch = Path(tempfile.mkdtemp(prefix="new-", dir=self._home.parent))
        except OSError:
            source = source.replace("cache=True", "cache=False")
        folder = self._scratch or Path(tempfile.mkdtemp(prefix="ionian-"))
        (folder / "program.py").write_text(source)
        self.module = _import(folder / "program.py", self._key)
        if self._scratch is None:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self) -> None:
        """Seal what was compiled and move it to its place; without effect for a program that was there already."""
        if self._scratch is None:
            return
        with contextlib.suppress(OSError):
            (self._scratch / "seal").write_text(_digests(self._scratch))
            if self._home.exists() and not _sealed(self._home):
                os.rename(self._home, self._scratch / "broken")
            if not self._home.exists():
                os.rename(self._scratch, self._home)
                shutil.rmtree(self._home / "broken", ignore_errors=True)
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch = None


def _import(file: Path, key: str) -> ModuleType:
    name = f"ionian_program_{key}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _digests(folder: Path) -> str:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "seal" and p.suffix != ".pyc" and "broken" not in p.parts)
    return "\n".join(f"{p.relative_to(folder)} {hashlib.sha256(p.read_bytes()).hexdigest()}" for p in files)


def _sealed(folder: Path) -> bool:
    try:
        return (folder / "seal").read_text() == _digests(folder)
    except (OSError, UnicodeDecodeError):
        return False
