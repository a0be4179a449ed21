"""Optimal transport between two batches of features, smoothed by entropy, without its bias."""

import torch
from torch import Tensor

from nashpath.core import Count, Positive, Turns
from nashpath.core.math.distances import squared_distances
from nashpath.games.objectives.base import Critic, Objective


class Sinkhorn(Objective):
    """Sinkhorn divergence between critic features: entropic transport, minus that of each batch to itself.

    ::

        S(p, q) = W(p, q) − ½ W(p, p) − ½ W(q, q),   W = Σ_ij P_ij ‖h(x_i) − h(x̃_j)‖²        J_G = S = −J_D

        P = argmin Σ P_ij ‖h(x_i) − h(x̃_j)‖² + epsilon Σ P_ij log P_ij   with equal weights as its marginals

    h is the critic, of ``features`` outputs: the ground cost is learnt, the discriminator makes it large. P is made by
    ``iterations`` of Sinkhorn's algorithm in logarithms, and gradients pass through all of them. Small ``epsilon``
    gives squared W₂ and needs more iterations, large ``epsilon`` the squared distance of means. S grows with the scale
    of h without bound, so the discriminator needs a penalty (or a bounded critic); a penalty prices the slope of
    ``f_pq − f_pp``, the difference of potentials that tells p from q. The paper has twice this value.

    Raises `ValueError` for the generator's cost without features of real samples.

    Reference: Genevay et al. 2018, Sec. 2 and 3, Algorithm 1; Feydy et al. 2019, Eq. 3 (the factor ½).
    """

    compares = batchwise = True
    undecided = None

    def __init__(self, features: Count = 16, epsilon: Positive = 1.0, iterations: Turns = 10):
        super().__init__(epsilon=epsilon)
        self.outputs, self.iterations = features, iterations

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, features={self.outputs}, iterations={self.iterations}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -self.divergence(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        if real is None:
            raise ValueError("the generator's cost compares with real samples; give their features as `real`")
        return self.divergence(real, fake)

    def divergence(self, real: Tensor, fake: Tensor) -> Tensor:
        """S between features [batch, …] of both kinds, a scalar."""
        real, fake = real.reshape(len(real), -1), fake.reshape(len(fake), -1)
        own = self.transport(real, real) + self.transport(fake, fake)
        return self.transport(real, fake) - 0.5 * own

    def transport(self, x: Tensor, y: Tensor) -> Tensor:
        """W between x [n, d] and y [m, d]."""
        cost = squared_distances(x, y)
        of_x, of_y = self.potentials(cost)
        log_plan = (of_x[:, None] + of_y - cost) / self.epsilon - torch.log(torch.full_like(cost, cost.numel()))
        return (log_plan.exp() * cost).sum()

    def potentials(self, cost: Tensor) -> tuple[Tensor, Tensor]:
        """The potentials f [n] and g [m] after the iterations, from ``cost`` [n, m]; P = exp((f + g − cost)/ε)/(nm)."""
        of_x, of_y = cost.new_zeros(cost.shape[0]), cost.new_zeros(cost.shape[1])
        for _ in range(self.iterations):
            of_x = self.soft_minimum(cost - of_y)
            of_y = self.soft_minimum(cost.mT - of_x)
        return of_x, of_y

    def soft_minimum(self, cost: Tensor) -> Tensor:
        """``−ε log mean_j exp(−cost_ij / ε)``, [n]."""
        size = torch.log(torch.full_like(self.epsilon, cost.shape[1]))
        return self.epsilon * (size - torch.logsumexp(-cost / self.epsilon, 1))

    def witness(self, critic: Critic, real: Tensor, fake: Tensor) -> Critic:
        real, fake = (critic(x).reshape(len(x), -1) for x in (real, fake))

        def gap(x: "Tensor") -> "Tensor":
            features = critic(x).reshape(len(x), -1)
            towards = [
                self.soft_minimum(
                    squared_distances(features, there) - self.potentials(squared_distances(real, there))[1]
                )
                for there in (fake, real)
            ]
            return towards[0] - towards[1]

        return gap
