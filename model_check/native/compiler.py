"""How Numba compiles a generated program: its own passes, without those that such programs do not need.

A program is many small functions (`PART`) below a few loops that Python calls (`ENTRY`). Numba would take every
function through all of LLVM, to machine code; a part is only ever called by compiled code, so it stops at
LLVM's code, and the entry that it ends up in is optimized as a whole, once.

Three more things make the same compilation two to three times as long, none of which changes what is compiled:
resolving the operators of numbers and arrays anew at each use, the garbage collector (a compilation makes millions of objects
that stay), and CPython's stack when deep calls come and go at the edge of one of its pieces (`undisturbed`).
"""

from __future__ import annotations

import gc
import operator
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from numba import types
from numba._dynfunc import make_function
from numba.core import compiler, ir, typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import FunctionPass, PassManager, register_pass
from numba.core.typing.context import Context
from numba.extending import models, register_model

T = TypeVar("T")

_NAMES = "add sub mul floordiv mod and_ or_ xor lshift rshift iadd isub imul iand ior ixor eq ne lt le gt ge neg invert not_ getitem setitem"
_OPERATIONS = {bool, *(getattr(operator, name) for name in _NAMES.split())}


class _Operation(types.Function):
    """Numba's type of an operation, which resolves a call on given types once."""

    def __init__(self, function: types.Function) -> None:
        super().__init__(function.templates)
        self._signatures: dict[tuple[Any, ...], Any] = {}

    def get_call_type(self, context: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> Any:
        """The signature of a call; a literal number is typed as any other of its type."""
        plain = tuple(types.unliteral(a) for a in arguments)
        if not all(isinstance(a, (types.Integer, types.Boolean, types.Array)) for a in plain):
            return super().get_call_type(context, arguments, keywords)
        if plain not in self._signatures:
            self._signatures[plain] = super().get_call_type(context, plain, keywords)
        return self._signatures[plain]


register_model(_Operation)(models.OpaqueModel)


class _Remembering(Context):
    """Numba's typing context, in which operations remember what they resolved."""

    _known: ClassVar[dict[types.Function, _Operation]] = {}

    def __init__(self, context: Context) -> None:
        # The same context by another class, not a copy: what is registered in either is in both.
        self.__dict__ = context.__dict__

    def _lookup_global(self, value: Any) -> Any:
        found = super()._lookup_global(value)
        if not isinstance(found, types.Function) or found.typing_key not in _OPERATIONS:
            return found
        if found not in self._known:
            self._known[found] = _Operation(found)
        return self._known[found]


@register_pass(mutates_CFG=False, analysis_only=False)
class _PlainNumbers(FunctionPass):
    """Constants typed as any other number, not each by its value.

    A variable may then be assigned constants and others, without a name of its own for each assignment: the SSA form
    that Numba would make first, and LLVM makes anyway.
    """

    _name = "ionian_plain_numbers"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        """In each assignment of a constant, or of a number of the module."""
        for block in state.func_ir.blocks.values():
            for assignment in block.find_insts(ir.Assign):
                value = assignment.value
                if isinstance(value, ir.Const | ir.Global) and type(value.value) is int:
                    assignment.value = ir.Const(value.value, value.loc, use_literal_type=False)
        return True


@register_pass(mutates_CFG=True, analysis_only=False)
class _Typing(typed_passes.NopythonTypeInference):
    """Type inference that remembers."""

    _name = "ionian_typing"

    def run_pass(self, state: Any) -> bool:
        """As Numba's."""
        context = state.typingctx
        state.typingctx = _Remembering(context)
        try:
            return bool(super().run_pass(state))
        finally:
            state.typingctx = context


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(typed_passes.NativeLowering):
    """From types to LLVM's code, remembering what typing resolved."""

    _name = "ionian_lowering"

    def run_pass(self, state: Any) -> bool:
        """As Numba's."""
        context = state.targetctx.typing_context
        state.targetctx.typing_context = _Remembering(context)
        try:
            return bool(super().run_pass(state))
        finally:
            state.targetctx.typing_context = context


class _PartLibrary(JITCodeLibrary):
    """LLVM's code of a part: neither optimized as a module nor made machine code, but ready to be linked into a caller's."""

    def _optimize_final_module(self) -> None:
        pass

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(_Lowering):
    """The same, and no further."""

    _name = "ionian_part_lowering"

    def run_pass(self, state: Any) -> bool:
        """As Numba's for `no_compile`; a function object without code stands for the part where callers refer to it."""
        state.flags.no_compile = True
        state.library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        super().run_pass(state)
        lowered, library = state["cr"], state.library
        name = lowered.fndesc.qualname.split(".")[-1]
        stand_in = make_function(lowered.fndesc.lookup_module(), name, "a part", 0, lowered.env, (library,))
        state.targetctx.insert_user_function(stand_in, lowered.fndesc, [library])
        state["cr"] = lowered._replace(cfunc=stand_in)
        return True


class _Entry(compiler.CompilerBase):
    """The passes for a function that Python calls."""

    lowering: Any = _Lowering

    def define_pipelines(self) -> list[Any]:
        """Numba's passes in their order, without those for closures, `with`, `raise`, inlining, literals, array expressions and SSA form."""
        passes = PassManager("ionian")
        for step in (
            untyped_passes.TranslateByteCode,
            untyped_passes.FixupArgs,
            untyped_passes.IRProcessing,
            _PlainNumbers,
            _Typing,
            typed_passes.IRLegalization,
            typed_passes.AnnotateTypes,
            self.lowering,
            typed_passes.NoPythonBackend,
        ):
            passes.add_pass(step, step.__name__)
        passes.finalize()
        return [passes]


class _Part(_Entry):
    """The passes for a function that only compiled code calls."""

    lowering = _PartLowering


PART: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _Part}
"""Options of `njit` for a function that only compiled code calls. It makes no arrays, so none are counted: Numba would
count references at each call that hands over an array, in a place that all workers share, a quarter of the time."""

MAKER: dict[str, Any] = {**PART, "_nrt": True}
"""Options of `njit` for such a function that makes arrays."""

ENTRY: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "nogil": True, "pipeline_class": _Entry}
"""Options of `njit` for a function that Python calls; it makes no arrays either."""


def undisturbed(work: Callable[[], T]) -> T:
    """Run a compilation with the garbage collector at rest, on a stack in one piece.

    CPython keeps frames in pieces of 16 KiB; calls that go to and fro over the edge of one map and unmap memory each
    time, which made compilations that happened to run at an unlucky depth twice as long. The frame of `_on_large_piece`
    asks for more, and so begins a large piece.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        result: T = _on_large_piece(work)
        return result
    finally:
        if enabled:
            gc.enable()


def _on_large_piece(work: Callable[[], T]) -> T:
    return work()


# Counted in words: more than half of a piece of 2 MiB, so that the rest, almost 1 MiB, is left for the calls below.
_on_large_piece.__code__ = _on_large_piece.__code__.replace(co_stacksize=1 << 17)
