"""Everything of PyTorch that is private, or public and not promised to stay; no file outside this folder uses it.

A release that changes one of these breaks a test of its own name in ``tests/test_torch_compat.py``, and is mended here.
The compiler is in `one_graph`.
"""
# pyright: reportPrivateImportUsage=false, reportPrivateUsage=false

import copy
import math
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import chain
from types import FunctionType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import _utils, nn
from torch.func import functional_call
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.spectral_norm import SpectralNorm as SpectralNormHook
from torch.utils._python_dispatch import TorchDispatchMode

from nashpath.core.typed import kept_random_state

_Module = TypeVar("_Module", bound=nn.Module)

BATCH_NORMS = (
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.BatchNorm3d,
    nn.SyncBatchNorm,
    nn.LazyBatchNorm1d,  # not a kind of BatchNorm1d until it has seen its first batch
    nn.LazyBatchNorm2d,
    nn.LazyBatchNorm3d,
)
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
TRANSPOSED_CONVOLUTIONS = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED_CONVOLUTIONS)
"""Each with its lazy forms. PyTorch's own common base classes are private."""


IMPORTED_BY_GRADIENTS = "torch._dynamo"
"""What the first gradient imports, in a second or two."""


def hidden_power_iteration(layer: nn.Module) -> bool:
    """Whether ``layer`` has PyTorch's spectral norm, new or old, or a parametrisation that changes its own buffers.

    The classes are asked for first; what a later release calls by another name is found by what it does.
    """
    hooks = vars(layer)["_forward_pre_hooks"]
    if any(isinstance(hook, SpectralNormHook) for hook in hooks.values()):
        return True
    parameters, buffers = (dict(named(recurse=False)) for named in (layer.named_parameters, layer.named_buffers))
    if any(name.endswith("_orig") and f"{name.removesuffix('_orig')}_u" in buffers for name in parameters):
        return True
    if not parametrize.is_parametrized(layer):
        return False
    with kept_random_state():
        example: Any = parametrizations.spectral_norm(nn.Linear(2, 2))
    stock: nn.Module = example.parametrizations["weight"][0]
    parts: Any = layer.parametrizations
    return any(any(isinstance(p, type(stock)) for p in parts[name]) or _changes_itself(parts[name]) for name in parts)


def _changes_itself(parametrization: nn.Module) -> bool:
    """Whether a list of parametrisations, asked for its tensor in training, leaves other buffers behind."""
    probe = copy.deepcopy(parametrization).train()
    before = {name: buffer.clone() for name, buffer in probe.named_buffers()}
    if not before:
        return False
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for original in probe.parameters():  # near the present, where an iteration may have come to rest
            original.add_((0.1 * original.abs().mean().cpu() * torch.randn(original.shape, generator=rng)).to(original))
        probe()
    return any(not torch.equal(buffer, before[name]) for name, buffer in probe.named_buffers())


def other_names(module: nn.Module) -> dict[str, str]:
    """Every second name of a tied parameter or buffer, with its first one.

    A module that appears twice has its tensors once. `torch.func.functional_call`, asked to tie weights, would replace
    them twice, and put the replacement back in place of the original; so it is told not to, and given these names.
    """
    first: dict[int, tuple[str, tuple[int, str]]] = {}
    found: dict[str, str] = {}
    every = (module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False))
    for name, value in chain(*every):
        path, _, own = name.rpartition(".")
        place = id(module.get_submodule(path)), own
        before, owner = first.setdefault(id(value), (name, place))
        if owner != place:
            found[name] = before
    return found


def call_with(
    module: nn.Module,
    tensors: dict[str, Any],
    arguments: tuple[Any, ...],
    then: Callable[[Any], None] | None = None,
) -> Any:
    """As `torch.func.functional_call` with ``tie_weights=False``, at a third of its cost, also for the compiler.

    Names that the module does not have are passed over, and what the call assigned is in ``tensors`` after it.
    ``then`` is called with the result while they are in place: a derivative may call the module again (checkpoints).
    """
    homes: dict[str, nn.Module | None] = {}
    swapped: list[tuple[str, dict[str, Any], str, Any]] = []
    try:
        for name, value in tensors.items():
            path, _, own = name.rpartition(".")
            home = homes[path] if path in homes else homes.setdefault(path, _part(module, path))
            if home is None:
                continue
            kept: dict[str, Any] = home._parameters if own in home._parameters else home._buffers
            if own in kept:
                swapped.append((name, kept, own, kept[own]))
                kept[own] = value
        result = module(*arguments)
        if then is not None:
            then(result)
        return result
    finally:
        for name, kept, own, before in reversed(swapped):
            tensors[name], kept[own] = kept[own], before


def _part(module: nn.Module | None, path: str) -> nn.Module | None:
    """The module below ``module`` at a dotted path; None if there is none."""
    for step in path.split(".") if path else ():
        module = None if module is None else module._modules.get(step)
    return module


