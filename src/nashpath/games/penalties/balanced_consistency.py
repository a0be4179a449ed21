"""Consistency of real and of generated samples alike."""

from torch import Tensor

from nashpath.core import Batch, Count, Key, NonNegative
from nashpath.games.critics import alike
from nashpath.games.penalties.base import Critic, Penalty, check_as_many
from nashpath.games.views import draw_view, view


class BalancedConsistency(Penalty):
    """Pulls the logits of a sample and of another view of it together, of real and of generated ones: bCR.

    ::

        weight · E_p (d(x) − d(T(x)))² + fake_weight · E_q (d(x̃) − d(T(x̃)))²

    with T as in `ConsistencyRegularisation`, drawn for each kind; each of the four means is a pass of its own, so that
    under batch normalisation a sample and its view are normalised by batches of one kind. Without the second term the
    generator learns to make the views (mirrored or shifted borders) that only real samples are shown in. With the
    technique ``zcr`` it is ICR.

    Raises `ValueError` where real and generated batches differ in shape.

    Reference: Zhao et al. 2021 (Improved Consistency Regularization for GANs), Algorithm 1 (weights 10).
    """

    def __init__(
        self,
        weight: NonNegative = 10.0,
        fake_weight: NonNegative = 10.0,
        shift: Count = 4,
        deviation: NonNegative = 0.1,
    ):
        super().__init__(weight=weight, fake_weight=fake_weight, deviation=deviation)
        self.shift = shift

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, shift={self.shift}"

    def draw(self, key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        return {"real": draw_view(key, lead, shape), "fake": draw_view(key, lead, shape)}

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        check_as_many("balanced consistency draws views for", real, fake)

        def moved(x: Tensor, drawn: Batch) -> Tensor:
            seen = alike(critic, x)(view(x, drawn, self.shift, self.deviation))
            return (critic(x) - seen).square().mean()

        return self.weight * moved(real, noise["real"]) + self.fake_weight * moved(fake, noise["fake"])
