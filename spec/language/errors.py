"""What can go wrong with a spec: one message, the place, the mend."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class IonianError(Exception):
    """An error that its message alone explains; the command line prints it and exits with status 2."""


class SpecError(IonianError):
    """A spec that the language refuses: `file:line:column: what was found; what to write instead`."""

    def __init__(self, message: str, file: str = "", line: int = 0, column: int = 0) -> None:
        self.message, self.file, self.line, self.column = message, file, line, column
        super().__init__(f"{file}:{line}:{column}: {message}" if file else message)


class ScopeError(IonianError):
    """A scope that does not fit the spec (unknown sort, a size below one, too large)."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What to add to a message about an unknown name: the known one that it resembles, capitals aside; nothing where none does."""
    folded = {k.casefold(): k for k in known}
    nearest = difflib.get_close_matches(name.casefold(), folded, n=1)
    return f"; did you mean `{folded[nearest[0]]}`?" if nearest else ""


class NotEnabled(Exception):
    """A failed `require`: the action is not enabled in this state, with these arguments."""


class LeavesScope(NotEnabled):
    """The action would leave the scope, hence is not enabled in it."""
