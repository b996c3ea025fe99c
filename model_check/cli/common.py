"""What the commands on a SPEC share: the options that describe the protocol and the search, where it starts, and how it is found again."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict, TypeVar

import click

from model_check import itf
from model_check.check import ENGINES, Bounds
from model_check.cli.specs import find_protocol
from model_check.trace import Origin, Trace, first_wrong_step, scope_option
from spec.language import IonianError, Protocol, Scope, ScopeError, ir
from spec.language.context import QuorumSystem
from spec.language.errors import did_you_mean
from spec.quorums import explicit, majorities, weighted

# Beyond these, the sets of members and quorums alone do not fit into any memory.
_LARGEST, _LARGEST_WITH_QUORUMS = 64, 12
# Each has buffers of its own, some 100 MB.
_MOST_WORKERS = 256

_QUORUMS_HELP = "majorities (the default), weighted:2,1,1 (a weight for each member), or explicit:1/2,3 (the sets {1} and {2,3})."

F = TypeVar("F", bound=Callable[..., Any])


class SpecCommand(click.Command):
    """A command on a SPEC: reads SPEC first, then has one option for each of the protocol's sorts (`--nodes 3` or `--node 3`).

    In place of these, and of the options that remove rules and choose quorums, the command's function gets the `protocol`.
    """

    def __init__(self, name: str | None, **settings: Any) -> None:
        super().__init__(name, **settings)
        self.params[:0] = [
            click.Argument(["spec"]),
            click.Option(["--without"], multiple=True, metavar="RULE", help="Remove a named rule of the protocol (may be repeated)."),
            click.Option(["--quorums", "quorum_texts"], multiple=True, metavar="[SORT=]SYSTEM", help=_QUORUMS_HELP),
        ]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Add the scope's options of the SPEC among the arguments, then parse as usual."""
        reference = self._reference(ctx, args)
        ctx.meta["scope_options"] = [] if reference is None else scope_options(find_protocol(reference))
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            own = [max(p.opts, key=len) for p in self.get_params(ctx) if isinstance(p, click.Option)]
            nearest = did_you_mean(error.option_name, own)
            raise click.UsageError(f"unknown option {error.option_name}; `{self.name}` has {', '.join(sorted(own))}{nearest}", ctx) from None

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """The command's own parameters, then the scope's."""
        return [*super().get_params(ctx), *ctx.meta.get("scope_options", [])]

    def _reference(self, ctx: click.Context, args: Sequence[str]) -> str | None:
        """SPEC: the first argument that is neither an option nor an option's value."""
        flags = {o for p in super().get_params(ctx) if isinstance(p, click.Option) and (p.is_flag or p.is_eager) for o in (*p.opts, *p.secondary_opts)}
        rest = list(args)
        while rest:
            token = rest.pop(0)
            if not token.startswith("-"):
                return token
            if token not in flags and "=" not in token and rest:
                rest.pop(0)
        return None

    def invoke(self, ctx: click.Context) -> Any:
        """Build the protocol, and run the command on it."""
        names = {str(p.name) for p in ctx.meta["scope_options"]}
        sizes = {n.removeprefix("scope_"): ctx.params.pop(n) for n in names}
        ctx.params["protocol"] = build(ctx.params.pop("spec"), sizes, ctx.params.pop("without"), ctx.params.pop("quorum_texts"))
        return super().invoke(ctx)


def scope_options(protocol: type[Protocol]) -> list[click.Option]:
    """One option for each sort, under its name and its plural."""
    default = (protocol.default_scope or Scope()).sizes
    found = []
    for name, sort in protocol.sort_names().items():
        size = default.get(name)
        shown = f" (default {size})" if size is not None else ""
        singular, plural = f"--{name.replace('_', '-')}", scope_option(name)
        names = dict.fromkeys((singular, f"{plural}es" if plural == singular else plural))
        found.append(click.Option([*names, f"scope_{name}"], type=int, metavar="N", help=f"How many elements {sort} has{shown}."))
    return found


def workers_option(command: F) -> F:
    """The number of threads, all cores' unless given."""
    cores = min(os.cpu_count() or 1, _MOST_WORKERS)
    workers = click.IntRange(min=1, max=_MOST_WORKERS)
    return click.option("--workers", type=workers, default=cores, help="Threads of the native engine (default: one for each core).")(command)


