"""Files that commands write: refused before the work begins where they cannot be written, then written whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from model_check import itf
from model_check.trace import Trace
from spec.language import IonianError

F = TypeVar("F", bound=Callable[..., Any])


def output_option(*names: str, help_text: str, required: bool = False) -> Callable[[F], F]:
    """An option for a file to write."""
    return click.option(*names, type=click.Path(path_type=Path), callback=writable, required=required, metavar="FILE", help=help_text)


def result_options(command: F) -> F:
    """Files for the whole result and for its counterexample."""
    command = output_option("--itf", "itf_file", help_text="Write the counterexample as a trace.")(command)
    return output_option("--json", "json_file", help_text="Write the whole result.")(command)


def writable(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Callback of an option for a file to write: refused before the work starts where it cannot be written."""
    if value is None:
        return None
    try:
        want_writable(value)
    except IonianError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    taken = ctx.meta.setdefault("ionian.outputs", set())
    if value.resolve() in taken and not _special(value):
        raise click.BadParameter(f"{value}: another option writes the same file", ctx, param)
    taken.add(value.resolve())
    return value


def want_writable(path: Path) -> None:
    """IonianError where a file cannot be written."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder")
        if not _special(path):
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            os.close(descriptor)
            Path(temporary).unlink()
    except OSError as error:
        raise IonianError(f"{path} cannot be written: {error.strerror}") from None


def _special(path: Path) -> bool:
    """Whether a path is a device or a pipe, to be written in place."""
    return path.exists() and not path.is_file()


def write_file(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    try:
        if _special(path):
            path.write_text(text, encoding="utf-8")
            return
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            # mkstemp keeps others out; an output file is as readable as any.
            Path(temporary).chmod(0o666 & ~_umask())
            Path(temporary).replace(path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise IonianError(f"{path} cannot be written: {error.strerror}") from None


def write_counterexample(path: Path | None, trace: Trace | None) -> None:
    """Write a trace where a file for it is asked for; where there is none, say that the file is left as it was."""
    if path is not None and trace is not None:
        write_file(path, itf.write(trace))
    elif path is not None:
        click.echo(f"no counterexample: {path} is not written", err=True)


def write_json(path: Path | None, document: object) -> None:
    """Write a result where a file for it is asked for."""
    if path is not None:
        write_file(path, json.dumps(document, indent=1) + "\n")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
