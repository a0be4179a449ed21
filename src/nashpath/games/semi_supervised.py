"""A classifier of K classes and one more, "generated": a GAN whose discriminator learns from few labels."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from nashpath.core import Batch, Count, Hyperparameters, Key, NonNegative, Source, Tree, Whole, generator
from nashpath.core.math.f_divergences import logistic_loss
from nashpath.core.noise import bound
from nashpath.core.passes import with_its_tensors
from nashpath.core.source import Classified
from nashpath.core.typed import split
from nashpath.games.critics import activations, observe_real
from nashpath.games.gan import GAN, Latents
from nashpath.games.objectives import Objective
from nashpath.games.objectives.feature_matching import FeatureMatching
from nashpath.games.objectives.label_smoothing import LabelSmoothing
from nashpath.games.penalties import Penalty


class ClassCritic:
    """The K-class discriminator as a critic: ``d(x) = log Σ_k exp l_k(x)``, so that ``σ(d) = 1 − p(K+1 | x)``."""

    def __init__(self, network: nn.Module):
        self.network = network

    def __call__(self, x: Tensor) -> Tensor:
        return torch.logsumexp(self.network(x), 1)

    def activations(self, x: Tensor, layer: str) -> Tensor:
        """The network's own layers."""
        return activations(self.network, x, layer)

    def observe_real(self, logits: Tensor) -> None:
        """Told to the network."""
        observe_real(self.network, lambda: logits)


@runtime_checkable
class Classifies(Protocol):
    """A game whose discriminator can be tested as a classifier."""

    data: Source

    def test_error(self, x: Tensor, y: Tensor, weights: Tree | None = None) -> float: ...


class SemiSupervised(GAN):
    """Semi-supervised GAN: the discriminator is a classifier of K classes and of "generated", from few labels.

    With K logits ``l``, the logit of class K + 1 fixed at 0, and ``d = log Σ_k exp l_k``::

        J_D = −E log p(y | x, y ≤ K) + unlabelled_weight · (E_p softplus(−d) + E_q softplus(d) + penalty)
        J_G = that of the objective (feature matching by default)

    ``softplus(−d) = −log(1 − p(K+1 | x))``. The text weighs the unlabelled terms by 1, the released code by ½. The
    ``labels`` examples, equally many of each class, are chosen from the data by ``seed`` (in a sweep, the member's);
    both labelled and unlabelled batches hold ``batch_size`` samples, drawn with replacement. ``generator`` maps
    [batch, latent] to samples, ``discriminator`` maps samples to [batch, K]. Evaluate with `test_error` and averaged
    weights.

    Raises ValueError for data without labels, for ``labels`` that do not spread evenly over the classes or exceed the
    data, for a discriminator that does not return K logits, and for an objective whose discriminator is no
    log-likelihood (least squares, hinge, Wasserstein, …): p(K+1 | x) would then mean nothing.

    Reference: Salimans et al. 2016, Sec. 5; openai/improved_gan ``mnist_svhn_cifar10/train_mnist_feature_matching.py``.
    """

    labelled: Tensor
    label: Tensor

    classifies = True
    # The classifier is tested with averaged weights. The paper's decay 0.9999 is for its 300 epochs; 0.995 forgets the
    # start within a default run. The generator is the paper's: with feature matching, one without batch normalisation
    # barely helps the classifier (`docs/choose.md`).
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "objective": {"kind": "feature_matching"},
        "generator": {"kind": "mlp", "activation": "softplus", "norm": "batch"},
        "discriminator": {"kind": "noisy_mlp"},
        "average": {"kind": "ema", "player": "discriminator", "decay": 0.995},
    }

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        objective: Objective | None = None,
        penalty: Penalty | None = None,
        *,
        data: Source,
        latent: Count,
        seed: Whole,
        labels: Count = 20,
        unlabelled_weight: NonNegative = 1.0,
        batch_size: Count = 64,
        latent_distribution: Latents = "uniform",
    ):
        objective = objective if objective is not None else FeatureMatching()
        check_likelihood(objective)
        super().__init__(
            generator,
            discriminator,
            objective,
            penalty,
            data=data,
            latent=latent,
            batch_size=batch_size,
            latent_distribution=latent_distribution,
        )
        self.weights = Hyperparameters(unlabelled=unlabelled_weight)
        x, y = choose_labelled(data, labels, seed)
        self.register_buffer("labelled", x)
        self.register_buffer("label", y)
        check_classes(discriminator, x, int(y.max()) + 1)

    @classmethod
    def sizes(cls, latent: int, outputs: int, classes: int, chosen: Mapping[str, Any]) -> tuple[int, int]:
        return latent, classes or outputs

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        batch = super().draw(key, lead)
        count, shape = len(self.label), (*lead, self.batch_size)
        return {**batch, "labelled": key.stream("labelled").integers(count, shape)}

    def forward(self, player: str, batch: Batch) -> Tensor:
        with bound(self, batch["noise"]):
            real, fake = batch["real"], self.generator(batch["latent"])
            critic = self.critic(ClassCritic(self.discriminator), [fake], batch)
            cost = self.price(player, critic, real, fake, batch)
            if player == "generator":
                return cost
            chosen = batch["labelled"]
            supervised = cross_entropy(self.discriminator(self.labelled[chosen]), self.label[chosen])
            critic.observe_real(real)
            return supervised + self.weights.unlabelled * cost

    def with_objective(self, objective: Objective) -> None:
        """None: its critic has logits of classes."""
        return

    @torch.no_grad()
    def test_error(self, x: Tensor, y: Tensor, weights: Tree | None = None) -> float:
        """The share of samples ``x`` [n, *shape] whose most probable class is not ``y`` [n], by `class_logits`."""
        return (self.class_logits(x, weights).argmax(1) != y).float().mean().item()

    @torch.no_grad()
    def class_logits(self, x: Tensor, weights: Tree | None = None) -> Tensor:
        """The logits [n, K] of the classes of samples ``x`` [n, *shape]; their softmax is p(y | x, y ≤ K).

        ``weights`` are the discriminator's parameters by name, such as an average of them; without, the present ones.
        """
        was = self.discriminator.training
        self.discriminator.eval()
        try:
            logits = [functional_call(self.discriminator, weights or {}, (part,)) for part in split(x, 1024)]
        finally:
            self.discriminator.train(was)
        return torch.cat(logits)


