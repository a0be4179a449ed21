"""MonoFlow: which losses make a GAN follow a flow towards the data, and which do not (Yi, Zhu & Liu 2023).

Changed on 2026-11-27, after the rows of 2026-11-22 and before those that are judged now: claims about particles (see
`claims_flows`), and digits of MNIST as the scale of real data.
"""

import math
from functools import partial
from itertools import pairwise

from nashpath.studies.claim import Claim
from nashpath.studies.monoflow.claims_flows import FLOW_COSTS, IDENTITIES, OTHER_COSTS, PARTICLES
from nashpath.studies.monoflow.dissipation import DISSIPATION
from nashpath.studies.monoflow.drawing_identity import DRAWING_IDENTITY
from nashpath.studies.monoflow.monoflow_images import CIFAR10_LOSSES, MNIST_LOSSES, REAL_LOSSES
from nashpath.studies.monoflow.monotone_losses import MONOTONE_LOSSES
from nashpath.studies.monoflow.monotone_slopes import MONOTONE_SLOPES
from nashpath.studies.monoflow.particle_monoflow import PARTICLE_MONOFLOW
from nashpath.studies.monoflow.ratio_costs import RATIO_COSTS
from nashpath.studies.monoflow.shifted_vanilla import OTHERS, SHIFTED_VANILLA, SHIFTS
from nashpath.studies.reading import Values, column, log10_ratio, versus
from nashpath.studies.rows import Rows, paired
from nashpath.studies.study import Study

DIVERGENCE_COSTS = ("reverse_kl", "forward_kl", "chi2", "hellinger", "js")


def ending(rows: Rows, way: str, costs: tuple[str, ...], fit: str) -> list[float]:
    """For each seed, how many of the costs ended that way."""
    count: dict[int, float] = {}
    for cost in costs:
        for row in rows.where(way=way, cost=cost):
            count[row["seed"]] = count.get(row["seed"], 0.0) + (row["fit"] == fit)
    return list(count.values())


def growing(rows: Rows) -> list[float]:
    """For each seed, the smallest quotient of the first gradients under neighbouring shifts, the larger over."""
    losses = [({"loss": f"C = {a:g}"}, {"loss": f"C = {b:g}"}) for a, b in pairwise(SHIFTS)]
    return [min(of_seed) for of_seed in zip(*(versus("gradient", b, a, log10_ratio)(rows) for a, b in losses))]


def moving(rows: Rows) -> Rows:
    """The losses that C = 0 and C = 1, which are as good as gone, are compared with."""
    names = [*(f"C = {c:g}" for c in SHIFTS if c >= 3), *OTHERS]
    return Rows(row for name in names for row in rows.where(loss=name))


def better_shifted(rows: Rows) -> list[float]:
    """FID without a shift over that of the best shift, log₁₀, by seed."""
    shifted = Rows(row for c in (3, 5) for row in rows.where(loss=f"C = {c}"))
    return paired(rows.where(loss="C = 0").by_seed("fid"), shifted.by_seed("fid", min), log10_ratio)


def beside_usual(loss: str) -> Values:
    """FID of a loss over that of the non-saturating one, log₁₀, by seed."""
    return versus("fid", {"loss": loss}, {"loss": "non-saturating"}, log10_ratio)


