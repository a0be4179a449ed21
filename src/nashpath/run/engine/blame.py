"""Which module an error comes from, where a step cannot be stacked or compiled."""

from types import TracebackType

from torch import nn

from nashpath.core import FunctionalGame
from nashpath.core.own import own_title
from nashpath.core.typed import named_modules
from nashpath.run.errors import SettingError

REMEDY = {
    "stacked": ", or train with stack=off (stack=False)",
    "compiled": ", or train with compile=off (compile=False)",
    "differentiated": "",
}


def refusal(error: Exception, game: nn.Module, how: str) -> SettingError | None:
    """The error of a step that was to be ``stacked``, ``compiled`` or ``differentiated``, with the innermost module.

    Where it comes from no module's ``forward`` (from its derivative: an operation in place, …) the player whose cost
    was differentiated is named. None where a step fails that needed neither of the first two, outside of that.
    """
    names = {id(module): name for name, module in named_modules(game)}
    found: nn.Module | None = None
    turn = ""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        holder = trace.tb_frame.f_locals.get("self")
        if isinstance(holder, nn.Module) and names.get(id(holder)):
            found = holder
        if isinstance(holder, FunctionalGame):
            turn = str(trace.tb_frame.f_locals.get("player", turn))
        trace = trace.tb_next
    if found is None and how == "differentiated" and not turn:
        return None
    whole = f"the game, in the turn of the {turn}," if turn else "the game"
    what = whole if found is None else f"{names[id(found)]} ({own_title(found)})"
    told = " ".join(str(error).split("\n")[0].split())[:200]
    if told.startswith("derivative for ") and "not implemented" in told:
        return SettingError(
            f"{what} has a second derivative that PyTorch does not know ({told}): write it in other operations "
            "(attention: with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH) in its forward), or "
            "take a penalty without slopes and a solver of first derivatives"
        )
    return SettingError(
        f"{what} cannot be {how}: its forward must be a function of tensors alone, without a branch on their values, "
        f"without float(), item() or numpy(), without draws of its own, and without changing in place what a "
        f"derivative needs ({told}). Change it{REMEDY[how]}"
    )
