"""The native explorer: IR and scope to a layout, to generated Python, compiled by Numba and cached on disk."""

from model_check.native.explorer import explore, explore_for, source

__all__ = ["explore", "explore_for", "source"]