TABLE = [
    Claim(
        name="divergences-variationally",
        says="Minimising the true divergence works for every one of the five f.",
        source="Sec. 4.3, notebook of variational minimisation",
        experiment="ratio-costs",
        quantity="how many of reverse KL, forward KL, χ², Hellinger and JS succeed",
        values=lambda rows: ending(rows, "variational", DIVERGENCE_COSTS, "success"),
        low=5,
        reason="χ² has the heaviest tails; its gradient is dominated by few samples of a batch",
    ),
    Claim(
        name="no-divergence-variationally",
        says="The cost −r^1.5, which is no divergence, fails when it is minimised as if it were one.",
        source="Sec. 4.3, notebook of variational minimisation",
        experiment="ratio-costs",
        quantity="1 if the variational run of −r^1.5 fails",
        values=lambda rows: ending(rows, "variational", ("exponential",), "failure"),
        low=1,
    ),
    Claim(
        name="flows-with-the-ratio-held",
        says="With the ratio held, reverse KL and −r^1.5 work: their −f(exp(d)) increases in d.",
        source="Sec. 4.3, notebook of variational minimisation (detached)",
        experiment="ratio-costs",
        quantity="how many of reverse KL and −r^1.5 succeed",
        values=lambda rows: ending(rows, "detached", FLOW_COSTS, "success"),
        low=2,
    ),
    Claim(
        name="no-flows-with-the-ratio-held",
        says="With the ratio held, forward KL, χ², Hellinger and JS fail, though they are divergences.",
        source="Sec. 4.3, notebook of variational minimisation (detached)",
        experiment="ratio-costs",
        quantity="how many of the four fail",
        values=lambda rows: ending(rows, "detached", OTHER_COSTS, "failure"),
        low=4,
    ),
    Claim(
        name="flows-as-gans",
        says="As GANs, reverse KL and −r^1.5 work.",
        source="Sec. 4.3, notebook of adversarial training",
        experiment="ratio-costs",
        quantity="how many of reverse KL and −r^1.5 succeed",
        values=lambda rows: ending(rows, "gan", FLOW_COSTS, "success"),
        low=2,
        reason="the generator still fluctuates at a constant learning rate, and −r^1.5 weighs rare large ratios",
    ),
    Claim(
        name="no-flows-as-gans",
        says="As GANs, forward KL, χ², Hellinger and JS fail: no GAN minimises the divergence it is named after.",
        source="Sec. 4.3, notebook of adversarial training",
        experiment="ratio-costs",
        quantity="how many of the four fail",
        values=lambda rows: ending(rows, "gan", OTHER_COSTS, "failure"),
        low=4,
    ),
]

LOSSES = [
    Claim(
        name="every-increasing-loss",
        says="Every increasing h makes a loss that trains the GAN: −log D, vanilla with and without shift, arcsinh, "
        "maximum likelihood.",
        source="ours, after Sec. 4.2: the paper shows these losses on images",
        experiment="monotone-losses",
        quantity="largest KL(q‖p) of the five losses",
        values=column("kl", max),
        high=0.2,
        reason="the vanilla loss is the slowest of them",
        kind="ours",
    ),
    Claim(
        name="vanilla-stalls",
        says="Far from the data the vanilla loss stalls, because h' = σ(d) vanishes.",
        source="ours: a set-up in which Secs. 4.2 and 5.2 can be seen",
        experiment="shifted-vanilla",
        quantity="‖μ‖ at the end, C = 0 (it starts at 5.66)",
        values=column("distance", max, loss="C = 0"),
        low=1.5,
        kind="ours",
    ),
    Claim(
        name="vanilla-gradient-vanishes",
        says="The vanilla loss's gradient is a small share of the logit loss's at the same point.",
        source="ours: a set-up in which Sec. 4.2 can be seen",
        experiment="shifted-vanilla",
        quantity="norm of the generator's first gradient over that of the logit loss, C = 0",
        values=column("share", max, loss="C = 0"),
        high=0.1,
        kind="ours",
    ),
    Claim(
        name="shift-cures",
        says="With a shift of 3 or more the vanilla loss arrives, as do the logit, non-saturating and arcsinh losses.",
        source="ours: a set-up in which Secs. 4.2 and 5.2 can be seen",
        experiment="shifted-vanilla",
        quantity="largest ‖μ‖ at the end over C = 3, 5, 10, logit, −log D, arcsinh",
        values=lambda rows: column("distance", max)(moving(rows)),
        high=0.1,
        reason="the discriminator is not perfect, so that ‖μ‖ fluctuates about 0",
        kind="ours",
    ),
    Claim(
        name="gradient-grows-with-shift",
        says="The larger the shift C, the larger the vanilla loss's gradient.",
        source="Sec. 4.2",
        experiment="shifted-vanilla",
        quantity="log₁₀ of the quotient of first gradients at neighbouring C of 0, 1, 3, 5, 10; the smallest",
        values=growing,
        low=0.0,
        kind="theorem",
    ),
]


