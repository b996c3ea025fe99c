"""The command `ionian`, and `python -m ionian`: a module of its own, so that Ctrl-C ends in good order while the packages are still being imported."""

import os
import signal
import sys


def main() -> None:
    """Entry point of the console script: run the command line, exit with its status."""
    try:
        from model_check.cli.main import run  # noqa: PLC0415  # within reach of what minds Ctrl-C

        status = run()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr, flush=True)  # noqa: T201  # click may not be there yet
        # At once: CPython would end as if killed where the interrupt came within an `exec`, as of a dataclass.
        os._exit(3)
    # All is said and the status stands: an interrupt while Python takes itself down would only change it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


if __name__ == "__main__":
    main()
