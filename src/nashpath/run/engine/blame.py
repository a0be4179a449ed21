"""Which module an error comes from, where a step cannot be stacked or compiled."""

from types import TracebackType

from torch import nn

from nashpath.core.typed import named_modules
from nashpath.run.errors import SettingError


def refusal(error: Exception, game: nn.Module, how: str) -> SettingError:
    """The error of a step that was to be ``stacked`` or ``compiled``, with the name of the innermost module in it."""
    names = {id(module): name for name, module in named_modules(game)}
    found: nn.Module | None = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        holder = trace.tb_frame.f_locals.get("self")
        if isinstance(holder, nn.Module) and names.get(id(holder)):
            found = holder
        trace = trace.tb_next
    what = "the game" if found is None else f"{names[id(found)]} ({type(found).__name__})"
    told = " ".join(str(error).split("\n")[0].split())[:200]
    way = "stack=off, or stack=False" if how == "stacked" else "compile=off, or compile=False"
    return SettingError(
        f"{what} cannot be {how}: its forward must be a function of tensors alone, without a branch on their values, "
        f"without float() or item(), and without draws of its own ({told}). Change it, or train with {way}"
    )