def engine_option(command: F) -> F:
    """What runs the spec."""
    return click.option("--engine", type=click.Choice(ENGINES), default="native", show_default=True, help="Compiled, or CPython itself (slow, exact).")(command)


def search_options(command: F) -> F:
    """The options that an exhaustive search has: engine, reduction, workers and limits."""
    options = (
        engine_option,
        click.option("--symmetry/--no-symmetry", default=None, help="Take states that differ by a permutation of interchangeable elements as one."),
        click.option("--eager/--no-eager", default=None, help="Send messages at once, and forget those that can have no effect any more."),
        workers_option,
        click.option("--max-memory", callback=byte_size, metavar="SIZE", help="End as inconclusive beyond this, e.g. 4GB."),
        click.option("--max-depth", type=click.IntRange(min=0), default=None, help="Explore no deeper than this many steps."),
    )
    for option in reversed(options):
        command = option(command)
    return command


class Limits(TypedDict):
    """What searches, and how far: of the options of a search, those that are taken as they come."""

    engine: str
    workers: int
    max_memory: int | None
    max_depth: int | None


class Asked(Limits):
    """The options of `search_options`; a reduction is None where nothing is asked."""

    symmetry: bool | None
    eager: bool | None


class Settings(Limits):
    """The settings of a search, as `model_check.check` and `model_check.refine` take them."""

    symmetry: bool
    eager: bool


def settings_of(protocol: Protocol, asked: Asked) -> Settings:
    """The settings as asked for; where no reduction is asked for, those of the default scope, as far as they go with the rest."""
    usual = protocol.default_reductions if protocol.scope == protocol.default_scope else frozenset()
    symmetry, eager = asked["symmetry"], asked["eager"]
    if symmetry is None:
        symmetry = "symmetry" in usual and not protocol.quorum_systems
    if eager is None:
        eager = "eager" in usual and asked["max_depth"] is None
    return {**asked, "symmetry": symmetry, "eager": eager}


def reductions_again(symmetry: bool, eager: bool) -> list[str]:
    """The options that repeat the reductions of the present command; what it refused has to be refused again, where the default is otherwise."""
    asked = click.get_current_context().params
    found = []
    for option, used in (("symmetry", symmetry), ("eager", eager)):
        found += [f"--{option}"] * used + [f"--no-{option}"] * (asked[option] is False)
    return found


def property_option(command: F) -> F:
    """The properties to check."""
    return click.option("--property", "properties", multiple=True, metavar="NAME", help="Check only this property (may be repeated).")(command)


def start_options(command: F) -> F:
    """Where a search begins, if not at the initial states."""
    command = click.option("--at", type=int, default=None, metavar="STEP", help="The step of that trace after which to start (default: the last).")(command)
    return click.option("--from", "from_file", type=click.Path(), default=None, metavar="FILE", help="Start at a state of the trace in FILE.")(command)


def build(reference: str, sizes: dict[str, int | None], without: Sequence[str], quorum_texts: Sequence[str]) -> Protocol:
    """The protocol that the arguments describe."""
    cls = find_protocol(reference)
    scope = Scope(**{**(cls.default_scope or Scope()).sizes, **{n: s for n, s in sizes.items() if s is not None}})
    missing = [name for name in cls.sort_names() if name not in scope.sizes]
    if missing:
        raise ScopeError(f"scope: {cls.ir.name} has no default size for {', '.join(missing)}; give {' '.join(f'{scope_option(n)} 2' for n in missing)}")
    voting = _scope_names(cls, ir.sorts_with_quorums(cls.ir))
    with_subsets = _scope_names(cls, ir.sorts_with_subsets(cls.ir))
    for name, size in scope.sizes.items():
        largest = _LARGEST_WITH_QUORUMS if name in (*voting, *with_subsets) else _LARGEST
        if size > largest:
            raise ScopeError(f"scope: {name}={size} is too large for any search; the largest {name} is {largest}")
    return cls(scope, without=tuple(without), quorums=dict(_quorum_system(cls, voting, text, scope) for text in quorum_texts))


