"""Mixed strategies: several generators against several discriminators, each with a weight."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Count, Few, Hyperparameters, NonNegative, Source
from nashpath.core.noise import bound
from nashpath.core.typed import tensordot
from nashpath.games.gan import GAN, Latents
from nashpath.games.objectives import Objective
from nashpath.games.penalties import Penalty

EPSILON = 1e-6


class WeightedEnsemble(nn.Module):
    """Networks of equal shapes and a weight for each, ``softmax(logits)``; the logits start equal, at 1/T."""

    def __init__(self, networks: Sequence[nn.Module]):
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.logits = nn.Parameter(torch.full((len(networks),), 1 / len(networks)))

    def weights(self) -> Tensor:
        """The mixed strategy, [T]."""
        return self.logits.softmax(0)

    def outputs(self, x: Tensor) -> Tensor:
        """Outputs of each network, [T, batch, ...]."""
        return torch.stack([network(x) for network in self.networks])

    def evenness(self) -> Tensor:
        """``−(1/T) Σ log(w_i + ε)`` above its value at equal weights: 0 there, positive elsewhere."""
        weights = self.weights()
        equal = torch.full_like(weights, 1 / len(weights))
        return (equal + EPSILON).log().mean() - (weights + EPSILON).log().mean()


class GeneratorEnsemble(WeightedEnsemble):
    """A mixture of generators; as a network it gives each sample of a batch to one of them, by weight.

    Sample k takes the generator at the quantile ``frac((k + ½) / golden ratio)`` of the weights: in every stretch of n
    samples each generator has its weight's share to within O(log n / n), and a latent keeps its generator.
    """

    def forward(self, z: Tensor) -> Tensor:
        samples = torch.arange(z.shape[0], device=z.device)  # len(z) would fix the batch of an exported program
        place = (samples + 0.5) * 0.6180339887498949 % 1
        upper = self.weights().cumsum(0)[:-1]
        which = (place.to(upper.dtype)[:, None] >= upper).sum(1)
        return self.outputs(z)[which, samples]


class DiscriminatorEnsemble(WeightedEnsemble):
    """A mixture of discriminators; as a network it returns the weighted mean of their logits."""

    def forward(self, x: Tensor) -> Tensor:
        return tensordot(self.weights(), self.outputs(x))


class Mixture(GAN):
    """MIX+GAN: T generators against T discriminators in mixed strategies, priced pair by pair.

    With weights ``w = softmax(logits)`` of the generators and ``v`` of the discriminators::

        J_D = Σ_ij w_i v_j J_D(G_i, D_j) − (entropy/T) Σ_j log(v_j + 1e-6)
        J_G = Σ_ij w_i v_j J_G(G_i, D_j) − (entropy/T) Σ_i log(w_i + 1e-6)

    for any objective and penalty. The regulariser keeps weights from collapsing; it is reported from its minimum, so
    that it is 0 at equal weights and one generator against one discriminator costs exactly what the plain GAN does. All
    generators see the same latents. The two numbers of networks may differ; a step costs their product. ``sample``
    gives each sample to one generator, by weight. ``new_generator`` and ``new_discriminator`` return a freshly
    initialised network at each call.

    State that counts turns moves once a turn. Raises ValueError for an ensemble without networks, for a penalty whose
    state follows from the logits of one critic (`Penalty.learns`) with more networks than one each, and, as `GAN` does,
    for networks that fit neither each other nor the data.

    Reference: Arora et al. 2017, Sec. 5; PrincetonML/MIX-plus-GANs ``cifar10/train_mixgan.py`` (5 and 5, entropy 0.1).
    """

    def __init__(
        self,
        new_generator: Callable[[], nn.Module],
        new_discriminator: Callable[[], nn.Module],
        objective: Objective | None = None,
        penalty: Penalty | None = None,
        *,
        data: Source,
        latent: Count,
        generators: Few = 5,
        discriminators: Few = 5,
        entropy: NonNegative = 0.1,
        batch_size: Count = 64,
        latent_distribution: Latents = "normal",
    ):
        if penalty is not None and penalty.learns and generators * discriminators > 1:
            raise ValueError(
                f"{type(penalty).__name__} has state that follows one critic between real and generated samples; the "
                f"{generators * discriminators} pairs of a mixture would each move it: choose another penalty, or one "
                "generator and one discriminator"
            )
        ensembles = (
            GeneratorEnsemble([new_generator() for _ in range(generators)]),
            DiscriminatorEnsemble([new_discriminator() for _ in range(discriminators)]),
        )
        super().__init__(
            *ensembles,
            objective,
            penalty,
            data=data,
            latent=latent,
            batch_size=batch_size,
            latent_distribution=latent_distribution,
        )
        self.regulariser = Hyperparameters(entropy=entropy)

    def forward(self, player: str, batch: Batch) -> Tensor:
        generators, discriminators = self.ensembles()
        with bound(self, batch["noise"]):
            fakes = [network(batch["latent"]) for network in generators.networks]
            critics = [self.critic(network, fakes, batch) for network in discriminators.networks]
            prices = [[self.price(player, c, batch["real"], fake, batch) for c in critics] for fake in fakes]
            if player == "discriminator":
                for critic in critics:  # once a turn, however many generators each has met
                    critic.observe_real(batch["real"])
        pairs = generators.weights()[:, None] * discriminators.weights()
        value = (pairs * torch.stack([torch.stack(row) for row in prices])).sum()
        ensemble = generators if player == "generator" else discriminators
        return value + self.regulariser.entropy * ensemble.evenness()

    def ensembles(self) -> tuple[WeightedEnsemble, WeightedEnsemble]:
        """``(generators, discriminators)``."""
        generators, discriminators = self.generator, self.discriminator
        assert isinstance(generators, WeightedEnsemble)
        assert isinstance(discriminators, WeightedEnsemble)
        return generators, discriminators
