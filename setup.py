"""The optional compilation of the Raft core: `IONIAN_COMPILE=1 pip install .` (docs/compile-the-core.md). All else is in pyproject.toml."""

import os
from pathlib import Path

from setuptools import setup

COMPILE = os.environ.get("IONIAN_COMPILE") == "1"


def extensions():
    """The modules of the Raft core, as extensions in C."""
    try:
        from mypyc.build import mypycify  # noqa: PLC0415  # needed for this alone
    except ImportError:  # pip is only asking what the build needs
        return []
    modules = [str(path) for path in sorted(Path("impl/raft").glob("*.py")) if path.name != "__init__.py"]
    return mypycify(modules, opt_level="3")


setup(setup_requires=["mypy>=1.15,<3"] if COMPILE else [], ext_modules=extensions() if COMPILE else [])
