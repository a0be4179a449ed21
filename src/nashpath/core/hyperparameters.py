"""Numbers of a method are buffers, and buffers are of two kinds.

*Numbers* (a penalty weight, a learning rate) are set by the user, may be swept, and no step changes them.
*State* (running statistics, spectral vectors) is changed only by the step that owns it. Because both are tensors,
a population of experiments is a stack of tensors, and changing a number never recompiles a program.
"""

from typing import TYPE_CHECKING, Annotated, Any

import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import Tensor, nn

from nashpath.core.arguments import SWEPT
from nashpath.core.typed import named_modules

SIZE = 2**31 - 1
"""The largest count: beyond it nothing fits, and kernels that index by 32 bits fail."""

Number = Annotated[float, SWEPT]
NonNegative = Annotated[float, Ge(0), SWEPT]
Positive = Annotated[float, Gt(0), SWEPT]
Fraction = Annotated[float, Ge(0), Le(1), SWEPT]
Decay = Annotated[float, Ge(0), Lt(1), SWEPT]
Length = Annotated[float, Ge(1e-9), Le(1e9)]
"""A length in the space of the data that shapes them; squares of such, and of their ratios, are of single precision."""
Deviation = Annotated[float, Ge(0), Le(1e9)]
"""The standard deviation of noise in the space of the data; 0: none."""
Count = Annotated[int, Ge(1), Le(SIZE)]
"""A whole number of at least 1. It shapes the program, so it is structure, not a number."""
Depth = Annotated[int, Ge(0), Le(1000)]
"""Number of hidden layers; 0 leaves an affine map."""
Few = Annotated[int, Ge(1), Le(1000)]
"""How many parts of which each stands on its own, as the networks of a mixture or the iterations within a step."""
Turns = Annotated[int, Ge(1), Le(10_000)]
"""Turns or batches within one step, which are taken one by one."""
Dimension = Annotated[int, Ge(1), Le(1_000_000)]
"""Coordinates of a toy's strategy, which are made one by one."""
Whole = Annotated[int, Ge(0), Lt(2**63)]
"""A whole number of at least 0, of 64 bits: numbers of steps, seeds."""


class Hyperparameters(nn.Module):
    """A module whose hyper-parameters are buffers; ``Hyperparameters(weight=10.0).weight`` is a 0-d tensor."""

    def __init__(self, **numbers: float | Tensor):
        super().__init__()
        self.hyperparameter_names = tuple(numbers)
        for name, value in numbers.items():
            self.register_buffer(name, torch.as_tensor(value, dtype=torch.get_default_dtype()).clone())

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    def extra_repr(self) -> str:
        values = {name: getattr(self, name) for name in self.hyperparameter_names}
        return ", ".join(f"{k}={v.item():g}" if v.dim() == 0 else f"{k}={tuple(v.shape)}" for k, v in values.items())


class Stateful(nn.Module):
    """A module with state that is renewed once before its player's turn, not inside ``forward``.

    State assigned inside ``forward`` cannot leave a nested derivative (a gradient penalty); what is renewed by
    ``advance`` can. Own modules that need state under a penalised critic derive from this.
    """

    def advance(self) -> None:
        """Assigns the next value of this module's state buffers, computed from parameters and present state."""
        raise NotImplementedError


def hyperparameter_names(module: nn.Module) -> set[str]:
    """The qualified names of all buffers below ``module`` that are numbers; every other buffer is state."""
    return {
        f"{prefix}.{name}" if prefix else name
        for prefix, part in named_modules(module)
        if isinstance(part, Hyperparameters)
        for name in part.hyperparameter_names
    }


def split_buffers(module: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """``(numbers, state)`` of a module, each a flat dict from qualified name to tensor."""
    names = hyperparameter_names(module)
    buffers: dict[str, Any] = dict(module.named_buffers())
    numbers = {k: v for k, v in buffers.items() if k in names}
    return numbers, {k: v for k, v in buffers.items() if k not in names}
