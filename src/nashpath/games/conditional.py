"""Class-conditional GANs: the generator makes samples of a class, the discriminator judges samples with their class."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from nashpath.core import Batch, Count, Hyperparameters, Key, NonNegative, Source
from nashpath.core.noise import generated
from nashpath.core.source import class_balance, is_labelled
from nashpath.games.class_networks import ClassDiscriminator, ClassGenerator, HeadCritic, one_hot_of
from nashpath.games.critics import CachedCritic
from nashpath.games.gan import GAN, Latents
from nashpath.games.heads import HEADS, ClassHead
from nashpath.games.objectives import NonSaturating, Objective
from nashpath.games.penalties import Penalty

Head = Literal["projection", "acgan", "adcgan"]
Balance = Literal["data", "uniform"]


class Conditional(GAN):
    """Class-conditional GAN: the generator is told a class, and the discriminator judges samples with their class.

    ``J_D`` and ``J_G`` are those of the objective and the penalty, on ``d(x, y)`` and on G(z, y); ``head`` says how the
    class enters::

        projection   d(x, y) = ψ(φ(x)) + yᵀ V φ(x)
        acgan        d(x); both players also pay class_weight · (−E log C(y | x)) of an auxiliary classifier
        adcgan       d(x); the classifier has 2K classes, real and generated ones, and the generator pays
                     class_weight · E (log C(y, generated | x̃) − log C(y, real | x̃))

    ``generator`` maps [batch, latent + embedding] to samples: z beside a learned vector of the class, N(0, I) at
    first. Its batch normalisations (`nashpath.networks.BatchNorm`) get one scale and shift a class. ``discriminator``
    maps samples to [batch, outputs]: 1 + K under projection and acgan, 1 + 2K under adcgan, of an objective on logits
    (`sizes` tells both). ``class_weight`` is of no effect under projection.

    Classes of generated samples: with ``balance="data"`` those of the real samples of the batch, row by row, so that
    what compares or joins a real sample and a generated one has two of one class; outside of training drawn from the
    shares of the classes in the data. ``balance="uniform"``: each class that has samples equally often, drawn apart
    from the real ones, whose classes stay as frequent as they are.

    Raises ValueError for data without labels, networks of other sizes, feature matching under projection (features do
    not see the class), joint batches under acgan and adcgan (the classifier judges each half alone), and, with
    ``balance="uniform"``, penalties between a real and a generated sample, which would be of two classes.

    Reference: Mirza and Osindero 2014 (arXiv 1411.1784); Miyato and Koyama 2018 (arXiv 1802.05637); Odena et al. 2017
    (arXiv 1610.09585); Hou et al. 2022 (arXiv 2107.10060).
    """

    of_classes = True

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: Objective | None = None,
        penalty: Penalty | None = None,
        *,
        data: Source,
        latent: Count,
        head: Head = "projection",
        class_weight: NonNegative = 1.0,
        embedding: Count = 16,
        balance: Balance = "data",
        batch_size: Count = 64,
        latent_distribution: Latents = "normal",
    ):
        if not is_labelled(data):
            raise ValueError(
                f"{type(data).__name__} has no labels here, and a class-conditional GAN needs them: folders of images "
                "take data.labels=true (one subfolder a class), arrays data.label_key, the Hub data.label_column; "
                "tensors Samples(x, labels=y)"
            )
        objective = objective if objective is not None else NonSaturating()
        shares = class_balance(data)
        if balance == "uniform":
            shares = (shares > 0).float() / (shares > 0).sum()
        judged = HEADS[head](objective.outputs, data.classes)
        check_head(head, judged, objective, penalty, balance)
        self._matched = balance == "data"
        super().__init__(
            ClassGenerator(generator, latent, embedding, shares),
            ClassDiscriminator(discriminator, judged, shares.clone()),
            objective,
            penalty,
            data=data,
            latent=latent,
            batch_size=batch_size,
            latent_distribution=latent_distribution,
        )
        self.weights = Hyperparameters(classes=class_weight)

    @classmethod
    def sizes(
        cls, latent: int, outputs: int = 1, classes: int = 0, chosen: Mapping[str, Any] | None = None
    ) -> tuple[int, int]:
        chosen = chosen or {}
        head = HEADS[chosen.get("head", "projection")]
        return latent + chosen.get("embedding", 16), head.outputs(outputs, classes)

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self._generator().classes

    @property
    def never_seen(self) -> list[int]:
        """The classes that had no sample in the data, of which the generator learns nothing."""
        return [k for k, share in enumerate(self._generator().balance) if float(share) == 0]

    @property
    def prices_classes(self) -> bool:
        return self._critic()[1].head.prices

    def latents(self, key: Key, lead: tuple[int, ...]) -> Tensor:
        """Latents [*lead, latent + classes]: z, and a class by the balance, one-hot."""
        below = self._generator().balance.cumsum(0)[:-1]
        label = (key.stream("class").uniform(lead)[..., None] >= below).sum(-1)
        return self.of_class(super().latents(key, lead), label)

    def of_class(self, latents: Tensor, label: Tensor) -> Tensor:
        """Latents [..., latent or more], of these classes [...] now."""
        return torch.cat([latents[..., : self.latent], one_hot_of(label, self.classes).to(latents.dtype)], -1)

    def class_of(self, latents: Tensor) -> Tensor:
        """The classes [...] of latents."""
        return latents[..., self.latent :].argmax(-1)

    def truncated(self, latents: Tensor) -> Tensor:
        return torch.cat([super().truncated(latents[..., : self.latent]), latents[..., self.latent :]], -1)

    def moved(self, latents: Tensor, by: Tensor) -> Tensor:
        return latents + pad(by, (0, self.classes))

    def with_rows(self, batch: Batch, rows: dict[str, Tensor], lead: tuple[int, ...]) -> Batch:
        batch = super().with_rows(batch, rows, lead)
        label = rows["label"].reshape(lead)
        latent = self.of_class(batch["latent"], label) if self._matched else batch["latent"]
        noise = {**batch["noise"], self._critic()[0]: torch.stack([label, self.class_of(latent)], -1)}
        return {**batch, "latent": latent, "noise": noise}

    def critic(self, network: Callable[[Tensor], Tensor], fakes: Sequence[Tensor], batch: Batch) -> CachedCritic:
        if not self.prices_classes:
            return super().critic(network, fakes, batch)
        return HeadCritic(network, self._critic()[1], fakes, lambda: generated(self, batch["noise"]))

    def price(self, player: str, critic: CachedCritic, real: Tensor, fake: Tensor, batch: Batch) -> Tensor:
        cost = super().price(player, critic, real, fake, batch)
        if not isinstance(critic, HeadCritic):
            return cost
        name, layer = self._critic()
        real_class, fake_class = batch["noise"][name].unbind(-1)
        if player == "generator":
            paid = layer.head.generator(critic.outputs(fake), fake_class)
        else:
            paid = layer.head.discriminator(critic.outputs(real), real_class, critic.outputs(fake), fake_class)
        return cost + self.weights.classes * paid

    def classes_of_samples(self, key: Key, count: int) -> Tensor:
        """The classes [count] of the samples that `sample` makes of the same key."""
        return self.class_of(self.latents_of_samples(key, count))

    @property
    def input_names(self) -> tuple[str, ...]:
        return "latents", "classes"

    def inputs(self, latents: Tensor) -> tuple[Tensor, ...]:
        return latents[:, : self.latent], self.class_of(latents)

    def joined(self, *inputs: Tensor) -> Tensor:
        return self.of_class(*inputs)

    @torch.no_grad()
    def sample_class(self, key: Key, count: int, label: int | Tensor) -> Tensor:
        """As `sample`, of one class or of these [count], from its latents.

        `ValueError` for classes that there are not, and for those that had no sample.
        """
        chosen = torch.as_tensor(label, device=key.device).expand(count)
        if not bool(((chosen >= 0) & (chosen < self.classes)).all()):
            raise ValueError(f"classes are 0 to {self.classes - 1}; got {label}")
        if bool((self._generator().balance[chosen] == 0).any()):
            raise ValueError(
                f"classes {self.never_seen} had no sample in the data, so the generator knows none of them"
            )
        return self.generated(self.of_class(self.latents_of_samples(key, count), chosen))

    def _generator(self) -> ClassGenerator:
        found = self.generator
        assert isinstance(found, ClassGenerator)
        return found

    def _critic(self) -> tuple[str, ClassDiscriminator]:
        """The layer that sees classes, inside the techniques around the critic, and its name."""
        name, found = "discriminator", self.discriminator
        while not isinstance(found, ClassDiscriminator):
            name, found = f"{name}.network", found.get_submodule("network")
        return name, found


def check_head(name: str, head: ClassHead, objective: Objective, penalty: Penalty | None, balance: str) -> None:
    """Refuses what cannot be priced under this head and balance, with the reason."""
    kind = type(objective).__name__
    if objective.matches_features and not head.prices:
        raise ValueError(
            f"{kind} matches features that do not see the class, so under head={name} no sample would be of its class; "
            "use head=acgan or adcgan, whose classifier tells the generator, or another objective"
        )
    if objective.joint and head.prices:
        raise ValueError(
            f"{kind} shows real and generated samples in one pass, and the classifier of head={name} judges each "
            "alone; use head=projection"
        )
    if balance == "uniform" and penalty is not None and penalty.joins:
        raise ValueError(
            f"{type(penalty).__name__} asks the critic between a real and a generated sample, which under "
            "balance=uniform are of two classes; use balance=data, or a penalty on samples such as r1"
        )