def _scope_names(cls: type[Protocol], sorts: frozenset[str]) -> list[str]:
    """The scope's names of some sorts."""
    return [name for name, sort in cls.sort_names().items() if sort.name in sorts]


def _quorum_system(cls: type[Protocol], voting: list[str], text: str, scope: Scope) -> tuple[str, QuorumSystem]:
    if not voting:
        raise ScopeError(f"--quorums {text}: {cls.ir.name} has no quorums; leave the option out")
    name, equals, system = text.rpartition("=")
    if not equals:
        if len(voting) != 1:
            raise ScopeError(f"--quorums {text}: {cls.ir.name} has quorums of {', '.join(voting)}; write --quorums SORT={text}")
        name = voting[0]
    elif name not in voting:
        raise ScopeError(f"--quorums {text}: {cls.ir.name} has no quorums of `{name}`, but of {', '.join(voting)}")
    try:
        found = _read_system(system)
    except ValueError:
        raise ScopeError(f"--quorums {text}: not a quorum system; write {_QUORUMS_HELP}") from None
    # Raises where the system does not fit the number of members.
    found(scope.sizes[name])
    return name, found


def _read_system(text: str) -> QuorumSystem:
    kind, _, argument = text.partition(":")
    if text == "majorities":
        return majorities
    if kind == "weighted":
        return weighted([int(weight) for weight in argument.split(",")])
    if kind == "explicit":
        return explicit(*([int(member) for member in quorum.split(",")] for quorum in argument.split("/")))
    raise ValueError(text)


def rebuild(origin: Origin) -> Protocol:
    """The protocol of a trace."""
    return build(origin.spec, dict(origin.scope.sizes), origin.without, [f"{sort}={text}" for sort, text in origin.quorums])


def read_trace(path: str) -> tuple[Protocol, Trace]:
    """The trace in a file and its protocol; IonianError, with the file's name, where there is none."""
    try:
        document = itf.parse(Path(path).read_text(encoding="utf-8"))
        protocol = rebuild(document.origin)
        return protocol, itf.read(document, protocol)
    except OSError as error:
        raise IonianError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise IonianError(f"{path}: cannot be read: it is no text in UTF-8") from None
    except IonianError as error:
        raise IonianError(f"{path}: {error}") from None


def start_of(protocol: Protocol, from_file: str | None, at: int | None) -> Trace | None:
    """The trace to start from, re-checked; IonianError where it is not one of this protocol at this scope."""
    if from_file is None:
        if at is not None:
            raise IonianError("--at names a step of a trace: give the trace too, with --from FILE")
        return None
    origin, (_, trace) = Origin.of(protocol), read_trace(from_file)
    if (trace.origin.spec, trace.origin.scope) != (origin.spec, origin.scope):
        raise IonianError(f"{from_file} is a trace of {trace.origin.spec} at {trace.origin.scope}, not of {origin.spec} at {origin.scope}")
    chosen = trace.until(len(trace.steps) if at is None else at)
    wrong = first_wrong_step(protocol, chosen)
    if wrong:
        raise IonianError(f"{from_file}: {wrong}")
    return chosen


def replay_command(search: Sequence[str], itf_file: Path | None, bounds: Bounds = Bounds(), from_file: str | None = None, at: int | None = None) -> str:
    """The command that shows a counterexample again: from its file, or after the same search within the same bounds."""
    if itf_file is not None:
        return f"ionian replay {shlex.quote(str(itf_file))}"
    again = ["ionian", *search]
    for name in bounds.constraints:
        again += ["--constraint", name]
    if from_file is not None:
        again += ["--from", from_file, *([] if at is None else ["--at", str(at)])]
    return f"{shlex.join([*again, '--itf', 'trace.itf.json'])} ; ionian replay trace.itf.json"


def byte_size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Callback of an option for an amount of memory: 500MB, 4GB, 2GiB, or a plain number of bytes."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", value, re.IGNORECASE)
    if not match or float(match[1]) == 0:
        raise click.BadParameter(f"`{value}` is not an amount of memory; write e.g. 500MB or 4GB", ctx, param)
    return int(float(match[1]) * (1024 if match[3] else 1000) ** " KMGT".index(match[2].upper() or " "))
