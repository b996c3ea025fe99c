"""The command `ionian`: the group of all commands, and the one place where errors become messages and exit statuses."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from model_check.cli.bmc import bmc
from model_check.cli.breaking import break_rules
from model_check.cli.check import check
from model_check.cli.export import export
from model_check.cli.graph import graph
from model_check.cli.induct import induct
from model_check.cli.latency import latency
from model_check.cli.linearize import linearize
from model_check.cli.listing import list_specs
from model_check.cli.prove import prove
from model_check.cli.refine import refine
from model_check.cli.replay import replay
from model_check.cli.run_cluster import run_cluster
from model_check.cli.simulate import simulate
from model_check.cli.trace import trace
from spec.language import IonianError

USAGE_ERROR, INCONCLUSIVE = 2, 3


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def ionian() -> None:
    """Check distributed protocols, written as executable Python, on small clusters; prove them for all.

    Exit status: 0 holds or proved, 1 violated, 2 usage or spec error, 3 inconclusive.
    """


# A new command is a module beside this one, and a line here.
for command in (list_specs, check, bmc, induct, prove, simulate, refine, break_rules, graph, replay, export, linearize, run_cluster, latency, trace):
    ionian.add_command(command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit status."""
    try:
        status = ionian.main(args=None if arguments is None else list(arguments), prog_name="ionian", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else ""
        click.echo(f"error: {error.format_message()}" + (f" (see `{command} --help`)" if command else ""), err=True)
        return USAGE_ERROR
    except IonianError as error:
        click.echo(f"error: {error}", err=True)
        return USAGE_ERROR
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return INCONCLUSIVE
    except MemoryError:
        click.echo("out of memory: choose a smaller scope, or end in good order with --max-memory", err=True)
        return INCONCLUSIVE
    except BrokenPipeError:
        # The reader (`| head`) has gone: nothing more to say, and nothing for the interpreter to flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def main() -> None:
    """Entry point of the console script."""
    sys.exit(run())


if __name__ == "__main__":
    main()
