"""The command `ionian`: the group of all commands, and the one place where errors become messages and exit statuses."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import cast

import click

from spec.language import IonianError
from spec.language.errors import did_you_mean

USAGE_ERROR, INCONCLUSIVE = 2, 3


# A new command is a module beside this one, and a line here.
COMMANDS = {
    "bmc": "bmc.bmc",
    "break": "breaking.break_rules",
    "check": "check.check",
    "export": "export.export",
    "graph": "graph.graph",
    "induct": "induct.induct",
    "latency": "latency.latency",
    "linearize": "linearize.linearize",
    "list": "listing.list_specs",
    "prove": "prove.prove",
    "refine": "refine.refine",
    "replay": "replay.replay",
    "run": "run_cluster.run_cluster",
    "simulate": "simulate.simulate",
    "trace": "trace.trace",
}


class Commands(click.Group):
    """The commands, each imported when it is asked for: one starts without the engines of the others, and Ctrl-C meanwhile is in good order."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(COMMANDS)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; for another word, the name that it resembles."""
        if args[0] not in COMMANDS:
            ctx.fail(f"No such command '{args[0]}'{did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them; None for another name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].rpartition(".")
        return cast(click.Command, getattr(importlib.import_module(f"model_check.cli.{module}"), name))


def _hyphenated(name: str) -> str:
    """Names of protocols and options may be written like the Python modules, too."""
    return name.replace("_", "-")


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100, "token_normalize_func": _hyphenated})
def ionian() -> None:
    """Check distributed protocols, written as executable Python, on small clusters; prove them for all.

    Exit status: 0 holds or proved, 1 violated, 2 usage or spec error, 3 inconclusive.
    """


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit status."""
    try:
        status = ionian.main(args=None if arguments is None else list(arguments), prog_name="ionian", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return USAGE_ERROR
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
