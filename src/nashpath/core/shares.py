"""What adds to a player's cost depends on that player: else it is paid, and nothing is learned from it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from nashpath.core.own import is_own, refused_method


def check_shares(modules: Mapping[str, nn.Module], call: Callable[[], Any]) -> None:
    """Refuses what adds to a player's cost (``prices``), and has no derivative by that player; of one's own alone."""
    found: list[nn.Module] = []

    def leave(module: nn.Module, given: object, result: object) -> None:
        if isinstance(result, Tensor) and not result.requires_grad:
            found.append(module)

    asked = [module for module in modules.values() if getattr(module, "prices", False) and is_own(module)]
    hooks = [module.register_forward_hook(leave) for module in asked]
    try:
        if hooks:
            with torch.enable_grad():
                call()
    finally:
        for hook in hooks:
            hook.remove()
    if found:
        raise refused_method(
            found[0],
            "forward",
            "its price does not depend on the parameters of the player whose cost it adds to, so that nothing is "
            "learned from it: it does not ask the critic, or float(), .item(), .detach() or torch.no_grad() is on the "
            "way",
        )
