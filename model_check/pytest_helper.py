"""For the tests of one's own protocols: `assert_holds(MyProtocol, Scope(node=3))`; a failure prints the counterexample."""

from __future__ import annotations

import io
from typing import Any

from model_check.check import Result, check
from model_check.report import console, print_result
from spec.language import Protocol, Scope


def assert_holds(spec: Protocol | type[Protocol], scope: Scope | None = None, **options: Any) -> Result:
    """Check a protocol (a class at a scope, or an instance) and return the result.

    Raises AssertionError with the whole report where a property is violated or the search could not finish.
    `options` are those of `check`.
    """
    __tracebackhide__ = True
    protocol = spec(scope) if isinstance(spec, type) else spec
    result = check(protocol, **options)
    if result.verdict != "holds":
        text = io.StringIO()
        print_result(console(text), result)
        raise AssertionError(f"{protocol!r}: {result.verdict}\n\n{text.getvalue()}")
    return result
