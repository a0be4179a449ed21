"""A pure function as one compiled graph, by PyTorch's tracer and compiler."""
# pyright: reportPrivateImportUsage=false, reportPrivateUsage=false

import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx import GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx

from nashpath.core.cache import cache_folder
from nashpath.core.errors import first_line
from nashpath.core.tree import TreeForm, tensor_leaves

FOLDER = "TORCHINDUCTOR_CACHE_DIR"
"""The variable that says where the compiler keeps what it made."""


def compiled_folder() -> Path:
    """Where the compiler keeps what it made, for later processes: where `FOLDER` says, or beside our caches.

    PyTorch's own choice is a folder for temporary files, which a system empties when it starts. A first gradient may
    already have written that into the variable.
    """
    folders: Any = sys.modules.get("torch._inductor.runtime.cache_dir_utils")
    chosen = os.environ.get(FOLDER)
    if not chosen or (folders is not None and chosen == folders.default_cache_dir()):
        chosen = os.environ[FOLDER] = str(cache_folder() / "inductor")
    return Path(chosen)


def as_one_graph(function: Callable[..., Any], backend: Literal["inductor", "traced"] = "inductor") -> "OneGraph":
    """The function as one compiled graph; ``traced`` runs the graph as it is, and makes no code of it.

    Raises `ValueError` for another ``backend``.
    """
    if backend not in ("inductor", "traced"):
        raise ValueError(f"backend={backend!r}: expected inductor or traced")
    return OneGraph(function, backend)


class OneGraph:
    """A pure function of trees of tensors, traced into one graph at its first call and compiled.

    The calls after it have tensors of the same shapes, kinds and devices in trees of the same structure; leaves that
    are no tensors are those of the first call, and no derivative is taken. A first result of the first argument's
    structure is carried to the next call, so it is laid in memory as that is, which the compiler does not always do
    (filters, whose derivatives come with their axes in another order). `torch.compile` would ask all that again at
    every call, and more: on a small network this takes longer than a step. What a branch asks of a tensor's value has
    no answer while it is traced, and raises `RuntimeError`.
    """

    def __init__(self, function: Callable[..., Any], backend: Literal["inductor", "traced"]):
        self._function, self._backend = function, backend
        self._graph: Callable[..., Sequence[Tensor]] | None = None
        self._constants: list[Tensor] = []
        self._given: TreeForm | None = None
        self._told: TreeForm | None = None
        self._carried: list[int] | None = None
        """Where, among all that is made, the leaves of the next call's first argument are."""
        self._moved: dict[int, tuple[int, ...]] = {}
        """The strides that results must have which the graph lays otherwise, by their place."""

    def __call__(self, *arguments: Any) -> Any:
        return self.repeated(1, *arguments)

    @torch.no_grad()
    def repeated(self, count: int, *arguments: Any) -> Any:
        """As many calls, each with the first result of the one before as its first argument; what the last one gives.

        What goes from one to the next is not put together and taken apart between them, which takes an eighth of the
        time of a small step.
        """
        if self._graph is None or self._given is None:
            made = self._laid(self._first(arguments))
        else:
            made = self._laid(self._graph(*self._given.leaves(arguments), *self._constants))
        assert self._graph is not None
        assert self._given is not None
        assert self._told is not None
        if count > 1:
            if self._carried is None:
                self._carried = TreeForm(arguments[0]).leaves(self._told.filled(range(len(made)))[0])
            rest = [*self._given.leaves(arguments)[len(self._carried) :], *self._constants]
            for _ in range(count - 1):
                made = self._laid(self._graph(*(made[place] for place in self._carried), *rest))
        return self._told.filled(made)

    def _laid(self, made: Sequence[Tensor]) -> Sequence[Tensor]:
        """Results in memory as the next call needs them."""
        if not self._moved:
            return made
        made = list(made)
        for k, strides in self._moved.items():
            made[k] = torch.empty_strided(made[k].shape, strides, dtype=made[k].dtype, device=made[k].device).copy_(
                made[k]
            )
        return made

    def _first(self, arguments: tuple[Any, ...]) -> Sequence[Tensor]:
        """Makes the graph, and what it gives for these arguments."""
        self._given = TreeForm(arguments)
        given = self._given.leaves(arguments)
        graph = self._trace(self._given, given)
        self._graph = graph if self._backend == "traced" else _machine_code(graph, [*given, *self._constants])
        made = self._graph(*given, *self._constants)
        carried = tensor_leaves(arguments[0])
        if [t.shape for t in carried] == [t.shape for t in made[: len(carried)]]:
            pairs = enumerate(zip(carried, made))
            self._moved = {k: old.stride() for k, (old, new) in pairs if old.stride() != new.stride()}
        return made

    def _trace(self, form: TreeForm, given: list[Tensor]) -> GraphModule:
        """The graph, whose inputs are the tensors ``given`` and then those that the function brought itself."""

        def flat(*tensors: Tensor) -> list[Tensor]:
            found = self._function(*form.filled(tensors))
            self._told = TreeForm(found)
            return self._told.leaves(found)

        compiler: Any = torch.compiler
        before, compiler._is_compiling_flag = compiler._is_compiling_flag, True
        shapes: Any = import_module("torch.fx.experimental.symbolic_shapes")  # a third of a second
        no_values = shapes.ShapeEnv(allow_scalar_outputs=False, allow_dynamic_output_shape_ops=False)
        mode = FakeTensorMode(allow_non_fake_inputs=True, shape_env=no_values, static_shapes=True)
        try:
            with mode:
                table = NARROW if self._backend == "inductor" and _on_cpu(given) else {}
                graph: GraphModule = make_fx(flat, decomposition_table=table)(*map(mode.from_tensor, given))
        finally:
            compiler._is_compiling_flag = before
        self._constants = _lifted(graph, mode)
        return graph


