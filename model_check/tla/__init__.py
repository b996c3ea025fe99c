"""Export of a protocol to TLA+, so that TLC can judge independently."""

from model_check.tla.export import export

__all__ = ["export"]
