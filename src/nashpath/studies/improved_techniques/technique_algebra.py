"""What the techniques' equations say, checked on the package's own objectives, layers and metrics. No training.

Sources: Salimans et al. 2016, Sec. 3.2, 3.4, 3.5, 4 and 5; what is computed by hand here is plain arithmetic.
"""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor
from torch.nn.functional import batch_norm

from nashpath.core import Key, derive, generator, seeded
from nashpath.data import Digits
from nashpath.games.ideal.population import PopulationGame
from nashpath.games.objectives import LabelSmoothing, NonSaturating
from nashpath.games.semi_supervised import ClassCritic, SemiSupervised
from nashpath.games.toys.base import Vector
from nashpath.metrics import InceptionScore
from nashpath.networks import (
    MinibatchDiscrimination,
    MLPDiscriminator,
    MLPGenerator,
    VirtualBatchGenerator,
    VirtualBatchNorm,
    virtual,
)
from nashpath.studies.figures import Strip
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

Errors = Mapping[str, float]
SHAPE = (1, 8, 8)


class Masses(Vector):
    """A fixed distribution: calling it returns its log-masses."""

    def forward(self) -> Tensor:
        return self.value


def smoothing(rng: torch.Generator) -> Errors:
    """Minimises the smoothed cost over free logits: D is to be (α p + β q) / (p + q)."""
    p, q = (torch.rand(12, generator=rng, dtype=torch.float64).add(0.02) for _ in range(2))
    p, q = p / p.sum(), q / q.sum()
    errors = {}
    for positive, negative in ((1.0, 0.0), (0.9, 0.0), (0.75, 0.0), (0.9, 0.1)):
        game = PopulationGame(Masses(q.log()), p.log(), torch.arange(12.0), LabelSmoothing(positive, negative)).double()
        found = torch.sigmoid(best_logits(game))
        expected = (positive * p + negative * q) / (p + q)
        errors[f"α = {positive:g}, β = {negative:g}"] = float((found - expected).abs().max())
    return errors