def images(data: str, title: str) -> list[Claim]:
    """The claims of Sec. 5.2 on one data set; the paper prints samples, the factors are ours."""
    source, experiment = "Sec. 5.2; criterion ours", f"{data}-losses"
    shift = Claim(
        name=f"{data}-shift-helps",
        says=f"On {title} the vanilla loss is better with a suitable shift than without.",
        source=source,
        experiment=experiment,
        quantity="log₁₀ of FID at C = 0 over the best FID of C = 3 and 5",
        values=better_shifted,
        low=0.0,
        scales=("full",),
        reason="Adam rescales the generator's gradient, and so hides how small it is",
    )
    others = [
        Claim(
            name=f"{data}-{loss}-trains",
            says=f"On {title} the {loss} loss trains a GAN about as well as the non-saturating one.",
            source=source,
            experiment=experiment,
            quantity="log₁₀ of its FID over that of the non-saturating loss",
            values=beside_usual(loss),
            high=math.log10(1.5),
            scales=("full",),
        )
        for loss in ("logit", "arcsinh")
    ]
    return [shift, *others]


def shift_gain(rule: str) -> Values:
    """FID without a shift over that of the best shift under one rule of the generator, log₁₀, by seed."""
    return lambda rows: better_shifted(rows.where(rule=rule))


def more_by_descent(rows: Rows) -> list[float]:
    """What a shift gains under plain descent less what it gains under Adam, by seed."""
    return [a - b for a, b in zip(shift_gain("sgd")(rows), shift_gain("adam")(rows))]


real = partial(Claim, experiment=REAL_LOSSES.name, scales=("real",))
REAL = [
    real(
        name="real-shift-helps",
        says="On MNIST the vanilla loss is better with a suitable shift than without, by plain gradient descent.",
        source="Sec. 5.2; criterion ours",
        quantity="log₁₀ of FID at C = 0 over the best FID of C = 3 and 5, by seed",
        values=shift_gain("sgd"),
        low=0.0,
    ),
    real(
        name="real-adam-hides-the-shift",
        says="Adam, which rescales gradients, leaves less for the shift to gain.",
        source="ours: the paper trains by Adam",
        quantity="log₁₀ of FID at C = 0 over the best FID of C = 3 and 5, by descent less by Adam, by seed",
        values=more_by_descent,
        low=0.0,
        kind="ours",
    ),
    real(
        name="real-logit-trains",
        says="On MNIST the logit loss trains a GAN about as well as the non-saturating one.",
        source="Sec. 5.2; criterion ours",
        quantity="log₁₀ of its FID over that of the non-saturating loss, by Adam, by seed",
        values=lambda rows: beside_usual("logit")(rows.where(rule="adam")),
        high=math.log10(1.5),
    ),
]


STUDY = Study(
    name="monoflow",
    title="MonoFlow: which losses make a GAN follow a flow towards the data",
    paper='Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient '
    'Flows", ICML (arXiv 2302.01075)',
    experiments=[
        RATIO_COSTS,
        MONOTONE_LOSSES,
        SHIFTED_VANILLA,
        PARTICLE_MONOFLOW,
        DISSIPATION,
        DRAWING_IDENTITY,
        MONOTONE_SLOPES,
        REAL_LOSSES,
        MNIST_LOSSES,
        CIFAR10_LOSSES,
    ],
    claims=[*TABLE, *LOSSES, *PARTICLES, *IDENTITIES, *REAL, *images("mnist", "MNIST"), *images("cifar10", "CIFAR-10")],
)
