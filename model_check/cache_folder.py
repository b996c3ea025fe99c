"""Where things are kept that can be made again: compiled programs, what a proof has discharged so far."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path:
    """The folder of all that is cached: $IONIAN_CACHE_DIR, else the user's cache folder."""
    given = os.environ.get("IONIAN_CACHE_DIR")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ionian"