def has_lazy_parameters(module: nn.Module) -> bool:
    """Whether some parameter or buffer has no shape before the first pass (``nn.LazyLinear``, …)."""
    return any(nn.parameter.is_lazy(v) for v in (*module.parameters(), *module.buffers()))


def has_gradient_hooks(parameter: torch.Tensor) -> bool:
    """Whether something is to be called with the parameter's gradient (``register_hook`` and its like)."""
    return any(bool(getattr(parameter, name, None)) for name in ("_backward_hooks", "_post_accumulate_grad_hooks"))


REBUILT = frozenset({"_flat_weights", "_flat_weight_refs"})
"""Attributes that recurrent layers make anew of their parameters in every pass."""

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def forward_hooks(module: nn.Module) -> list[tuple[str, list[Any]]]:
    """What is called with a pass of this module or its derivative, in its order, by the kind of hook."""
    return [(kind, list(vars(module)[kind].values())) for kind in _HOOKS if vars(module).get(kind)]


def function_parts(function: object) -> tuple[Any, ...] | None:
    """Of a function that Python code defines: its code and globals, and then the list of all that it holds."""
    if not isinstance(function, FunctionType):
        return None
    held = [cell.cell_contents for cell in function.__closure__ or ()]
    code = function.__code__, id(function.__globals__)
    return code, [function.__defaults__, function.__kwdefaults__, held, vars(function)]


def tables(module: nn.Module) -> list[dict[str, Any]]:
    """A module's own parameters, buffers and modules."""
    return [module._parameters, module._buffers, module._modules]


def times_written(tensor: torch.Tensor) -> int:
    """How often something was written into a tensor in place."""
    return tensor._version


def kind_of(module: nn.Module) -> type[nn.Module]:
    """The module's class; that from before, where a parametrisation has made a class of its own for each instance."""
    return parametrize.type_before_parametrizations(module)


def is_outermost() -> bool:
    """Whether nothing outside differentiates, batches or compiles what is computed now."""
    if torch.compiler.is_compiling():  # first, so that the compiler does not trace what follows
        return False
    recording = torch.is_grad_enabled() or torch.is_inference_mode_enabled()
    return not recording and not torch._C._are_functorch_transforms_active()


def has_values() -> bool:
    """Whether tensors hold numbers that can be looked at: nothing compiles, and no transform of `torch.func` is on."""
    return not torch.compiler.is_compiling() and not torch._C._are_functorch_transforms_active()


def is_first_order() -> bool:
    """Whether what is computed now is neither compiled, nor seen by `torch.func`, nor within `twice_differentiated`.

    Autograd may record it. A layer may then be computed by what has a cheap derivative, and a dear second one.
    """
    if torch.compiler.is_compiling() or _TWICE.get():
        return False
    return not torch._C._are_functorch_transforms_active()


@contextmanager
def twice_differentiated() -> Generator[None, None, None]:
    """Within this block what is computed will be differentiated twice."""
    token = _TWICE.set(True)
    try:
        yield
    finally:
        _TWICE.reset(token)


_TWICE = ContextVar("twice differentiated", default=False)


def is_plain_pass() -> bool:
    """Whether what is computed now is neither compiled nor differentiated; it may be batched by `torch.func.vmap`."""
    if torch.compiler.is_compiling():
        return False
    if torch.is_grad_enabled() or torch.is_inference_mode_enabled():
        return False
    functorch: Any = getattr(torch._C, "_functorch")  # noqa: B009  # known to no type checker
    levels: list[Any] = functorch.get_interpreter_stack() or []
    return all(level.key() == functorch.TransformType.Vmap for level in levels)


def is_plain(*tensors: torch.Tensor) -> bool:
    """Whether tensors of integers are numbers in the memory of the CPU, that no compiler and no transform looks at."""
    if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
        return False
    return all(type(tensor) is torch.Tensor and tensor.device.type == "cpu" for tensor in tensors)


def global_random_state() -> tuple[object, ...]:
    """The state of every global generator that a module could draw from, to compare: Python's, PyTorch's, NumPy's."""
    states = [torch.get_rng_state().numpy().tobytes()]
    if torch.cuda.is_initialized():
        states += [torch.cuda.get_rng_state(k).numpy().tobytes() for k in range(torch.cuda.device_count())]
    _, keys, *rest = np.random.get_state()
    return (random.getstate(), *states, keys.tobytes(), *rest)  # pyright: ignore


def seed_initialisers(seed: int) -> None:
    """Seeds the one generator that PyTorch's initialisers draw from on the CPU, and no other device's."""
    torch.default_generator.manual_seed(seed)