def choose_labelled(data: Source, labels: int, seed: int) -> tuple[Tensor, Tensor]:
    """``labels`` samples of labelled data and their classes, equally many of each class, chosen by ``seed``."""
    if not isinstance(data, Classified):
        raise ValueError(
            f"{type(data).__name__} has no labels; semi-supervised play needs labelled data such as digits"
        )
    x, y = data.labelled_examples()
    classes = int(y.max()) + 1
    each, rest = divmod(labels, classes)
    if rest or not each:
        raise ValueError(f"labels={labels} do not spread evenly over {classes} classes; take a multiple of {classes}")
    order = torch.randperm(len(y), generator=generator(seed))
    members = [order[y[order] == k] for k in range(classes)]
    fewest = min(len(part) for part in members)
    if fewest < each:
        raise ValueError(f"labels={labels} asks for {each} of each class; one class has only {fewest}")
    chosen = torch.cat([part[:each] for part in members])
    return x[chosen], y[chosen]


def check_classes(discriminator: nn.Module, x: Tensor, classes: int) -> None:
    """Refuses a discriminator that does not return one logit for each class."""
    with torch.no_grad(), with_its_tensors(discriminator):
        shape = tuple(discriminator(x[:2]).shape)
    if shape != (2, classes):
        raise ValueError(
            f"the discriminator returns shape {shape}; {classes} classes need (2, {classes}): outputs={classes}"
        )


def check_likelihood(objective: Objective) -> None:
    """Refuses objectives whose discriminator does not maximise a log-likelihood (smoothed or not) of real and fake."""
    inner = objective
    while isinstance(getattr(inner, "objective", None), Objective):
        inner = inner.objective
    real, fake = torch.tensor([-1.0, 0.5, 2.0]), torch.tensor([1.5, -0.3, 0.7])
    likelihood = logistic_loss(real, fake)
    if not isinstance(inner, LabelSmoothing) and not torch.allclose(inner.discriminator(real, fake), likelihood):
        raise ValueError(
            f"{type(inner).__name__} does not maximise a likelihood, so the probability of class K + 1 would mean "
            "nothing; use non_saturating, minimax, label_smoothing, or feature_matching over one of them"
        )