INNER, OUTER = 2, 4
"""Products of matrices that share so few columns, or make so few rows or columns, are written as sums of numbers: code
is made of them together with what is around them, where a library's call takes longer than the work. Of the ring's
44 products 28 are such (AMD EPYC, AVX-512: 323 µs a step became 273; in stacks of 64 199 µs a member 188; with AVX2 312
and, in stacks of 16, 190 became 271 and 172). With three and four numbers a point outer sides gain as much (303 to 263,
305 to 270), but three shared columns cost (303 to 315)."""
LARGE = 65_536
"""Numbers in a factor up to which that is done: in networks of width 256 and 1,024 it made 1 to 3 %."""


def _product(a: Tensor, b: Tensor) -> Any:
    (rows, inner), columns = a.shape[-2:], b.shape[-1]
    exact = a.dtype in (torch.float32, torch.float64)  # a library adds shorter numbers up in longer ones
    if not exact or max(rows, columns) * inner > LARGE or inner == 0:
        return NotImplemented
    if inner <= INNER:
        made = a[..., :1] * b[..., :1, :]
        for k in range(1, inner):
            made = made + a[..., k : k + 1] * b[..., k : k + 1, :]
    elif 0 < columns <= OUTER:
        made = torch.cat([(a * b[..., k : k + 1].mT).sum(-1, keepdim=True) for k in range(columns)], -1)
    elif 0 < rows <= OUTER:
        made = torch.cat([(a[..., k : k + 1, :].mT * b).sum(-2, keepdim=True) for k in range(rows)], -2)
    else:
        return NotImplemented
    return made.contiguous()


def _shifted_product(shift: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Any:
    made = _product(a, b) if beta == alpha == 1 else NotImplemented
    return made if made is NotImplemented else shift + made


ATEN: Any = torch.ops.aten
NARROW = {ATEN.mm.default: _product, ATEN.bmm.default: _product, ATEN.addmm.default: _shifted_product}
"""What stands for products in a graph: sums where they are narrow, and themselves elsewhere."""


def _on_cpu(tensors: list[Tensor]) -> bool:
    return all(tensor.device.type == "cpu" for tensor in tensors)


def _lifted(graph: GraphModule, mode: FakeTensorMode) -> list[Tensor]:
    """Makes a graph's constants its last inputs, and returns them."""
    nodes = list(graph.graph.nodes)
    *_, last = (node for node in nodes if node.op == "placeholder")
    found: dict[str, tuple[Node, Tensor]] = {}
    for node in nodes:
        if node.op != "get_attr":
            continue
        name = str(node.target)
        if name not in found:
            with graph.graph.inserting_after(last):
                last = graph.graph.placeholder(f"constant_{len(found)}")
            found[name] = last, getattr(graph, name)
            last.meta["val"] = mode.from_tensor(found[name][1])
        node.replace_all_uses_with(found[name][0])
        graph.graph.erase_node(node)
    graph.recompile()
    return [value for _, value in found.values()]


def _machine_code(graph: GraphModule, inputs: list[Tensor]) -> Callable[..., Sequence[Tensor]]:
    """What the compiler makes of a graph.

    What it keeps on disk it finds again by a key that leaves the processor's vector instructions out: a program kept
    under AVX-512 and found by a process under AVX2 (``ATEN_CPU_CAPABILITY``, or a home folder that two machines share)
    runs with vectors of the wrong length, and gives wrong numbers. So they are added to the key here.
    """
    compiled_folder()
    vectors = torch.backends.cpu.get_cpu_capability()
    tag: str = torch.compiler.config.cache_key_tag
    if vectors not in tag.split():
        torch.compiler.config.cache_key_tag = f"{tag} {vectors}".strip()
    inductor: Any = import_module("torch._inductor")  # it takes a second, and an eager run needs it not
    # it warns of what cannot be kept on disk (a program with an operator of ours), which is only made again, and of
    # operators that C++ has to ask Python for
    for name in ("standalone_compile", "ir"):
        logging.getLogger(f"torch._inductor.{name}").setLevel(logging.ERROR)
    failed: list[Exception] = []
    for by_cpp in (True, False) if _calls_cost_most(graph, inputs) else (False,):
        try:
            with inductor.config.patch(cpp_wrapper=by_cpp):
                return inductor.standalone_compile(graph, inputs, dynamic_shapes="from_example_inputs")  # fixed ones
        except Exception as error:  # whatever the compiler stumbles over
            failed.append(error)
    last = failed[-1]
    raise CompilerError(f"PyTorch's compiler fails on this step ({type(last).__name__}: {first_line(last)})") from last


SMALL = 16_384
"""Numbers in a mean tensor up to which calls by C++ pay: of 800, 3,500 and 14,000 the steps of a game of dense networks
took 1.6, 1.3 and 1.06 times as long called by Python (AMD EPYC, one thread)."""


def _calls_cost_most(graph: GraphModule, inputs: list[Tensor]) -> bool:
    """Whether the tensors of a CPU's graph are so small that its parts are better called by C++ than by Python.

    The numbers are the same. An operator that PyTorch does not bring is called by Python.
    """
    calls = [node for node in graph.graph.nodes if node.op == "call_function"]
    made = [node.meta.get("val") for node in calls]
    sizes = [value.numel() for value in made if isinstance(value, Tensor)]
    own = any(getattr(node.target, "namespace", "aten") not in ("aten", "prims") for node in calls)
    return _on_cpu(inputs) and not own and bool(sizes) and sum(sizes) < SMALL * len(sizes)


class CompilerError(RuntimeError):
    """PyTorch's compiler makes no program of a graph that could be traced."""
