"""The two half-steps of extragradient, for a loop of one's own."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nashpath.core.torch_compat import foreach_add_
from nashpath.solvers.optim.base import DropIn, Group, call_closure, parameters_with_gradients


class Extrapolating(DropIn):
    """An optimizer with two half-steps. Abstract: subclasses write `moves`.

    ::

        loss.backward(); opt.extrapolation();   loss at the new point .backward(); opt.step()

    For a game call `extrapolation` of all players' optimizers, then `step` of all. `step` raises `RuntimeError` unless
    `extrapolation` came before it.
    """

    def moves(self, params: list[Tensor], gradients: list[Tensor], group: Group) -> list[Tensor]:
        """The steps, not yet taken, in fresh tensors; renews the moments."""
        raise NotImplementedError

    @torch.no_grad()
    def extrapolation(self) -> None:
        """Looks ahead: moves to where the second gradient is to be taken, and remembers where it was.

        Where `step` was left out since the last look ahead (a gradient scaler that met an infinity), it begins from the
        point that is remembered still: a skipped step leaves the parameters where they were.
        """
        for group in self.param_groups:
            for p in group["params"]:
                held = self.state[p].get("anchor")
                if held is None:
                    self.state[p]["anchor"] = p.detach().clone()
                else:
                    p.copy_(held)
            params, gradients = parameters_with_gradients(group)
            if params:
                foreach_add_(params, self.moves(params, gradients, group))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Steps from the remembered point with the gradients of the point ahead."""
        everything = [p for group in self.param_groups for p in group["params"]]
        if any("anchor" not in self.state[p] for p in everything):
            raise RuntimeError("step() needs extrapolation() before it: call extrapolation(), backward(), then step()")
        loss = call_closure(closure)
        planned: list[tuple[list[Tensor], list[Tensor]]] = []
        for group in self.param_groups:
            params, gradients = parameters_with_gradients(group)
            planned.append((params, self.moves(params, gradients, group) if params else []))
        for p in everything:
            p.copy_(self.state[p].pop("anchor"))
        for params, moves in planned:
            if params:
                foreach_add_(params, moves)
        return loss
