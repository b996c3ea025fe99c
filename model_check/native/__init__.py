"""The native explorer: IR and scope to a layout, to generated Python, compiled by Numba and cached on disk."""

from model_check.native.explorer import explore, source

__all__ = ["explore", "source"]
