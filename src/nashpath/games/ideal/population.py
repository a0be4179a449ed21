"""The game of distributions and functions that theorems are about: no samples, no networks, only expectations."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import vmap
from torch.nn.functional import logsigmoid

from nashpath.core import Batch, Game, Hyperparameters, Key
from nashpath.core.math.f_divergences import js_of_masses, kl_of_masses, total_variation_of_masses
from nashpath.core.math.mmd import mmd_of_masses
from nashpath.core.math.transport import wasserstein_of_masses
from nashpath.games.objectives import Minimax, Objective
from nashpath.games.toys.base import Vector


class PopulationGame(Game):
    """A GAN on a common support of k points: the discriminator is any function on it, costs are exact expectations.

    ::

        J(p, q, d) = Σ_ij p_i q_j J(d_i, d_j),   J of the objective at one real and one generated logit

    ``generator()`` returns the log-masses [k] of q; ``log_data`` are those of p; ``points`` [k] or [k, dimension] is
    the support; the discriminator is a free logit for each point, 0 at the start. Every objective that averages over
    samples or over pairs of samples has this form; one that needs more of a batch (MMD, cumulants) raises
    `ValueError`.
    """

    def __init__(self, generator: nn.Module, log_data: Tensor, points: Tensor, objective: Objective | None = None):
        super().__init__()
        if log_data.dim() != 1 or points.shape[:1] != log_data.shape:
            raise ValueError(f"{tuple(log_data.shape)} log-masses do not fit points of shape {tuple(points.shape)}")
        self.generator, self.discriminator = generator, Vector(torch.zeros_like(log_data))
        self.objective = objective if objective is not None else Minimax()
        if self.objective.batchwise:
            raise ValueError(
                f"{type(self.objective).__name__} prices whole batches, not samples or pairs of them: its expectation "
                "is no sum over the support; use an objective that averages, such as minimax, hinge or relativistic"
            )
        self.space = Hyperparameters(points=points, log_data=log_data)
        with torch.no_grad():
            for player in self.players:
                self(player, {})

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        return {}

    def data(self) -> Tensor:
        """The masses p, [k]."""
        return self.space.log_data.exp()

    def model(self) -> Tensor:
        """The masses q, [k]."""
        return self.generator().exp()

    def forward(self, player: str, batch: Batch) -> Tensor:
        logits, p, q = self.discriminator.value, self.data(), self.model()
        if player == "discriminator":
            return p @ _pairs(self.objective.discriminator, logits) @ q
        if self.objective.compares:

            def generator(real: "Tensor", fake: "Tensor") -> "Tensor":
                return self.objective.generator(fake, real)

            return p @ _pairs(generator, logits) @ q
        return vmap(self.objective.generator)(logits) @ q

    def best_response(self) -> Tensor:
        """The logits ``log p − log q`` of the best discriminator ``p / (p + q)`` of minimax and non-saturating, [k]."""
        return self.space.log_data - self.generator()

    def value(self, logits: Tensor | None = None) -> Tensor:
        """``V = E_p log D + E_q log(1 − D)`` at ``logits`` (by default the present ones); no point without mass counts.

        At the best response it is ``−log 4 + 2 JS(p‖q)``.
        """
        logits = self.discriminator.value if logits is None else logits
        p, q = self.data(), self.model()
        real, fake = torch.where(p > 0, logsigmoid(logits), 0.0), torch.where(q > 0, logsigmoid(-logits), 0.0)
        return p @ real + q @ fake

    @torch.no_grad()
    def divergences(self) -> dict[str, float]:
        """Divergences of the model from the data: kl (p‖q), reverse_kl (q‖p), js, total_variation, wasserstein, mmd."""
        p, q, points = self.data(), self.model(), self.space.points
        found = {
            "kl": kl_of_masses(p, q),
            "reverse_kl": kl_of_masses(q, p),
            "js": js_of_masses(p, q),
            "total_variation": total_variation_of_masses(p, q),
            "wasserstein": wasserstein_of_masses(p, q, points),
            "mmd": mmd_of_masses(p, q, points).clamp_min(0).sqrt(),
        }
        return {name: float(distance) for name, distance in found.items()}


def _pairs(price: Callable[[Tensor, Tensor], Tensor], logits: Tensor) -> Tensor:
    """``price(d_i, d_j)`` for all pairs, [k, k]."""
    return vmap(vmap(price, (None, 0)), (0, None))(logits, logits)
