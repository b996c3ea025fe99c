"""All of a machine's state as plain values, to compare before and after."""

from __future__ import annotations

from typing import Any

_NOT_STATE = ("config", "_config", "random", "_random", "tracer", "_tally", "_storage")


def picture(value: Any) -> Any:
    """A copy of all that can change, made of dictionaries, lists and texts."""
    if isinstance(value, dict):
        return {repr(key): picture(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [picture(v) for v in value]
    if isinstance(value, set | frozenset):
        return sorted(map(repr, value))
    names = [*getattr(value, "__dict__", ()), *(name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ()))]
    if type(value).__module__.startswith("impl.") and names:
        return {name: picture(getattr(value, name)) for name in names if name not in _NOT_STATE and hasattr(value, name)}
    return repr(value)