def squashed_by(network: nn.Module, x: torch.Tensor) -> str:
    """``"sigmoid"`` or ``"softmax"`` where that made the network's output (reshaped or not), else nothing.

    Autograd tells by the names of its operations. The network's own tensors are not touched.
    """
    own = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    tensors = {k: v.detach().clone() for k, v in own.items()}
    with torch.enable_grad():
        return squash_of(functional_call(network, tensors, (x.detach().clone().requires_grad_(),), tie_weights=False))


def squash_of(output: torch.Tensor) -> str:
    """``"sigmoid"`` or ``"softmax"`` where that made a recorded tensor (reshaped or not), else nothing."""
    step: Any = output.grad_fn
    while step is not None and step.name().removesuffix("0").removesuffix("1").removesuffix("Backward") in RESHAPING:
        step = step.next_functions[0][0]
    return "" if step is None else SQUASHING.get(step.name(), "")


SQUASHING = {"SigmoidBackward0": "sigmoid", "SoftmaxBackward0": "softmax"}
RESHAPING = ("View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Select", "Slice", "Clone", "ToCopy")


class Allocations(TorchDispatchMode):
    """Within this block, ``asked(shape, bytes)`` is called before a tensor of that shape is made, and may raise.

    Seen are the functions that make tensors from sizes (empty, zeros, randn, arange, …), from which networks and data
    are built; not the results of arithmetic. ``made(tensor)`` is called with each result that shares no memory with
    what it was computed from.
    """

    def __init__(
        self,
        asked: Callable[[tuple[int, ...], int], None] | None = None,
        made: Callable[[torch.Tensor], None] | None = None,
    ):
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self.asked, self.made = asked, made

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """No: to hide ``__torch_dispatch__`` from the compiler PyTorch would import the compiler, for over a second."""
        return False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options: dict[str, Any] = kwargs or {}
        shape = _asked_shape(func.overloadpacket.__name__, args) if self.asked is not None else None
        if shape is not None and self.asked is not None:
            kind = options.get("dtype") or torch.get_default_dtype()
            self.asked(shape, math.prod(shape) * kind.itemsize)
        result = func(*args, **options)
        if self.made is not None and isinstance(result, torch.Tensor):
            shared = {v.untyped_storage().data_ptr() for v in args if isinstance(v, torch.Tensor)}
            if shared and result.untyped_storage().data_ptr() not in shared:
                self.made(result)
        return result


_SIZED = {"empty", "zeros", "ones", "full", "randn", "rand", "empty_strided", "new_empty", "new_zeros", "new_ones"}
_ENDED = {"arange", "linspace", "logspace", "randperm", "eye"}
_MAKES = {*_SIZED, *_ENDED, "randint"}


def _asked_shape(name: str, args: tuple[Any, ...]) -> tuple[int, ...] | None:
    """The shape of what a function that makes tensors is about to make; None for other functions."""
    if name not in _MAKES:
        return None
    plain = [v for v in args if not isinstance(v, torch.Tensor)]
    if name in _SIZED and plain and isinstance(plain[0], list | tuple):
        return tuple(plain[0])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if name == "randint":
        return next((tuple(v) for v in plain if isinstance(v, list | tuple)), None)  # pyright: ignore
    if name in _ENDED and plain:
        numbers = [int(v) for v in plain if isinstance(v, int | float) and not isinstance(v, bool)]
        if name == "eye":
            return (numbers[0], numbers[-1])
        return (numbers[2] if name in ("linspace", "logspace") else numbers[0 if len(numbers) == 1 else 1],)
    return None


def with_child(module: _Module, name: str, child: nn.Module) -> _Module:
    """The same module with one child replaced: everything else is shared with it."""
    other = copy.copy(module)
    other._modules = {**module._modules, name: child}
    return other


def onednn_matmul() -> Any:
    """PyTorch's switch for oneDNN's matrix products (attribute ``fp32_precision``), or None where there is none."""
    if not torch.backends.mkldnn.is_available():
        return None
    switch = getattr(torch.backends.mkldnn, "matmul", None)
    return switch if hasattr(switch, "fp32_precision") else None


def laid_together(tensors: list[torch.Tensor]) -> torch.Tensor:
    """The numbers of all tensors as one vector, a copy."""
    utils: Any = _utils
    return utils._flatten_dense_tensors(tensors)


# One call for a list of tensors, as torch.optim itself makes them; a name that ends in _ works in place.
foreach_neg = torch._foreach_neg
foreach_sqrt = torch._foreach_sqrt
foreach_add, foreach_add_ = torch._foreach_add, torch._foreach_add_
foreach_sub, foreach_sub_ = torch._foreach_sub, torch._foreach_sub_
foreach_mul, foreach_mul_ = torch._foreach_mul, torch._foreach_mul_
foreach_div = torch._foreach_div
foreach_lerp_ = torch._foreach_lerp_
foreach_addcmul_ = torch._foreach_addcmul_
foreach_copy_ = torch._foreach_copy_
foreach_norm = torch._foreach_norm