def best_logits(game: PopulationGame) -> Tensor:
    """The discriminator's logits that minimise its cost, by L-BFGS."""
    logits = game.discriminator.value
    search = torch.optim.LBFGS(
        [logits], 1.0, 500, tolerance_grad=1e-12, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def price() -> Tensor:
        search.zero_grad()
        cost = game("discriminator", {})
        cost.backward()
        return cost

    search.step(price)
    return logits.detach()


def score(rng: torch.Generator) -> Errors:
    """Extremes of the Inception score: all classes with certainty give their number, anything alike gives 1."""
    sure, metric = 50.0 * torch.eye(10).repeat(20, 1), InceptionScore(splits=1)
    cases = {"certain of all classes": (sure, 10.0), "certain of one class": (sure[:1].expand(200, 10), 1.0)}
    cases |= {"one uncertain image": (torch.randn(1, 10, generator=rng).expand(200, 10), 1.0)}
    cases |= {"certain of three classes": (50.0 * torch.eye(10)[:3].repeat(20, 1), 3.0)}
    return {name: abs(float(metric.scores(logits)[0]) - due) for name, (logits, due) in cases.items()}


@torch.no_grad()
def virtual_norm(rng: torch.Generator) -> Errors:
    """No sample depends on the others of its batch; the reference batch is normalised as by batch normalisation."""
    with seeded(0):
        network = virtual(MLPGenerator(4, (6,), width=16, norm="batch"))
    maker = VirtualBatchGenerator(network, torch.randn(16, 4, generator=rng))
    z = torch.randn(8, 4, generator=rng)
    others = torch.cat([z[:1], 10 * torch.randn(7, 4, generator=rng)])
    layer, x = VirtualBatchNorm(3), torch.randn(20, 3, generator=rng)
    layer.references = 12
    plain = batch_norm(x[:12], None, None, training=True)
    return {
        "others of the batch changed": float((maker(z)[0] - maker(others)[0]).abs().max()),
        "reference against batch norm": float((layer(x)[:12] - plain).abs().max()),
    }


@torch.no_grad()
def minibatch(rng: torch.Generator) -> Errors:
    """Order does not matter, a batch of copies is as close as can be, and batches apart do not see each other."""
    with seeded(0):
        layer = MinibatchDiscrimination(5, kernels=4, dimensions=3)
    x, order = torch.randn(9, 5, generator=rng), torch.randperm(9, generator=rng)
    copies = layer(x[:1].expand(9, 5))[:, 5:]
    by_hand = torch.exp(-layer.distances(x)).sum(2).mT - 1 + layer.bias
    return {
        "order of the batch": float((layer(x[order]) - layer(x)[order]).abs().max()),
        "copies: n − 1, and the bias": float((copies - (9 - 1 + layer.bias)).abs().max()),
        "the paper's sum less the pair (i, i)": float((layer(x)[:, 5:] - by_hand).abs().max()),
    }


@torch.no_grad()
def _classes(rng: torch.Generator) -> Errors:
    """K logits and a 0: Z / (Z + 1) is the probability of real; the K+1 cost is that of a softmax over K + 1."""
    with seeded(0):
        critic, maker = MLPDiscriminator(SHAPE, width=16, outputs=10), MLPGenerator(4, SHAPE, width=16)
    data = Digits("train")
    game = SemiSupervised(maker, critic, NonSaturating(), data=data, latent=4, seed=0, batch_size=32).double()
    drawn = game.draw(Key(int(torch.randint(2**31, (), generator=rng))))
    batch = {k: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v for k, v in drawn.items()}
    full = lambda x: torch.cat([critic(x), torch.zeros(len(x), 1).double()], 1).log_softmax(1)  # noqa: E731
    real, fake, labelled = full(batch["real"]), full(maker(batch["latent"])), full(game.labelled[batch["labelled"]])
    sure = lambda found: torch.log1p(-found[:, -1].exp())  # noqa: E731
    y = game.label[batch["labelled"]]
    by_hand = -(labelled.gather(1, y[:, None])[:, 0] - sure(labelled)).mean() - sure(real).mean() - fake[:, -1].mean()
    odds = critic(batch["real"]).exp().sum(1)
    seen = torch.sigmoid(ClassCritic(critic)(batch["real"]))
    return {
        "D = Z / (Z + 1)": float((seen - odds / (odds + 1)).abs().max()),
        "D = 1 − p(K+1 | x)": float((seen - real[:, :-1].exp().sum(1)).abs().max()),
        "cost of the discriminator": float((game("discriminator", batch) - by_hand).abs()),
    }


IDENTITIES: Mapping[str, Callable[[torch.Generator], Errors]] = {
    "label smoothing": smoothing,
    "Inception score": score,
    "virtual batch norm": virtual_norm,
    "minibatch discrimination": minibatch,
    "K+1 classes": _classes,
}


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each case of each identity: the largest difference between its two sides."""
    for name, check in IDENTITIES.items():
        for case, error in check(generator(derive(0, name))).items():
            yield {"identity": name, "case": case, "error": significant(error, 3)}


TECHNIQUE_ALGEBRA = Experiment(
    name="technique-algebra",
    about=(
        "Both sides of the techniques' equations, computed apart: the best discriminator under smoothed labels (12 "
        "points with masses drawn at random, minimised by L-BFGS), extremes of the Inception score, independence of "
        "samples under virtual batch normalisation, symmetry and extremes of minibatch discrimination, the K+1 "
        "classifier against a softmax over K+1 classes. Measured: the largest absolute difference."
    ),
    measure=measure,
    sizes={"quick": Size(seeds=1), "default": Size(seeds=1)},
    figures=[Strip("Differences", "Rounding, in single or double precision.", y="error", by=("identity",))],
)
