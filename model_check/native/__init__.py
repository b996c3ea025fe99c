"""The native explorer: IR and scope to a layout, to generated Python, compiled by Numba and cached on disk."""

from model_check.native.depth_first import explore_depth_first
from model_check.native.engine import source
from model_check.native.explorer import explore, explore_for
from model_check.native.walker import walk

__all__ = ["explore", "explore_depth_first", "explore_for", "source", "walk"]
