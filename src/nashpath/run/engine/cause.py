"""Why a member left the finite numbers: its last step again, alone, with an eye on each module, gradient and tensor."""

import copy
from typing import Any

import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, PlayerGradient, Point, Tree
from nashpath.core.own import is_named, own_title
from nashpath.core.tree import leaves
from nashpath.core.typed import named_modules
from nashpath.run.engine.step import TrainState, Trial


class _Watched(FunctionalGame):
    """A game that notes the first cost or gradient that is not finite."""

    seen: list[str]

    def gradient(self, player: str, point: Point, batch: Batch) -> PlayerGradient:
        found = super().gradient(player, point, batch)
        if _bad(found.cost):
            self.seen.append(f"the cost of the {player}")
        self.seen += [f"the gradient of {player}.{name}" for name, value in found.gradient.items() if _bad(value)]
        return found


@torch.no_grad()
def cause(trial: Trial, train_state: TrainState, numbers: dict[str, Tree], batches: Batch) -> str:
    """The first module, cost, gradient or parameter that is not finite in the step from ``train_state``; or nothing.

    The trial is copied, and nothing of it is changed. A step that is finite here (it was not when stacked or compiled)
    has no cause to tell.
    """
    alone = copy.deepcopy(trial)
    problem = _Watched(alone.game, numbers["game"])
    problem.seen = seen = []
    hooks = [
        module.register_forward_hook(lambda module, given, result, name=name: seen.extend(_told(name, module, result)))
        for name, module in named_modules(alone.game)
        if name
    ]
    try:
        given = (problem, train_state.point, train_state.memory, batches)
        point, _, _ = torch.func.functional_call(alone.solver, numbers["solver"], given, tie_weights=False)
    except Exception:  # whatever fails here must not end the training of others
        return seen[0] if seen else ""
    finally:
        for hook in hooks:
            hook.remove()
    by = f" (by {own_title(alone.solver)})" if is_named(alone.solver) else ""
    moved = [f"the new {who}.{name}{by}" for who, own in point.players.items() for name, v in own.items() if _bad(v)]
    return next(iter([*seen, *moved]), "")


def _told(name: str, module: Any, result: Any) -> list[str]:
    return [f"the output of {name} ({own_title(module)})"] if any(map(_bad, leaves(result))) else []


def _bad(value: Any) -> bool:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return False
    try:
        return not bool(torch.isfinite(value.detach()).all())
    except RuntimeError:  # inside a vmap of the game's own, where no value can be looked at
        return False
