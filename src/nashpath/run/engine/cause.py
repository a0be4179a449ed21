"""Why a member left the finite numbers: its last step again, alone, with an eye on each module, gradient and tensor."""

import copy
from typing import Any

import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, PlayerGradient, Point, Tree
from nashpath.core.own import is_named, own_title
from nashpath.core.tree import leaves, norm
from nashpath.core.typed import named_modules
from nashpath.run.engine.step import TrainState, Trial

NORMS = {"gradient_norm": "the norm of the gradient", "direction_norm": "the norm of the direction"}
"""What a step reports of a player beside its cost, in words: squares of finite numbers may add up to infinity."""


class _Watched(FunctionalGame):
    """A game that notes costs and gradients that are not finite, and norms of gradients."""

    seen: list[str]

    def gradient(self, player: str, point: Point, batch: Batch) -> PlayerGradient:
        found = super().gradient(player, point, batch)
        if _bad(found.cost):
            self.seen.append(f"the cost of the {player}")
        self.seen += [f"the gradient of {player}.{name}" for name, value in found.gradient.items() if _bad(value)]
        if _bad(norm(found.gradient)):
            self.seen.append(_reported(f"gradient_norm.{player}"))
        return found


@torch.no_grad()
def cause(trial: Trial, train_state: TrainState, numbers: dict[str, Tree], batches: Batch) -> str:
    """The first module, cost, gradient, norm or parameter that is not finite in the step from ``train_state``, or
    nothing. Norms count where the step reports them, as the divergence does.

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
        point, _, info = torch.func.functional_call(alone.solver, numbers["solver"], given, tie_weights=False)
    except Exception:  # whatever fails here must not end the training of others
        return next((one for one in seen if not one.startswith(tuple(NORMS.values()))), "")
    finally:
        for hook in hooks:
            hook.remove()
    by = f" (by {own_title(alone.solver)})" if is_named(alone.solver) else ""
    moved = [f"the new {who}.{name}{by}" for who, own in point.players.items() for name, v in own.items() if _bad(v)]
    told = [_reported(key) for key, v in info.items() if _bad(v) and key.rpartition(".")[2] in point.players]
    looked = [one for one in seen if one in told or not one.startswith(tuple(NORMS.values()))]
    return next(iter([*looked, *moved, *told]), "")


def _reported(key: str) -> str:
    """What a step reports of a player, in words."""
    what, _, who = key.rpartition(".")
    return f"{NORMS.get(what, f'the {what}')} of the {who}"


def _told(name: str, module: Any, result: Any) -> list[str]:
    return [f"the output of {name} ({own_title(module)})"] if any(map(_bad, leaves(result))) else []


def _bad(value: Any) -> bool:
    if not isinstance(value, Tensor) or not value.is_floating_point():
        return False
    try:
        return not bool(torch.isfinite(value.detach()).all())
    except RuntimeError:  # inside a vmap of the game's own, where no value can be looked at
        return False
