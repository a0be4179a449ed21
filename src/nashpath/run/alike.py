"""Whether two trials are of one structure, and so can share a program."""

from typing import Any

from torch import nn

from nashpath.run.step import Trial


def difference(a: Trial, b: Trial) -> str:
    """The first module (or tensor) in which two trials are not of one structure, or an empty string."""
    kinds, others = ({name: _form(module) for name, module in trial.named_modules()} for trial in (a, b))
    changed = [name for name in {**kinds, **others} if kinds.get(name) != others.get(name)]
    return changed[0] if changed else ""


def _form(module: nn.Module) -> tuple[Any, ...]:
    """What shapes a program in one module: its class, its plain attributes, and the shapes of its tensors."""
    plain = {k: v for k, v in vars(module).items() if k[0] != "_" and isinstance(v, bool | int | float | str | tuple)}
    tensors = {**dict(module.named_parameters(recurse=False)), **dict(module.named_buffers(recurse=False))}
    return type(module), plain, {k: (v.shape, v.dtype) for k, v in tensors.items()}
