"""The generator of a GAN draws a flow: its gradient is that of a least-squares step towards x + ε∇h(d(x)).

Derived from Yi, Zhu & Liu 2023, Sec. 4.1: with the target of the least squares held fixed, both gradients are
``−E h'(d) ∇d · ∂G/∂θ``, for every h and every ε.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.func import functional_call, grad

from nashpath.core import Tree, derive, generator, seeded
from nashpath.core import tree as trees
from nashpath.core.math.monotone import MONOTONES, MonotoneFunction
from nashpath.flows import drawing_loss
from nashpath.flows.base import with_gradient
from nashpath.games.objectives import MonoFlowObjective
from nashpath.networks import MLPDiscriminator, MLPGenerator
from nashpath.studies.figures import Strip
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

STEP_SIZES = (0.01, 1.0)
LATENT = 3


def gap(h: str, step_size: float, seed: int) -> float:
    """The distance between the two gradients, over their length."""
    with seeded(derive(seed, "weights")):
        model = MLPGenerator(LATENT, (2,), width=16, activation="tanh").double()
        critic = MLPDiscriminator((2,), width=16, activation="tanh").double()
    z = torch.randn(64, LATENT, generator=generator(derive(seed, "draws")), dtype=torch.float64)
    objective, slope_of = MonoFlowObjective(h).double(), MonotoneFunction(h).double().slope  # type: ignore[arg-type]

    def adversarial(params: Tree) -> Tensor:
        return objective.generator(critic(functional_call(model, params, z)))

    def drawn(params: Tree) -> Tensor:
        x = functional_call(model, params, z)
        d, slope = with_gradient(critic, x.detach())
        return drawing_loss(x, slope_of(d)[:, None] * slope, step_size)

    params = {name: value.detach() for name, value in model.named_parameters()}
    expected, found = grad(adversarial)(params), grad(drawn)(params)
    return float((trees.norm(trees.add(found, expected, -1.0)) / trees.norm(expected)).detach())


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each h, ε and seed."""
    for h in MONOTONES:
        for step_size in STEP_SIZES:
            for seed in range(size.seeds):
                yield {"h": h, "step_size": step_size, "seed": seed, "gap": significant(gap(h, step_size, seed), 3)}


DRAWING_IDENTITY = Experiment(
    name="drawing-identity",
    about=(
        "An MLP generator 3-16-16-2 and an MLP discriminator 2-16-16-1, random weights (tanh, float64), 64 latents, "
        "eleven h, ε = 0.01 and 1. Measured: the distance between the gradient of −E h(d(G(z))) and that of the least "
        "squares 1/(2ε) E ‖G(z) − [x + ε h'(d) ∇d]‖² with the bracket held, over their length."
    ),
    measure=measure,
    sizes={"quick": Size(seeds=2), "default": Size(seeds=8)},
    figures=[
        Strip("Distance between the two gradients", "Rounding in float64.", y="gap", by=("h", "step_size"), log=True)
    ],
)
