"""The smallest GAN: one point of data, one point of model, a linear critic."""

import copy
from types import MappingProxyType

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Count, DataSweep, Key, Number
from nashpath.games.gan import GAN
from nashpath.games.objectives import Objective
from nashpath.games.penalties import Penalty
from nashpath.games.toys.base import ORIGIN, KnownGame, Truth, Vector, descent


class _Origin:
    """All data at zero."""

    shape: tuple[int, ...] = (1,)

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        return {"real": torch.zeros(count, 1, device=key.device)}


class _PointMass(Vector):
    """A generator that ignores its latent: θ for every sample."""

    def forward(self, latent: Tensor) -> Tensor:
        return self.value.expand(latent.shape[0], 1)


class _LinearCritic(Vector):
    """The critic d(x) = ψ x."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.value


class DiracGAN(GAN, KnownGame):
    """Data δ₀, model δ_θ, critic d(x) = ψ x, under any objective and penalty; the equilibrium is (0, 0).

    ::

        J_D and J_G of the objective at the logits d(0) = 0 and d(θ) = ψ θ

    At (0, 0) nobody gains alone, whatever the objective: with ψ = 0 the logits do not depend on θ, with θ = 0 not on
    ψ. Without penalty, with slopes −a of J_D and b of J_G's gain in the logit d(θ) at 0, the Jacobian's eigenvalues
    there are ± i sqrt(ab): ± i f'(0) in the zero-sum games. With R1 of weight γ they are
    ``−γ/2 ± sqrt(γ²/4 − f'(0)²)`` (as a flow that descends). What becomes of the distance to (0, 0) in the flow:

    - wasserstein, minimax, f_gan (Jensen–Shannon), neural_net_distance, and hinge where ψθ > −1: constant. Simultaneous
      descent leaves, alternating descent circles at learning rates below 2/f'(0).
    - non_saturating, relativistic: shrinks as ``d(θ² + ψ²)/dt = −2 ψθ tanh(ψθ/2)``, slower than any exponential.
    - least_squares: no rotation; every point with ψ = 0 is stationary, and the play stops at one with θ ≠ 0.
    - with R1, R2, or a centre-zero penalty: shrinks exponentially. With a penalty that wants slope 1 (wgan_gp, dragan),
      (0, 0) is no equilibrium.

    By default: minimax, no penalty, alternating descent, which circles.

    Reference: Mescheder et al. 2018, Definition 2.1, Lemmas 2.2 to 2.5 and 4.1.
    """

    has_samples = False  # two numbers say more
    equilibrium = ORIGIN
    defaults = MappingProxyType({**descent(0.1), "objective": {"kind": "minimax"}, "penalty": {"kind": "none"}})

    def __init__(
        self,
        objective: Objective | None = None,
        penalty: Penalty | None = None,
        x: Number = 1.0,
        y: Number = 1.0,
        batch_size: Count = 1,
    ):
        generator: nn.Module = _PointMass([float(x)])
        super().__init__(
            generator, _LinearCritic([float(y)]), objective, penalty, data=_Origin(), latent=1, batch_size=batch_size
        )

    @property
    def sweep(self) -> DataSweep:
        return DataSweep(1, 1)

    def swept(self, batch: Batch, first: Tensor) -> Batch:
        return batch

    @property
    def truth(self) -> tuple[Truth, ...]:
        if any(self._priced(slope) < self._priced(0.0) for slope in (-0.1, 0.1)):
            return ()
        source = "Mescheder et al. 2018, Lemma 2.2: with one player at 0 the other is indifferent"
        return (Truth(dict.fromkeys(self.players, (0.0,)), "local Nash", source),)

    def _priced(self, slope: float) -> float:
        """The penalty at θ = 0 and this ψ: all that the critic can change there."""
        critic, real = _LinearCritic([slope]), torch.zeros(self.batch_size, 1)
        noise = self.penalty.draw(Key(0), (self.batch_size,), self.data.shape)
        untouched = copy.deepcopy(self.penalty)  # those with state count how often they were asked
        return float(untouched(critic, real, real.clone(), noise).detach())
